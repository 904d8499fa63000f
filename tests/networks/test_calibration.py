"""Factors that make a small network's terms weigh as VGG-16's."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.networks import calibration, layers, vgg
from nstyle.networks.calibration import LayerScale
from nstyle.networks.preprocessing import CAFFE
from nstyle.networks.weights import reader
from nstyle.optimize import inputs, problem
from nstyle.optimize.extractor import FeatureExtractor
from nstyle.optimize.objective import Objective
from nstyle.optimize.planning.plan import Plan
from nstyle.optimize.problem import PaintSetup
from nstyle.options.options import Options
from nstyle.system.backend import mx
from nstyle.system.locations import PRETRAINED

BUILT_IN = str(PRETRAINED / "vgg16-slim.params")
TABLE = {
    "relu1_1": LayerScale(64, 2.0, 3.0),
    "relu1_2": LayerScale(64, 5.0, 7.0),
    "relu2_1": LayerScale(128, 11.0, 13.0),
}


# ---- the table ----


def test_the_built_in_network_has_a_table_of_all_its_relus_in_order_with_vgg16s_channels():
    table = calibration.of(BUILT_IN)
    assert [(name, like.channels) for name, like in table.items()] == [
        ("relu1_1", 64), ("relu1_2", 64), ("relu2_1", 128), ("relu2_2", 128),
        ("relu3_1", 256), ("relu3_2", 256), ("relu3_3", 256),
        ("relu4_1", 512), ("relu4_2", 512), ("relu4_3", 512), ("relu5_1", 512), ("relu5_2", 512),
    ]  # fmt: skip
    for like in table.values():
        # VGG-16 has more channels, so that nearly every layer holds more; none holds far less.
        assert 0.5 < like.content < 10 and 0.5 < like.style < 10
    assert sum(like.content > 1 for like in table.values()) > 8


def test_other_files_have_none_even_with_a_table_beside_them(tmp_path, weights_file):
    assert calibration.of(weights_file) == {}
    assert calibration.of(str(PRETRAINED / "none.params")) == {}
    assert calibration.of(str(PRETRAINED / "vgg19-slim.params")) == {}
    for name in ("vgg16-slim.params", "vgg16-slim.json"):
        shutil.copy(PRETRAINED / name, tmp_path)
    assert calibration.of(str(tmp_path / "vgg16-slim.params")) == {}


def test_a_convolution_has_the_factors_of_its_relu_and_a_pooling_layer_those_below():
    nearest = {
        "relu1_1": "relu1_1", "conv1_1": "relu1_1", "relu1_2": "relu1_2", "conv1_2": "relu1_2",
        "pool1": "relu1_2", "conv2_1": "relu2_1", "pool2": "relu2_1",
    }  # fmt: skip
    for layer, relu in nearest.items():
        assert calibration.nearest(TABLE, layer, channels=9) == TABLE[relu], layer
    assert calibration.nearest({}, "relu3_1", channels=9) == LayerScale(9, 1.0, 1.0)


def test_every_layer_of_the_built_in_network_has_the_factors_of_its_own_block():
    table = calibration.of(BUILT_IN)
    for layer in layers.taps(layers.BLOCKS["vgg16-slim"]):
        found = calibration.nearest(table, layer, channels=1)
        assert found in [like for name, like in table.items() if name[4] == layer[4]], layer


# ---- what the factors do ----

REPEATS, GAIN = 3, 5.0  # the large network has each channel so many times, so much stronger


def objective_of(large: bool, normalization: str) -> Objective:
    """An objective at relu1_1, for a small network with factors, or for the large one without."""
    kernel, bias = tiny.random_arrays()["conv1_1"]
    table = {"relu1_1": LayerScale(4 * REPEATS, REPEATS * GAIN**2, REPEATS**2 * GAIN**4)}
    if large:
        kernel, bias = (np.tile(a.T, REPEATS).T * np.float32(GAIN) for a in (kernel, bias))
        table = {}
    taps: dict[str, Any] = {"content_layers": "relu1_1", "style_layers": "relu1_1"}
    options = Options(**taps, tv_weight=0, normalization=normalization, style_weight=0.5)
    gathered = inputs.gather(tiny.picture(1), tiny.picture(2), options)
    arrays = {"conv1_1": (kernel, bias)}
    network = vgg.build(
        tiny.BLOCKS["vgg19"], arrays, ["relu1_1"], pooling="avg", padding="zero", device=mx.cpu()
    )
    loaded = reader.Weights("vgg19", arrays, CAFFE)
    extractor = FeatureExtractor(network, mx.cpu(), loaded, {"conv1_1": len(bias)}, CAFFE, table)
    plan = Plan(gathered, options, extractor)
    return problem.build(PaintSetup(options, extractor, plan), gathered)


def loss_of(objective: Objective) -> tuple[dict[str, Any], np.ndarray]:
    """Terms and gradient at a third picture."""
    x = tiny.to_input(tiny.picture(3))[np.newaxis].astype(np.float32)
    _, gradient = objective(objective.load(x))
    return objective.terms, gradient.asnumpy()


@pytest.mark.parametrize(
    "normalization", ["balanced", "mxnet", "mxnet-nag", "gatys", "gatys-mean", "keras"]
)
def test_with_its_factors_a_small_network_weighs_as_the_large_one(normalization):
    small, slope = loss_of(objective_of(False, normalization))
    large, steep = loss_of(objective_of(True, normalization))
    assert small == pytest.approx(large, rel=1e-4)
    assert np.abs(slope - steep).max() < 1e-4 * np.abs(steep).max()
    assert min(large.values()) > 0


def test_the_table_of_the_built_in_network_is_used():
    def scales(normalization: str) -> dict[str, float]:
        options = Options(
            content_layers="relu4_2", style_layers="relu1_1", normalization=normalization
        )
        gathered = inputs.gather(tiny.picture(1), tiny.picture(2), options)
        objective = problem.build(problem.set_up(gathered, options, mx.cpu()), gathered)
        return {term.name: term.scale for term in objective._terms}

    table = calibration.of(BUILT_IN)
    found = scales("gatys")
    assert found["content:relu4_2"] == pytest.approx(30 * 0.5 * table["relu4_2"].content)
    assert found["style:relu1_1"] == pytest.approx(table["relu1_1"].style / (4 * 64**2))
