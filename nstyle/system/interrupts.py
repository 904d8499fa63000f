"""Ctrl-C that is not lost, or that waits; SIGTERM and SIGHUP that do the same.

Python drops an exception that is raised while an object is deleted.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDS = (signal.SIGTERM, signal.SIGHUP)  # kill, a service manager, a terminal that is closed


def end(number: int, frame: FrameType | None) -> None:
    """Raises KeyboardInterrupt. A terminal and its shell both send SIGHUP: the first one counts."""
    for each in ENDS:
        signal.signal(each, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


@contextlib.contextmanager
def ends_as_ctrl_c() -> Iterator[None]:
    """While it is entered, SIGTERM and SIGHUP do what Ctrl-C does, but where they are ignored."""
    taken = {}
    if threading.current_thread() is threading.main_thread():
        usual = [each for each in ENDS if signal.getsignal(each) is signal.SIG_DFL]
        taken = {each: signal.signal(each, end) for each in usual}
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def is_ours(handler: Any) -> bool:
    """Whether it is the usual one, or one of these."""
    within = isinstance(getattr(handler, "__self__", None), Interruption)
    return within or handler in (signal.default_int_handler, end)


class Interruption:
    """While it is entered, Ctrl-C raises KeyboardInterrupt at once, as usual, and is remembered.

    Each call (it is a listener) raises again if one came since. Only in the main thread, where
    signals arrive, and where nobody else has taken Ctrl-C. Inside another one only the inner hears.
    """

    def __init__(self) -> None:
        self._came = False
        self._before: dict[int, Any] = {}
        self._hook: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            numbers = [each for each in (signal.SIGINT, *ENDS) if is_ours(signal.getsignal(each))]
            self._before = {each: signal.signal(each, self._notice) for each in numbers}
        if self._before:
            self._hook, sys.unraisablehook = sys.unraisablehook, self._say_unless_noticed
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in self._before.items():
            again = number in ENDS and self._came  # what was begun to be kept is kept
            signal.signal(number, signal.SIG_IGN if again else before)
        if self._before:
            sys.unraisablehook = self._hook

    @property
    def came(self) -> bool:
        """Whether Ctrl-C came."""
        return self._came

    def __call__(self, step: Any = None) -> bool | None:
        """Raises KeyboardInterrupt if Ctrl-C came."""
        if self._came:
            raise KeyboardInterrupt
        return None

    def _say_unless_noticed(self, dropped: Any) -> None:
        # An object whose making was interrupted lacks attributes when it is deleted.
        expected = issubclass(dropped.exc_type, (KeyboardInterrupt, AttributeError))
        if not (self._came and expected):
            self._hook(dropped)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        came, self._came = self._came, True
        if not came or number == signal.SIGINT:
            signal.default_int_handler(number, frame)


class Postponement(Interruption):
    """While it is entered, Ctrl-C waits until somebody asks; only a second Ctrl-C raises.

    Each call (it is a listener) gives True once Ctrl-C came, which ends what listens.
    """

    def __call__(self, step: Any = None) -> bool:
        """Whether Ctrl-C came."""
        return self._came

    def _notice(self, number: int, frame: FrameType | None) -> None:
        if self._came and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        self._came = True
