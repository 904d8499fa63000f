"""Checksums of a run's inputs, to tell whether another run reads the same."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.errors import CheckpointError
from nstyle.system.files import sha256


def of(inputs: Any) -> dict[str, str]:
    """Field of a dataclass of inputs -> SHA-256 of what it holds; of `weights`: of the file.

    Pictures count by their decoded pixels. Raises CheckpointError for an unreadable weights file.
    """
    values = _fields_of(inputs).items()
    return {name: (of_file if name == "weights" else of_value)(value) for name, value in values}


def of_value(value: Any) -> str:
    """SHA-256 of pictures, arrays, and of tuples, mappings and dataclasses of them."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def of_file(path: str) -> str:
    """SHA-256 of a file. Raises CheckpointError."""
    try:
        with open(path, "rb") as file:
            return sha256(file)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def _fields_of(instance: Any) -> dict[str, Any]:
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}


def _feed(state: Any, value: Any) -> None:
    """Let a hash see a value, each part with its kind and length."""
    if isinstance(value, np.ndarray):
        state.update(f"{value.dtype.str}{value.shape}".encode())
        state.update(np.ascontiguousarray(value).data)
    elif dataclasses.is_dataclass(value):
        _feed(state, _fields_of(value))
    elif isinstance(value, (list, tuple, Mapping)):
        state.update(f"{len(value)}:".encode())
        for part in value.items() if isinstance(value, Mapping) else value:
            _feed(state, part)
    else:
        state.update(f"{value!r};".encode())
