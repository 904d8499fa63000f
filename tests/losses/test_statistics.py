"""Mean and second moments on both ways of computing them, with and without weights."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.losses.statistics import FLAT, FeatureStatistics, RunningStatistics, backward
from nstyle.system import runtime
from nstyle.system.backend import BFLOAT16, autograd, mx, nd

CPU = mx.cpu()
SMALL = (1, 3, 5, 7)
WIDE = (1, 2, 50, 48)  # many positions per channel: the other way of computing
both = pytest.mark.parametrize("shape", [SMALL, WIDE], ids=["small", "wide"])
weighing = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


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
    seen = FeatureStatistics(shape, device=CPU, weight=weight).of(nd.array(x), mean=True)
    second, mean = expected(x, weight)
    assert seen.second.shape == second.shape and seen.mean.shape == mean.shape
    assert np.allclose(seen.second.asnumpy(), second, rtol=1e-4, atol=1e-5)
    assert np.allclose(seen.mean.asnumpy(), mean, rtol=1e-4, atol=1e-5)
    assert np.allclose(seen.second.asnumpy(), seen.second.asnumpy().T, rtol=1e-5, atol=1e-6)


@both
def test_the_mean_is_given_only_when_asked_for(shape):
    assert FeatureStatistics(shape, device=CPU).of(nd.array(values(shape))).mean is None


def test_gram_matrix_by_hand():
    features = nd.array([[[[1, 2], [3, 4]], [[0, 1], [0, 1]]]])
    seen = FeatureStatistics(features.shape, device=CPU).of(features)
    assert seen.second.asnumpy().tolist() == [[7.5, 1.5], [1.5, 0.5]]


@both
def test_weights_of_nought_and_one_choose_positions(shape):
    x, half = values(shape), shape[2] // 2
    weight = np.zeros(shape[2:], np.float32)
    weight[:half] = 1
    chosen = FeatureStatistics(shape, device=CPU, weight=weight).of(nd.array(x), mean=True)
    part = np.ascontiguousarray(x[:, :, :half])
    alone = FeatureStatistics(part.shape, device=CPU).of(nd.array(part), mean=True)
    for one, other in zip(chosen, alone):
        assert np.allclose(one.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-5)


def test_moments_do_not_depend_on_the_pictures_size():
    x = values(SMALL)
    tiled = np.tile(x, (1, 1, 2, 3))
    one = FeatureStatistics(x.shape, device=CPU).of(nd.array(x)).second
    many = FeatureStatistics(tiled.shape, device=CPU).of(nd.array(tiled)).second
    assert np.allclose(one.asnumpy(), many.asnumpy(), rtol=1e-5, atol=1e-5)


@both
@weighing
@pytest.mark.parametrize("mean", [False, True], ids=["", "mean"])
def test_what_is_pulled_back_is_the_gradient(shape, weighted, mean):
    """Of <A, S> + <b, m> for any symmetric A and any b: w (2 A F + b) / n."""
    x, weight = values(shape), weight_of(shape, weighted)
    channels = shape[1]
    slope = values((channels, channels), 2)
    slope, push = slope + slope.T, values((channels, 1), 3)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    found = moments.backward(nd.array(x), nd.array(slope), nd.array(push) if mean else None)
    w = np.ones(shape[2:]) if weight is None else weight.astype(np.float64)
    flat = x.reshape(channels, -1).astype(np.float64)
    gradient = (2 * slope @ flat + (push if mean else 0)) * w.ravel() / w.sum()
    assert np.allclose(found.asnumpy().reshape(channels, -1), gradient, rtol=1e-4, atol=1e-5)


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
def test_the_next_call_gives_the_same_bytes(shape):
    x, moments = nd.array(values(shape)), FeatureStatistics(shape, device=CPU)
    first = moments.of(x).second.asnumpy()
    moments.backward(x, nd.array(first))
    assert (moments.of(x).second.asnumpy() == first).all()


def test_statistics_stay_when_others_are_measured():
    moments = FeatureStatistics(WIDE, device=CPU)
    first = moments.of(nd.array(values(WIDE)))
    before = first.second.asnumpy()
    moments.of(nd.array(values(WIDE, 2)))
    assert (first.second.asnumpy() == before).all()


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
@pytest.mark.parametrize("mean", [False, True], ids=["", "mean"])
def test_sums_of_parts_are_the_moments_of_the_whole(shape, weighted, mean):
    x, weight = values(shape), weight_of(shape, weighted)
    moments = FeatureStatistics(shape, device=CPU, weight=weight)
    sums = RunningStatistics(moments, mean=mean)
    for part in (slice(None, 2), slice(2, 3), slice(3, None)):
        flat = nd.array(x[0, :, part].reshape(shape[1], -1))
        sums.add(flat, nd.array(weight[part].reshape(1, -1)) if weighted else None)
    seen, whole = sums.statistics(), moments.of(nd.array(x), mean=mean)
    assert np.allclose(seen.second.asnumpy(), whole.second.asnumpy(), rtol=1e-4, atol=1e-5)
    if mean:
        assert np.allclose(seen.mean.asnumpy(), whole.mean.asnumpy(), rtol=1e-4, atol=1e-5)
    else:
        assert seen.mean is None


@both
@weighing
@pytest.mark.parametrize("mean", [False, True], ids=["", "mean"])
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
    found = backward(moments, flat, second, push, part, out)
    assert np.allclose(found.asnumpy(), whole[:, 1:3].reshape(channels, -1), rtol=1e-4, atol=1e-5)
    assert not kept or (out.asnumpy() == found.asnumpy()).all()
