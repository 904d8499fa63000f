"""The teacher: a complete VGG-16 or VGG-19 of a file, with average pooling."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.networks import vgg
from nstyle.networks.layers import BLOCKS, convolutions
from nstyle.networks.weights import reader
from nstyle.system.backend import mx

# What a small network is held to, as far as it reaches. conv5_2 is where two recipes take their
# content from.
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1", "relu5_2")
Arrays = dict[str, np.ndarray]  # conv1_1_weight (OIHW), conv1_1_bias, ...


@dataclass(frozen=True)
class Teacher:
    """A family, vgg16 or vgg19, and the convolutions from conv1_1 on, float32."""

    family: str
    arrays: Arrays

    @property
    def blocks(self) -> tuple[int, ...]:
        """Convolutions per block."""
        return BLOCKS[self.family]

    @property
    def widths(self) -> list[int]:
        """Channels of its convolutions, in order."""
        return widths_of(self.blocks, self.arrays)

    def network(self, wanted: Sequence[str]) -> Any:
        """(N, 3, H, W) -> the wanted taps."""
        return build(self.blocks, self.arrays, wanted)


def read(path: str | os.PathLike[str], family: str = "auto", convention: str = "auto") -> Teacher:
    """A VGG's convolutions, from conv1_1 on without a gap.

    family: vgg16 or vgg19, where short files could be both; convention: of its pictures. Raises
    WeightsError when the file is absent, damaged, misshapen, no VGG, has gaps, or was made for
    padding by reflection.
    """
    file = reader.read(os.fspath(path), family)
    names = convolutions(BLOCKS[file.family])
    present = [name for name in names if f"{name}_weight" in file.names]
    if not present or present != names[: len(present)]:
        lacking = next(name for name in names if name not in present)
        raise WeightsError(f"{path}: {lacking} is missing; give a complete VGG-16 or VGG-19")
    loaded = reader.select(file, present, convention)
    arrays: Arrays = {}
    if loaded.padding != "zero":
        raise WeightsError(f"{path}: was made for padding by reflection; give a VGG as published")
    for name, (kernel, bias) in loaded.arrays.items():
        arrays[f"{name}_weight"], arrays[f"{name}_bias"] = kernel, bias
    return Teacher(file.family, arrays)


def widths_of(blocks: Sequence[int], arrays: Arrays) -> list[int]:
    """Channels of the convolutions that are there, from conv1_1 on."""
    return [len(bias) for _, bias in pairs(blocks, arrays).values()]


def pairs(blocks: Sequence[int], arrays: Arrays) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """conv name -> (kernel, bias), in order."""
    return {
        name: (arrays[f"{name}_weight"], arrays[f"{name}_bias"])
        for name in convolutions(blocks)
        if f"{name}_bias" in arrays
    }


def build(blocks: Sequence[int], arrays: Arrays, wanted: Sequence[str]) -> Any:
    """The network with these values: zero padding, average pooling, no gradients of its values."""
    network = vgg.build(
        blocks, pairs(blocks, arrays), wanted, pooling="avg", padding="zero", device=mx.cpu()
    )
    network.hybridize(static_alloc=True)
    return network


def reached(blocks: Sequence[int], count: int) -> list[str]:
    """Those of TAPS that a network of so many convolutions has, and its last layer."""
    relus = [name.replace("conv", "relu") for name in convolutions(blocks)[:count]]
    return [tap for tap in relus if tap in TAPS or tap == relus[-1]]
