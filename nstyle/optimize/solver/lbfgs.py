"""L-BFGS by scipy, in the signature of the other optimisers (see `optimizers`).

scipy keeps its memory to itself, so a state names the point where that memory last began and how
many steps were observed since; going on repeats those steps silently and ends in the same bytes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

MEMORY = 20  # pairs of steps and gradients
RESTART = 60  # evaluations after which the memory begins anew where no number is given
LINE_SEARCH = 20  # evaluations within one step at most


class _Enough(Exception):
    """Ends scipy's loop; never leaves this module."""


def lbfgs(
    objective: Any,
    x: Any,
    *,
    observe: Callable[[Any, float, dict[str, Any]], bool],
    state: Mapping[str, Any] | None = None,
    rate: float = 1.0,
    evaluations: int = 0,
    bounds: tuple[Any, Any] | None = None,
) -> Any:
    """L-BFGS (Liu & Nocedal 1989) by scipy's L-BFGS-B.

    rate: root mean square of the first step. evaluations: 0 = observe every step; N = each observed
    step is a call of at most N evaluations, with a new memory. scipy's own exits by relative change
    are off; returns when two calls in a row find no lower loss.
    """
    state = dict(state or {"begin": x, "done": 0, "stuck": 0})
    begin, done, stuck = state["begin"], int(state["done"]), int(state["stuck"])
    while stuck < 2:
        call = _Call(objective, begin, observe, done, stuck, evaluations, rate, bounds)
        begin, done, stuck = call.run(), 0, call.stuck
        if call.finished:
            break
    return begin


class _Call:
    """One call of scipy from `begin` with an empty memory; the first `skip` steps are silent.

    stuck: number of calls in a row before this one that found no lower loss.
    """

    def __init__(
        self,
        objective: Any,
        begin: Any,
        observe: Callable[[Any, float, dict[str, Any]], bool],
        skip: int,
        stuck: int,
        evaluations: int,
        rate: float,
        bounds: tuple[Any, Any] | None,
    ) -> None:
        self._objective, self._begin, self._observe = objective, begin, observe
        self._skip, self._whole = skip, evaluations > 0
        self._budget = evaluations or RESTART
        start = np.asarray(objective.read(begin))
        self._shape, self._dtype = start.shape, start.dtype
        self._best = start.astype(np.float64).ravel()
        # scipy's first step has length 1: in this unit that is `rate` per value.
        self._unit = rate * math.sqrt(start.size)
        self._factor = 1.0
        self._losses: list[float] = []  # of the points after each step, the first of the start
        self._bounds = None if bounds is None else self._box(*bounds)
        self._used = self._steps = 0
        self._loss = math.inf
        self.finished = False
        self._stuck_before, self.stuck = stuck, stuck + 1  # with this one, until a step helps

    def run(self) -> Any:
        """The point scipy ends at, in the objective's kind of array."""
        from scipy.optimize import minimize

        endless = {"maxiter": 10**9, "maxfun": 10**9, "ftol": 0.0, "gtol": 0.0}
        with contextlib.suppress(_Enough):
            minimize(
                self._value,
                self._best / self._unit,
                jac=True,
                method="L-BFGS-B",
                bounds=self._bounds,
                callback=self._step,
                options={"maxcor": MEMORY, "maxls": LINE_SEARCH, **endless},
            )
        if self._whole and not self.finished and self._losses:
            self._tell(self._losses[0], {"begin": self._array(self._best), "done": 0})
        return self._array(self._best)

    def _box(self, low: Any, high: Any) -> Any:
        """The bounds in scipy's unit."""
        from scipy.optimize import Bounds

        def flat(edge: Any) -> np.ndarray:
            edge = edge if isinstance(edge, (int, float)) else self._objective.read(edge)
            return np.broadcast_to(edge, self._shape).ravel() / self._unit

        return Bounds(flat(low), flat(high))

    def _value(self, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and gradient in scipy's unit, scaled so that the first step is not cut short."""
        if self._used >= self._budget and self._losses:
            raise _Enough
        self._used += 1
        x = y * self._unit
        loss, gradient = self._objective(self._array(x))
        slope = np.asarray(self._objective.read(gradient), np.float64).ravel() * self._unit
        if not self._losses:
            if not math.isfinite(loss):
                self._tell(loss, {"begin": self._begin, "done": 0})
                raise _Enough
            self._factor = 1.0 / max(float(np.sqrt(slope @ slope)), 1e-300)
            self._losses.append(loss)
        self._loss = loss
        return loss * self._factor, slope * self._factor

    def _step(self, y: np.ndarray) -> None:
        """scipy accepted a point."""
        self._best = np.array(y) * self._unit
        before, now = self._losses[-1], self._loss
        self._losses.append(now)
        self._steps += 1
        self.stuck = 0 if now < before else self.stuck
        if self._whole or self._steps <= self._skip:
            return
        self._tell(before, {"begin": self._begin, "done": self._steps})
        if self.finished:
            raise _Enough

    def _tell(self, loss: float, state: dict[str, Any]) -> None:
        state["stuck"] = self.stuck if self._whole else self._stuck_before
        self.finished = bool(self._observe(self._array(self._best), loss, state))

    def _array(self, x: np.ndarray) -> Any:
        return self._objective.load(x.reshape(self._shape).astype(self._dtype))
