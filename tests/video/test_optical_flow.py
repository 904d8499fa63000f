"""What the last frame says about this one: moved pixels, and where they are to be believed."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec

import clips
import numpy as np
import pytest
import tiny

from nstyle.errors import OptionError
from nstyle.images.picture import Picture
from nstyle.system import extras
from nstyle.video import frames, optical_flow
from nstyle.video.optical_flow import Flow

SHAPE = (40, 56)


def constant(right, down, shape=SHAPE):
    return np.broadcast_to(np.float32((right, down)), (*shape, 2))


def picture(seed=1):
    return Picture(tiny.picture(seed, SHAPE[::-1]))


def test_whole_pixels_are_moved_exactly():
    values = picture().floats()
    moved = optical_flow.warped(values, constant(3, -2))
    assert np.abs(moved[2:, :-3] - values[:-2, 3:]).max() < 1e-5
    assert np.abs(moved[10:, -1] - values[8:-2, -1]).max() < 1e-5  # the border is repeated


def test_moving_there_and_back_stays_sharp():
    smooth = np.zeros((*SHAPE, 3), np.float32)
    smooth[...] = (np.sin(np.arange(SHAPE[1]) / 1.5) / 2 + 0.5)[None, :, None]
    moved = smooth
    for right in (0.5, -0.5) * 5:
        moved = optical_flow.warped(moved, constant(right, 0))
    inner = slice(10, -10)
    assert moved[:, inner].std() > 0.97 * smooth[:, inner].std()


@pytest.mark.parametrize(
    ("forth", "believed"), [(-3, True), (-3.6, True), (-4.5, False), (3, False)]
)
def test_flows_that_return_are_believed_inside_alone(forth, believed):
    found = optical_flow.believed(constant(3, 0), constant(forth, 0))
    assert found[:, :-3].all() == believed and found[:, :-3].any() == believed
    assert not found[:, -3:].any()


def test_motion_boundaries_are_not_believed():
    back = np.array(constant(0, 0))
    back[:, 28:] = (4, 0)
    found = optical_flow.believed(back, -back)
    assert not found[:, 27:29].any()
    assert found[:, :26].all()


def test_what_has_another_colour_is_not_the_same():
    now = picture().floats()
    moved = now.copy()
    moved[10:20, 10:20] += 0.3
    grain = np.random.default_rng(0).normal(0, 0.05, now.shape).astype(np.float32)
    found = optical_flow.same(now, moved + grain)
    assert not found[12:18, 12:18].any()
    assert found[26:].mean() > 0.95


def test_a_frame_is_linked_to_the_one_before():
    wide = tiny.picture(2, (62, 40))
    before, now = Picture(wide[:, :56].copy()), Picture(wide[:, 5:61].copy())

    def find(here, there):
        return np.array(constant(5 if here is not there and (here[0, 0] == grey) else -5, 0))

    grey = optical_flow.luminance(now)[0, 0]
    assert grey != optical_flow.luminance(before)[0, 0]
    link = optical_flow.linked(now, before, find)
    assert link.trust.shape == SHAPE and link.trust.dtype == np.float32
    assert link.trust[4:-4, 4:-10].min() > 0.95 and link.trust[:, -5:].max() == 0
    moved = link.moved(before)
    assert moved.pixels.dtype == np.uint16
    assert np.abs(moved.floats()[:, :-5] - now.floats()[:, :-5]).max() < 1e-3
    assert not frames.is_cut(link)


# ---- the flow that is really used ----

with_opencv = pytest.mark.skipif(
    find_spec("cv2") is None, reason='OpenCV is not installed: pip install "nstyle[video]"'
)


@with_opencv
def test_a_shift_is_found():
    wide = clips.smooth(1, (110, 80))[..., 0]
    here, there = wide[4:76, 6:102].copy(), wide[:72, :96].copy()
    found = Flow()(here, there)
    assert found.shape == (72, 96, 2) and found.dtype == np.float32
    inner = found[16:-16, 16:-16].reshape(-1, 2)
    assert np.median(inner, axis=0) == pytest.approx((6, 4), abs=0.25)
    for size in ((16, 16), (17, 64), (40, 16)):
        small = Flow()(clips.smooth(1, size)[..., 0], clips.smooth(1, size)[..., 1])
        assert small.shape == (*size[::-1], 2) and np.isfinite(small).all()


def test_without_opencv_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(OptionError, match=re.escape(extras.advice("video"))) as caught:
        Flow()
    assert "\n" not in str(caught.value)


def cuts(shown):
    find, pictures = Flow(), [Picture(frame) for frame in shown]
    pairs = zip(pictures, pictures[1:])
    return [frames.is_cut(optical_flow.linked(now, before, find)) for before, now in pairs]


@with_opencv
def test_cuts_are_where_another_scene_begins():
    scenes = [clips.panned(4, size=(96, 72), seed=seed, step=3) for seed in (1, 2)]
    assert cuts([*scenes[0], *scenes[1]]) == [False] * 3 + [True] + [False] * 3
    base, chance = tiny.picture(1, (96, 72)).astype(float), np.random.default_rng(0)
    noisy = [np.clip(base + chance.normal(0, 6, base.shape), 0, 255) for _ in range(4)]
    assert cuts([frame.astype(np.uint8) for frame in noisy]) == [False] * 3, "grain is none"
    flat = [np.full((72, 96, 3), level, np.uint8) for level in (40, 42, 200, 201)]
    assert cuts(flat) == [False, True, False]
