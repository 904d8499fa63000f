"""Names of a run's checkpoint: the present one, the one of older versions, another run's."""

from __future__ import annotations

import glob
import os

ENDING = ".ckpt.npz"


def hint(path: str) -> str:
    """Where a checkpoint that is not there may be: under the new name or the old one."""
    stem = path[: -len(ENDING)] if path.endswith(ENDING) else path
    names = sorted(glob.glob(f"{glob.escape(stem)}.*{ENDING}"))
    names.append(os.path.splitext(stem)[0] + ENDING)
    found = next(filter(os.path.isfile, names), None)
    return f"; there is {found}" if found else ""


def aside(path: str) -> str:
    """Where another run's checkpoint goes: out.jpg.ckpt.npz -> out.jpg.old.ckpt.npz."""
    return path[: -len(ENDING)] + f".old{ENDING}"


def same(path: str, other: str) -> bool:
    """Whether two paths lead to one file, which need not be there."""
    return os.path.realpath(path) == os.path.realpath(other)
