"""Safetensors files; the only place that imports safetensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nstyle.networks.weights.formats.archive import Archive, absent, in_file, refusal

READABLE = ("F16", "F32", "F64", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64")


def library(path: str) -> Any:
    """The function that opens a file. Raises WeightsError naming what to install."""
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise absent(path, "a .safetensors file") from error
    return safe_open


def read(path: str) -> Archive:
    """All tensors; values stay in the file."""
    with library(path)(path, framework="numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        kinds = {name: (tuple(a.get_shape()), dtype(a.get_dtype())) for name, a in slices.items()}
    return in_file(path, kinds, values)


def dtype(kind: str) -> np.dtype[Any]:
    """numpy's for "F16"; anything where numpy has none, for that is refused by name when read."""
    return np.dtype(f"{kind[0].lower()}{int(kind[1:]) // 8}" if kind in READABLE else "f4")


def values(path: str, name: str) -> np.ndarray:
    """One tensor. Raises WeightsError for a type that numpy does not have, such as bfloat16."""
    with library(path)(path, framework="numpy") as file:
        kind = file.get_slice(name).get_dtype()
        if kind not in READABLE:
            raise refusal(path, f"{name} is of type {kind}; save it as float32 or float16")
        return np.asarray(file.get_tensor(name))
