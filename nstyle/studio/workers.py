"""A process of the studio that answers requests, in turn; replaced when it hangs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from nstyle import processes
from nstyle.studio.refusals import Refused

DUTIES = "nstyle.studio.duties"


class Worker:
    """A process that answers one request at a time, started when needed, replaced when it hangs."""

    def __init__(self, words: Sequence[str], *, seconds: float, waiting: int) -> None:
        self._worker, self._seconds, self._most = processes.Worker(DUTIES, words), seconds, waiting
        self._turn, self._counting, self._waiting = threading.Lock(), threading.Lock(), 0
        self._closed = False

    def begin(self) -> None:
        """Start the process, so that the first request need not wait for it."""
        with self._turn, contextlib.suppress(processes.Ended):
            self._worker.begin()

    @contextlib.contextmanager
    def _in_turn(self) -> Any:
        with self._counting:
            if self._waiting >= self._most:
                raise Refused("too many ask at once; try again in a moment", 503)
            self._waiting += 1
        try:
            with self._turn:
                yield
        finally:
            with self._counting:
                self._waiting -= 1

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Raises Refused: what the worker refuses, too many wait, or it failed."""
        with self._in_turn():
            answer = self._ask(request)
        if "refused" in answer:
            raise Refused(answer["refused"], answer.get("status", 400))
        return answer

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._worker.ask(request, self._seconds)
        except TimeoutError:
            raise Refused("this took too long and was given up", 503) from None
        except processes.Ended:
            pass
        if self._closed:
            raise Refused("the studio is being closed", 503)
        raise Refused("this picture was too much for the studio; try a smaller one", 503)

    def close(self) -> None:
        """End the process; nothing can be asked any more."""
        self._closed = True
        self._worker.close()
