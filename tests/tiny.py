"""Small seeded stand-ins for tests: VGG-shaped weights files, pictures, objectives in numpy.

`taps_of` is a plain float64 transcription of VGG, so that nothing is compared with itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BLOCKS = {
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
    "vgg16-slim": (2, 2, 3, 3, 2),
    "vgg19-slim": (2, 2, 4, 4, 1),
}
WIDTHS = (4, 6, 8, 8, 8)  # channels per block
MEAN = np.array([123.68, 116.779, 103.939])  # RGB, of the files with caffe's names

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]  # conv name -> kernel OIHW, bias O


# ---- weights files ----


def conv_names(blocks: Sequence[int]) -> list[str]:
    """conv1_1, conv1_2, conv2_1, ..."""
    return [f"conv{b}_{i + 1}" for b, count in enumerate(blocks, 1) for i in range(count)]


def random_arrays(
    widths: Sequence[int] = WIDTHS, model: str = "vgg19", *, deep: bool = True, seed: int = 8
) -> Arrays:
    """Kernels and biases of about He's scale, so that activations neither die nor blow up."""
    chance = np.random.default_rng(seed)
    names = conv_names(BLOCKS[model])
    names = names if deep else names[: names.index("conv5_1") + 1]
    arrays, channels = {}, 3
    for name in names:
        width = widths[int(name[4]) - 1]
        kernel = chance.normal(0, np.sqrt(2.5 / (9 * channels)), (width, channels, 3, 3))
        arrays[name] = kernel.astype(np.float32), chance.normal(0, 1, width).astype(np.float32)
        channels = width
    return arrays


def file_arrays(arrays: Arrays, blocks: Sequence[int], names: str, deep: bool) -> dict[str, Any]:
    """Arrays under the names of a file. names: caffe, gluon (structured) or prefixed."""
    dense = np.zeros((5, 7), np.float32), np.zeros(5, np.float32)
    if names == "caffe":
        stems = [f"arg:{name}_" for name in arrays]
        last = "arg:fc6_"
    elif names == "gluon":
        places, position = [], 0
        for count in blocks:
            places += [position + 2 * i for i in range(count)]
            position += 2 * count + 1
        stems = [f"features.{place}." for place in places]
        last = f"features.{position}."
    else:
        stems = [f"vgg0_conv{index}_" for index in range(len(arrays))]
        last = "vgg0_dense0_"
    pairs = [*zip(stems, arrays.values()), *([(last, dense)] if deep else [])]
    return {
        f"{stem}{kind}": array
        for stem, pair in pairs
        for kind, array in zip(("weight", "bias"), pair)
    }


def save_params(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> str:
    """Write an MXNet .params file; the path."""
    from nstyle.system.backend import nd

    nd.save(os.fspath(path), {k: nd.array(v, dtype=v.dtype) for k, v in arrays.items()})
    return os.fspath(path)


def write_vgg(
    path: str | os.PathLike[str],
    widths: Sequence[int] = WIDTHS,
    *,
    model: str = "vgg19",
    names: str = "caffe",
    deep: bool = True,
    seed: int = 8,
    change: Mapping[str, np.ndarray | None] | None = None,
) -> str:
    """Write a small VGG-shaped weights file; its path. `random_arrays` tells what is in it.

    names: caffe, gluon or prefixed; deep: all convolutions and a dense layer, as published files
    have, else up to conv5_1; change: the file's own name -> array to put there, None to leave out.
    """
    arrays = random_arrays(widths, model, deep=deep, seed=seed)
    named = {**file_arrays(arrays, BLOCKS[model], names, deep), **(change or {})}
    return save_params(path, {name: array for name, array in named.items() if array is not None})


def write_network(path: str | os.PathLike[str], seed: int = 1) -> str:
    """Write a narrow network of one style with random values; its path."""
    from nstyle.feedforward import ONE_STYLE, network_file
    from nstyle.feedforward import blocks as parameters
    from nstyle.feedforward.one_style import OneStyleNetwork

    shape = {"widths": [2, 4, 6, 8], "mean": MEAN.tolist()}
    network = OneStyleNetwork(**shape)
    parameters.start(network, seed)
    arrays = {name: each.data().asnumpy() for name, each in parameters.trained(network).items()}
    network_file.write(os.fspath(path), network_file.NetworkFile(ONE_STYLE, shape, arrays))
    return os.fspath(path)


# ---- pictures ----


def picture(seed: int = 0, size: tuple[int, int] = (40, 32)) -> np.ndarray:
    """A smooth colour picture with texture, uint8 HxWx3. size: width, height."""
    chance = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / 16.0
    planes = []
    for _ in range(3):
        (a, b), phase = chance.uniform(-1.5, 1.5, 2), chance.uniform(0, 6)
        stripes = np.sin(chance.uniform(4, 8) * x + chance.uniform(4, 8) * y + phase)
        planes.append(128 + 60 * np.sin(a * x + b * y + phase) + 35 * stripes)
    grain = chance.normal(0, 8, (height, width, 3))
    return np.clip(np.stack(planes, axis=2) + grain, 0, 255).astype(np.uint8)


def write_picture(path: Path, seed: int = 0, size: tuple[int, int] = (64, 48)) -> str:
    """A small picture file; its path. size: width, height."""
    Image.fromarray(picture(seed, size)).save(path)
    return str(path)


def to_input(pixels: np.ndarray, mean: Any = MEAN, deviation: Any = 1.0) -> np.ndarray:
    """uint8 HxWx3 -> float64 3xHxW, (pixels - mean) / deviation."""
    return ((pixels.astype(np.float64) - mean) / deviation).transpose(2, 0, 1)


# ---- VGG in numpy ----


def pad(x: np.ndarray, padding: str) -> np.ndarray:
    """One pixel around CxHxW: "zero" or "reflect"."""
    mode: Any = {"zero": "constant", "reflect": "reflect"}[padding]
    return np.pad(x, ((0, 0), (1, 1), (1, 1)), mode=mode)


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, padding: str) -> np.ndarray:
    """3x3 convolution (cross-correlation, as all networks call it) of CxHxW, same size."""
    windows = np.lib.stride_tricks.sliding_window_view(pad(x, padding), (3, 3), axis=(1, 2))
    return np.tensordot(kernel, windows, ((1, 2, 3), (0, 3, 4))) + bias[:, None, None]


def pool(x: np.ndarray, kind: str, ceil: bool = False) -> np.ndarray:
    """2x2 pooling of CxHxW that drops an odd last row and column, or (ceil) has them alone."""
    channels, height, width = x.shape
    even = [(edge + ceil) // 2 * 2 for edge in (height, width)]
    widened = np.pad(x, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    quads = widened[:, : even[0], : even[1]].reshape(channels, even[0] // 2, 2, even[1] // 2, 2)
    if kind == "max":
        return np.nanmax(quads, axis=(2, 4))
    return np.nanmean(quads, axis=(2, 4)) * (2.0 if kind == "avg-rescaled" else 1.0)


def taps_of(
    arrays: Arrays,
    x: np.ndarray,
    *,
    model: str = "vgg19",
    pooling: str = "avg",
    padding: str = "zero",
    ceil: bool = False,
) -> dict[str, np.ndarray]:
    """3xHxW -> every tap as far as there are arrays, CxHxW, in float64."""
    taps = {}
    x = x.astype(np.float64)
    for block, count in enumerate(BLOCKS[model], 1):
        for index in range(1, count + 1):
            if f"conv{block}_{index}" not in arrays:
                return taps
            kernel, bias = (part.astype(np.float64) for part in arrays[f"conv{block}_{index}"])
            x = taps[f"conv{block}_{index}"] = convolve(x, kernel, bias, padding)
            x = taps[f"relu{block}_{index}"] = np.maximum(x, 0)
        if min(x.shape[1:]) < 2:
            return taps
        x = taps[f"pool{block}"] = pool(x, pooling, ceil)
    return taps


# ---- objectives in numpy, by the contract of the executor ----


class NumpyObjective:
    """All but the value and gradient."""

    def norm(self, x: np.ndarray) -> float:
        """Euclidean norm."""
        return float(np.sqrt(np.square(x).sum()))

    def clip(self, x: np.ndarray, low: float, high: float) -> np.ndarray:
        """Each value limited to low..high."""
        return np.clip(x, low, high)

    def load(self, values: np.ndarray) -> np.ndarray:
        """A copy of the host's array."""
        return np.array(values)

    def read(self, x: np.ndarray) -> np.ndarray:
        """A copy for the host."""
        return np.array(x)


@dataclass
class Quadratic(NumpyObjective):
    """1/2 sum(curvature (x - minimum)^2)."""

    minimum: np.ndarray
    curvature: Any = 1.0
    calls: int = field(default=0)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        distance = x - self.minimum
        gradient = self.curvature * distance
        return float(0.5 * (gradient * distance).sum()), gradient


class Rosenbrock(NumpyObjective):
    """The banana valley, minimum 0 at (1, 1)."""

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = x
        value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
        slope = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
        return float(value), slope


def parabola(size: int = 5) -> Quadratic:
    """A parabola with its minimum at 1, 2, 3, ..."""
    return Quadratic(np.arange(1.0, size + 1))
