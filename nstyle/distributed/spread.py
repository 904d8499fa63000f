"""The objective of a picture that lies in parts, and its arrays. Loads MXNet.

Optimisers and the loop are those of any picture: what they do with an array is written down, and
done by all parts with their shares once a number is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.messages import EACH_EPOCH, Sums, packed, unpacked
from nstyle.distributed.pool import PartPool
from nstyle.images.sizes import Size
from nstyle.losses.base import LossTerm
from nstyle.losses.statistics import divided
from nstyle.optimize.objective import Loss
from nstyle.optimize.tiles.objective import compared


def operation(name: str) -> Callable[[RemoteArray, Any], RemoteArray]:
    """A method of RemoteArray: a function of the module `operator`; iadd etc. change the array."""
    in_place = name.startswith("i")

    def method(array: RemoteArray, other: Any) -> RemoteArray:
        return array.objective.record(name, array, other, into=array if in_place else None)

    return method


class RemoteArray:
    """An array (1, 3, H, W) whose shares the parts hold, as long as this object lives."""

    def __init__(self, number: int, objective: DistributedObjective) -> None:
        self.number, self.objective = number, objective

    def __del__(self) -> None:
        self.objective.forget(self.number)

    __add__ = operation("add")
    __sub__ = operation("sub")
    __mul__ = operation("mul")
    __truediv__ = operation("truediv")
    __pow__ = operation("pow")
    __iadd__ = operation("iadd")
    __isub__ = operation("isub")
    __imul__ = operation("imul")
    __itruediv__ = operation("itruediv")

    def asnumpy(self) -> np.ndarray:
        """All of it on the host."""
        return self.objective.read(self)


class DistributedObjective:
    """As objective.Objective for the parts of a pool.

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
        self._device, self._clip_norm, self._every = device, clip_norm, every
        self._program: list[tuple[Any, ...]] = []
        self._made, self._calls, self._sent = 0, 0, 0
        self._alive: set[int] = set()  # numbers of arrays
        self.terms: dict[str, float] = {}

    def record(self, name: str, *operands: Any, into: RemoteArray | None = None) -> RemoteArray:
        """Write an instruction for arrays and numbers down; its result, `into` or a new array."""
        result = self._new() if into is None else into
        values = [x.number if isinstance(x, RemoteArray) else float(x) for x in operands]
        self._program.append((name, result.number, *values))
        return result

    def forget(self, number: int) -> None:
        """Nobody needs the array any more."""
        self._alive.discard(number)
        self._program.append(("free", number))

    def load(self, values: np.ndarray) -> RemoteArray:
        """float32 (1, 3, H, W), or (1, 3, 1, 1) for all pixels, on the host -> an array."""
        everywhere = values.shape[2:] == (1, 1)
        shares = {
            part: values if everywhere else np.ascontiguousarray(values[box.slices])
            for part, box in self._pool.boxes.items()
        }
        array = self._new()
        self._pool.load(array.number, shares)
        return array

    def read(self, x: RemoteArray) -> np.ndarray:
        """The array on the host, float32 (1, 3, H, W)."""
        self._run()
        width, height = self._size
        shares = self._pool.read([x.number])[x.number]
        whole = np.empty((1, 3, height, width), np.float32)
        for part, box in self._pool.boxes.items():
            whole[box.slices] = shares[part]
        return whole

    def norm(self, x: RemoteArray) -> float:
        """Euclidean norm."""
        return self._run(x.number) ** 0.5

    def clip(self, x: RemoteArray, low: Any, high: Any) -> RemoteArray:
        """Each value limited to low..high; numbers, or arrays (1, 3, 1, 1)."""
        return self.record("clip", x, low, high)

    def retire(self) -> None:
        """The workers are to do something else; arrays that there are can still be read."""
        self._run()
        self._pool.retire(sorted(self._alive))

    def _new(self) -> RemoteArray:
        self._made += 1
        self._alive.add(self._made)
        return RemoteArray(self._made, self)

    def _run(self, requested: int | None = None) -> float:
        """Let the parts do what was written down."""
        program, self._program = self._program, []
        return self._pool.run(program, requested) if program or requested else 0.0

    def __call__(self, x: RemoteArray) -> tuple[float, RemoteArray]:
        """x -> loss, gradient (a new array)."""
        if self._calls % self._every == 0:
            self._run()
            self._pool.keep(sorted(self._alive))
        self._calls += 1
        program, self._program = self._program, []
        values = self._pool.evaluate(program, x.number, self._compared)
        gradient = self.record("gather")
        norm = self.norm(gradient) if self._clip_norm else 0.0
        if norm > self._clip_norm:
            gradient *= self._clip_norm / norm
        self.record("finish", into=gradient)
        self.terms = {term.name: values[number] for number, term in enumerate(self._terms)}
        loss = Loss(self.terms)
        total = sum(self._pool.counted[kind] for kind in EACH_EPOCH)
        loss.sent, self._sent = total - self._sent, total
        return loss, gradient

    def _compared(self, sums: Sums) -> tuple[dict[int, float], Sums]:
        """(values, slopes) of the terms of style."""
        statistics = {}
        for number, each in sums.items():
            positions = self._terms[number].statistics.positions
            statistics[number] = divided(*unpacked(each, self._device), positions)
        values, slopes = compared(self._terms, statistics)
        numbers = {number: float(value.asscalar()) for number, value in values.items()}
        return numbers, {number: packed(*slope) for number, slope in slopes.items()}
