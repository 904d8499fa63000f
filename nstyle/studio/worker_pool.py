"""A process of the studio that answers requests, in turn; replaced when it hangs."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nstyle.studio.requests import Refused
from nstyle.system import processes


class WorkerPool:
    """Queues requests for a process that answers one at a time; replaces it when it hangs.

    kind: of `worker`; seconds: for an answer; waiting, each: requests of all, and of one who asks.
    """

    def __init__(self, kind: str, *, seconds: float, waiting: int, each: int) -> None:
        self._worker, self._seconds = processes.Worker("nstyle.studio.worker", [kind]), seconds
        self._most, self._each = waiting, each
        self._turn, self._counting = threading.Lock(), threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._closed = False

    def begin(self) -> None:
        """Start the process, so that the first request need not wait for it."""
        with self._turn, contextlib.suppress(processes.Ended):
            self._worker.begin()

    @contextlib.contextmanager
    def _in_turn(self, who: str) -> Any:
        with self._counting:
            if self._waiting[who] >= self._each:
                raise Refused(f"{self._each} of your requests wait already; let one finish", 429)
            if sum(self._waiting.values()) >= self._most:
                raise Refused("too many ask at once; try again in a moment", 503)
            self._waiting[who] += 1
        try:
            with self._turn:
                yield
        finally:
            with self._counting:
                self._waiting[who] -= 1
                self._waiting += Counter()  # forgets those who wait for nothing

    def ask(self, request: Mapping[str, Any], who: str = "") -> dict[str, Any]:
        """The answer. Raises Refused: what the worker refuses, too many wait, or it failed."""
        with self._in_turn(who):
            answer = self._ask(request)
        if "refused" in answer:
            raise Refused(answer["refused"], answer.get("status", 400))
        return answer

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        for _ in range(2):  # the process may have been killed before this, and not been quite gone
            try:
                return self._worker.ask(request, self._seconds)
            except TimeoutError:
                raise Refused("this took too long and was given up", 503) from None
            except processes.Ended:
                if self._closed:
                    raise Refused("the studio is being closed", 503) from None
        raise Refused("this picture was too much for the studio; try a smaller one", 503)

    def close(self) -> None:
        """End the process; nothing can be asked any more."""
        self._closed = True
        self._worker.close()
