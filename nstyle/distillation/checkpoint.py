"""The state of a training in one file (numpy's .npz, whose checksums tell damage)."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.errors import OptionError, WeightsError
from nstyle.files import atomic_write

FORMAT = 1


def save(
    path: str, step: int, groups: Mapping[str, Mapping[str, np.ndarray]], setup: Mapping[str, Any]
) -> None:
    """Write atomically: the number of steps done, arrays by group and name, what was set up."""
    arrays = {f"{group}|{name}": a for group, some in groups.items() for name, a in some.items()}
    about = json.dumps({"format": FORMAT, "step": step, "setup": dict(setup)}, sort_keys=True)
    arrays["about"] = np.frombuffer(about.encode(), np.uint8)
    atomic_write(path, lambda file: np.savez(file, **arrays))


def load(path: str, setup: Mapping[str, Any]) -> tuple[int, dict[str, dict[str, np.ndarray]]]:
    """(steps done, arrays by group and name).

    Raises WeightsError for a damaged file, OptionError when it is of a training set up
    differently, naming what differs.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop("about").tobytes())
        step, made = int(about["step"]), about["setup"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path}: not a checkpoint of nstyle distill, or damaged; remove it to start anew"
        ) from error
    wanted = json.loads(json.dumps(dict(setup)))
    differing = sorted(key for key in {*wanted, *made} if wanted.get(key) != made.get(key))
    if differing:
        key = differing[0]
        raise OptionError(
            f"{path} is of a training with {key} {made.get(key)}, not {wanted.get(key)}; "
            "give the same options or remove it to start anew"
        )
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        group, key = name.split("|", 1)
        groups.setdefault(group, {})[key] = values
    return step, groups


def exists(path: str | None) -> bool:
    """Whether there is a training to go on with."""
    return path is not None and os.path.isfile(path)
