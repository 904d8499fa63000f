"""HDF5 files, as Keras writes them; the only place that imports h5py."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from nstyle.networks.weights.formats.archive import (
    MAX_ARRAYS,
    Archive,
    absent,
    check_packed,
    in_file,
    refusal,
)
from nstyle.networks.weights.formats.detect import KERAS


def library(path: str) -> Any:
    """h5py. Raises WeightsError naming what to install."""
    try:
        import h5py
    except ImportError as error:
        raise absent(path, "an HDF5 file (.h5)") from error
    return h5py


class Inside(io.FileIO):
    """A stretch of a file, read as a file of its own."""

    def __init__(self, path: str, start: int, size: int) -> None:
        super().__init__(path)
        self._start, self._end = start, start + size
        self.seek(0)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""
        begin = {os.SEEK_SET: self._start, os.SEEK_END: self._end}.get(whence, super().tell())
        return super().seek(begin + offset) - self._start

    def tell(self) -> int:
        """As of any file."""
        return super().tell() - self._start


def inside(path: str) -> Inside:
    """The weights in a .keras, a zip archive. Raises WeightsError where they are packed."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(KERAS)
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        raise refusal(path, f"{KERAS} is packed in it; unpack it, and give that file")
    with open(path, "rb") as stream:
        stream.seek(member.header_offset + 26)
        name, extra = struct.unpack("<HH", stream.read(4))
    return Inside(path, member.header_offset + 30 + name + extra, member.file_size)


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """The h5py.File of a path, whether it is an .h5 or a .keras."""
    h5py = library(path)
    with open(path, "rb") as stream:
        zipped = stream.read(2) == b"PK"
    with inside(path) if zipped else nullcontext(path) as source, h5py.File(source, "r") as file:
        yield file


def read(path: str) -> Archive:
    """All datasets by their place, as in block1_conv1/kernel:0; values stay in the file."""
    h5py = library(path)
    kinds: dict[str, Any] = {}

    def note(place: Any, thing: Any) -> None:
        is_array = isinstance(thing, h5py.Dataset) and thing.shape is not None
        if is_array and isinstance(place, str):  # a damaged name is bytes
            if len(kinds) == MAX_ARRAYS:
                raise ValueError(f"more than {MAX_ARRAYS} arrays")
            kinds[place] = tuple(thing.shape), thing.dtype

    with opened(path) as file:
        file.visititems(note)
    return in_file(path, kinds, values)


def values(path: str, place: str) -> np.ndarray:
    """One dataset. Raises WeightsError where the file has too little of it."""
    with opened(path) as file:
        data = file[place]
        chunk = math.prod(data.chunks or ()) * data.dtype.itemsize
        check_packed(path, place, max(data.nbytes, chunk), data.id.get_storage_size())
        return np.asarray(data[()])
