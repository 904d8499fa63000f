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
    """State of a run after an epoch that every listener has heard of, to resume from.

    x, good, state, stopped: as in Watch; epochs: how many steps of the history there were.
    """

    x: Any
    good: Any
    state: Mapping[str, Any]
    epochs: int
    stopped: str


@dataclass
class LoopState:
    """Observes an optimiser: one Step per epoch for the listeners, True when it shall stop.

    x is the newest point; good the newest whose loss is known to be finite (the one before x);
    state what the optimiser needs to go on. history may begin with the steps of earlier scales
    (before: how many those are) and of this one. saver is called after the listeners of each epoch,
    when `mark` is of that epoch. The state it begins with is emptied after the first step: its
    arrays are as large as the picture.
    """

    objective: Any
    x: Any
    describe: Describe
    listeners: Sequence[Listener]
    stop_eps: float
    max_epochs: int
    history: list[Step]
    before: int
    good: Any
    state: dict[str, Any]
    stopped: str = ""
    saver: Callable[[LoopState], Any] | None = None
    last: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
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
        wishes = [listener(step) for listener in self.listeners]
        self.stopped = self.reason(step, any(wish is True for wish in wishes))
        self.set_mark()
        if self.saver:
            self.saver(self)
        self._begun.clear()
        return bool(self.stopped)

    def set_mark(self) -> None:
        """All of it at once, since Ctrl-C may come between any two lines."""
        self.mark = Checkpointable(self.x, self.good, self.state, len(self.history), self.stopped)

    def reason(self, step: Step, wished: bool) -> str:
        """Why to stop after this step, or ''."""
        if step.epoch - self.before >= FIRST_EPS_EPOCH and step.eps < self.stop_eps:
            return "eps"
        if step.epoch >= self.max_epochs:
            return "max-epochs"
        return "callback" if wished else ""


def solve(
    minimise: Callable[..., Any],
    objective: Any,
    x: Any,
    *,
    describe: Describe,
    listeners: Sequence[Listener] = (),
    stop_eps: float = 0.005,
    max_epochs: int = 1000,
    history: Sequence[Step] = (),
    state: dict[str, Any] | None = None,
    saver: Callable[[LoopState], Any] | None = None,
    before: int | None = None,
    good: Any = None,
    stopped: str = "",
) -> LoopState:
    """Run an optimiser until the relative change falls below stop_eps; x in the result is last.

    minimise(objective, x, observe=..., state=...). stop_eps counts from the tenth epoch on; epochs
    are numbered on from `history`, up to max_epochs. Ctrl-C ends the run with stopped =
    "interrupted"; an optimiser that finds no better point with "minimum". state: emptied after the
    first step, its arrays are large. before, good, stopped: as the Watch had them of a run that is
    gone on with (one that had stopped takes no step). Raises DivergedError with the attribute
    `watch`, whose x is the last good picture.
    """
    watch = LoopState(
        objective,
        x,
        describe,
        listeners,
        stop_eps,
        max_epochs,
        history=list(history),
        before=len(history) if before is None else before,
        good=x if good is None else good,
        state=state or {},
        stopped=stopped,
        saver=saver,
    )
    try:
        if not watch.stopped:
            minimise(objective, x, observe=watch, state=state)
        watch.stopped = watch.stopped or "minimum"
    except KeyboardInterrupt:
        watch.stopped = "interrupted"
    except DivergedError as error:
        watch.x, watch.stopped = watch.good, "diverged"
        error.watch = watch  # type: ignore[attr-defined]
        raise
    return watch
