"""Checkpoint files: facts and arrays in, the same out, or a refusal. Pure numpy.

A file is numpy's .npz with nothing pickled. Its first member holds JSON: which kind of checkpoint
it is, and facts, whose floats keep every bit. The .npz's comment, which ends the file, is the
SHA-256 of all that comes before, so that no damage passes.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

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


def read(path: str, kind: str) -> tuple[dict[str, Any], Groups]:
    """(facts, arrays by group and name) of a checkpoint of this kind.

    Raises CheckpointError: absent, no checkpoint, damaged, of another kind or format.
    """
    name = path if path.isprintable() and path else repr(path)
    try:
        with opened(path) as file:
            check_whole(file, name)
            file.seek(0)
            with np.load(file, allow_pickle=False) as members:
                arrays = {member: members[member] for member in members.files}
            facts = json.loads(arrays.pop(FACTS).tobytes())
            if facts["format"] != FORMAT:
                raise CheckpointError(
                    f"{name}: has format {facts['format']}, this version of nstyle reads {FORMAT}; "
                    "use the version that wrote it"
                )
            if facts["kind"] != kind:
                raise CheckpointError(f"{name}: is a checkpoint of {facts['kind']}, not of {kind}")
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"{name}: {ABSENT}") from None
    except OSError as error:
        raise CheckpointError(f"{name}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:  # by another program
        raise CheckpointError(f"{name}: is no checkpoint that nstyle wrote") from error
    groups: Groups = {}
    for member, array in arrays.items():
        group, _, own = member.partition("|")
        groups.setdefault(group, {})[own] = array
    return facts, groups


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
