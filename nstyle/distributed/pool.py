"""Drives all parts of a picture: sends commands, sums the results, and restores from the last kept
state when a worker dies.

Commands since then are recorded. Each gives the same result again, so after a loss all parts load
the kept state, the commands are repeated, and nobody else notices.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.actors import ActorPool, Gone, Lost
from nstyle.distributed.messages import (
    MOMENTS,
    PICTURES,
    SMALL,
    STRIPS,
    Counted,
    Facts,
    Instruction,
    Packed,
    PartSpec,
    Ref,
    TermSpec,
    added,
)

log = logging.getLogger("nstyle")

TRIES = 5  # at going on, when workers are lost again meanwhile

Shares = Mapping[int, np.ndarray]  # of an array, by part
Seen = dict[int, Packed]  # statistics by term, or gradients of these


class PartPool:
    """The parts of one size. specs: one for each. counted: the bytes that travelled."""

    def __init__(self, actors: ActorPool, specs: Sequence[PartSpec], counted: Counted) -> None:
        self._actors, self._specs = actors, {spec.number: spec for spec in specs}
        self.counted = counted
        self._terms: dict[int, Sequence[TermSpec]] = {}
        self._known: dict[int, Shares] = {}  # arrays that are here, too
        self._kept: dict[int, Shares] = {}
        self._calls: list[Callable[[], Any]] = []
        self._new = set(self._specs)  # parts that have not begun
        self._retired = False
        self.facts: dict[int, Facts] = {}
        self._retried(self._ready)

    @property
    def boxes(self) -> dict[int, Any]:
        """The rectangle each part owns, by number."""
        return {number: spec.block.own for number, spec in self._specs.items()}

    def set_losses(self, terms: Mapping[int, Sequence[TermSpec]]) -> None:
        """Sets the losses of each part."""
        self._terms = dict(terms)
        args = {part: (each,) for part, each in terms.items()}
        self._retried(lambda: self._do("set_losses", args, PICTURES))

    # ---- arrays ----

    def load(self, number: int, shares: Shares) -> None:
        """An array. shares: by part."""
        self._known[number] = shares

        def tell() -> None:
            words = {part: ({number: share},) for part, share in shares.items()}
            self._do("load", words, PICTURES)

        self._recorded(tell)

    def read(self, numbers: Iterable[int]) -> dict[int, Shares]:
        """The shares of arrays, by part; what is known here does not travel again."""
        numbers = list(numbers)
        missing = [number for number in numbers if number not in self._known]
        if missing:
            found = self._retried(
                lambda: self._do("read", {part: (missing,) for part in self._specs}, PICTURES)
            )
            for number in missing:
                self._known[number] = {part: arrays[number] for part, arrays in found.items()}
        return {number: self._known[number] for number in numbers}

    def keep(self, numbers: Iterable[int]) -> None:
        """These arrays are all there are: from here on begins what a lost worker costs."""
        self._kept = self.read(numbers)
        self._calls.clear()

    def retire(self, numbers: Iterable[int]) -> None:
        """The actors are to do something else; these arrays can still be read."""
        self.keep(numbers)
        self._kept, self._retired = {}, True

    def run(self, program: Sequence[Instruction], asked: Ref | None = None) -> float:
        """Do the same with all shares; the sum of the squares of what is asked."""
        self._forget(program)

        def tell() -> float:
            return sum(self._each("run", program, asked).values())

        return self._recorded(tell)

    # ---- loss and gradient ----

    def evaluate(
        self, program: Sequence[Instruction], x: Ref, compare: Callable[[Seen], Seen]
    ) -> dict[int, float]:
        """Run the program, then look at x; the values of terms of content and total variation.

        compare: what was seen -> the gradients that are pulled back. The gradient is there to be
        gathered by a next program.
        """
        self._forget(program)

        def tell() -> dict[int, float]:
            self.counted[STRIPS] += sum(self._each("show", program, x).values())
            looks = self._each("look", kind=MOMENTS)
            slopes = compare(summed([seen for seen, _ in ordered(looks)]))
            backward = self._each("backward", slopes, kind=MOMENTS)
            self.counted[STRIPS] += sum(sent for _, sent in backward.values())
            smooth = [values for _, values in ordered(looks)]
            return {**totals(smooth), **totals([values for values, _ in ordered(backward)])}

        return self._recorded(tell)

    def _each(self, name: str, *words: Any, kind: str = SMALL) -> dict[int, Any]:
        return self._do(name, {part: words for part in self._specs}, kind)

    def _do(
        self, name: str, words: Mapping[int, Sequence[Any]], kind: str = SMALL
    ) -> dict[int, Any]:
        asked = {part: (name, *some) for part, some in words.items()}
        return self._ask("do", asked, kind)

    def _ask(self, method: str, words: Mapping[int, Sequence[Any]], kind: str) -> dict[int, Any]:
        for some in words.values():
            self.counted.add(kind, some)
        answers = self._actors.ask(method, words)
        for answer in answers.values():
            self.counted.add(kind, answer)
        return answers

    # ---- when a worker is lost ----

    def _recorded(self, call: Callable[[], Any]) -> Any:
        """Do what changes the parts, and remember it."""
        if self._retired:  # the last of its arrays are let go
            return 0.0
        self._calls.append(call)
        try:
            return call()
        except Lost as loss:
            return self._recover(loss)

    def _retried(self, call: Callable[[], Any]) -> Any:
        """Do what changes nothing that could not be done again."""
        for _ in range(TRIES):
            try:
                return call()
            except Lost as loss:
                lost = loss
                self._recover(loss)
        raise given_up(lost)

    def _recover(self, loss: Lost) -> Any:
        """All parts as they were kept, then all calls since; what the last one gave."""
        for _ in range(TRIES):
            try:
                self._new |= self._actors.replace() & self._specs.keys()
                self._ready()
                log.info("going on from what was kept, %d calls ago", len(self._calls))
                answer = None
                for call in self._calls:
                    answer = call()
                return answer
            except Lost as another:
                loss = another
        raise given_up(loss)

    def _ready(self) -> None:
        """New parts begin; all have what was kept."""
        specs = {part: (self._specs[part],) for part in self._new}
        self.facts.update(self._ask("begin", specs, PICTURES))
        if self._terms:
            self._do("set_losses", {part: (self._terms[part],) for part in self._new}, PICTURES)
        self._new.clear()
        kept = {
            part: ({number: shares[part] for number, shares in self._kept.items()},)
            for part in self._specs
        }
        self._do("restore", kept, PICTURES)

    def _forget(self, program: Sequence[Instruction]) -> None:
        """Forgets the state that was kept here."""
        for _, target, *_ in program:
            self._known.pop(target, None)


def given_up(loss: Lost) -> Gone:
    """The error that ends the painting."""
    return Gone(f"--dask: workers are lost again and again ({loss})")


def ordered(answers: Mapping[int, Any]) -> list[Any]:
    """By the number of the part, so that sums are always rounded in the same way."""
    return [answers[part] for part in sorted(answers)]


def totals(shares: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Values of terms, from those of the parts, which have the same terms."""
    return {number: sum(share[number] for share in shares) for number in shares[0]}


def summed(shares: Sequence[Seen]) -> Seen:
    """Statistics of the whole from those of its parts."""
    return {
        number: functools.reduce(added, [each[number] for each in shares]) for number in shares[0]
    }
