"""The loop: counts epochs, measures the relative change, stops and says why.

It knows neither pictures nor networks nor optimisers, and is tested on a parabola.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nstyle.errors import DivergedError
from nstyle.optimize.records import Step

# Earlier the picture has not yet begun to move: momentum starts from zero.
FIRST_EPS_EPOCH = 10

Listener = Callable[[Step], Any]
# (epoch, loss, eps, seconds, x) -> Step
Describe = Callable[[int, float, float, float, Any], Step]


@dataclass(frozen=True)
class Checkpointable:
    """State of a run, see LoopState, after an epoch that every listener has heard of."""

    x: Any
    good: Any
    state: Mapping[str, Any]
    epochs: int  # steps of the history
    stopped: str


@dataclass
class LoopState:
    """Observes an optimiser: one Step per epoch for the listeners, True when it shall stop.

    x: the newest point; good: the newest whose loss is known to be finite (the one before x, or x
    at first). stop_eps: the relative change at which to stop, from the tenth epoch on; max_epochs:
    of the history. history: may begin with the steps of earlier scales (before: how many those
    are) and of this one. state: what the optimiser needs to go on; the one it begins with is
    emptied after the first step, as its arrays are as large as the picture. saver: called after the
    listeners of each epoch, when `mark` is of that epoch.
    """

    objective: Any
    x: Any
    describe: Describe
    listeners: Sequence[Listener] = ()
    stop_eps: float = 0.005
    max_epochs: int = 1000
    history: list[Step] = field(default_factory=list)
    before: int = 0
    good: Any = None
    state: dict[str, Any] = field(default_factory=dict)
    stopped: str = ""
    saver: Callable[[LoopState], Any] | None = None
    last: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.good = self.x if self.good is None else self.good
        self._begun = self.state
        self.set_mark()

    def __call__(self, x: Any, loss: float, state: dict[str, Any]) -> bool:
        """The optimiser's `observe`. Raises DivergedError where loss or picture is not finite."""
        epoch = len(self.history) + 1
        if not math.isfinite(loss):
            raise DivergedError(f"the loss became {loss} in epoch {epoch}")
        self.good = self.x
        size, change = self.objective.norm(x), self.objective.norm(x - self.x)
        if not math.isfinite(size):
            raise DivergedError(f"the picture became {size} in epoch {epoch}")
        eps = change / size if size else math.inf if change else 0.0
        now = time.perf_counter()
        step = self.describe(epoch, loss, eps, now - self.last, x)
        self.x, self.last, self.state = x, now, state
        self.history.append(step.without_picture())
        answers = [listener(step) for listener in self.listeners]
        self.stopped = self.reason(step, any(answer is True for answer in answers))
        self.set_mark()
        if self.saver:
            self.saver(self)
        self._begun.clear()
        return bool(self.stopped)

    def set_mark(self) -> None:
        """All of it at once, since Ctrl-C may come between any two lines."""
        self.mark = Checkpointable(self.x, self.good, self.state, len(self.history), self.stopped)

    def reason(self, step: Step, asked: bool) -> str:
        """Why to stop after this step, or ''. asked: whether a listener asked for it."""
        if step.epoch - self.before >= FIRST_EPS_EPOCH and step.eps < self.stop_eps:
            return "eps"
        if step.epoch >= self.max_epochs:
            return "max-epochs"
        return "callback" if asked else ""


def solve(minimise: Callable[..., Any], watch: LoopState) -> LoopState:
    """Run an optimiser until the relative change falls below stop_eps; watch.x is then the last.

    minimise(objective, x, observe=..., state=...). watch: of a run that begins, or that is gone on
    with (one that had stopped takes no step). Ctrl-C ends the run with stopped = "interrupted"; an
    optimiser that finds no better point with "minimum". Raises DivergedError with the attribute
    `watch`, whose x is the last good picture.
    """
    try:
        if not watch.stopped:
            minimise(watch.objective, watch.x, observe=watch, state=watch.state)
        watch.stopped = watch.stopped or "minimum"
    except KeyboardInterrupt:
        watch.stopped = "interrupted"
    except DivergedError as error:
        watch.x, watch.stopped = watch.good, "diverged"
        error.watch = watch  # type: ignore[attr-defined]
        raise
    return watch
