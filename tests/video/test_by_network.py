"""Frames in one pass, blended with the last one."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.errors import OptionError
from nstyle.feedforward import network_file, tiled
from nstyle.feedforward.any_style import AnyStyle
from nstyle.feedforward.apply import instant
from nstyle.feedforward.image_network import Styled
from nstyle.images.picture import Picture
from nstyle.system import locations
from nstyle.system.backend import mx, nd
from nstyle.video import by_network
from nstyle.video.by_network import NetworkPainter, SmoothedStatistics, blended, smoothed
from nstyle.video.frames import Last
from nstyle.video.optical_flow import FlowLink

PHOTO, STYLE = Picture(tiny.picture(1, (56, 40))), tiny.picture(2, (64, 64))
STILL = FlowLink(np.zeros((40, 56, 2), np.float32), np.ones((40, 56), np.float32))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A file of a network of one style; it has learned nothing."""
    return tiny.write_network(tmp_path_factory.mktemp("network") / "wave.params")


@pytest.mark.parametrize("any_style", [True, False])
def test_a_frame_alone_is_painted_as_a_picture(network, any_style):
    style = STYLE if any_style else None
    options = {"network": None if any_style else network, "strength": 0.7, "gpu": -1}
    painter = NetworkPainter(PHOTO, style, weight=4.0, **options)
    found = painter.paint(painter.first, None)
    same = instant(PHOTO, style, **options)
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
    named = NetworkPainter(PHOTO, STYLE, weight=1.0, network=str(locations.ANY_STYLE)).order()
    assert other["--network"] == named["--network"]


# ---- blending ----

SHAPE = (64, 80, 3)


def strokes(seed):
    """Fine texture on a slow gradient."""
    noise = np.random.default_rng(seed).normal(0, 1, SHAPE)
    slow = np.linspace(0.3, 0.7, SHAPE[1])[None, :, None]
    return np.clip(slow + 0.25 * smoothed(noise, 1.0), 0, 1).astype(np.float32)


def fine(values):
    return float((values - smoothed(values, 3.0)).std())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_picture_alone_is_itself(share):
    new, old = strokes(1), strokes(2)
    found = blended(new, old, np.full((*SHAPE[:2], 1), share, np.float32))
    if share == 0:
        assert np.abs(found - new).max() < 1e-5
    else:
        assert np.abs(found - old).mean() < 0.02


def test_strokes_are_not_washed_out_frame_after_frame():
    share, shown = np.full((*SHAPE[:2], 1), 0.8, np.float32), strokes(0)
    plain = shown
    for seed in range(1, 12):
        new = strokes(seed)
        plain = new + share * (plain - new)
        before, shown = shown, blended(new, shown, share)
        assert np.abs(shown - before).mean() < 0.45 * np.abs(new - before).mean()
    assert fine(plain) < 0.5 * fine(new)
    assert fine(shown) == pytest.approx(fine(new), rel=0.15)


def test_nothing_becomes_of_flat_pictures_with_little_grain():
    chance = np.random.default_rng(0)
    new, old = (np.float32(0.5 + chance.normal(0, 3e-4, SHAPE)) for _ in range(2))
    found = blended(new, old, np.full((*SHAPE[:2], 1), 0.8, np.float32))
    assert found.std() < 4e-4
    dark, light = np.full(SHAPE, 0.2, np.float32), np.full(SHAPE, 0.6, np.float32)
    share = np.full((*SHAPE[:2], 1), 0.75, np.float32)
    assert np.abs(blended(dark, light, share) - 0.5).max() < 1e-5, "the plain mean"


# ---- statistics ----


def array(seed, gain=1.0):
    return gain * tiny.to_input(tiny.picture(seed, (48, 40)))[np.newaxis].astype(np.float32)


@pytest.fixture(scope="module")
def styled():
    made = AnyStyle(network_file.read(str(locations.ANY_STYLE)), mx.cpu())
    look = made.look(array(2))
    return lambda strength=1.0: Styled(made.body, look * strength, mx.cpu())


def test_the_first_frame_of_a_shot_is_painted_as_a_picture(styled):
    steady, x = SmoothedStatistics(), array(1)
    assert np.abs(steady(styled(), x) - tiled.paint(styled(), x)).max() < 0.5
    other = array(3)
    steady.cut()
    assert np.abs(steady(styled(), other) - tiled.paint(styled(), other)).max() < 0.5


def test_what_comes_into_the_picture_changes_the_rest_little_by_little(styled, monkeypatch):
    monkeypatch.setattr(by_network, "EVERY", 4)
    steady, dark, light = SmoothedStatistics(), array(1, 0.3), array(1)
    found = [steady(styled(), dark)[0] for _ in range(2)]
    assert np.abs(found[1] - found[0]).max() == 0
    shown = [steady(styled(), light)[0] for _ in range(8)]
    steps = [float(np.abs(b - a).mean()) for a, b in zip(shown, shown[1:])]
    assert steps[0] == 0  # nothing is looked at before the fourth frame
    assert all(step > 0 for step in steps[2:6])
    at_once = np.abs(tiled.paint(styled(), light)[0] - shown[0]).mean()
    assert max(steps) < 0.6 * at_once
    assert np.abs(shown[-1] - tiled.paint(styled(), light)[0]).mean() < 0.1 * at_once


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_it_goes_on_from_its_state_to_the_same_bytes(styled, strength, monkeypatch):
    monkeypatch.setattr(by_network, "EVERY", 3)
    frames = [array(1, 1 - number / 20) for number in range(8)]
    whole = SmoothedStatistics()
    expected = [whole(styled(strength), frame) for frame in frames]
    for done in (1, 4, 6):
        first, second = SmoothedStatistics(), SmoothedStatistics()
        for frame in frames[:done]:
            first(styled(strength), frame)
        styled().learn(nd.array(array(9)))  # what another one has left behind
        second.restore(first.state())
        for frame, picture in zip(frames[done:], expected[done:]):
            assert (second(styled(strength), frame) == picture).all()
