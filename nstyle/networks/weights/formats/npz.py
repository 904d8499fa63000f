"""numpy's .npz files, read without unpickling."""

from __future__ import annotations

import math
import zipfile

import numpy as np
from numpy.lib import format as npy

from nstyle.networks.weights.formats.archive import Archive, in_file, refusal

END = ".npy"


def read(path: str) -> Archive:
    """All arrays; values stay in the file. Raises WeightsError for Python objects."""
    shapes = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(END):
                shapes[member.filename[: -len(END)]] = shape_of(path, archive, member)
    return in_file(path, shapes, values)


def shape_of(path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    """The shape that an array's header states. Raises WeightsError where it cannot be."""
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = reader(stream)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise refusal(path, f"{member.filename} is a pickle, which is never loaded")
        if min(shape, default=0) < 0 or size != member.file_size - stream.tell():
            raise refusal(path, f"damaged: {member.filename} is not of the size it states")
    return shape


def values(path: str, name: str) -> np.ndarray:
    """One array."""
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays[name])
