"""Files that are either wholly written or not touched at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO


def atomic_write(path: str | os.PathLike[str], write_to: Callable[[BinaryIO], Any]) -> None:
    """Give `write_to` a binary file and put what it wrote at `path` in one step.

    Until then an old file stays as it is; whatever is raised, it stays and no temporary file is
    left. A link is followed; a device or pipe is written directly. Raises OSError, and what
    `write_to` raises.
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        # Replacing /dev/stdout or /dev/null by a file would harm the machine.
        with open(target, "wb") as device:
            write_to(device)
        return
    temporary = _temporary_beside(target)
    try:
        with open(temporary, "xb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise


def check_place(path: str | os.PathLike[str]) -> None:
    """Make sure before the work that a file can be written at `path`; makes its folder.

    Leaves an old file as it is. Raises OSError, and ValueError for names no file can have.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    folder = os.path.dirname(os.path.realpath(path))
    os.makedirs(folder, exist_ok=True)
    # Permissions alone do not tell: root may do all, a read-only disk nothing.
    with tempfile.TemporaryFile(dir=folder), contextlib.suppress(FileNotFoundError):
        os.stat(path)  # refuses names that no file can have


def _temporary_beside(target: str) -> str:
    """A hidden name in the same folder: only within one file system is a replacement atomic."""
    return os.path.join(
        os.path.dirname(target), f".nstyle-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    )


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
