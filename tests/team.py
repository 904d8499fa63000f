"""A stand-in for nstyle.distributed.actors.DaskActors in this process; its actors can be lost."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

from nstyle.distributed.actor import Actor
from nstyle.distributed.actors import Args, Lost


class Here:
    """count actors, one after another. lost: number of a call -> which is lost in that call."""

    def __init__(
        self,
        count: int,
        weights: str,
        *,
        lost: Mapping[int, int] | None = None,
        free: int | None = None,
    ) -> None:
        self.count, self._weights, self._free = count, weights, free
        self.lost, self.calls, self.replaced = dict(lost or {}), 0, 0
        self.asked: list[str] = []
        self.actors: dict[int, Actor] = {}
        self._fill(range(count))

    def _fill(self, numbers: Any) -> None:
        for number in numbers:
            self.actors[number] = Actor(number, None)  # type: ignore[arg-type]
            self.actors[number].install(self._weights, None)
        for actor in self.actors.values():
            actor.meet(self.actors)

    def ask(self, method: str, args: Args) -> dict[int, Any]:
        """See DaskActors. Who is lost is lost in the middle: some have done it, some not."""
        self.calls += 1
        self.asked += [str(each[0]) if method == "do" else method for each in args.values()][:1]
        gone = self.lost.pop(self.calls, -1)
        if gone not in args:  # it has nothing to do
            self.actors.pop(gone, None)
        answers = {}
        for number, each in args.items():
            if number == gone or number not in self.actors:
                self.actors.pop(number, None)
                raise Lost(f"{number} is lost")
            answer = getattr(self.actors[number], method)(*each)
            answers[number] = asyncio.run(answer) if inspect.iscoroutine(answer) else answer
        return answers

    def replace(self) -> set[int]:
        """See DaskActors."""
        gone = set(range(self.count)) - set(self.actors)
        self.replaced += len(gone)
        self._fill(sorted(gone))
        return gone

    def free(self) -> int | None:
        """See DaskActors."""
        return self._free
