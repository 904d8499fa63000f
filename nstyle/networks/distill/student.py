"""The small network's file."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.networks.distill.teacher import Arrays
from nstyle.networks.weights.reader import SCALE
from nstyle.system.backend import mx, nd
from nstyle.system.files import atomic_write

LARGEST = 127  # of a kernel's values in 8 bits


def write(path: str | os.PathLike[str], arrays: Arrays, bits: int = 16) -> None:
    """Write the arrays atomically, named `arg:conv1_1_weight` and so on.

    bits: 16 for float16; 8 for kernels of integers with a factor per output channel, named
    `arg:conv1_1_weight_scale`. Raises WeightsError when a value does not fit float16.
    """
    small: Arrays = {}
    for name, values in arrays.items():
        if bits == 8 and name.endswith("_weight"):
            small[name], small[name + SCALE] = in_8_bits(values)
        else:
            small[name] = in_16_bits(values, path)
    data = _encode(small)
    atomic_write(path, lambda file: file.write(data))


def in_8_bits(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8 kernel, float32 factor per output channel), OIHW; the product is nearest to it."""
    largest = np.abs(kernel).max(axis=(1, 2, 3))
    scale = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
    return np.rint(kernel / scale[:, None, None, None]).astype(np.int8), scale


def in_16_bits(values: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """Float16. Raises WeightsError when a value is too large for it."""
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise WeightsError(f"{path}: not written, for a value is too large for float16")
    return halves


def _encode(arrays: Arrays) -> bytes:
    named: dict[str, Any] = {
        f"arg:{name}": nd.array(values, dtype=values.dtype) for name, values in arrays.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "arrays.params")
        mx.nd.save(path, named)
        with open(path, "rb") as file:
            return file.read()
