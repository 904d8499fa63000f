"""The Gluon network against a plain numpy transcription of VGG."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.networks import layers, vgg
from nstyle.system.backend import mx, nd

WANTED = ["conv1_1", "relu1_2", "pool1", "relu2_1", "conv3_2", "relu3_4", "pool3", "relu4_2"]
HERE = Path(__file__).parents[1]
ODD = (37, 45)  # width, height: odd at the picture, and again after pooling


def build(
    wanted: Sequence[str] = WANTED,
    *,
    model: str = "vgg19",
    widths: Sequence[int] = tiny.WIDTHS,
    pooling: str = "avg",
    padding: str = "zero",
    ceil: bool = False,
) -> tuple[Any, tiny.Arrays]:
    """A network of tiny.random_arrays, and these arrays."""
    needed = layers.needed_convolutions(wanted, tiny.BLOCKS[model])
    arrays = {name: tiny.random_arrays(widths, model)[name] for name in needed}
    knobs: dict[str, Any] = {"pooling": pooling, "padding": padding, "ceil": ceil}
    return vgg.build(tiny.BLOCKS[model], arrays, wanted, device=mx.cpu(), **knobs), arrays


def check_taps(network: Any, x: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Every tap equals the transcription's, to float32's precision."""
    found = dict(zip(network.wanted, network(nd.array(x[np.newaxis]))))
    for name, tap in found.items():
        assert tap.shape == (1, *expected[name].shape), name
        error = np.abs(tap.asnumpy()[0] - expected[name]).max()
        assert error < 2e-6 * np.abs(expected[name]).max() * len(found), name


@pytest.mark.parametrize("padding", ["zero", "reflect"])
@pytest.mark.parametrize("pooling", ["avg", "avg-rescaled", "max"])
@pytest.mark.parametrize("size", [(48, 32), ODD])
def test_features_are_those_of_a_plain_transcription(padding, pooling, size):
    x = tiny.to_input(tiny.picture(1, size))
    for model, taps in (("vgg19", WANTED), ("vgg16", ["relu3_3", "relu4_1", "pool4", "relu5_3"])):
        network, arrays = build(taps, model=model, pooling=pooling, padding=padding)
        expected = tiny.taps_of(arrays, x, model=model, pooling=pooling, padding=padding)
        check_taps(network, x, expected)


@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_every_convolution_may_have_its_own_width(padding):
    chance = np.random.default_rng(3)
    names, channels, arrays = layers.convolutions((2, 2, 4, 1)), 3, {}
    for name, width in zip(names, (3, 5, 4, 7, 6, 6, 2, 9, 5)):
        kernel = chance.normal(0, 0.3, (width, channels, 3, 3)).astype(np.float32)
        arrays[name] = kernel, chance.normal(0, 1, width).astype(np.float32)
        channels = width
    taps, knobs = ["relu1_2", "relu4_1"], {"pooling": "avg", "padding": padding}
    network = vgg.build(tiny.BLOCKS["vgg19"], arrays, taps, device=mx.cpu(), **knobs)
    x = tiny.to_input(tiny.picture(1))
    check_taps(network, x, tiny.taps_of(arrays, x, padding=padding))


@pytest.mark.parametrize("pooling", ["avg", "avg-rescaled", "max"])
@pytest.mark.parametrize("size", [(48, 32), ODD, (35, 33)])
def test_with_ceil_odd_sizes_are_rounded_up_and_nothing_is_averaged_in(pooling, size):
    wanted = ["pool1", "relu2_1", "pool2", "pool3", "relu4_2", "pool4"]
    network, arrays = build(wanted, pooling=pooling, ceil=True)
    x = tiny.to_input(tiny.picture(1, size))
    check_taps(network, x, tiny.taps_of(arrays, x, pooling=pooling, ceil=True))
    shape = network(nd.array(x[np.newaxis]))[-1].shape[2:]
    assert shape == tuple(-(-edge // 16) for edge in size[::-1])


LOUD = """
import sys
import tiny
from nstyle.networks import vgg
from nstyle.system.backend import mx, nd
from nstyle.networks.features import CompiledVGG

arrays = {name: tiny.random_arrays()[name] for name in tiny.conv_names(tiny.BLOCKS["vgg19"])}
for pooling in ("avg", "avg-rescaled", "max"):
    for ceil in (False, True):
        network = vgg.build(
            tiny.BLOCKS["vgg19"], arrays, ["relu5_4"], pooling=pooling, padding="zero", ceil=ceil,
            device=mx.cpu(),
        )
        features = CompiledVGG(network, (1, 3, 33, 41), device=mx.cpu())
        taps = features.forward(nd.ones((1, 3, 33, 41)))
        features.backward({name: tap.copy() for name, tap in taps.items()}).wait_to_read()
"""


def test_no_kind_of_pooling_makes_the_libraries_print():
    folders = os.pathsep.join(str(path) for path in (HERE, HERE.parent))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOUD],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("wanted", "convolutions", "last"),
    [(["relu2_1", "relu1_1"], 3, "relu2_1"), (["conv3_2"], 6, "conv3_2"), (["pool2"], 4, "pool2")],
)
def test_the_network_is_cut_at_the_deepest_tap(wanted, convolutions, last):
    network, arrays = build(wanted)
    assert len(network.collect_params().keys()) == 2 * convolutions
    assert len(network.parameters_by_layer()) == convolutions
    assert len(network.features) == layers.taps(tiny.BLOCKS["vgg19"]).index(last) + 1
    x = tiny.to_input(tiny.picture(1))
    assert len(network(nd.array(x[np.newaxis]))) == len(wanted)
    check_taps(network, x, tiny.taps_of(arrays, x))  # in the order asked for


def test_the_weights_are_those_given_and_frozen():
    network, arrays = build()
    for name, pair in network.parameters_by_layer().items():
        for parameter, expected in zip(pair, arrays[name]):
            assert (parameter.data().asnumpy() == expected).all() and parameter.grad_req == "null"
