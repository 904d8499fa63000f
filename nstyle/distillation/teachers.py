"""Teachers: networks read from files that say what the six taps should look like.

Two kinds of file are known, told apart by what they hold: VGG-19 itself, whole or cut (zero
padding), and an encoder of the kind of Wang et al., "Collaborative Distillation" (CVPR 2020,
arXiv:2003.08436), which brings 1x1 maps `convN_1_to_vgg19_*` from its own few channels to
VGG-19's and was trained with reflection padding. Both pool the maximum.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import weights
from nstyle.backend import mx, nd
from nstyle.errors import WeightsError
from nstyle.layers import BLOCKS, convolutions, taps
from nstyle.networks import TappedVGG

TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
VGG19 = BLOCKS["vgg19"]


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """A VGG-19 file's convolutions, from conv1_1 on without a gap, and its 1x1 maps; float32.

    Named conv1_1_weight, conv1_1_bias, conv1_1_to_vgg19_weight ... Raises WeightsError when the
    file is absent, damaged, misshapen or no VGG-19.
    """
    file = weights.read(os.fspath(path))
    there = [name for name in convolutions(VGG19) if f"{name}_weight" in file.names]
    if file.family != "vgg19" or there != convolutions(VGG19)[: len(there)]:
        raise WeightsError(f"{path}: its convolutions are not those of a VGG-19")
    arrays: dict[str, np.ndarray] = {}
    for name, (kernel, bias) in weights.select(file, there).arrays.items():
        arrays[f"{name}_weight"], arrays[f"{name}_bias"] = kernel, bias
    maps = [name for name in file.archive.arrays if "_to_vgg19_" in name]
    return {**arrays, **{name.split(":")[-1]: file.archive.read(name) for name in maps}}


def widths_of(arrays: Mapping[str, np.ndarray]) -> list[int]:
    """Channels of the convolutions that are there, from conv1_1 on."""
    names = (f"{name}_bias" for name in convolutions(VGG19))
    return [len(arrays[name]) for name in names if name in arrays]


def fill(network: TappedVGG, arrays: Mapping[str, np.ndarray]) -> None:
    """Put the arrays, float32, into the network's parameters."""
    for name, (weight, bias) in network.parameters_by_layer().items():
        for parameter, kind in ((weight, "weight"), (bias, "bias")):
            values = arrays[f"{name}_{kind}"]
            parameter.shape = values.shape
            parameter.initialize(ctx=mx.cpu(), force_reinit=True)
            parameter.set_data(nd.array(values))


class Teacher:
    """One file's network; `offers` are the taps it can give."""

    def __init__(self, path: str) -> None:
        self._arrays = read_arrays(path)
        self._widths = widths_of(self._arrays)
        there = convolutions(VGG19)[: len(self._widths)]
        self.offers = [tap for tap in TAPS if tap.replace("relu", "conv") in there]
        self._reflects = any("_to_vgg19_" in name for name in self._arrays)
        self._network: Any = None

    def prepare(self, wanted: Sequence[str]) -> None:
        """Build the network up to the deepest of the wanted taps."""
        padding = "reflect" if self._reflects else "zero"
        network = TappedVGG(VGG19, self._widths, list(wanted), pooling="max", padding=padding)
        fill(network, self._arrays)
        if not self._reflects:
            network.hybridize(static_alloc=True, static_shape=True)
        self._network = network

    def __call__(self, x: Any) -> dict[str, Any]:
        """(N, 3, H, W) -> wanted tap -> (N, C, h, w) with VGG-19's C where there is a map."""
        if not self._reflects:
            return dict(zip(self._network.wanted, self._network(x)))
        return {tap: self._map(tap, y) for tap, y in self._reflecting(x).items()}

    def _map(self, tap: str, y: Any) -> Any:
        name = tap.replace("relu", "conv") + "_to_vgg19"
        if f"{name}_weight" not in self._arrays:
            return y
        kernel, bias = self._arrays[f"{name}_weight"], self._arrays[f"{name}_bias"]
        options = {"kernel": (1, 1), "num_filter": len(bias)}
        return nd.relu(nd.Convolution(y, nd.array(kernel), nd.array(bias), **options))

    def _reflecting(self, x: Any) -> dict[str, Any]:
        """Layer by layer with numpy's padding: MXNet's takes longer than the convolutions."""
        network, seen = self._network, {}
        for name, layer in zip(taps(VGG19), network.features):
            x = layer(reflect(x) if name.startswith("conv") else x)
            if name in network.wanted:
                seen[name] = x
        return seen


def reflect(x: Any) -> Any:
    """Reflection padding of one pixel: (N, C, H, W) -> (N, C, H + 2, W + 2)."""
    values = x.asnumpy()
    height, width = values.shape[2:]
    padded = np.empty((*values.shape[:2], height + 2, width + 2), np.float32)
    padded[:, :, 1:-1, 1:-1] = values
    padded[:, :, 0], padded[:, :, -1] = padded[:, :, 2], padded[:, :, -3]
    padded[..., 0], padded[..., -1] = padded[..., 2], padded[..., -3]
    return nd.array(padded)


class Teachers:
    """Several files as one teacher: each tap comes from the first file that offers it.

    Raises WeightsError when a tap is offered by none.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._teachers: list[Teacher] = []
        left = list(TAPS)
        for path in paths:
            teacher = Teacher(path)
            mine = [tap for tap in left if tap in teacher.offers]
            left = [tap for tap in left if tap not in mine]
            if mine:
                teacher.prepare(mine)
                self._teachers.append(teacher)
        if left:
            raise WeightsError(
                f"no teacher has {', '.join(left)}: give a complete VGG-19, or one more file"
            )

    def __call__(self, x: Any) -> dict[str, Any]:
        """(N, 3, H, W) -> tap -> (N, C, h, w)."""
        seen: dict[str, Any] = {}
        for teacher in self._teachers:
            seen.update(teacher(x))
        return {tap: seen[tap] for tap in TAPS}
