"""Exit codes, messages on stderr, the log."""

from __future__ import annotations

import logging
import sys

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def say(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr, flush=True)


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
