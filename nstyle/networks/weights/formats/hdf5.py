"""HDF5 files, as Keras writes them; the only place that imports h5py."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from nstyle.networks.weights.formats.archive import Archive, absent, in_file, refusal
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
    h5py, shapes = library(path), {}

    def note(place: Any, thing: Any) -> None:
        is_array = isinstance(thing, h5py.Dataset) and thing.shape is not None
        if is_array and isinstance(place, str):  # a damaged name is bytes
            shapes[place] = tuple(thing.shape)

    with opened(path) as file:
        file.visititems(note)
    return in_file(path, shapes, values)


def values(path: str, place: str) -> np.ndarray:
    """One dataset."""
    with opened(path) as file:
        return np.asarray(file[place][()])
