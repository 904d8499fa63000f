"""Estimates the time left from the epochs so far. Pure arithmetic.

Momentum brings the relative change eps up over the first ten epochs of a size; then it falls
exponentially, since the learning rate does and the gradient, too. A size ends when eps is below
stop_eps.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from nstyle.images.sizes import Size
from nstyle.optimize.solver.loop import FIRST_EPS_EPOCH

OVERHEAD = 12_000  # pixels that would take as long as what an epoch costs at any size
WINDOW = 10  # epochs that tell how fast eps falls
TRUST = 40  # epochs after the tenth until these alone are believed
HIGHEST_EPS = 0.06  # about where eps begins to fall
# eps falls faster than the learning rate: the gradient falls as well.
FASTER_THAN_RATE, WITHOUT_SCHEDULE = 1.8, 0.04
LATER = 0.8  # epochs at the next size, for each at the first: it begins with a better picture
BFLOAT16 = 0.6  # time of an epoch, of float32's
AGAIN = 1.35  # time of an epoch in tiles, which are seen twice, of one without; beside the margins
FIRST_EPOCH = 1.5  # the first has more to do: kernels are chosen, their memory is touched
SLOWEST = 1e-3  # below this, per epoch, eps does not fall


class TimeEstimate:
    """Seconds left after each epoch. limits: (size, last epoch at most) of each size painted."""

    def __init__(
        self,
        limits: Sequence[tuple[Size, int]],
        *,
        stop_eps: float,
        factor: float = 1.0,
        delay: int = 1,
        in_bfloat16: Callable[[Size], bool] = lambda size: False,
        overlap: Callable[[Size], float] = lambda size: 1.0,
    ) -> None:
        """factor: what the learning rate is multiplied by every `delay` epochs; 1 for never.

        overlap: how many times the picture's pixels the network sees, above 1 in tiles.
        """
        self._limits, self._stop_eps = list(limits), stop_eps
        self._costs = [cost(size, in_bfloat16(size), overlap(size)) for size, _ in limits]
        rate = -math.log(factor) / delay if 0 < factor < 1 else 0.0
        self._fall = FASTER_THAN_RATE * rate or WITHOUT_SCHEDULE
        self._eps: list[list[float]] = [[] for _ in limits]
        self._paces: list[float] = []

    def after(self, scale: int, eps: float, seconds: float) -> float:
        """Take in an epoch (scale: which size, from 1; seconds: its own); seconds left, about."""
        here = scale - 1
        if not self._eps[here]:
            self._paces = []
        self._eps[here].append(eps)
        self._paces.append(seconds)
        done = sum(map(len, self._eps))
        end = min(done - len(self._eps[here]) + self._expected(here), self._limits[here][1])
        left, unit = float(max(0, end - done)), self._costs[here]
        epoch = max(end, done)
        for later in range(scale, len(self._limits)):
            end = min(epoch + self._expected(later), self._limits[later][1])
            # One more: network and targets are made anew.
            left += (max(0.0, end - epoch) + 1) * self._costs[later] / unit
            epoch = max(end, epoch)
        return left * self._pace()

    def _pace(self) -> float:
        """Seconds per epoch at the present size."""
        first, *others = self._paces
        return statistics.median(others[-WINDOW:]) if others else first / FIRST_EPOCH

    def _expected(self, scale: int) -> float:
        """Epochs at a size, those done included; infinity where only the limit ends it."""
        if not self._stop_eps:
            return math.inf
        eps = self._eps[scale]
        if len(eps) >= FIRST_EPS_EPOCH:
            return len(eps) + self._until_stop(eps)
        if scale:
            return max(FIRST_EPS_EPOCH, len(eps), LATER * self._expected(0))
        fall = max(0.0, math.log(HIGHEST_EPS / self._stop_eps)) / self._fall
        return FIRST_EPS_EPOCH + fall

    def _until_stop(self, eps: Sequence[float]) -> float:
        """Epochs until eps is below stop_eps: what is known beforehand, then what is seen."""
        recent = [math.log(max(value, 1e-12)) for value in eps[-WINDOW:]]
        if not math.isfinite(sum(recent)):
            return math.inf
        seen = -slope(recent)
        trust = min(1.0, (len(eps) - FIRST_EPS_EPOCH) / TRUST)
        fall = (1 - trust) * self._fall + trust * seen
        if fall < SLOWEST:
            return math.inf
        newest = recent[-5:]
        now = statistics.fmean(newest) - fall * (len(newest) - 1) / 2
        return max(0.0, (now - math.log(self._stop_eps)) / fall)


def cost(size: Size, in_bfloat16: bool, overlap: float) -> float:
    """Of an epoch, in any unit."""
    seen = math.prod(size) * overlap * (AGAIN if overlap > 1 else 1.0)
    return (seen + OVERHEAD) * (BFLOAT16 if in_bfloat16 else 1.0)


def slope(values: Sequence[float]) -> float:
    """Of the straight line nearest to values at 0, 1, 2, ..., at least two."""
    middle = (len(values) - 1) / 2
    square = sum((at - middle) ** 2 for at in range(len(values)))
    return sum((at - middle) * value for at, value in enumerate(values)) / square
