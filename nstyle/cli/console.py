"""Exit codes, messages on stderr, output on stdout, the log."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import math
import os
import sys
import time
from typing import Any

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
SECONDS = 10  # between two lines about the same work


class Unprinted(Exception):
    """stdout took nothing; the text says why, or is empty where a reader has read enough."""


class Unfailing(io.FileIO):
    """A file that takes everything and drops what cannot be written."""

    def write(self, data: Any) -> Any:
        """Bytes taken."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def open_streams() -> None:
    """Have messages never end work: neither a full disk behind stderr nor a closed stderr.

    Closed streams become /dev/null: otherwise the next file that is opened would be taken for one,
    and messages of libraries would get into it. What a test or a program put in place of stderr
    stays.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest free number is given, which is this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is sys.__stderr__:
        encoding = sys.stderr.encoding if sys.stderr else "utf-8"
        file: Any = Unfailing(2, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(file, encoding, "backslashreplace", write_through=True)


def say(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr, flush=True)


def put(output: str | bytes) -> None:
    """A text and a line's end, or bytes, on stdout, at once. Raises Unprinted."""
    try:
        if sys.stdout is None:  # print would say nothing
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if isinstance(output, bytes):
            sys.stdout.buffer.write(output)
            sys.stdout.flush()
        else:
            print(output, flush=True)
    except (OSError, ValueError) as error:
        # What is still buffered would fail again in the end.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        enough = isinstance(error, BrokenPipeError)  # `nstyle presets | head`
        raise Unprinted("" if enough else getattr(error, "strerror", None) or error) from error


class Pace:
    """Tells when a line about work is due: at first, every ten seconds, and at the end."""

    def __init__(self) -> None:
        self._last = -math.inf

    def due(self, *, end: bool) -> bool:
        """Whether it is; end: the work is done."""
        if not end and time.monotonic() - self._last < SECONDS:
            return False
        self._last = time.monotonic()
        return True


class LogHandler(logging.Handler):
    """Writes log records to the present stderr: that of a test goes with the test."""

    def emit(self, record: logging.LogRecord) -> None:
        """A line."""
        say(self.format(record))


def configure_logging(*, quiet: bool = False, verbose: bool = False) -> None:
    """Sends the library's log to stderr as plain lines."""
    level = logging.WARNING if quiet else logging.INFO
    logger = logging.getLogger("nstyle")
    logger.setLevel(logging.DEBUG if verbose else level)
    if not logger.handlers:
        logger.addHandler(LogHandler())
