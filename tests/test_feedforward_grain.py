"""Grain is the same again, of its strength, and even to the borders."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward.grain import CELL, DEVIATION, grained

FLAT = np.full((1, 3, 160, 240), 100, np.float32)


def test_a_size_and_seed_have_the_same_grain_again_and_the_photo_stays_as_it_was():
    before = FLAT.copy()
    np.testing.assert_array_equal(grained(FLAT), grained(FLAT))
    np.testing.assert_array_equal(FLAT, before)
    np.testing.assert_array_equal(grained(FLAT, 7), grained(FLAT, 7))
    assert np.abs(grained(FLAT, 7) - grained(FLAT, 8)).max() > DEVIATION


def test_it_adds_as_much_as_it_says_and_no_colour():
    grain = grained(FLAT) - FLAT
    assert 0.6 * DEVIATION < grain.std() < 1.1 * DEVIATION
    assert np.abs(grain.mean(axis=(0, 2, 3))).max() < DEVIATION / 10
    channels = grain[0].reshape(3, -1)
    assert np.abs(np.corrcoef(channels) - np.eye(3)).max() < 0.2


def test_it_is_even_up_to_the_borders():
    grain = grained(FLAT) - FLAT
    rims = [grain[..., :CELL], grain[..., -CELL:], grain[..., :CELL, :], grain[..., -CELL:, :]]
    assert all(rim.std() > 0.5 * DEVIATION for rim in rims)


def test_neighbours_differ_little():
    grain = grained(FLAT) - FLAT
    assert np.abs(np.diff(grain, axis=3)).mean() < DEVIATION / 3


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 16), (33, 250)])
def test_any_size(size):
    x = np.zeros((1, 3, *size), np.float32)
    assert grained(x).shape == x.shape and grained(x).dtype == np.float32
