"""Mean and second moments on both ways of computing them, with and without weights."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.losses.statistics import (
    FLAT,
    MANY,
    FeatureStatistics,
    RunningStatistics,
    backward,
)
from nstyle.system import runtime
from nstyle.system.backend import BFLOAT16, autograd, mx, nd

CPU = mx.cpu()
SMALL = (1, 3, 5, 7)
WIDE = (1, 2, 50, 48)  # many positions per channel: the other way of computing
both = pytest.mark.parametrize("shape", [SMALL, WIDE], ids=["small", "wide"])
weighing = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
with_mean = pytest.mark.parametrize("mean", [False, True], ids=["", "mean"])


def values(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 2, shape).astype(np.float32)


def weight_of(shape: tuple[int, ...], weighted: bool) -> np.ndarray | None:
    if not weighted:
        return None
    return np.random.default_rng(9).uniform(0, 1, shape[2:]).astype(np.float32)


def expected(x: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(second moments, mean) in float64."""
    flat = x.reshape(x.shape[1], -1).astype(np.float64)
    w = np.ones(flat.shape[1]) if weight is None else weight.ravel().astype(np.float64)
    return (flat * w) @ flat.T / w.sum(), ((flat * w).sum(axis=1) / w.sum())[:, np.newaxis]


def test_the_two_shapes_are_computed_in_two_ways():
    assert [shape[2] * shape[3] >= FLAT * shape[1] for shape in (SMALL, WIDE)] == [False, True]


@both
@weighing
def test_moments_are_those_of_numpy(shape, weighted):
    x, weight = values(shape), weight_of(shape, weighted)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    seen = moments.of(nd.array(x), mean=True)
    second, mean = expected(x, weight)
    assert seen.second.shape == second.shape and seen.mean.shape == mean.shape
    assert np.allclose(seen.second.asnumpy(), second, rtol=1e-4, atol=1e-5)
    assert np.allclose(seen.mean.asnumpy(), mean, rtol=1e-4, atol=1e-5)
    assert moments.of(nd.array(x)).mean is None


@both
@weighing
@with_mean
def test_what_is_pulled_back_is_the_gradient(shape, weighted, mean):
    """Of <A, S> + <b, m> for any symmetric A and any b: w (2 A F + b) / n."""
    x, weight = values(shape), weight_of(shape, weighted)
    channels = shape[1]
    slope = values((channels, channels), 2)
    slope, push = slope + slope.T, values((channels, 1), 3)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    pulled = moments.backward(nd.array(x), nd.array(slope), nd.array(push) if mean else None)
    w = np.ones(shape[2:]) if weight is None else weight.astype(np.float64)
    flat = x.reshape(channels, -1).astype(np.float64)
    gradient = (2 * slope @ flat + (push if mean else 0)) * w.ravel() / w.sum()
    assert np.allclose(pulled.asnumpy().reshape(channels, -1), gradient, rtol=1e-4, atol=1e-5)


@both
def test_the_features_are_not_changed_and_no_tape_is_left(shape):
    x = nd.array(values(shape))
    x.attach_grad()
    moments = FeatureStatistics(shape, device=CPU)
    with autograd.record():
        features = x * 2
    seen = moments.of(features)
    moments.backward(features, seen.second)
    features.backward(nd.ones(shape))  # the network's own backward pass still works
    assert (x.grad.asnumpy() == 2).all()
    assert (x.asnumpy() == values(shape)).all()


@both
def test_the_next_call_gives_the_same_bytes_and_earlier_statistics_stay(shape):
    x, moments = nd.array(values(shape)), FeatureStatistics(shape, device=CPU)
    first = moments.of(x).second
    before = first.asnumpy()
    moments.backward(x, first)
    moments.of(nd.array(values(shape, 2)))
    assert (first.asnumpy() == before).all()
    assert (moments.of(x).second.asnumpy() == before).all()


def test_what_is_no_feature_map_is_refused():
    with pytest.raises(ValueError):
        FeatureStatistics((3, 5), device=CPU)


@pytest.mark.skipif(not runtime.bfloat16_works(), reason="this CPU has no bfloat16")
@both
@weighing
def test_moments_of_bfloat16_are_float32(shape, weighted):
    x, weight = values(shape), weight_of(shape, weighted)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    half = nd.amp_cast(nd.array(x), dtype=BFLOAT16)
    seen = moments.of(half, mean=True)
    assert seen.second.dtype == np.float32
    second, mean = expected(x, weight)
    assert np.allclose(seen.second.asnumpy(), second, rtol=0.02, atol=0.05)
    assert np.allclose(seen.mean.asnumpy(), mean, rtol=0.02, atol=0.02)
    assert moments.backward(half, seen.second, seen.mean).shape == shape


# ---- in parts ----


@both
@weighing
@with_mean
def test_sums_of_parts_are_the_moments_of_the_whole(shape, weighted, mean):
    x, weight = values(shape), weight_of(shape, weighted)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    sums = RunningStatistics(moments, mean=mean)
    for part in (slice(None, 2), slice(2, 3), slice(3, None)):
        flat = nd.array(x[0, :, part].reshape(shape[1], -1))
        sums.add(flat, nd.array(weight[part].reshape(1, -1)) if weighted else None)
    seen, whole = sums.statistics(), moments.of(nd.array(x), mean=mean)
    assert (seen.mean is not None) == mean
    for one, other in zip(seen[: 1 + mean], whole):
        assert np.allclose(one.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-5)


@both
@weighing
@with_mean
@pytest.mark.parametrize("kept", [False, True])
def test_what_is_pulled_back_to_a_part_is_as_to_the_whole(shape, weighted, mean, kept):
    x, weight, channels = values(shape), weight_of(shape, weighted), shape[1]
    second, push = values((channels, channels), 2), values((channels, 1), 3)
    second = nd.array(second + second.T)
    push = nd.array(push) if mean else None
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    whole = moments.backward(nd.array(x), second, push).asnumpy()[0]
    flat = nd.array(x[0, :, 1:3].reshape(channels, -1))
    part = nd.array(weight[1:3].reshape(1, -1)) if weighted else None
    out = nd.ones(flat.shape) if kept else None
    pulled = backward(moments, flat, second, push, part, out)
    assert np.allclose(pulled.asnumpy(), whole[:, 1:3].reshape(channels, -1), rtol=1e-4, atol=1e-5)
    assert not kept or (out.asnumpy() == pulled.asnumpy()).all()


@pytest.mark.parametrize("channels", [5, MANY])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_a_part_in_plain_order_is_pulled_back_into_memory_that_is_kept(channels, weighted):
    shape = (1, channels, 6, 7)
    flat, weight = values((channels, 42)), weight_of(shape, weighted)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    second, mean = values((channels, channels), 2), values((channels, 1), 3)
    kept = nd.zeros((channels * 50,))[: channels * 42].reshape((channels, 42))
    part = None if weight is None else nd.array(weight.reshape((1, 42)))
    result = backward(moments, nd.array(flat), nd.array(second), nd.array(mean), part, kept)
    expected = (2 * second @ flat + mean) / moments.positions
    expected = expected if weight is None else expected * weight.reshape((1, 42))
    assert np.allclose(result.asnumpy(), expected, rtol=1e-4, atol=1e-5)
