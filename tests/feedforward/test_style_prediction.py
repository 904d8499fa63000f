"""What is seen of paintings, and the style predicted from it."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward import TAPS, blocks, tiled
from nstyle.feedforward.style_prediction import (
    AnyStyleNetwork,
    Encoder,
    StylePredictor,
    moments,
    statistics,
    statistics_through,
    whitening,
)
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.optimize.tiles.sources import WholeImage
from nstyle.system.backend import autograd, mx, nd


@pytest.fixture(scope="module")
def encoder():
    return Encoder(mx.cpu())


def array(seed: int, size=(80, 96)) -> np.ndarray:
    return preprocessing.to_array(Picture(tiny.picture(seed, size)), preprocessing.CAFFE)


def test_moments_are_those_of_numpy():
    values = np.random.default_rng(1).gamma(1.0, 2.0, (2, 5, 7, 6)).astype(np.float32)
    values[:, 3] = 0  # a channel that is never on
    found = moments(nd.array(values)).asnumpy()
    wanted = [*values.std(axis=(0, 2, 3)), *values.mean(axis=(0, 2, 3))]
    assert np.allclose(found[0], wanted, atol=1e-3)


def test_a_region_has_its_own_statistics(encoder):
    left, right = array(1), array(2)
    both = np.concatenate([left, right], axis=3)
    weight = np.zeros((80, 192), np.float32)
    weight[:, :96] = 1
    taps = {name: tap.copy() for name, tap in encoder.see(both).items()}
    alone = encoder(left)
    whole, part = statistics(taps), statistics_through(WholeImage(taps), weight)
    assert whole.shape == part.shape == (1, encoder.count)
    near, far = (np.abs((seen - alone).asnumpy()).mean() for seen in (part, whole))
    assert near < 0.5 * far
    same = statistics_through(WholeImage(taps)).asnumpy()
    assert np.abs(same - whole.asnumpy()).max() < 1e-3 * same.max(), "in the same order"


@pytest.mark.parametrize("part", [None, (slice(0, 130), slice(40, 333)), (0, slice(0, 2))])
def test_a_large_painting_is_seen_in_tiles_and_looks_the_same(encoder, part, monkeypatch):
    x, weight = array(2, (333, 290)), None
    if part is not None:
        weight = np.zeros((290, 333), np.float32)
        weight[part] = 1
    whole = encoder(x, weight).asnumpy()
    monkeypatch.setattr(tiled, "WHOLE", 200 * 200)
    monkeypatch.setattr(tiled, "TILE", 96)
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "see", lambda x: pytest.fail(f"all {x.shape} at once"))
        found = encoder(x, weight).asnumpy()
    assert found.shape == whole.shape
    assert np.abs(found - whole).max() < 1e-3 * whole.max()


def test_what_varies_little_counts_as_much_as_what_varies_much():
    chance = np.random.default_rng(4)
    hidden = chance.normal(size=(400, 3)) * (100, 10, 0.1)
    seen = (hidden @ chance.normal(size=(3, 8)) + 7).astype(np.float32)
    usual, axes = whitening(seen, 3)
    along = (seen - usual) @ axes.T
    assert np.allclose(along.mean(axis=0), 0, atol=1e-2)
    assert np.allclose(along.T @ along / 400, np.eye(3), atol=2e-2)
    assert not whitening(seen, 12)[1][8:].any()  # there are no more than statistics


def test_the_predictor_begins_plain_and_follows_statistics_so_far():
    predictor = StylePredictor(4, 6)
    blocks.start(predictor, 1)
    seen = np.random.default_rng(1).normal(5, 3, (50, 4)).astype(np.float32)
    assert (predictor(nd.array(seen[:1])).asnumpy() == 0).all()  # whatever is seen
    predictor.style.weight.set_data(nd.random.normal(shape=predictor.style.weight.shape))
    predictor.standardise(seen)
    mean, spread = seen.mean(axis=0, keepdims=True), seen.std(axis=0, keepdims=True)

    def style(deviations: float) -> np.ndarray:
        return predictor(nd.array(mean + deviations * spread)).asnumpy()

    assert np.abs(style(1) - style(0)).max() > 1e-3
    assert np.allclose(style(1e4), style(1e6), atol=1e-3)


def test_what_is_usual_is_not_trained():
    network = AnyStyleNetwork(4, tiny.MEAN, (4, 6, 8, 10))
    blocks.start(network, 1)
    network.predictor.style.weight.set_data(nd.ones_like(network.predictor.style.weight.data()))
    network.predictor.standardise(np.random.default_rng(1).normal(size=(20, 4)))
    with autograd.record():
        painted = network(nd.random.normal(0, 60, (1, 3, 16, 16)), nd.ones((1, 4)))
    painted.backward(nd.random.normal(shape=painted.shape))
    slopes = {name: p.grad().abs().sum().asscalar() for name, p in blocks.trained(network).items()}
    still = {name for name, slope in slopes.items() if not slope}
    assert {"predictor_usual", "predictor_axes"} <= still
    assert slopes["predictor_style_weight"] > 0 and slopes["image_half_convolution_weight"] > 0
    assert len(TAPS) == 5
