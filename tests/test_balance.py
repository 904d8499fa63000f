"""How the terms are scaled: the example's formulas, and weights that hold at every size."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle import balance, losses
from nstyle.backend import nd
from nstyle.balance import BALANCED, MXNET, Layer

SHAPE = (1, 4, 6, 5)
CHANNELS, POSITIONS = 4, 30


def features(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, SHAPE).astype(np.float32)


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(CHANNELS, POSITIONS).astype(np.float64)


def test_the_examples_style_gradient_is_its_formula():
    here, painting = flat(features(1)), flat(features(2))
    unnormalised = here @ here.T - painting @ painting.T
    expected = unnormalised @ here / (CHANNELS**2 * POSITIONS)
    scale = MXNET.style(Layer(CHANNELS, POSITIONS, 1.0))
    target = losses.gram(nd.array(features(2)))
    _, gradient = losses.style(nd.array(features(1)), target, scale)
    assert np.allclose(flat(gradient.asnumpy()), expected, rtol=1e-4, atol=1e-4)


def test_the_examples_content_gradient_is_its_formula():
    scale = MXNET.content(Layer(CHANNELS, POSITIONS, 1.0))
    _, gradient = losses.content(nd.array(features(1)), nd.array(features(2)), scale)
    assert np.allclose(gradient.asnumpy(), features(1) - features(2), rtol=1e-6)


def test_the_example_multiplies_the_gradient_by_nothing_and_sums_its_layers():
    assert MXNET.rescale(600_000) == 1
    assert not MXNET.share_layers


@pytest.mark.parametrize("kind", ["content", "style"])
def test_balanced_terms_do_not_depend_on_the_scale_of_the_activations(kind):
    scale = getattr(BALANCED, kind)
    assert scale(Layer(4, 30, 100.0)) == pytest.approx(25 * scale(Layer(4, 30, 2500.0)))


@pytest.mark.parametrize("kind", ["content", "style"])
def test_balanced_terms_do_not_depend_on_the_layers_width_and_size(kind):
    scale = getattr(BALANCED, kind)
    assert scale(Layer(4, 30, 7.0)) == scale(Layer(512, 3000, 7.0))


@pytest.mark.parametrize("kind", ["content", "style"])
def test_a_target_without_energy_gives_a_finite_scale(kind):
    assert np.isfinite(getattr(BALANCED, kind)(Layer(4, 30, 0.0)))


def test_balanced_smoothness_is_per_value_and_the_gradient_per_picture():
    assert BALANCED.tv(300) == pytest.approx(2 * BALANCED.tv(600))
    assert BALANCED.rescale(600) == 600
    assert BALANCED.share_layers


def test_the_names_are_those_of_the_option():
    assert balance.NORMALIZATIONS == {"balanced": BALANCED, "mxnet": MXNET}
