"""Estimates the time left from the epochs so far. Pure arithmetic.

Momentum brings the relative change eps up over the first ten epochs of a size; then it falls
exponentially, since the learning rate does and the gradient, too. A size ends when eps is below
stop_eps.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from nstyle.images.sizes import Size
from nstyle.optimize.solver.loop import FIRST_EPS_EPOCH

SETTLED = 15  # epochs of a size until it can be told how fast eps falls
WINDOW = 10  # epochs that tell how fast eps falls, and how long an epoch takes
SLOWEST = 1e-3  # below this, per epoch, the logarithm of eps does not fall


class TimeEstimate:
    """Seconds left after each epoch. limits: (size, last epoch at most) of each size painted."""

    def __init__(self, limits: Sequence[tuple[Size, int]], stop_eps: float) -> None:
        self._limits, self._stop_eps = limits, stop_eps
        self._scale = self._before = self._done = 0
        ends = [0, *(end for _, end in limits)]
        by_eps = stop_eps and max(b - a for a, b in zip(ends, ends[1:])) >= SETTLED
        self._epochs = None if by_eps else math.inf  # at each size, as far as eps decides

    def after(self, scale: int, eps: float, seconds: float) -> float | None:
        """Take in an epoch (scale: which size, from 1; seconds: its own); seconds left, about.

        None in the first epochs, if `stop_eps` may end the run, and where eps does not fall. A
        later size is thought to take as many epochs as the one before.
        """
        if scale != self._scale:
            self._scale, self._before = scale, self._done
            self._logs: list[float] = []
            self._seconds: list[float] = []
        self._done += 1
        self._logs.append(math.log(min(max(eps, 1e-12), 1e12)))
        self._seconds.append(seconds)
        done = self._done - self._before
        if self._stop_eps and done >= SETTLED:
            falling = self._logs[FIRST_EPS_EPOCH - 1 :][-WINDOW:]
            more = epochs_until(math.log(self._stop_eps), falling)
            self._epochs = None if more is None else done + more
        if self._epochs is None:
            return None
        left, begin, here = -float(done), float(self._before), self._limits[scale - 1][0]
        for size, limit in self._limits[scale - 1 :]:
            end = max(begin, min(begin + self._epochs, limit))
            left += (end - begin) * math.prod(size) / math.prod(here)
            begin = end
        return max(0.0, left) * statistics.median(self._seconds[-WINDOW:])


def epochs_until(goal: float, values: Sequence[float]) -> float | None:
    """Epochs until the line nearest to the values of the last ones is at `goal`; None: never."""
    slope, start = np.polyfit(range(len(values)), values, 1)
    return None if slope > -SLOWEST else max(0.0, (goal - start) / slope - (len(values) - 1))
