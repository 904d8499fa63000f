"""The state of a training in one file, and whether it is of this training."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle import checkpoints
from nstyle.errors import CheckpointError, OptionError, WeightsError

KIND = "nstyle distill"


def save(
    path: str, step: int, groups: Mapping[str, Mapping[str, np.ndarray]], setup: Mapping[str, Any]
) -> None:
    """Write atomically: the number of steps done, arrays by group and name, what was set up."""
    checkpoints.write(path, KIND, {"step": step, "setup": dict(setup)}, groups)


def load(path: str, setup: Mapping[str, Any]) -> tuple[int, checkpoints.Groups]:
    """(steps done, arrays by group and name).

    Raises WeightsError for a damaged file, OptionError when it is of a training set up
    differently, naming what differs.
    """
    try:
        facts, groups = checkpoints.read(path, KIND)
    except CheckpointError as error:
        raise WeightsError(f"{error}; remove it to start anew") from error
    made, wanted = facts["setup"], json.loads(json.dumps(dict(setup)))
    differing = sorted(key for key in {*wanted, *made} if wanted.get(key) != made.get(key))
    if differing:
        key = differing[0]
        raise OptionError(
            f"{path} is of a training with {key} {made.get(key)}, not {wanted.get(key)}; "
            "give the same options or remove it to start anew"
        )
    return int(facts["step"]), groups


def exists(path: str | None) -> bool:
    """Whether there is a training to go on with."""
    return path is not None and os.path.isfile(path)
