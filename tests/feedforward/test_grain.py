"""Grain: the same for a size and seed, smooth, as strong as it says."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward import grain
from nstyle.feedforward.grain import BAND, CELLS, DEVIATION, add_noise, grained

FLAT = np.full((1, 3, 160, 240), 100, np.float32)


def test_a_size_and_seed_have_the_same_grain_again_and_the_photo_stays_as_it_was():
    before = FLAT.copy()
    np.testing.assert_array_equal(grained(FLAT), grained(FLAT))
    np.testing.assert_array_equal(FLAT, before)
    np.testing.assert_array_equal(grained(FLAT, 7), grained(FLAT, 7))
    assert np.abs(grained(FLAT, 7) - grained(FLAT, 8)).max() > DEVIATION


@pytest.mark.parametrize("cell", CELLS)
def test_noise_is_as_strong_as_it_says_even_at_the_borders_and_smooth(cell):
    found = np.zeros((40 * cell, 50 * cell), np.float32)
    add_noise(found, np.random.default_rng(1), cell)
    assert 0.6 * DEVIATION < found.std() < 1.1 * DEVIATION
    assert abs(found.mean()) < DEVIATION / 10
    rims = [found[:, :cell], found[:, -cell:], found[:cell], found[-cell:]]
    assert all(0.5 * DEVIATION < rim.std() < 1.3 * DEVIATION for rim in rims)
    assert np.abs(np.diff(found, axis=1)).mean() < 1.5 * DEVIATION / cell


def test_any_size_has_grain_and_channels_their_own():
    for size in ((1, 1), (7, 9), (33, 250)):
        x = np.zeros((1, 3, *size), np.float32)
        assert grained(x).shape == x.shape and grained(x).dtype == np.float32
    channels = (grained(FLAT) - FLAT)[0].reshape(3, -1)
    assert np.abs(np.corrcoef(channels) - np.eye(3)).max() < 0.3


def test_bands_of_rows_have_no_seam(monkeypatch):
    x = np.zeros((1, 3, 200, 40), np.float32)
    whole = grained(x)
    monkeypatch.setattr(grain, "BAND", 48)
    np.testing.assert_allclose(grained(x), whole, atol=1e-3)
    assert all(BAND % cell == 0 for cell in CELLS)
