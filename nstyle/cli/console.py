"""Exit codes, messages on stderr, the log."""

from __future__ import annotations

import logging
import math
import sys
import time

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
SECONDS = 10  # between two lines about the same work


def say(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr, flush=True)


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
