"""What painting networks are made of, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward import blocks
from nstyle.system.backend import autograd, nd

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(3, 5, (1, 4, 6, 7)).astype(np.float32)
DEVIATION, MEAN = CHANCE.uniform(0.5, 2, 4).astype(np.float32), CHANCE.normal(0, 2, 4)


def normalised(x):
    """As eq. 8 of AdaIN has it."""
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    whitened = centred / np.sqrt(x.var(axis=(2, 3), keepdims=True) + blocks.VARIANCE_FLOOR)
    return whitened * DEVIATION.reshape(1, 4, 1, 1) + MEAN.reshape(1, 4, 1, 1)


@pytest.fixture
def layer():
    made = blocks.InstanceNorm(4)
    blocks.start(made, 0)
    return made


@pytest.fixture
def norm(layer):
    return lambda x: layer(nd.array(x), nd.array(DEVIATION), nd.array(MEAN)).asnumpy()


def test_enlarging_is_bilinear_from_the_middles_of_pixels():
    found = blocks.enlarged(nd, nd.array(X)).asnumpy()
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge")
    rows = between(padded, 2)
    np.testing.assert_allclose(found, between(rows, 3), rtol=1e-4, atol=1e-4)


def between(x, axis):
    """Three quarters of each value and one of the neighbour, before and after it."""
    before, own, after = (x.take(range(at, x.shape[axis] - 2 + at), axis=axis) for at in range(3))
    pair = np.stack([(before + 3 * own) / 4, (3 * own + after) / 4], axis=axis + 1)
    return pair.reshape(*own.shape[:axis], -1, *own.shape[axis + 1 :])


def test_any_value_becomes_a_pixel():
    mean = np.array([123.0, 116.0, 103.0], np.float32).reshape(1, 3, 1, 1)
    values = np.broadcast_to(np.array([-1e3, 0, 1e3], np.float32), (1, 3, 1, 3))
    found = blocks.within_range(nd, nd.array(values), nd.array(mean)).asnumpy() + mean
    np.testing.assert_allclose(found, np.broadcast_to([0, 127.5, 255], (1, 3, 1, 3)), atol=1e-4)


def test_instance_norm_brings_channels_to_mean_and_deviation(norm):
    with autograd.train_mode():
        np.testing.assert_allclose(norm(X), normalised(X), rtol=1e-4, atol=1e-4)


def test_statistics_that_were_kept_count_and_can_be_taken_out_and_put_back(layer, norm):
    with blocks.keeping(layer):
        whole = norm(X)
    kept = blocks.kept(layer)
    before = norm(X[..., 2:5])
    np.testing.assert_allclose(before, whole[..., 2:5], rtol=1e-4, atol=1e-4)
    with blocks.keeping(layer):
        norm(X[..., 2:5])
    assert np.abs(norm(X[..., 2:5]) - before).max() > 0.1
    blocks.keep(layer, kept)
    assert (norm(X[..., 2:5]) == before).all() and len(kept) == 2


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (9, 1), (9, 2)])
def test_a_convolution_keeps_the_size_or_halves_it_and_sees_no_rim(size, stride):
    layer = blocks.Convolution(5, 3, size, stride)
    blocks.start(layer, 0)
    flat = layer(nd.ones((1, 3, 36, 44))).asnumpy()
    assert flat.shape == (1, 5, 36 // stride, 44 // stride)
    np.testing.assert_allclose(flat, np.broadcast_to(flat[:, :, :1, :1], flat.shape), atol=1e-5)


@pytest.fixture
def enlarging():
    layer = blocks.EnlargingConvolution(5, 4)
    blocks.start(layer, 0)
    layer.bias.set_data(nd.array(CHANCE.normal(0, 1, 5)))
    return layer


def as_it_is_written(x, layer):
    """Enlarged, its border repeated, then the convolution."""
    x = nd.pad(blocks.enlarged(nd, x), mode="edge", pad_width=(0, 0, 0, 0) + 4 * (1,))
    weights = layer.weight.data(), layer.bias.data()
    return nd.Convolution(x, *weights, kernel=(3, 3), num_filter=5)


def test_enlarging_and_convolution_are_computed_as_one(enlarging):
    two = nd.array(np.concatenate([X, X[..., ::-1] - 2]))
    found, expected = enlarging(two).asnumpy(), as_it_is_written(two, enlarging).asnumpy()
    assert found.shape == (2, 5, 12, 14)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_of_enlarging_is_that_of_its_parts(enlarging):
    gradients, x = [], nd.array(X)
    x.attach_grad()
    for way in (enlarging, lambda x: as_it_is_written(x, enlarging)):
        with autograd.record():
            loss = nd.square(way(x)).sum()
        loss.backward()
        gradients.append((enlarging.weight.grad().asnumpy(), x.grad.asnumpy()))
    for found, expected in zip(*gradients):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)


def test_enlarging_a_slope_makes_no_stairs(enlarging):
    slope = np.arange(7, dtype=np.float32) * np.ones((1, 4, 6, 1), np.float32)
    steps = np.diff(enlarging(nd.array(slope)).asnumpy()[..., 4:-4, 4:-4], axis=3)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[..., :1], steps.shape), atol=1e-5)
