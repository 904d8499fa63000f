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


@pytest.mark.parametrize(("name", "gradient"), [("mxnet", 1), ("mxnet-nag", 2)])
def test_the_examples_content_gradient_is_its_formula(name, gradient):
    expected = gradient * (flat(features(1)) - flat(features(2)))
    assert np.allclose(content_of(name)[1], expected, rtol=1e-5)


@pytest.mark.parametrize(("name", "factor"), [("mxnet", 1), ("mxnet-nag", 4)])
def test_the_examples_style_gradient_is_its_formula(name, factor):
    expected = factor * gram_difference() @ flat(features(1)) / (CHANNELS**2 * POSITIONS)
    assert np.allclose(style_of(name)[1], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "factor"),
    [("gatys", 1 / 2), ("gatys-mean", 1 / (4 * CHANNELS * POSITIONS)), ("keras", 1)],
)
def test_a_content_value_is_its_formula(name, factor):
    expected = factor * np.square(flat(features(1)) - flat(features(2))).sum()
    assert content_of(name)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("gatys", 1 / (4 * CHANNELS**2 * POSITIONS**2)),
        ("gatys-mean", 1 / (4 * CHANNELS**2 * POSITIONS**2)),
        ("keras", 1 / (4 * 3**2 * AREA**2)),
    ],
)
def test_a_style_value_is_its_formula(name, factor):
    expected = factor * np.square(gram_difference()).sum()
    assert style_of(name)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", sorted(set(NORMALIZATIONS) - {"balanced"}))
def test_known_recipes_take_gradient_and_total_variation_as_they_are(name):
    assert NORMALIZATIONS[name].tv(600_000) == 1
    assert not NORMALIZATIONS[name].per_value
    assert NORMALIZATIONS[name].content(Layer(4, 30, 5.0, 9)) == NORMALIZATIONS[name].content(
        Layer(4, 30, 7.0, 9)
    )


def test_layer_weights_are_shares_in_keras_and_ours_and_sums_in_the_others():
    sharing = {name for name, scales in NORMALIZATIONS.items() if scales.share_layers}
    assert sharing == {"balanced", "keras"}


# ---- ours ----


@pytest.mark.parametrize("kind", ["content", "style"])
def test_balanced_terms_do_not_depend_on_the_scale_of_the_activations(kind):
    scale = getattr(BALANCED, kind)
    assert scale(Layer(4, 30, 100.0, 99)) == pytest.approx(25 * scale(Layer(4, 30, 2500.0, 99)))


@pytest.mark.parametrize("kind", ["content", "style"])
def test_balanced_terms_do_not_depend_on_the_layers_width_and_size(kind):
    scale = getattr(BALANCED, kind)
    assert scale(Layer(4, 30, 7.0, 99)) == scale(Layer(512, 3000, 7.0, 12345))


@pytest.mark.parametrize("kind", ["content", "style"])
def test_a_target_without_energy_gives_a_finite_scale(kind):
    assert np.isfinite(getattr(BALANCED, kind)(Layer(4, 30, 0.0, 99)))


def test_balanced_smoothness_is_per_value_and_the_gradient_per_picture():
    assert BALANCED.tv(300) == pytest.approx(2 * BALANCED.tv(600))
    assert BALANCED.per_value
    assert BALANCED.share_layers


def test_the_names_are_those_of_the_option():
    facts = next(e for e in dataclasses.fields(Options) if e.name == "normalization").metadata
    assert set(normalization.NORMALIZATIONS) == set(facts["choices"])
