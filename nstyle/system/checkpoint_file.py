"""Checkpoint files: facts and arrays in, the same out, or a refusal. Pure numpy.

A file is numpy's .npz with nothing pickled. Its first member holds JSON: which kind of checkpoint
it is, and facts, whose floats keep every bit. The .npz's comment, which ends the file, is the
SHA-256 of all that comes before, so that no damage passes.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from nstyle.errors import CheckpointError
from nstyle.system.files import atomic_write, opened, sha256

FORMAT = 1  # of the file; another number is refused
FACTS = "nstyle_checkpoint"
HEADER = b"PK\x03\x04", FACTS.encode()  # how a file begins, and what stands at byte 30
CHECKSUM_LENGTH = 64
ABSENT = "no such file"

Groups = dict[str, dict[str, np.ndarray]]


def write(
    path: str, kind: str, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Write atomically. kind: what it is a checkpoint of; facts: what JSON can hold.

    groups: arrays by group and name. Raises OSError.
    """
    text = json.dumps({"format": FORMAT, "kind": kind, **facts})
    arrays = {FACTS: np.frombuffer(text.encode(), np.uint8)}
    for group, some in groups.items():
        arrays.update({f"{group}|{name}": array for name, array in some.items()})
    atomic_write(path, lambda file: write_members(file, arrays))


def write_members(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes np.savez's format and a checksum. Raises OSError.

    np.savez leaves its archive open where a disk is full, which then complains when it is deleted.
    """
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = bytes(CHECKSUM_LENGTH)  # room for it
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    end = file.seek(-CHECKSUM_LENGTH, os.SEEK_END)
    file.seek(0)
    checksum = sha256(file, end)
    file.seek(end)
    file.write(checksum.encode())


def read(path: str, kind: str, form: Mapping[str, Any]) -> tuple[dict[str, Any], Groups]:
    """(facts, arrays by group and name) of a checkpoint of this kind. form: of facts, see `agrees`.

    Raises CheckpointError: absent, no checkpoint, damaged, of another kind, format or form.
    """
    name = path if path.isprintable() and path else repr(path)
    try:
        with opened(path) as file:
            check_whole(file, name)
            file.seek(0)
            arrays = read_members(file)
            facts = json.loads(arrays.pop(FACTS).tobytes())
            if facts["format"] != FORMAT:
                other = shown(facts["format"])
                raise CheckpointError(
                    f"{name}: has format {other}, this version of nstyle reads {FORMAT}; "
                    "use the version that wrote it"
                )
            if facts["kind"] != kind:
                other = shown(facts["kind"])
                raise CheckpointError(f"{name}: is a checkpoint of {other}, not of {kind}")
            check_form(facts, form)
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"{name}: {ABSENT}") from None
    except OSError as error:
        raise CheckpointError(f"{name}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # by another program: zipfile and json raise nearly anything
        what = f" ({error})" if isinstance(error, FormError) else ""
        raise CheckpointError(f"{name}: is no checkpoint that nstyle wrote{what}") from error
    groups: Groups = {}
    for member, array in arrays.items():
        group, _, own = member.partition("|")
        groups.setdefault(group, {})[own] = array
    return facts, groups


def read_members(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of a file as write_members writes it. Raises ValueError, or what zipfile does."""
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name, end = member.filename[:-4], member.filename[-4:]
            stored = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
            if end != ".npy" or name in arrays or not stored:
                raise ValueError(f"{member.filename} is none of its members")
            with archive.open(member) as stream:
                arrays[name] = read_array(stream, member.file_size)
    return arrays


def read_array(stream: IO[bytes], size: int) -> np.ndarray:
    """An .npy of so many bytes. Raises ValueError where it is of another length or no numbers."""
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("an array of another version")
    shape, fortran, dtype = npy.read_array_header_1_0(stream)
    # Before anything is made of this size, or unpickled.
    if math.prod(shape) * dtype.itemsize != size - stream.tell() or dtype.kind not in "biuf":
        raise ValueError(f"an array of {shape} {dtype} in {size} bytes")
    values = np.frombuffer(bytearray(stream.read()), dtype)
    return values.reshape(shape, order="F" if fortran else "C")


def shown(value: Any) -> str:
    """A fact as it can stand in a message of one line."""
    plain = isinstance(value, int) or (isinstance(value, str) and value.isprintable())
    return (str(value) if plain else ascii(value))[:60]


class FormError(ValueError):
    """A fact is not of its form; the message says which."""


def check_form(facts: Mapping[str, Any], form: Mapping[str, Any]) -> None:
    """Raises FormError where a fact is absent or not of its form."""
    for key, expected in form.items():
        if not agrees(facts.get(key, ...), expected):
            raise FormError(f"its {key} is not as it should be")


def agrees(value: Any, form: Any) -> bool:
    """Whether a value of JSON has a form.

    That is a type; a tuple of forms; a [form] of all items; a dict of the forms by name, or
    {...: form} for any names; a test; or a value itself.

    Whole numbers pass for float; NaN and numbers beyond 64 bits are no numbers.
    """
    if isinstance(form, tuple):
        return any(agrees(value, one) for one in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(agrees(each, form[0]) for each in value)
    if isinstance(form, Mapping):
        if not isinstance(value, dict):
            return False
        forms = dict.fromkeys(value, form[...]) if ... in form else form
        return all(name in value and agrees(value[name], forms[name]) for name in forms)
    if form in (int, float):
        number = isinstance(value, int if form is int else (int, float))
        small = number and (abs(value) < 2**63 or value == math.inf)
        return bool(small and not isinstance(value, bool))
    if isinstance(form, type):
        return isinstance(value, form)
    return bool(form(value)) if callable(form) else value == form


def count(value: Any) -> bool:
    """A form: a whole number from 0 on."""
    return agrees(value, int) and value >= 0


def finite(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether arrays have exactly these names and shapes, and finite floats."""
    return arrays.keys() == shapes.keys() and all(
        array.shape == shapes[name] and array.dtype.kind == "f" and bool(np.isfinite(array).all())
        for name, array in arrays.items()
    )


def check_whole(file: BinaryIO, name: str) -> None:
    """Refuse what is no checkpoint, cut short or damaged. Raises CheckpointError, OSError."""
    start = file.read(30 + len(FACTS))
    if not (start.startswith(HEADER[0]) and start.endswith(HEADER[1])):
        raise CheckpointError(f"{name}: is no checkpoint of nstyle")
    end = file.seek(0, os.SEEK_END) - CHECKSUM_LENGTH
    file.seek(0)
    checksum = sha256(file, max(end, 0)).encode()
    if file.read() != checksum:
        raise CheckpointError(f"{name}: is damaged or cut short (its checksum is wrong)")


def log_until(path: str, key: str, last: int) -> bytes:
    """The lines of a log that belong to a checkpoint: those whose `key` is at most `last`.

    A closing line without the key, a half-written one, and those that a killed run wrote after the
    checkpoint are left out. Raises ValueError where the file is no such log, OSError.
    """
    with opened(path) as file:
        lines = file.read().splitlines(keepends=True)
    kept = []
    for line in lines:
        closing = line is lines[-1]
        if closing and line.startswith(b"{") and not line.endswith(b"\n"):
            break
        try:
            record = json.loads(line)
            if closing and key not in record:
                break
            if int(record[key]) <= last:
                kept.append(line)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: {line[:40]!r} has no {key}") from error
    return b"".join(kept)
