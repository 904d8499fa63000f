"""How the terms are scaled: the example's formulas, and weights that hold at every size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nstyle.losses import image, normalization, style
from nstyle.losses.normalization import BALANCED, NORMALIZATIONS, Layer
from nstyle.losses.statistics import FeatureStatistics
from nstyle.options.options import Options
from nstyle.system.backend import mx, nd

SHAPE = (1, 4, 6, 5)
CHANNELS, POSITIONS, AREA = 4, 30, 12 * 10
LAYER = Layer(CHANNELS, POSITIONS, 1.0, AREA)


def features(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, SHAPE).astype(np.float32)


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(CHANNELS, POSITIONS).astype(np.float64)


def gram_difference() -> np.ndarray:
    """G - A, not normalised."""
    here, painting = flat(features(1)), flat(features(2))
    return here @ here.T - painting @ painting.T


def content_of(name: str) -> tuple[float, np.ndarray]:
    """Value and gradient of the recipe's content term."""
    scale = NORMALIZATIONS[name].content(LAYER)
    value, gradient = image.content(nd.array(features(1)), nd.array(features(2)), scale)
    return value.asscalar(), flat(gradient.asnumpy())


def style_of(name: str) -> tuple[float, np.ndarray]:
    """Value and gradient of the recipe's style term."""
    moments = FeatureStatistics(SHAPE, device=mx.cpu())
    target = moments.of(nd.array(features(2)))[:1]
    here, scale = nd.array(features(1)), NORMALIZATIONS[name].style(LAYER)
    value, second, _ = style.gram(moments.of(here), target, scale)
    gradient = moments.backward(here, second)
    return value.asscalar(), flat(gradient.asnumpy())


# ---- formulas, with F, P, and G, A not normalised; C = 4, M = 30, picture 12 x 10 ----


@pytest.mark.parametrize(
    ("name", "content", "style"),
    [
        ("mxnet", 1 / 2, 1 / (4 * CHANNELS**2 * POSITIONS)),
        ("mxnet-nag", 1, 1 / (CHANNELS**2 * POSITIONS)),
        ("gatys", 1 / 2, 1 / (4 * CHANNELS**2 * POSITIONS**2)),
        ("gatys-mean", 1 / (4 * CHANNELS * POSITIONS), 1 / (4 * CHANNELS**2 * POSITIONS**2)),
        ("keras", 1, 1 / (4 * 3**2 * AREA**2)),
    ],
)
def test_values_and_gradients_are_factors_of_squared_differences(name, content, style):
    here, change = flat(features(1)), flat(features(1)) - flat(features(2))
    value, gradient = content_of(name)
    assert value == pytest.approx(content * np.square(change).sum(), rel=1e-5)
    assert np.allclose(gradient, 2 * content * change, rtol=1e-5)
    value, gradient = style_of(name)
    assert value == pytest.approx(style * np.square(gram_difference()).sum(), rel=1e-4)
    expected = 4 * style * gram_difference() @ here
    assert np.allclose(gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", sorted(set(NORMALIZATIONS) - {"balanced"}))
def test_known_recipes_take_gradient_and_total_variation_as_they_are(name):
    assert NORMALIZATIONS[name].tv(600_000) == 1
    assert not NORMALIZATIONS[name].per_value
    assert NORMALIZATIONS[name].content(Layer(4, 30, 5.0, 9)) == NORMALIZATIONS[name].content(
        Layer(4, 30, 7.0, 9)
    )


# ---- ours ----


@pytest.mark.parametrize("kind", ["content", "style"])
def test_balanced_terms_depend_neither_on_the_scale_of_the_activations_nor_on_the_layers_size(kind):
    scale = getattr(BALANCED, kind)
    assert scale(Layer(4, 30, 100.0, 99)) == pytest.approx(25 * scale(Layer(4, 30, 2500.0, 99)))
    assert scale(Layer(4, 30, 7.0, 99)) == scale(Layer(512, 3000, 7.0, 12345))
    assert np.isfinite(scale(Layer(4, 30, 0.0, 99)))  # a target without energy


def test_balanced_smoothness_is_per_value_and_the_gradient_per_picture():
    assert BALANCED.tv(300) == pytest.approx(2 * BALANCED.tv(600))
    assert BALANCED.per_value
    sharing = {name for name, scales in NORMALIZATIONS.items() if scales.share_layers}
    assert sharing == {"balanced", "keras"}  # layer weights are shares there, sums elsewhere


def test_the_names_are_those_of_the_option():
    facts = next(e for e in dataclasses.fields(Options) if e.name == "normalization").metadata
    assert set(normalization.NORMALIZATIONS) == set(facts["choices"])
