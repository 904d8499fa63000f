"""MatConvNet's .mat files: a cell array `layers` of structs, and the mean they were trained with.

Newer files keep kernel and bias together in a cell `reader`, older ones apart as `filters` and
`biases`; both come out as name/filters (height, width, in, out) and name/biases (out,).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nstyle.networks.weights.formats import mat5
from nstyle.networks.weights.formats.archive import Archive, Stored, refusal


def read(path: str) -> Archive:
    """The layers that have weights. Raises WeightsError where there are no layers."""
    content = mat5.read(path, ("layers", "normalization", "meta"))
    layers = content.get("layers")
    if not isinstance(layers, list):
        raise refusal(path, "a .mat file without MatConvNet's `layers`")
    arrays = {}
    for layer in layers:
        name, pair = field(layer, "name"), kernel_and_bias(layer)
        if isinstance(name, str) and pair is not None:
            arrays[f"{name}/filters"], arrays[f"{name}/biases"] = pair
    return Archive(path, arrays, mean_of(content, path))


def field(struct: Any, name: str) -> Any:
    """A field of a struct, or None."""
    return struct.get(name) if isinstance(struct, dict) else None


def kernel_and_bias(layer: Any) -> tuple[Stored, Stored] | None:
    """The two arrays of a layer, or None where it has none."""
    cell = field(layer, "weights")
    if isinstance(cell, list) and len(cell) >= 2:
        kernel, bias = cell[:2]
    else:
        kernel, bias = field(layer, "filters"), field(layer, "biases")
    if not (isinstance(kernel, Stored) and isinstance(bias, Stored)):
        return None
    # MATLAB has no vectors, and drops a last dimension of 1.
    axes = (*kernel.shape, *[1] * (4 - len(kernel.shape)))
    return reshaped(kernel, axes), reshaped(bias, (math.prod(bias.shape),))


def reshaped(array: Stored, shape: tuple[int, ...]) -> Stored:
    """The same values in another shape of as many."""
    return Stored(shape, array.dtype, lambda: array.values().reshape(shape, order="F"))


def mean_of(content: dict[str, Any], path: str) -> tuple[float, float, float] | None:
    """Mean colour, RGB 0..255, of the average image if there is one. Raises WeightsError."""
    normalization = content.get("normalization", field(content.get("meta"), "normalization"))
    image = field(normalization, "averageImage")
    if not isinstance(image, Stored) or 0 in image.shape:
        return None
    if image.shape[-1] != 3 and math.prod(image.shape) != 3:
        raise refusal(path, f"its averageImage {image.shape} is no picture of three channels")
    mean = image.values().reshape(-1, 3).astype(np.float64).mean(axis=0)
    if not ((mean >= 0).all() and (mean <= 255).all()):
        raise refusal(path, "its averageImage is not within 0..255")
    return float(mean[0]), float(mean[1]), float(mean[2])
