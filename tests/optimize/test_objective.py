"""The objective of a style transfer on a tiny network: gradients, terms, the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.losses import image
from nstyle.losses.base import LossTerm, as_float32
from nstyle.losses.image import ColorLoss, ContentLoss, TemporalLoss, TotalVariation
from nstyle.losses.statistics import FeatureStatistics
from nstyle.losses.style import StyleLoss
from nstyle.networks import layers, vgg
from nstyle.networks.features import CompiledVGG
from nstyle.optimize.objective import Objective
from nstyle.system import runtime
from nstyle.system.backend import mx, nd

SIZE = (21, 18)  # odd and even, so that pooling drops a column
TAPS = ["relu1_1", "relu2_1", "relu3_1", "relu4_2"]
CPU = mx.cpu()


def make_features(
    wanted: Sequence[str], pooling: str = "avg", bfloat16: bool = False, **knobs: Any
) -> CompiledVGG:
    ordered = sorted(wanted, key=layers.taps(tiny.BLOCKS["vgg19"]).index)
    needed = layers.needed_convolutions(ordered, tiny.BLOCKS["vgg19"])
    arrays = {name: tiny.random_arrays()[name] for name in needed}
    knobs = {"padding": "zero", **knobs}
    network = vgg.build(tiny.BLOCKS["vgg19"], arrays, ordered, pooling=pooling, device=CPU, **knobs)
    return CompiledVGG(network, (1, 3, SIZE[1], SIZE[0]), device=CPU, bfloat16=bfloat16)


def picture(seed: int) -> np.ndarray:
    return tiny.to_input(tiny.picture(seed, SIZE))[np.newaxis].astype(np.float32)


def make_executor(
    content: Sequence[str] = ("relu4_2",),
    style: Sequence[str] = ("relu1_1", "relu2_1", "relu3_1"),
    tv: float = 1e-3,
    form: str = "squared",
    clip_norm: float = 0.0,
    more: Sequence[LossTerm] = (),
    **knobs: Any,
) -> Objective:
    """Each term divided by its target's energy, so that all of them count."""
    features = make_features({*content, *style}, **knobs)
    terms: list[LossTerm] = []
    for kind, names, seed in (("content", content, 1), ("style", style, 2)):
        taps = features.forward(nd.array(picture(seed)))
        for name in names:
            if kind == "content":
                target = as_float32(taps[name]).copy()
                scale = 1 / float(nd.square(target).sum().asscalar())
                terms.append(ContentLoss(name, scale, target))
                continue
            moments = FeatureStatistics(taps[name].shape, device=CPU)
            target = moments.of(taps[name])[:1]
            scale = 1 / float(nd.square(target[0]).sum().asscalar())
            terms.append(StyleLoss(name, scale, "gram", moments, target))
    if tv:
        terms.append(TotalVariation(tv / picture(1).size, form))
    return Objective(features, [*terms, *more], clip_norm)


def slope_error(
    loss: Callable[[np.ndarray], float], gradient: np.ndarray, seed: int, step: float
) -> float:
    """How far a gradient is from central differences along a random direction, relative to the
    slope that is usual along such directions.
    """
    x = picture(3)
    direction = np.random.default_rng(seed).normal(size=x.shape)
    claimed = float((gradient.astype(np.float64) * direction).sum())
    seen = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
    return abs(seen - claimed) / float(np.linalg.norm(gradient))


CASES: dict[str, dict[str, Any]] = {
    "all terms": {},
    "maximum pooling": {"pooling": "max"},
    "rescaled average pooling": {"pooling": "avg-rescaled"},
    "reflecting convolutions": {"padding": "reflect"},
    "content and style at one layer": {"content": ("relu2_1", "relu3_1"), "style": ("relu2_1",)},
    "taps before the ReLU and after pooling": {
        "content": ("conv3_1",),
        "style": ("pool1", "pool2"),
    },
    "no total variation": {"tv": 0.0},
    "total variation as a Laplacian": {"form": "laplacian", "tv": 0.1},
    "total variation to a power": {"form": "power"},
    "average pooling that rounds up": {"ceil": True},
    "maximum pooling that rounds up": {"ceil": True, "pooling": "max"},
}


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_central_differences(case):
    executor = make_executor(**CASES[case])
    _, gradient = executor(executor.load(picture(3)))

    def loss(x: np.ndarray) -> float:
        return executor(executor.load(x))[0]

    # Steps must be large for float32 and small for the kinks of the ReLUs, which leave 1 %.
    for seed in (1, 2, 3):
        assert slope_error(loss, gradient.asnumpy(), seed, step=0.005) < 0.02


def test_the_gradient_is_that_of_a_float64_transcription():
    executor = make_executor()
    _, gradient = executor(executor.load(picture(3)))
    for seed in (1, 2, 3):
        error = slope_error(
            lambda x: sum(reference_loss(x).values()), gradient.asnumpy(), seed, step=1e-5
        )
        assert error < 1e-4


def reference_loss(x: np.ndarray) -> dict[str, float]:
    """The terms of make_executor() in float64."""
    arrays = tiny.random_arrays()
    of = [tiny.taps_of(arrays, a[0].astype(np.float64)) for a in (picture(1), picture(2), x)]
    photo, painting, here = of

    def gram(tap: np.ndarray) -> np.ndarray:
        flat = tap.reshape(len(tap), -1)
        return flat @ flat.T / flat.shape[1]

    def relative(value: np.ndarray, target: np.ndarray) -> float:
        return float(np.square(value - target).sum() / np.square(target).sum())

    terms = {"content:relu4_2": relative(here["relu4_2"], photo["relu4_2"])}
    for name in TAPS[:3]:
        terms[f"style:{name}"] = relative(gram(here[name]), gram(painting[name]))
    x = x.astype(np.float64)
    variation = np.square(np.diff(x, axis=2)).sum() + np.square(np.diff(x, axis=3)).sum()
    return {**terms, "tv": 1e-3 / x.size * float(variation)}


def test_the_terms_are_those_of_a_plain_transcription_and_add_up_to_the_loss():
    executor = make_executor()
    loss, _ = executor(executor.load(picture(3)))
    expected, terms = reference_loss(picture(3)), dict(executor.terms)
    assert list(terms) == list(expected)
    assert terms == pytest.approx(expected, rel=1e-4)
    assert isinstance(loss, float) and loss == sum(terms.values()) > 0
    executor(executor.load(picture(1)))
    assert loss.terms == terms != executor.terms  # optimisers may look at another point
    assert executor.terms["content:relu4_2"] == 0


def gradient_of(**knobs: Any) -> np.ndarray:
    executor = make_executor(**knobs)
    return executor(executor.load(picture(3)))[1].asnumpy().astype(np.float64)


def test_a_picture_may_be_held_to_another_or_to_its_colours():
    x, plain = nd.array(picture(3)), make_executor()
    trust = np.random.default_rng(1).uniform(0, 1, (1, 1, SIZE[1], SIZE[0]))
    held = nd.array(picture(5)), nd.array(trust)
    colours = image.averaged(held[0], (2, 2))
    for term, alone in (
        (TemporalLoss(1e-4, held), image.temporal(x, held, 1e-4)),
        (ColorLoss(1e-3, colours), image.colours(x, colours, 1e-3)),
    ):
        executor = make_executor(more=[term])
        (loss, slope), (more, steeper) = plain(x), executor(x)
        assert list(executor.terms) == [*plain.terms, term.kind]
        assert executor.terms[term.kind] == pytest.approx(alone[0].asscalar(), rel=1e-6)
        assert more == pytest.approx(loss + executor.terms[term.kind], rel=1e-6) != loss
        backward = alone[1].asnumpy()
        assert np.allclose((steeper - slope).asnumpy(), backward, rtol=1e-3, atol=1e-6)
        # The limit of the norm is not for what holds the picture.
        _, limited = make_executor(more=[term], tv=0.0, clip_norm=1e-9)(x)
        assert np.allclose(limited.asnumpy(), backward, rtol=1e-4, atol=1e-7)


def test_the_limit_of_the_norm_is_for_the_layers_before_total_variation_is_added():
    layers_only = gradient_of(tv=0.0)
    norm = float(np.linalg.norm(layers_only))
    variation = gradient_of(tv=10.0) - layers_only
    assert np.linalg.norm(variation) > 0.1 * norm
    limited = gradient_of(tv=10.0, clip_norm=norm / 4)
    expected = layers_only / 4 + variation
    assert np.abs(limited - expected).max() < 1e-5 * np.abs(expected).max()
    assert np.array_equal(gradient_of(clip_norm=1.01 * norm), gradient_of())


@pytest.mark.parametrize("clip_norm", [0.0, 1e-9, 1e9])
def test_two_calls_give_the_same_bytes_in_a_new_array(clip_norm):
    executor = make_executor(tv=0.0, clip_norm=clip_norm)
    x = executor.load(picture(3))
    loss, first = executor(x)
    copy = first.asnumpy()
    executor(executor.load(picture(4)))
    again, second = executor(x)
    assert loss == again
    assert first.asnumpy().tobytes() == copy.tobytes() == second.asnumpy().tobytes()


def test_the_contract_of_an_objective():
    executor = make_executor()
    values = np.random.default_rng(0).normal(50, 10, (1, 3, 500, 400)).astype(np.float32)
    x = executor.load(values)
    wide = values.astype(np.float64)
    values[:] = 0  # what was loaded does not follow
    assert executor.read(x).dtype == np.float32
    assert (executor.read(x) == wide).all()
    assert executor.norm(x) == pytest.approx(np.linalg.norm(wide), rel=1e-5)
    assert (executor.read(executor.clip(x, 45, 57)) == np.clip(wide, 45, 57)).all()
    assert isinstance(executor.norm(x), float)


def test_a_picture_of_another_size_is_refused():
    executor = make_executor()
    with pytest.raises(mx.MXNetError):
        executor(nd.zeros((1, 3, SIZE[1] + 2, SIZE[0])))[1].asnumpy()


@pytest.mark.skipif(not runtime.bfloat16_works(), reason="this CPU has no bfloat16")
@pytest.mark.parametrize("content", ["relu4_2", "relu3_1"])  # this one is a style layer, too
def test_bfloat16_gives_nearly_the_same_loss_and_gradient_in_float32(content):
    x = nd.array(picture(3))
    exact, rounded = make_executor([content]), make_executor([content], bfloat16=True)
    (loss, gradient), (other, coarse) = exact(x), rounded(x)
    assert other == pytest.approx(loss, rel=0.02) and other != loss
    assert coarse.dtype == np.float32
    difference = np.linalg.norm((coarse - gradient).asnumpy())
    assert 0 < difference < 0.05 * np.linalg.norm(gradient.asnumpy())
