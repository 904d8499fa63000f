"""The objective of a picture that lies in parts, and its arrays. Loads MXNet.

Optimisers and the loop are those of any picture: what they do with an array is written down, and
done by all parts with their shares once a number is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nstyle.distributed.messages import Instruction, Ref, packed, unpacked
from nstyle.distributed.pool import PartPool, Seen
from nstyle.images.sizes import Size
from nstyle.losses.base import LossTerm
from nstyle.losses.statistics import divided
from nstyle.optimize.objective import Loss
from nstyle.optimize.tiles.objective import compared


class RemoteArray:
    """An array (1, 3, H, W) whose shares the parts hold, as long as this object lives."""

    def __init__(self, number: int, objective: DistributedObjective) -> None:
        self._objective, self.ref = objective, Ref(number)

    def __del__(self) -> None:
        self._objective.forget(self.ref)

    def __add__(self, other: Any) -> RemoteArray:
        return self._objective.made("add", self, other)

    def __sub__(self, other: Any) -> RemoteArray:
        return self._objective.made("sub", self, other)

    def __mul__(self, other: Any) -> RemoteArray:
        return self._objective.made("mul", self, other)

    def __truediv__(self, other: Any) -> RemoteArray:
        return self._objective.made("truediv", self, other)

    def __pow__(self, other: Any) -> RemoteArray:
        return self._objective.made("pow", self, other)

    def __iadd__(self, other: Any) -> RemoteArray:
        return self._objective.changed("iadd", self, other)

    def __isub__(self, other: Any) -> RemoteArray:
        return self._objective.changed("isub", self, other)

    def __imul__(self, other: Any) -> RemoteArray:
        return self._objective.changed("imul", self, other)

    def __itruediv__(self, other: Any) -> RemoteArray:
        return self._objective.changed("itruediv", self, other)

    def asnumpy(self) -> np.ndarray:
        """All of it on the host."""
        return self._objective.read(self)


class DistributedObjective:
    """As objective.Objective for the parts of a pool; without `dot`, which L-BFGS alone asks for.

    size: (width, height); terms: of the whole, those of content without their targets, which are
    with the parts; device: where styles are compared; every: calls after which the arrays are
    kept here, so that a lost worker costs no more than these.
    """

    def __init__(
        self,
        pool: PartPool,
        size: Size,
        terms: Sequence[LossTerm],
        *,
        device: Any,
        clip_norm: float,
        every: int,
    ) -> None:
        self._pool, self._size, self._terms = pool, size, list(terms)
        self._device = device
        self._clip_norm, self._every = clip_norm, every
        self._program: list[Instruction] = []
        self._made, self._calls, self._sent = 0, 0, 0
        self._there: set[int] = set()
        self.terms: dict[str, float] = {}

    # ---- arrays ----

    def made(self, name: str, *operands: Any) -> RemoteArray:
        """A new array from others and numbers."""
        found = self._new()
        self._program.append((name, found.ref.number, *map(reference, operands)))
        return found

    def changed(self, name: str, array: RemoteArray, other: Any) -> RemoteArray:
        """The same array, changed."""
        self._program.append((name, array.ref.number, array.ref, reference(other)))
        return array

    def forget(self, ref: Ref) -> None:
        """Nobody needs the array any more."""
        self._there.discard(ref.number)
        self._program.append(("free", ref.number))

    def load(self, values: np.ndarray) -> RemoteArray:
        """float32 (1, 3, H, W), or (1, 3, 1, 1) for all pixels, on the host -> an array."""
        everywhere = values.shape[2:] == (1, 1)
        shares = {
            part: values if everywhere else np.ascontiguousarray(box.of(values))
            for part, box in self._pool.boxes.items()
        }
        found = self._new()
        self._pool.load(found.ref.number, shares)
        return found

    def read(self, x: RemoteArray) -> np.ndarray:
        """The array on the host, float32 (1, 3, H, W)."""
        self._run()
        number, (width, height) = x.ref.number, self._size
        shares = self._pool.read([number])[number]
        whole = np.empty((1, 3, height, width), np.float32)
        for part, box in self._pool.boxes.items():
            box.of(whole)[:] = shares[part]
        return whole

    def norm(self, x: RemoteArray) -> float:
        """Euclidean norm."""
        return self._run(x.ref) ** 0.5

    def clip(self, x: RemoteArray, low: Any, high: Any) -> RemoteArray:
        """Each value limited to low..high; numbers, or arrays (1, 3, 1, 1)."""
        return self.made("clip", x, low, high)

    def retire(self) -> None:
        """The workers are to do something else; arrays that there are can still be read."""
        self._run()
        self._pool.retire(sorted(self._there))

    def _new(self) -> RemoteArray:
        self._made += 1
        self._there.add(self._made)
        return RemoteArray(self._made, self)

    def _run(self, asked: Ref | None = None) -> float:
        """Let the parts do what was written down."""
        program, self._program = self._program, []
        return self._pool.run(program, asked) if program or asked else 0.0

    # ---- loss and gradient ----

    def __call__(self, x: RemoteArray) -> tuple[float, RemoteArray]:
        """x -> loss, gradient (a new array)."""
        if self._calls % self._every == 0:
            self._run()
            self._pool.keep(sorted(self._there))
        self._calls += 1
        program, self._program = self._program, []
        values: dict[int, float] = {}

        def compare(seen: Seen) -> Seen:
            numbers, slopes = self._compared(seen)
            values.update(numbers)
            return slopes

        values.update(self._pool.evaluate(program, x.ref, compare))
        gradient = self._new()
        self._program.append(("gather", gradient.ref.number))
        norm = self.norm(gradient) if self._clip_norm else 0.0
        if norm > self._clip_norm:
            gradient *= self._clip_norm / norm
        self._program.append(("finish", gradient.ref.number))
        self.terms = {term.name: values[number] for number, term in enumerate(self._terms)}
        loss = Loss(self.terms)
        total = self._pool.counted.each_epoch
        loss.sent, self._sent = total - self._sent, total
        return loss, gradient

    def _compared(self, seen: Seen) -> tuple[dict[int, float], Seen]:
        """(values, slopes) of the terms of style."""
        statistics = {}
        for number, sums in seen.items():
            positions = self._terms[number].statistics.positions
            statistics[number] = divided(*unpacked(sums, self._device), positions)
        values, slopes = compared(self._terms, statistics)
        return (
            {number: float(value.asscalar()) for number, value in values.items()},
            {number: packed(*slope) for number, slope in slopes.items()},
        )


def reference(operand: Any) -> Any:
    """The operand as a program refers to it."""
    return operand.ref if isinstance(operand, RemoteArray) else operand
