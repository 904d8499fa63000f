"""Each style distance against a transcription in numpy; special cases, blends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

from nstyle.losses import style as styles
from nstyle.losses.statistics import FeatureStatistics
from nstyle.losses.style import STYLE_DISTANCES
from nstyle.system.backend import mx, nd

SHAPE = (1, 3, 5, 7)
CPU = mx.cpu()
every_loss = pytest.mark.parametrize("name", STYLE_DISTANCES)


def values(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 2, shape).astype(np.float32)


def weight(seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, SHAPE[2:]).astype(np.float32)


def target_of(name: str, x: np.ndarray) -> Any:
    loss = STYLE_DISTANCES[name]
    return loss.measure(FeatureStatistics(x.shape, device=CPU).of(nd.array(x), mean=loss.mean))


def compared(
    name: str, x: np.ndarray, target: Any, scale: float = 1.0, weight: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Value, and gradient of the features."""
    loss, moments = STYLE_DISTANCES[name], FeatureStatistics(x.shape, device=CPU, weight=weight)
    seen = moments.of(nd.array(x), mean=loss.mean)
    value, second, mean = loss.compare(seen, loss.ready(target), scale)
    assert value.shape == (1,)
    return float(value.asscalar()), moments.backward(nd.array(x), second, mean).asnumpy()


# ---- transcriptions in float64 ----


def statistics(x: np.ndarray, w: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    flat = x.reshape(x.shape[1], -1).astype(np.float64)
    share = np.ones(flat.shape[1]) if w is None else w.ravel().astype(np.float64)
    share = share / share.sum()
    return (flat * share) @ flat.T, (flat * share).sum(axis=1)


def reference(name: str, x: np.ndarray, style: np.ndarray, w: np.ndarray | None) -> float:
    (s, m), (a, n) = statistics(x, w), statistics(style, None)
    if name == "gram+wasserstein":
        factor = np.square(a).sum() / np.trace(a)  # of the sizes: ||A||^2, ||m||^2 + tr Z
        return reference("gram", x, style, w) + factor * reference("wasserstein", x, style, w)
    if name == "gram":
        return float(np.square(s - a).sum())
    z, y = s - np.outer(m, m), a - np.outer(n, n)
    shift = float(np.square(m - n).sum())
    if name == "mean-std":
        return shift + float(np.square(np.sqrt(np.diag(z)) - np.sqrt(np.diag(y))).sum())
    root = scipy.linalg.sqrtm(y)
    return shift + float(np.trace(z + y - 2 * scipy.linalg.sqrtm(root @ z @ root)).real)


def differences(name: str, x: np.ndarray, style: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    x, gradient = x.astype(np.float64), np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-4
        up, down = (reference(name, x + sign * step, style, w) for sign in (1, -1))
        gradient[index] = (up - down) / 2e-4
    return gradient


@every_loss
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_value_and_gradient_are_those_of_the_transcription(name, weighted):
    x, style, w = values(3), values(2), weight() if weighted else None
    value, gradient = compared(name, x, target_of(name, style), 0.7, w)
    assert value == pytest.approx(0.7 * reference(name, x, style, w), rel=1e-3)
    slope = 0.7 * differences(name, x, style, w)
    assert np.abs(gradient - slope).max() < 2e-3 * np.abs(slope).max()


@every_loss
def test_the_style_itself_has_no_loss(name):
    x = values(2)
    value, gradient = compared(name, x, target_of(name, x))
    usual, slope = compared(name, values(3), target_of(name, x))
    assert value < 1e-5 * usual
    assert np.abs(gradient).max() < 1e-3 * np.abs(slope).max()


@every_loss
@pytest.mark.parametrize("style", ["flat", "normal"])
@pytest.mark.parametrize("here", ["flat", "zero", "one channel dead"])
def test_features_without_variance_give_numbers(name, style, here):
    x = {"flat": np.full(SHAPE, 2.0), "zero": np.zeros(SHAPE), "one channel dead": values(3)}[here]
    x = x.astype(np.float32)
    if here == "one channel dead":
        x[:, 1] = 0
    painting = values(2) if style == "normal" else np.full(SHAPE, 3.0, np.float32)
    value, gradient = compared(name, x, target_of(name, painting))
    assert np.isfinite(value) and np.isfinite(gradient).all()


@every_loss
def test_a_blend_lies_between_its_styles_and_a_blend_of_one_is_that_one(name):
    one, two = target_of(name, values(2)), target_of(name, 3 * values(4))
    loss = STYLE_DISTANCES[name]
    mixed = styles.blend([one, two], [0.25, 0.75])
    assert loss.energy(one) < loss.energy(mixed) < loss.energy(two)
    for part, alone, first, second in zip(mixed, styles.blend([one], [1.0]), one, two):
        expected = 0.25 * first.asnumpy() + 0.75 * second.asnumpy()
        assert np.allclose(part.asnumpy(), expected, rtol=1e-5, atol=1e-6)
        assert (alone.asnumpy() == first.asnumpy()).all()


@every_loss
def test_the_energy_grows_with_the_square_of_what_is_measured(name):
    loss, power = STYLE_DISTANCES[name], 4 if name in ("gram", "gram+wasserstein") else 2
    one, two = (loss.energy(target_of(name, factor * values(2))) for factor in (1, 2))
    assert two == pytest.approx(2**power * one, rel=1e-4)


def test_gram_refuses_a_matrix_of_another_width():
    with pytest.raises(mx.MXNetError):
        compared("gram", values(3), (nd.zeros((4, 4)),))
