"""Frames in one pass, blended with the last one."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.errors import OptionError
from nstyle.feedforward.apply import instant
from nstyle.images.picture import Picture
from nstyle.system import locations
from nstyle.video.by_network import NetworkPainter
from nstyle.video.frames import Last
from nstyle.video.optical_flow import FlowLink

PHOTO, STYLE = Picture(tiny.picture(1, (56, 40))), tiny.picture(2, (64, 64))
STILL = FlowLink(np.zeros((40, 56, 2), np.float32), np.ones((40, 56), np.float32))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A file of a network of one style; it has learned nothing."""
    return tiny.write_network(tmp_path_factory.mktemp("network") / "wave.params")


@pytest.mark.parametrize("which", ["any style", "one style"])
def test_a_frame_alone_is_painted_as_a_picture(network, which):
    words = {"style": STYLE} if which == "any style" else {"style": None, "network": network}
    options = {"network": words.get("network"), "strength": 0.7, "gpu": -1}
    painter = NetworkPainter(PHOTO, words["style"], weight=4.0, **options)
    found = painter.paint(painter.first, None)
    same = instant(PHOTO, words["style"], **options)
    assert np.abs(found.picture.floats() - same.picture.floats()).max() < 0.01
    assert found.epochs == 0


@pytest.mark.parametrize(("weight", "share"), [(0.0, 0.0), (1.0, 0.5), (4.0, 0.8)])
def test_the_last_frame_has_the_share_that_a_temporal_loss_gives_it(weight, share):
    level = Picture(np.full((40, 56, 3), 200, np.uint8))
    painter = NetworkPainter(PHOTO, STYLE, weight=weight, gpu=-1)
    alone = painter.paint(painter.first, None).values.floats()
    held = painter.paint(painter.first, Last(level, STILL)).values.floats()
    expected = (1 - share) * alone + share * level.floats()
    assert np.abs(held.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 0.02


def test_the_style_is_looked_at_once_even_where_it_is_recoloured(monkeypatch):
    from nstyle.feedforward.any_style import AnyStyle

    looks, look = [], AnyStyle.look
    monkeypatch.setattr(AnyStyle, "look", lambda *words: looks.append(1) or look(*words))
    painter = NetworkPainter(PHOTO, STYLE, weight=1.0, colors="match", gpu=-1)
    first = painter.paint(painter.first, None)
    painter.paint(painter.first, Last(first.values, STILL))
    assert len(looks) == 1


def test_options_of_optimisation_are_refused():
    with pytest.raises(OptionError, match="content_weight: means nothing for one pass"):
        NetworkPainter(PHOTO, STYLE, weight=1.0, content_weight=20)


def test_the_networks_file_shapes_the_frames(network):
    one = NetworkPainter(PHOTO, None, weight=1.0, network=network).order()
    other = NetworkPainter(PHOTO, STYLE, weight=1.0).order()
    assert len(one["--network"]) == 64 and one["--network"] != other["--network"]
    assert (
        other["--network"]
        == NetworkPainter(PHOTO, STYLE, weight=1.0, network=str(locations.ANY_STYLE)).order()[
            "--network"
        ]
    )
