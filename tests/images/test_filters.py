"""Noise removal: how much of the noise goes, and that 0 changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.images import filters


def noise(dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (96, 80, 3)).astype(dtype)


def lost(values: np.ndarray, smoothed: np.ndarray) -> float:
    """Share of the standard deviation that is gone."""
    return 1 - float(smoothed.std() / values.std())


def test_strength_is_the_gaussians_sigma_in_pixels():
    """Its variance, measured on a bright point: sigma^2 along each axis."""
    point = np.zeros((41, 41, 3))
    point[20, 20] = 1
    for sigma in (0.8, 2.0):
        row = filters.gaussian(point, sigma)[..., 0].sum(axis=0)
        assert (row * (np.arange(41) - 20) ** 2).sum() == pytest.approx(sigma**2, rel=0.02)


def test_the_default_strength_leaves_strokes_alone_and_1_smooths():
    smoothed = filters.gaussian(noise(), 0.2)
    assert abs(lost(noise(), smoothed)) < 0.01
    assert smoothed.min() >= 0 and smoothed.max() <= 1
    assert smoothed.mean() == pytest.approx(noise().mean(), abs=0.01)
    assert lost(noise(), filters.gaussian(noise(), 1.0)) > 0.5


@pytest.mark.parametrize("name", filters.DENOISERS)
def test_strength_0_changes_nothing_and_no_strength_the_argument(name):
    values = noise()
    assert filters.DENOISERS[name](values, 0) is values
    filters.DENOISERS[name](values, 0.3)
    assert values.tobytes() == noise().tobytes()


def test_total_variation_denoising_takes_noise_and_keeps_an_edge():
    values = np.zeros((48, 48, 3), np.float32)
    values[:, 24:] = 0.8
    values += np.random.default_rng(1).normal(0.1, 0.03, values.shape).astype(np.float32)
    smoothed = filters.tv(values, 0.2)
    assert smoothed[:, :20].std() < 0.3 * values[:, :20].std()
    assert smoothed[:, 28:].mean() - smoothed[:, :20].mean() > 0.5


def test_channels_do_not_bleed_into_each_other_and_plain_ones_stay_plain():
    values = noise()
    values[..., 1:] = 0.5
    smoothed = filters.gaussian(values, 0.5)
    assert np.allclose(smoothed[..., 1:], 0.5, atol=1e-6)
    assert smoothed[..., 0].std() > 0.01
