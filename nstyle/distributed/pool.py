"""Drives all parts of a picture: sends commands, sums the results, and restores from the last kept
state when a worker dies.

Commands since then are recorded. Each gives the same result again, so after a loss all parts load
the kept state, the commands are repeated, and nobody else notices.
"""

from __future__ import annotations

import functools
import logging
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.distributed import messages
from nstyle.distributed.actors import Args, DaskActors, Gone, Lost
from nstyle.distributed.messages import Counted, Facts, PartSpec, Program, Sums, TermSpec, added

log = logging.getLogger("nstyle")

TRIES = 5  # at going on, when workers are lost again meanwhile

Shares = Mapping[int, np.ndarray]  # of an array, by part


class PartPool:
    """The parts of one size. specs: one for each. counted: the bytes that travelled."""

    def __init__(self, actors: DaskActors, specs: Sequence[PartSpec], counted: Counted) -> None:
        self._actors, self._specs, self.counted = actors, dict(enumerate(specs)), counted
        self._terms: dict[int, Sequence[TermSpec]] = {}
        self._known: dict[int, Shares] = {}  # arrays that are here, too
        self._kept: dict[int, Shares] = {}
        self._calls: list[Callable[[], Any]] = []
        self._new = set(self._specs)  # parts that have not begun
        self._retired = False
        self.boxes = {part: spec.block.own for part, spec in self._specs.items()}
        self.facts: dict[int, Facts] = {}
        self._call(self._restore, recorded=False)

    def set_losses(self, terms: Sequence[Sequence[TermSpec]]) -> None:
        """Sets the losses of each part."""
        self._terms = dict(enumerate(terms))
        args = {part: (each,) for part, each in self._terms.items()}
        self._call(lambda: self._do("set_losses", args, messages.PICTURES), recorded=False)

    def load(self, number: int, shares: Shares) -> None:
        """An array. shares: by part."""
        self._known[number] = shares
        args = {part: ({number: share},) for part, share in shares.items()}
        self._call(lambda: self._do("load", args, messages.PICTURES))

    def read(self, numbers: Sequence[int]) -> dict[int, Shares]:
        """The shares of arrays, by part; what is known here does not travel again."""
        missing = [number for number in numbers if number not in self._known]
        if missing:
            answers = self._call(
                lambda: self._each("read", missing, kind=messages.PICTURES), recorded=False
            )
            for number in missing:
                self._known[number] = {part: arrays[number] for part, arrays in answers.items()}
        return {number: self._known[number] for number in numbers}

    def keep(self, numbers: Sequence[int]) -> None:
        """These arrays are all there are: from here on begins what a lost worker costs."""
        self._kept = self.read(numbers)
        self._calls.clear()

    def retire(self, numbers: Sequence[int]) -> None:
        """The actors are to do something else; these arrays can still be read."""
        self.keep(numbers)
        self._kept, self._retired = {}, True

    def run(self, program: Program, requested: int | None = None) -> float:
        """Do the same with all shares; the sum of squares of the requested array, or 0."""
        self._forget(program)
        return self._call(lambda: sum(self._each("run", program, requested).values()))

    def evaluate(
        self, program: Program, x: int, compare: Callable[[Sums], tuple[dict[int, float], Sums]]
    ) -> dict[int, float]:
        """Run the program, then look at x; the values of all terms.

        compare: statistics of the whole -> (values of terms of style, gradients that are pulled
        back). The gradient of x is there to be gathered by a next program.
        """
        self._forget(program)

        def call() -> dict[int, float]:
            self.counted[messages.STRIPS] += sum(self._each("show", program, x).values())
            looks = self._each("look", kind=messages.MOMENTS).values()
            values, slopes = compare(summed([sums for sums, _ in looks], added))
            smooth = summed([values for _, values in looks], operator.add)
            backward = self._each("backward", slopes, kind=messages.MOMENTS).values()
            self.counted[messages.STRIPS] += sum(sent for _, sent in backward)
            content = summed([values for values, _ in backward], operator.add)
            return {**values, **smooth, **content}

        return self._call(call)

    def _each(self, name: str, *args: Any, kind: str = messages.SMALL) -> dict[int, Any]:
        """The same of all parts."""
        return self._do(name, dict.fromkeys(self._specs, args), kind)

    def _do(self, name: str, args: Args, kind: str) -> dict[int, Any]:
        """Calls a method of parts."""
        return self._ask("do", {part: (name, *each) for part, each in args.items()}, kind)

    def _ask(self, method: str, args: Args, kind: str) -> dict[int, Any]:
        """The answers, ordered by part, so that sums are always rounded in the same way."""
        self.counted.add(kind, args.values())
        answers = self._actors.ask(method, args)
        self.counted.add(kind, answers.values())
        return dict(sorted(answers.items()))

    def _call(self, call: Callable[[], Any], *, recorded: bool = True) -> Any:
        """Its result; after a loss all parts as they were kept, the recorded calls, and this again.
        recorded: it changes what the parts hold; set_losses, restore and read can be repeated.
        """
        if recorded and self._retired:  # the last of its arrays are let go
            return 0.0
        calls = [*self._calls, call]
        if recorded:
            self._calls.append(call)
        try:
            return call()
        except Lost as error:
            loss = error
        for _ in range(TRIES):
            try:
                self._new |= self._actors.replace() & self._specs.keys()
                self._restore()
                log.info("going on from what was kept, %d calls ago", len(self._calls))
                return [each() for each in calls][-1]
            except Lost as error:
                loss = error
        raise Gone(f"--dask: workers are lost again and again ({loss})")

    def _restore(self) -> None:
        """New parts begin; all have what was kept."""
        specs = {part: (self._specs[part],) for part in self._new}
        self.facts.update(self._ask("begin", specs, messages.PICTURES))
        if self._terms:
            terms = {part: (self._terms[part],) for part in self._new}
            self._do("set_losses", terms, messages.PICTURES)
        self._new.clear()
        kept = self._kept.items()
        arrays = {part: ({key: shares[part] for key, shares in kept},) for part in self._specs}
        self._do("restore", arrays, messages.PICTURES)

    def _forget(self, program: Program) -> None:
        """What a program changes is not known here any longer."""
        for _, target, *_ in program:
            self._known.pop(target, None)


def summed(shares: Sequence[Mapping[int, Any]], add: Callable[[Any, Any], Any]) -> dict[int, Any]:
    """By term what all parts, which have the same terms, give for it."""
    return {term: functools.reduce(add, [share[term] for share in shares]) for term in shares[0]}
