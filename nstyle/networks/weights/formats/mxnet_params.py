"""MXNet's .params files, read without MXNet, whose reader believes every length it finds.

The format: NDArray::Save in MXNet's src/ndarray/ndarray.cc; a list of arrays, then their names.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass

import numpy as np

from nstyle.networks.weights.formats.archive import (
    MAX_ARRAYS,
    MAX_DIMENSIONS,
    Archive,
    Stored,
    refusal,
)

LIST = 0x112  # what a file begins with, and 8 bytes of nothing
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA  # of an array; before them, its dimensions
TYPES = dict(enumerate(("f4", "f8", "f2", "u1", "i4", "i1", "i8", "?")))


@dataclass
class Position:
    """A place in a file."""

    data: memoryview
    at: int = 0

    def take(self, size: int) -> memoryview:
        """So many bytes. Raises ValueError where the file ends before."""
        if size > len(self.data) - self.at:
            raise ValueError("it ends too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def numbers(self, kinds: str) -> tuple[int, ...]:
        """Numbers of these kinds, as struct has them."""
        kinds = f"<{kinds}"
        return struct.unpack(kinds, self.take(struct.calcsize(kinds)))


def read(path: str) -> Archive:
    """All arrays; values stay in the file. Raises WeightsError where they have no names."""
    with open(path, "rb") as stream:
        position = Position(memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)))
    _, _, count = position.numbers("QQQ")
    if count > MAX_ARRAYS:
        raise ValueError(f"{count} arrays")
    arrays = [array(position) for _ in range(count)]
    (named,) = position.numbers("Q")
    if not named:
        raise refusal(path, "its arrays have no names, so no VGG can be built")
    if named != count:
        raise ValueError(f"{named} names for {count} arrays")
    names = [bytes(position.take(*position.numbers("Q"))).decode() for _ in arrays]
    return Archive(path, dict(zip(names, arrays)))


def array(position: Position) -> Stored:
    """The next array. Raises ValueError for one that is none, sparse, or of an unknown type."""
    (magic,) = position.numbers("I")
    if magic in (V2, V3):
        (kind,) = position.numbers("i")
        if kind != 0:
            raise ValueError("a sparse array")
    dimensions = position.numbers("i")[0] if magic in (V1, V2, V3) else magic
    if dimensions == (-1 if magic == V3 else 0):
        return Stored((0,), np.dtype("f4"), lambda: np.zeros(0, np.float32))  # of nothing
    if not 0 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"an array of {dimensions} dimensions")
    shape = position.numbers(f"{dimensions}{'q' if magic in (V1, V2, V3) else 'I'}")
    _, _, number = position.numbers("iii")  # after the device
    if number not in TYPES or min(shape, default=0) < 0:
        raise ValueError(f"an array of type {number} and shape {shape}")
    dtype = np.dtype(TYPES[number])
    values = position.take(math.prod(shape) * dtype.itemsize)
    return Stored(shape, dtype, lambda: np.frombuffer(values, dtype).reshape(shape))
