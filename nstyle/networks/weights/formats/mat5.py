"""MATLAB's files of level 5 as Python values: numbers, text, cells, structs.

Read here and not by scipy, whose reader ends the process on some damaged files; and numbers stay
in the file until they are asked for. The format: "MAT-File Level 5 File Format", The MathWorks.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.networks.weights.formats.archive import MAX_DIMENSIONS, PACKED, SMALL, Stored

HEADER = 128
MATRIX, COMPRESSED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
ENCODINGS = {4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}  # of text; others: latin-1
CELL, STRUCT, TEXT, FIRST_NUMBER, LAST_NUMBER = 1, 2, 4, 6, 15
COMPLEX = 0x0800
DEEPEST = 20  # levels of cells and structs
MAX_BYTES = 2**31  # of a compressed variable


@dataclass
class Cursor:
    """A place in a run of elements. order: "<" or ">"."""

    data: memoryview
    order: str
    at: int = 0

    def element(self) -> tuple[int, memoryview]:
        """(type, content) of the next element. Raises ValueError where the data ends before it."""
        if self.at + 8 > len(self.data):
            raise ValueError("it ends too early")
        kind, size = struct.unpack_from(f"{self.order}II", self.data, self.at)
        start, room = self.at + 8, len(self.data) - self.at - 8
        if kind >> 16:  # up to four bytes, in the tag itself
            kind, size, start, room = kind & 0xFFFF, kind >> 16, self.at + 4, 4
        if size > room:
            raise ValueError("it ends too early")
        self.at = max(self.at + 8, start + size)
        if kind != COMPRESSED:
            self.at += -self.at % 8
        return kind, self.data[start : start + size]

    def numbers(self) -> np.ndarray:
        """The next element as a vector. Raises ValueError where it holds none."""
        kind, content = self.element()
        if kind not in TYPES:
            raise ValueError(f"numbers of type {kind}")
        return np.frombuffer(content, np.dtype(f"{self.order}{TYPES[kind]}"))

    def text(self) -> str:
        """The next element as plain characters."""
        return bytes(self.element()[1]).decode("latin-1")


def read(path: str, names: Iterable[str]) -> dict[str, Any]:
    """Variables by name: Stored, str, list (a cell) or dict (a struct); None for other kinds.

    Raises ValueError, OSError or zlib.error where the file is damaged.
    """
    with open(path, "rb") as stream:
        data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[HEADER - 2 : HEADER]))
    if order is None:
        raise ValueError("its header does not tell the order of bytes")
    cursor, variables = Cursor(data, order, HEADER), {}
    while cursor.at < len(data):
        kind, content = cursor.element()
        if not content:  # only zeros follow
            break
        if kind == COMPRESSED:
            kind, content = Cursor(unpacked(content), order).element()
        if kind != MATRIX:  # zeros, for instance, which would be read eight by eight
            raise ValueError(f"an element of type {kind} where a variable belongs")
        name, value = matrix(content, order, names)
        variables[name] = value
    return {name: variables[name] for name in names if name in variables}


def unpacked(content: memoryview) -> memoryview:
    """A compressed element. Raises zlib.error or ValueError where it is damaged."""
    stream = zlib.decompressobj()
    most = min(PACKED * len(content) + SMALL, MAX_BYTES)
    data = stream.decompress(content, most)
    if not stream.eof:
        raise ValueError("it ends too early" if len(data) < most else f"over {most} bytes packed")
    return memoryview(data)


def matrix(
    content: memoryview, order: str, names: Iterable[str] | None = None, depth: int = 0
) -> tuple[str, Any]:
    """(name, value) of an array; value: None for a name not in `names` or an unknown class."""
    if not content:
        return "", None
    cursor = Cursor(content, order)
    flags, shape = int(cursor.numbers()[0]), tuple(int(size) for size in cursor.numbers())
    name, kind = cursor.text(), flags & 0xFF
    if min(shape, default=0) < 0 or len(shape) > MAX_DIMENSIONS or depth > DEEPEST:
        raise ValueError(f"an array of shape {shape[:MAX_DIMENSIONS]}, {depth} levels deep")
    if names is not None and name not in names:
        return name, None
    if kind == CELL:
        return name, items(cursor, math.prod(shape), depth)
    if kind == STRUCT:
        return name, fields(cursor, math.prod(shape), depth)
    if kind == TEXT:
        encoding, text = cursor.element()
        return name, decoded(encoding, text, order)
    if FIRST_NUMBER <= kind <= LAST_NUMBER and not flags & COMPLEX:
        return name, numbers(cursor, shape)
    return name, None


def items(cursor: Cursor, count: int, depth: int) -> list[Any]:
    """The arrays of a cell, in MATLAB's order."""
    if count > len(cursor.data) // 8:
        raise ValueError(f"a cell of {count}")
    return [inner(cursor, depth) for _ in range(count)]


def fields(cursor: Cursor, count: int, depth: int) -> dict[str, Any] | None:
    """A struct of 1x1; None for an array of them, which nothing here needs."""
    width = int(cursor.numbers()[0])
    names = cursor.text()
    if count != 1 or width <= 0:
        return None
    starts = range(0, len(names), width)
    return {names[at : at + width].split("\0")[0]: inner(cursor, depth) for at in starts}


def inner(cursor: Cursor, depth: int) -> Any:
    """The value of an array inside another."""
    kind, content = cursor.element()
    if kind != MATRIX:
        raise ValueError(f"an element of type {kind} where an array belongs")
    return matrix(content, cursor.order, depth=depth + 1)[1]


def decoded(encoding: int, text: memoryview, order: str) -> str:
    """Text of one row."""
    name = ENCODINGS.get(encoding, "latin-1")
    if name in ("utf-16", "utf-32"):
        name += {"<": "-le", ">": "-be"}[order]
    return bytes(text).decode(name, errors="replace")


def numbers(cursor: Cursor, shape: tuple[int, ...]) -> Stored:
    """An array of numbers, whatever type they are kept in; the first index runs fastest."""
    values = cursor.numbers()  # a view: nothing is read yet
    if values.size != math.prod(shape):
        raise ValueError(f"{values.size} numbers for an array of shape {shape}")
    return Stored(shape, values.dtype, lambda: values.reshape(shape, order="F"))
