"""The state of a training in one file, whether it is of this training, and what it made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import CheckpointError, OptionError, WeightsError
from nstyle.system import checkpoint_file

ANEW = "remove it to start anew"
FORM = {"step": checkpoint_file.count, "setup": dict}
UNSIGNED = ("square", "so far", "time", "scale", "variance")


@dataclass(frozen=True)
class TrainingState:
    """A checkpoint as it was read: steps done, what was set up, arrays by group and name."""

    path: str
    step: int
    setup: Mapping[str, Any]
    groups: checkpoint_file.Groups


def save(
    path: str, kind: str, step: int, groups: checkpoint_file.Groups, setup: Mapping[str, Any]
) -> None:
    """Write atomically: the number of steps done, arrays by group and name, what was set up."""
    checkpoint_file.write(path, kind, {"step": step, "setup": dict(setup)}, groups)


def read(path: str, kind: str) -> TrainingState:
    """Reads the file of `save`. Raises WeightsError for a damaged file or one of another kind."""
    try:
        facts, groups = checkpoint_file.read(path, kind, FORM)
    except CheckpointError as error:
        raise WeightsError(f"{error}; {ANEW}") from error
    return TrainingState(path, facts["step"], facts["setup"], groups)


def check_groups(saved: TrainingState, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises WeightsError where a group has not the names and shapes it should, or odd values.

    expected: by group and name arrays, or shapes.
    """
    for group, arrays in expected.items():
        shapes = {name: getattr(each, "shape", each) for name, each in arrays.items()}
        found = saved.groups.get(group, {})
        signed = group not in UNSIGNED or all((array >= 0).all() for array in found.values())
        if not (checkpoint_file.finite(found, shapes) and signed):
            raise WeightsError(
                f"{saved.path}: its arrays ({group}) are not of this training; {ANEW}"
            )


def agree(saved: TrainingState, setup: Mapping[str, Any]) -> None:
    """Raises OptionError for a training that was set up differently, naming what differs first."""
    before, now = saved.setup, json.loads(json.dumps(dict(setup)))
    for key in {**now, **before}:
        if now.get(key) != before.get(key):
            raise OptionError(
                f"{saved.path} is of a training with {key} {before.get(key)}, not {now.get(key)}; "
                f"give the same options or {ANEW}"
            )


def half(path: str | os.PathLike[str], values: np.ndarray) -> np.ndarray:
    """Values of a finished network as its file holds them. Raises WeightsError for too large."""
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise WeightsError(f"{path}: not written, for a value is too large for float16")
    return halves


def exists(path: str | None) -> bool:
    """Whether there is a training to go on with."""
    return path is not None and os.path.isfile(path)
