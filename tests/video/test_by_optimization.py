"""Frames by optimisation: held to the last one, in styles that are looked at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny

from nstyle import stylize
from nstyle.errors import OptionError
from nstyle.images.picture import Picture
from nstyle.optimize.planning import memory
from nstyle.optimize.planning.plan import Plan
from nstyle.options.options import Options
from nstyle.video.by_optimization import OptimizationPainter, begun
from nstyle.video.frames import Last, next_inputs
from nstyle.video.optical_flow import FlowLink

SIZE = (48, 40)
PHOTO, STYLE = Picture(tiny.picture(1, SIZE)), tiny.picture(2, (130, 130))
STILL = FlowLink(np.zeros((40, 48, 2), np.float32), np.ones((40, 48), np.float32))


@pytest.fixture
def make(weights_file):
    def made(*, weight=4.0, epochs=4, **options):
        usual = {"weights": weights_file, "gpu": -1, "stop_eps": 0, "max_num_epochs": 6}
        chosen = Options(**{**usual, **options})
        return OptimizationPainter(PHOTO, [STYLE], chosen, weight=weight, epochs=epochs)

    return made


def test_a_frame_alone_is_painted_as_a_picture(make, weights_file):
    painter = make()
    found = painter.paint(painter.first, None)
    same = stylize(PHOTO, STYLE, weights=weights_file, gpu=-1, stop_eps=0, max_num_epochs=6)
    assert np.array_equal(found.picture.pixels, same.picture.pixels)
    assert found.epochs == 6 and found.values.pixels.dtype == np.uint16


def test_a_frame_that_goes_on_stays_with_the_last_one_the_more_it_weighs(make):
    before = Picture.from_floats(np.random.default_rng(0).uniform(0.4, 0.6, (40, 48, 3)))
    apart = []
    for weight in (0.0, 4.0, 20.0):
        painter = make(weight=weight, epochs=12, remove_noise=0, max_num_epochs=12)
        found = painter.paint(painter.first, Last(before, STILL))
        assert found.epochs == 12
        apart.append(np.abs(found.values.floats() - before.floats()).mean())
    assert apart[0] > 1.1 * apart[1] > 1.5 * apart[2] > 0


def test_where_nothing_is_believed_it_begins_with_the_photo_in_the_last_frames_colours():
    trust = np.zeros((40, 48), np.float32)
    trust[:, 24:] = 1
    last = Picture(tiny.picture(4, SIZE) // 4)
    start = begun(PHOTO, last, trust).floats()
    assert np.abs(start[:, 24:] - last.floats()[:, 24:]).max() < 1e-4
    there, photo = start[:, :24].mean(axis=2), PHOTO.floats()[:, :24].mean(axis=2)
    assert np.corrcoef(there.ravel(), photo.ravel())[0, 1] > 0.7
    assert there.mean() < 0.4 * photo.mean()


def test_only_what_is_believed_is_held(make):
    trust = np.zeros((40, 48), np.float32)
    trust[:, 24:] = 1
    last = Picture(tiny.picture(4, SIZE))
    painter = make(weight=20.0, epochs=12, remove_noise=0, max_num_epochs=12)
    found = painter.paint(painter.first, Last(last, FlowLink(STILL.motion, trust))).values.floats()
    moved = np.abs(found - begun(PHOTO, last, trust).floats())
    assert moved[:, :22].mean() > 1.3 * moved[:, 26:].mean()


def test_a_shot_after_others_is_painted_as_if_it_were_the_first(make):
    painter = make(scales=2, epochs=12)
    alone = painter.paint(painter.first, None)
    going_on = painter.paint(painter.first, Last(alone.values, STILL))
    assert going_on.epochs == 6, "no more than any picture has"
    again = painter.paint(painter.first, None)
    assert np.array_equal(alone.picture.pixels, again.picture.pixels) and again.epochs == 6


def test_tiles_paint_the_same(make):
    before = Picture(tiny.picture(3, (200, 180)))
    found = []
    for tile in ("off", 64):
        painter = make(tile=tile, enlarge=True, max_long_edge=200, style_size=150)
        given = next_inputs(painter.first, Picture(tiny.picture(1, (200, 167))), painter.options)
        size = given.photo.size
        link = FlowLink(np.zeros((*size[::-1], 2), np.float32), np.ones(size[::-1], np.float32))
        moved = Picture(before.pixels[: size[1], : size[0]])
        found.append(painter.paint(given, Last(moved, link)).values.floats())
    assert np.abs(found[0] - found[1]).max() < 2 / 255


def test_what_shapes_the_frames_is_told_by_names_and_checksums(make):
    one, other = make(), make(content_weight=20)
    assert one.order()["--content-weight"] == 30 and len(one.order()["styles"]) == 64
    differing = {name for name, value in one.order().items() if other.order()[name] != value}
    assert differing == {"--content-weight"}


def tilings(painter):
    """Of a large picture that is painted, and of a painting, as the film's frames have them."""
    painter.paint(painter.first, None)
    options = dataclasses.replace(painter.options, max_long_edge=3000, enlarge=True)
    made = painter._objectives.setup
    plan = Plan(painter.first, options, made.extractor, made.plan.free, regions=1)
    return plan.tiling((3000, 2000)), plan.style_tiling((4000, 4000))


def test_going_on_tiles_stay_as_large_as_they_were(make, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1200 * 10**6)
    one = make()
    wanted = tilings(one)
    assert all(wanted)
    for free in (900 * 10**6, 100 * 10**9):
        monkeypatch.setattr(memory, "available", lambda free=free: free)
        again, other = make(), make()
        again.restore(one.state())
        assert tilings(again) == wanted != tilings(other)
        assert again.state() == one.state() != other.state()


def test_tiles_that_were_made_for_more_memory_than_there_is_are_refused(make, monkeypatch):
    painter = make(max_long_edge=48)
    painter.restore({"free": np.array(10**9)})
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    with pytest.raises(OptionError, match=r"begun with 1\.0 GB .*; free some, or .*--restart"):
        painter.paint(painter.first, None)
