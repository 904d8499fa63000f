"""The small network: its size, its start, its scale, its file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nstyle.backend import mx, nd
from nstyle.distillation.teachers import TAPS, VGG19, fill, read_arrays, widths_of
from nstyle.errors import OptionError, WeightsError
from nstyle.files import atomic_write
from nstyle.layers import convolutions
from nstyle.networks import TappedVGG

# Channels of conv1_1 ... conv5_1. Layers with a tap are the wide ones: there the channels are
# seen by the style loss; multiples of 16 because oneDNN works on 16 channels at a time.
WIDTHS = (32, 16, 48, 32, 96, 64, 64, 64, 160, 160, 128, 128, 256)
# Pixels minus the mean deviate from 0 by about this much.
PIXEL_SPREAD = 60.0
Arrays = dict[str, np.ndarray]


def scaled_widths(widths: Sequence[int], factor: float) -> list[int]:
    """Every width times the factor, at least 4. Raises OptionError for what makes no network."""
    names = convolutions(VGG19)[: len(widths)]
    if names[-1:] != ["conv5_1"] or any(width < 1 for width in widths) or not 0 < factor <= 8:
        raise OptionError(
            f"widths are 13 numbers of channels, conv1_1 to conv5_1, and their factor is above 0 "
            f"and at most 8, not {tuple(widths)} times {factor}"
        )
    return [max(4, round(width * factor)) for width in widths]


def random_arrays(widths: Sequence[int], seed: int) -> Arrays:
    """He et al. (arXiv:1502.01852, eq. 10): normal, variance 2 / inputs; biases 0."""
    chance, arrays, before = np.random.default_rng([seed, 2]), {}, 3
    for name, width in zip(convolutions(VGG19), widths):
        spread = np.sqrt(2 / (9 * before)) / (PIXEL_SPREAD if before == 3 else 1)
        kernel = chance.normal(0, spread, (width, before, 3, 3))
        arrays[f"{name}_weight"] = kernel.astype(np.float32)
        arrays[f"{name}_bias"] = np.zeros(width, np.float32)
        before = width
    return arrays


def widened_arrays(path: str, widths: Sequence[int], seed: int) -> Arrays:
    """A smaller or equal network's arrays, with random channels added.

    The old channels do not listen to the new ones yet, so they compute what they did, as in
    Chen et al., "Net2Net" (arXiv:1511.05641). Raises OptionError when the file is wider.
    """
    old = read_arrays(path)
    there = widths_of(old)[: len(widths)]
    if len(there) < len(widths) or any(a > b for a, b in zip(there, widths)):
        raise OptionError(f"{path}: its widths {there} do not fit into {list(widths)}")
    arrays = random_arrays(widths, seed)
    for name, outputs in zip(convolutions(VGG19), there):
        kernel, given = arrays[f"{name}_weight"], old[f"{name}_weight"]
        kernel[:outputs, given.shape[1] :] = 0
        kernel[:outputs, : given.shape[1]] = given
        arrays[f"{name}_bias"][:outputs] = old[f"{name}_bias"]
    return arrays


def build(arrays: Arrays) -> TappedVGG:
    """The network with these values: zero padding, average pooling, all six taps."""
    widths = [len(arrays[f"{name}_bias"]) for name in convolutions(VGG19)[:13]]
    network = TappedVGG(VGG19, widths, list(TAPS), pooling="avg", padding="zero")
    fill(network, arrays)
    network.hybridize(static_alloc=True, static_shape=True)
    return network


def read(path: str) -> TappedVGG:
    """The network of a file. Raises WeightsError."""
    arrays = read_arrays(path)
    if len(widths_of(arrays)) < 13:
        raise WeightsError(f"{path}: ends before conv5_1")
    return build(arrays)


def scale_to_mean_one(arrays: Arrays, batches: Iterable[np.ndarray]) -> Arrays:
    """The same function with every layer's mean activation 1 over the batches.

    Layer by layer the kernel and bias are divided by the mean; the next kernel makes up for it,
    which is exact, because ReLU and average pooling commute with positive factors.
    """
    names = convolutions(VGG19)[:13]
    means = _mean_activations(arrays, batches, names)
    scaled, before = {}, 1.0
    for name in names:
        mean = max(means[name], 1e-6)
        scaled[f"{name}_weight"] = (arrays[f"{name}_weight"] * (before / mean)).astype(np.float32)
        scaled[f"{name}_bias"] = (arrays[f"{name}_bias"] / mean).astype(np.float32)
        before = mean
    return scaled


def _mean_activations(
    arrays: Arrays, batches: Iterable[np.ndarray], names: Sequence[str]
) -> dict[str, float]:
    widths = [len(arrays[f"{name}_bias"]) for name in names]
    taps = [name.replace("conv", "relu") for name in names]
    network = TappedVGG(VGG19, widths, taps, pooling="avg", padding="zero")
    fill(network, arrays)
    seen = [[float(y.mean().asscalar()) for y in network(nd.array(x))] for x in batches]
    return dict(zip(names, np.mean(seen, axis=0)))


def write(path: str | os.PathLike[str], arrays: Arrays) -> None:
    """Write the arrays as float16, atomically, named `arg:conv1_1_weight` and so on.

    Raises WeightsError when a value does not fit float16.
    """
    with np.errstate(over="ignore"):
        halves = {name: values.astype(np.float16) for name, values in arrays.items()}
    if not all(np.isfinite(values).all() for values in halves.values()):
        raise WeightsError(f"{path}: not written, for a value is too large for float16")
    data = _encode(halves)
    atomic_write(path, lambda file: file.write(data))


def _encode(arrays: Arrays) -> bytes:
    named: dict[str, Any] = {
        f"arg:{name}": nd.array(values, dtype=values.dtype) for name, values in arrays.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "arrays.params")
        mx.nd.save(path, named)
        with open(path, "rb") as file:
            return file.read()
