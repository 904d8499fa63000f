"""Network, targets and terms for pictures of one size. The recipes' numbers: test_recipes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.images.picture import Picture
from nstyle.losses.normalization import NORMALIZATIONS
from nstyle.optimize import inputs, loss_terms, problem
from nstyle.optimize.objective import Objective
from nstyle.options.options import Options
from nstyle.system import runtime
from nstyle.system.backend import mx

PHOTO, PAINTING = tiny.picture(1, (40, 32)), tiny.picture(2, (36, 44))
X = tiny.to_input(tiny.picture(3))[np.newaxis].astype(np.float32)


@pytest.fixture
def build(weights_file):
    """The setup and the objective for these options, on a tiny network."""

    def call(**values: Any) -> tuple[problem.PaintSetup, Objective]:
        options = Options(weights=weights_file, **values)
        gathered = inputs.gather(PHOTO, PAINTING, options)
        setup = problem.set_up(gathered, options, mx.cpu())
        return setup, problem.build(setup, gathered)

    return call


def terms_of(objective: Objective, x: np.ndarray) -> dict[str, float]:
    objective(objective.load(x))
    return objective.terms


@pytest.mark.parametrize(
    ("free", "device", "expected"),
    [
        ("auto", mx.cpu(), 11),
        (7, mx.cpu(), 7),
        (None, mx.cpu(), None),
        ("auto", mx.gpu(1), 22),
        (7, mx.gpu(1), 22),  # a share of the host's says nothing about a GPU
        (None, mx.gpu(1), None),
    ],
)
def test_the_memory_that_counts_is_the_devices(monkeypatch, free, device, expected):
    monkeypatch.setattr(problem.memory, "available", lambda: 11)
    monkeypatch.setattr(problem.backend, "free_memory", lambda found: 22 if found == device else 0)
    assert problem.free_memory(problem.Budget(free), device) == expected


def test_the_mean_is_subtracted_or_not(build):
    for subtracted, mean in ((True, tiny.MEAN), (False, 0.0)):
        setup, _ = build(mean_subtraction=subtracted)
        expected = tiny.to_input(PHOTO, mean)
        assert np.abs(setup.array(Picture(PHOTO))[0] - expected).max() < 1e-3
        assert setup.extractor.convention.mean == pytest.approx(tuple(np.zeros(3) + mean))


def test_layers_may_be_named_in_any_order_and_weighted(build):
    _, plain = build(style_layers="relu1_1,relu3_1", normalization="gatys")
    _, other = build(style_layers="relu3_1:2,relu1_1:0.5", normalization="gatys")
    one, two = terms_of(plain, X), terms_of(other, X)
    for name, factor in (("style:relu3_1", 2), ("style:relu1_1", 0.5), ("content:relu4_2", 1)):
        assert two[name] == pytest.approx(factor * one[name], rel=1e-5)


def test_shares_add_up_to_one_where_the_recipe_shares():
    chosen = Options(style_layers="relu1_1:1,relu2_1:3").style_layers
    shared = {"relu1_1": 0.25, "relu2_1": 0.75}
    assert loss_terms.layer_weights(chosen, NORMALIZATIONS["keras"]) == shared
    assert loss_terms.layer_weights(chosen, NORMALIZATIONS["balanced"]) == shared
    assert loss_terms.layer_weights(chosen, NORMALIZATIONS["mxnet"]) == {"relu1_1": 1, "relu2_1": 3}


@pytest.mark.parametrize("weight", ["content_weight", "style_weight", "tv_weight"])
def test_each_weight_multiplies_its_own_terms(weight, build):
    usual = {"content_weight": 2.0, "style_weight": 3.0, "tv_weight": 0.5}
    one = terms_of(build(**usual)[1], X)
    two = terms_of(build(**{**usual, weight: 10 * usual[weight]})[1], X)
    for name in one:
        factor = 10 if name.startswith(weight.partition("_")[0]) else 1
        assert two[name] == pytest.approx(factor * one[name], rel=1e-5)


def test_the_limit_of_the_norm_is_in_multiples_of_the_pictures_values(build):
    norms = {}
    for limit in (0, 2, 1e9):
        _, objective = build(clip_norm=limit, normalization="mxnet", tv_weight=0)
        norms[limit] = objective.norm(objective(objective.load(X))[1])
    assert norms[2] == pytest.approx(2 * X.size, rel=1e-4)
    assert norms[0] == norms[1e9] > 3 * X.size


# ---- precision ----


@pytest.mark.skipif(not runtime.bfloat16_works(), reason="this CPU has no bfloat16")
def test_gradients_are_computed_in_bfloat16_targets_in_float32(build):
    extractor, shape = dataclasses.replace(build()[0].extractor, bfloat16=True), (1, 3, 16, 24)
    for gradient in (True, False):
        taps = extractor.features(shape, gradient=gradient).forward(mx.nd.zeros(shape))
        assert all((tap.dtype == np.float32) != gradient for tap in taps.values())
