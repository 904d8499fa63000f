"""Ctrl-C that is not lost, or that waits.

Python drops an exception that is raised while an object is deleted.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any


class Interruption:
    """While it is entered, Ctrl-C raises KeyboardInterrupt at once, as usual, and is remembered.

    Each call (it is a listener) raises again if one came since. Only in the main thread, where
    signals arrive, and where nobody else has taken Ctrl-C. Inside another one only the inner hears.
    """

    def __init__(self) -> None:
        self._came = False
        self._before: Any = None
        self._hook: Any = None

    def __enter__(self) -> Interruption:
        main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT)
        ours = isinstance(getattr(before, "__self__", None), Interruption)
        if main and (ours or before is signal.default_int_handler):
            self._before = signal.signal(signal.SIGINT, self._notice)
            self._hook, sys.unraisablehook = sys.unraisablehook, self._say_unless_noticed
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
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
        self._came = True
        signal.default_int_handler(number, frame)


class Postponement(Interruption):
    """While it is entered, Ctrl-C waits until somebody asks; only a second one raises.

    Each call (it is a listener) gives True once Ctrl-C came, which ends what listens.
    """

    def __call__(self, step: Any = None) -> bool:
        """Whether Ctrl-C came."""
        return self._came

    def _notice(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            signal.default_int_handler(number, frame)
        self._came = True
