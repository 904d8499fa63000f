"""Learning curves: one JSON line per step, in step with the checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from nstyle.errors import OptionError
from nstyle.system.checkpoint_file import log_until
from nstyle.system.files import append_whole, atomic_write


def append(path: str | None, facts: Mapping[str, Any]) -> None:
    """A line more, wholly or not at all; facts hold a "step". None: nothing. Raises OSError."""
    if path:
        with open(path, "ab", buffering=0) as file:
            append_whole(file, json.dumps(dict(facts)).encode() + b"\n")


def trim(path: str | None, step: int) -> None:
    """Drop the lines that a killed run wrote after its last checkpoint, `step`.

    Raises OptionError for a file that is no curve.
    """
    lines = kept(path, step)
    if path and lines is not None:
        atomic_write(path, lambda file: file.write(lines))


def kept(path: str | None, step: int) -> bytes | None:
    """The lines up to this step, or None where there is no file. Raises OptionError as `trim`."""
    if path is None or not os.path.isfile(path):  # a device may be read for ever
        return None
    try:
        return log_until(path, "step", step)
    except ValueError as error:
        raise OptionError(f"curve {path}: exists and is no learning curve") from error
