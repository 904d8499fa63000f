"""Cuts in films, by the flow that is really used."""

from __future__ import annotations

import clips
import numpy as np
import pytest
import tiny

from nstyle.images.picture import Picture
from nstyle.video import frames as shots
from nstyle.video import optical_flow
from nstyle.video.optical_flow import Flow

pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')


def cuts(frames):
    find, pictures = Flow(), [Picture(frame) for frame in frames]
    pairs = zip(pictures, pictures[1:])
    return [shots.is_cut(optical_flow.linked(now, before, find)) for before, now in pairs]


def test_a_pan_has_none_and_another_scene_is_one():
    scenes = [clips.panned(4, size=(96, 72), seed=seed, step=3) for seed in (1, 2)]
    assert cuts([*scenes[0], *scenes[1]]) == [False] * 3 + [True] + [False] * 3


def test_grain_is_no_cut():
    base, chance = tiny.picture(1, (96, 72)).astype(float), np.random.default_rng(0)
    noisy = [np.clip(base + chance.normal(0, 6, base.shape), 0, 255) for _ in range(4)]
    assert cuts([frame.astype(np.uint8) for frame in noisy]) == [False] * 3


def test_a_scene_without_texture_is_left_when_it_becomes_another():
    flat = [np.full((72, 96, 3), level, np.uint8) for level in (40, 42, 200, 201)]
    assert cuts(flat) == [False, True, False]
