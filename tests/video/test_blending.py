"""Blended pictures are as sharp as those they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.video.by_network import blended, smoothed

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


def test_slow_changes_are_the_plain_mean():
    share = np.full((*SHAPE[:2], 1), 0.75, np.float32)
    dark, light = np.full(SHAPE, 0.2, np.float32), np.full(SHAPE, 0.6, np.float32)
    assert np.abs(blended(dark, light, share) - 0.5).max() < 1e-5


def test_nothing_becomes_of_flat_pictures_with_little_grain():
    chance = np.random.default_rng(0)
    new, old = (np.float32(0.5 + chance.normal(0, 3e-4, SHAPE)) for _ in range(2))
    found = blended(new, old, np.full((*SHAPE[:2], 1), 0.8, np.float32))
    assert found.std() < 4e-4
