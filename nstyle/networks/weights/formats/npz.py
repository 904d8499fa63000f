"""numpy's .npz files, read without unpickling."""

from __future__ import annotations

import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy

from nstyle.networks.weights.formats.archive import (
    MAX_ARRAYS,
    Archive,
    check_packed,
    in_file,
    refusal,
)

END = ".npy"


def read(path: str) -> Archive:
    """All arrays; values stay in the file. Raises WeightsError for Python objects."""
    kinds = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_ARRAYS:
            raise ValueError(f"{len(members)} arrays")
        for member in members:
            if member.filename.endswith(END):
                kinds[member.filename[: -len(END)]] = kind_of(path, archive, member)
    return in_file(path, kinds, values)


def kind_of(
    path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and type that an array's header states. Raises WeightsError for false ones."""
    check_packed(path, member.filename, member.file_size, member.compress_size)
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = reader(stream)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise refusal(path, f"{member.filename} is a pickle, which is never loaded")
        if min(shape, default=0) < 0 or size != member.file_size - stream.tell():
            raise refusal(path, f"damaged: {member.filename} is not of the size it states")
    return shape, dtype


def values(path: str, name: str) -> np.ndarray:
    """One array."""
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays[name])
