"""Estimates the time left from the epochs so far. Pure arithmetic.

Momentum brings the relative change eps up over the first ten epochs of a size; then it falls
exponentially, since the learning rate does and the gradient, too. A size ends when eps is small.
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
    """Seconds left after each epoch, of what is known of each size painted.

    limits: (size, last epoch at most); stops: eps at which it ends, or 0 for none of them.
    """

    def __init__(self, limits: Sequence[tuple[Size, int]], stops: Sequence[float]) -> None:
        self._limits, self._stops = limits, stops
        self._scale = self._before = self._done = 0
        ends = [0, *(end for _, end in limits)]
        by_eps = all(stops) and max(b - a for a, b in zip(ends, ends[1:])) >= SETTLED
        # Of each size, as far as eps decides.
        self._epochs = None if by_eps else [math.inf] * len(limits)

    def after(self, scale: int, eps: float, seconds: float) -> float | None:
        """Take in an epoch (scale: which size, from 1; seconds: its own); seconds left, about.

        None in the first epochs, if eps may end the run, and where eps does not fall. At a later
        size it is thought to fall as at the one before.
        """
        if scale != self._scale:
            self._scale, self._before = scale, self._done
            self._logs: list[float] = []
            self._seconds: list[float] = []
        self._done += 1
        self._logs.append(math.log(min(max(eps, 1e-12), 1e12)))
        self._seconds.append(seconds)
        done = self._done - self._before
        if all(self._stops) and done >= SETTLED:
            falling = self._logs[FIRST_EPS_EPOCH - 1 :][-WINDOW:]
            more = [epochs_until(math.log(stop), falling) for stop in self._stops]
            self._epochs = (
                None if None in more else [done + each for each in more if each is not None]
            )
        if self._epochs is None:
            return None
        left, begin, here = -float(done), float(self._before), self._limits[scale - 1][0]
        for (size, limit), epochs in list(zip(self._limits, self._epochs))[scale - 1 :]:
            end = max(begin, min(begin + epochs, limit))
            left += (end - begin) * math.prod(size) / math.prod(here)
            begin = end
        return max(0.0, left) * statistics.median(self._seconds[-WINDOW:])


def epochs_until(goal: float, values: Sequence[float]) -> float | None:
    """Epochs until the line nearest to the values of the last ones is at `goal`; None: never."""
    slope, start = np.polyfit(range(len(values)), values, 1)
    return None if slope > -SLOWEST else max(0.0, (goal - start) / slope - (len(values) - 1))
