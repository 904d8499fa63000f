"""Files that are either wholly written or not touched at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import io
import os
import secrets
import select
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from nstyle.errors import OptionError

PATIENCE = 30.0  # seconds to wait for what comes through a pipe


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
    temporary, file = _temporary_beside(target)
    try:
        with file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, target)  # while its lock says that it is in use
    except BaseException:
        with contextlib.suppress(OSError):  # what was raised before says more
            os.unlink(temporary)
        raise


def elsewhere(path: str | os.PathLike[str], write: Callable[[str], Any]) -> str | None:
    """Have written what could not be written at `path`: in the temporary folder or at home.

    Gives the path, in a folder of its own, or None.
    """
    for folder in (None, os.path.expanduser("~")):  # None: the temporary one
        made = ""
        try:
            made = tempfile.mkdtemp(prefix="nstyle-", dir=folder)
            place = os.path.join(made, os.path.basename(path))
            write(place)
            return place
        except OSError:
            with contextlib.suppress(OSError):
                os.rmdir(made)
    return None


def is_name(path: str) -> bool:
    """Whether a file can have this name: no zero bytes, no half letters, which JSON may hold."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def make_folder(path: str | os.PathLike[str], mode: int = 0o777) -> None:
    """Make a folder where there is none, and those around it, however many. Raises OSError.

    os.makedirs calls itself for each.
    """
    missing = [os.path.abspath(path)]
    while not os.path.isdir(os.path.dirname(missing[-1])):
        missing.append(os.path.dirname(missing[-1]))
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """A file to read; of a pipe, all that came through it.

    Raises OSError, also where nothing comes through a pipe for PATIENCE seconds.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # or a pipe waits for one who writes
    file = os.fdopen(number, "rb")
    if not stat.S_ISFIFO(os.fstat(number).st_mode):
        return file
    with file:
        return io.BytesIO(b"".join(iter(lambda: next_of(number), b"")))


def next_of(pipe: int) -> bytes:
    """What comes next through a pipe; nothing at its end. Raises OSError."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(PATIENCE * 1000):
        raise TimeoutError(errno.ETIMEDOUT, f"a pipe; nothing came through it for {PATIENCE:g} s")
    return os.read(pipe, 2**20)


def check_place(path: str | os.PathLike[str]) -> None:
    """Make sure before the work that a file can be written at `path`; makes its folder.

    Leaves an old file as it is. Raises OSError, and ValueError for names no file can have.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    folder = os.path.dirname(os.path.realpath(path))
    make_folder(folder)
    # Permissions alone do not tell: root may do all, a read-only disk nothing.
    with tempfile.TemporaryFile(dir=folder), contextlib.suppress(FileNotFoundError):
        os.stat(path)  # refuses names that no file can have


def check_writable(flag: str, path: str) -> None:
    """check_place as a refusal. Raises OptionError."""
    try:
        check_place(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{flag}: {path} cannot be written ({reason}); choose another place"
        raise OptionError(message) from error


def refuse_overwriting(
    written: Iterable[tuple[str, str | None]],
    read: Iterable[str | None],
    *,
    known: Mapping[str, str] | None = None,
    advice: str = "give another file",
) -> None:
    """Refuse to write over a file that is read, or twice to one file. Raises OptionError.

    written: (flag, path), in order; known: other files that stay -> their names. A flag of such a
    name may write there.
    """
    taken = {os.path.realpath(path): "one of the inputs" for path in read if path}
    taken.update({os.path.realpath(path): name for path, name in (known or {}).items()})
    for flag, path in written:
        if not path:
            continue
        place = os.path.realpath(path)
        if taken.get(place, flag) != flag:
            raise OptionError(f"{flag}: {path} is {taken[place]}; {advice}")
        taken[place] = f"the {flag.strip('-')}, too"


def append_whole(file: Any, data: bytes) -> None:
    """Append to an unbuffered file wholly or, on a full disk, not at all. Raises OSError."""
    size = os.fstat(file.fileno()).st_size
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        with contextlib.suppress(OSError):  # a device or pipe has no end to go back to
            os.ftruncate(file.fileno(), size)
            file.seek(size)
        raise


def sha256(file: BinaryIO, count: int | None = None) -> str:
    """Of the next `count` bytes, or of all that follow, hexadecimal. Raises OSError."""
    state = hashlib.sha256()
    left = sys.maxsize if count is None else count
    while chunk := file.read(min(left, 2**20)):
        state.update(chunk)
        left -= len(chunk)
    return state.hexdigest()


def sweep_beside(path: str | os.PathLike[str]) -> None:
    """Remove what killed processes left beside a file: temporary files that nobody locks."""
    folder = os.path.dirname(os.path.realpath(path))
    for name in glob.glob(os.path.join(glob.escape(folder), ".nstyle-*.tmp")):
        with contextlib.suppress(OSError, ImportError), open(name, "r+b") as file:
            lock(file, wait=False)
            os.unlink(name)


def _temporary_beside(target: str) -> tuple[str, BinaryIO]:
    """A hidden, locked file in the same folder: only within one file system is a move atomic."""
    folder = os.path.dirname(target)
    while True:
        name = os.path.join(folder, f".nstyle-{os.getpid()}-{secrets.token_hex(4)}.tmp")
        file = open(name, "x+b")  # noqa: SIM115 - the caller closes it
        with contextlib.suppress(OSError, ImportError):  # a file system without locks
            lock(file, wait=True)
        if os.path.exists(name):  # not swept before it was locked
            return name, file
        file.close()


def lock(file: BinaryIO, *, wait: bool) -> None:
    """Lock until the file is closed or the process ends. Raises OSError where another has it."""
    import fcntl

    fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
