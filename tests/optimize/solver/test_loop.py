"""The loop on a parabola: counting, the relative change, and the reasons to stop."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.errors import DivergedError
from nstyle.optimize.records import Step
from nstyle.optimize.solver import loop, optimizers

START = np.array([10.0, -3.0, 4.0, 0.5, 2.0])
Points = list[tuple[Any, float]]


def solve(
    objective: Any = None,
    start: np.ndarray = START,
    *,
    listeners: tuple[Callable[[Step], Any], ...] = (),
    stop_eps: float = 0.0,
    max_epochs: int = 400,
    **knobs: Any,
) -> tuple[loop.LoopState, Points]:
    """The watch, and (x, eps) of every epoch."""
    points: Points = []

    def describe(epoch: int, loss: float, eps: float, seconds: float, x: Any) -> Step:
        points.append((x, eps))
        return Step(epoch, 1, 8, 8, loss, {"bowl": loss}, eps, seconds, lambda: None)

    watch = loop.LoopState(
        objective or tiny.parabola(),
        start,
        describe=describe,
        listeners=listeners,
        stop_eps=stop_eps,
        max_epochs=max_epochs,
    )
    sgd = partial(optimizers.sgd, **{"rate": 0.1, "momentum": 0.5, **knobs})
    return loop.solve(sgd, watch), points


def test_it_stops_when_the_relative_change_falls_below_stop_eps_from_epoch_10_on():
    watch, points = solve(stop_eps=1e-3)
    assert watch.stopped == "eps"
    assert points[-1][1] < 1e-3
    assert all(eps >= 1e-3 for _, eps in points[9:-1])
    assert len(watch.history) > 10
    assert np.abs(watch.x - tiny.parabola().minimum).max() < 0.05
    watch, _ = solve(stop_eps=1e9)
    assert (watch.stopped, len(watch.history)) == ("eps", 10)


def test_it_stops_after_max_epochs():
    for count in (1, 9, 25):
        watch, _ = solve(max_epochs=count)
        assert (watch.stopped, len(watch.history)) == ("max-epochs", count)


def test_stop_eps_0_never_stops_by_eps():
    watch, points = solve(start=tiny.parabola().minimum, max_epochs=30)
    assert (watch.stopped, len(watch.history)) == ("max-epochs", 30)
    assert points[-1][1] == 0


@pytest.mark.parametrize(
    ("answer", "stopped", "epochs"),
    [(True, "callback", 4), ("yes", "max-epochs", 6), (1, "max-epochs", 6)],
)
def test_a_listener_ends_the_run_by_true_itself_and_all_others_hear_of_it(answer, stopped, epochs):
    heard: list[int] = []
    listeners = (lambda step: step.epoch == 4 and answer, lambda step: heard.append(step.epoch))
    watch, _ = solve(listeners=listeners, max_epochs=6)
    assert (watch.stopped, len(watch.history)) == (stopped, epochs)
    assert heard == list(range(1, epochs + 1))


@pytest.mark.parametrize("calls", [0, 7])
def test_an_interrupt_in_the_objective_keeps_the_last_point(calls):
    class Stubborn(tiny.Quadratic):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            if self.calls == calls:
                raise KeyboardInterrupt
            return super().__call__(x)

    watch, points = solve(Stubborn(np.ones(5)))
    assert (watch.stopped, len(watch.history)) == ("interrupted", calls)
    assert watch.x is (points[-1][0] if calls else START)
    assert (watch.mark.x, watch.mark.epochs, watch.mark.stopped) == (watch.x, calls, "")


def test_eps_is_the_change_relative_to_the_new_point_and_the_loss_that_of_the_point_before():
    watch, points = solve(max_epochs=12)
    x, velocity = START, np.zeros(5)
    for epoch, ((found, eps), step) in enumerate(zip(points, watch.history), 1):
        assert (step.epoch, step.loss) == (epoch, pytest.approx(tiny.parabola()(x)[0]))
        velocity = 0.5 * velocity - 0.1 * (x - np.arange(1.0, 6))
        expected = np.linalg.norm(velocity) / np.linalg.norm(x + velocity)
        x = x + velocity
        assert np.allclose(found, x, rtol=1e-12)
        assert eps == step.eps == pytest.approx(expected, rel=1e-12)
        assert step.seconds >= 0
    assert len(watch.history) == 12


def test_the_history_holds_no_pictures_but_the_listeners_get_them():
    reads = []
    watch, _ = solve(listeners=(lambda step: reads.append(step.read),), max_epochs=3)
    assert all(read is not None for read in reads)
    assert all(step.read is None for step in watch.history)
    with pytest.raises(RuntimeError):
        watch.history[0].picture()


# ---- divergence ----


class Cliff(tiny.Quadratic):
    """A parabola whose loss becomes `value` from the fourth call on."""

    value = math.nan

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = super().__call__(x)
        return (loss if self.calls < 4 else self.value), gradient


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error_with_the_last_good_picture(value):
    finite: list[np.ndarray] = []

    class Recorder(Cliff):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = super().__call__(x)
            finite.extend([x] if math.isfinite(loss) else [])
            return loss, gradient

    objective = Recorder(np.arange(1.0, 6))
    objective.value = value
    with pytest.raises(DivergedError) as caught:
        solve(objective)
    watch = caught.value.watch  # type: ignore[attr-defined]
    assert np.array_equal(watch.x, finite[-1])
    assert [step.epoch for step in watch.history] == [1, 2, 3]
    assert str(value) in str(caught.value) and "epoch 4" in str(caught.value)


def test_a_picture_that_overflows_is_an_error_that_does_not_blame_a_finite_loss():
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(DivergedError) as caught:
        solve(rate=1e308, momentum=0.0)
    watch = caught.value.watch  # type: ignore[attr-defined]
    assert (watch.x == START).all()
    loss = tiny.parabola()(START)[0]
    assert str(loss) not in str(caught.value)


def test_a_minimum_at_zero_is_no_divergence():
    watch, _ = solve(tiny.Quadratic(np.zeros(5)), rate=1.0, momentum=0.0, max_epochs=12)
    assert watch.stopped == "max-epochs"
    assert not watch.x.any()


# ---- stopping and going on ----


def describe(epoch: int, loss: float, eps: float, seconds: float, x: Any) -> Step:
    return Step(epoch, 1, 8, 8, loss, {}, eps, seconds)


def again(watch: loop.LoopState, mark: loop.Checkpointable, **knobs: Any) -> loop.LoopState:
    """Go on from a mark of a run with the usual knobs."""
    begun = loop.LoopState(
        knobs.pop("objective", None) or tiny.parabola(),
        mark.x,
        describe=describe,
        history=watch.history[: mark.epochs],
        before=watch.before,
        good=mark.good,
        stopped=mark.stopped,
        state=mark.state,
        **knobs,
    )
    return loop.solve(partial(optimizers.sgd, rate=0.1, momentum=0.5), begun)


def marks_of(
    objective: Any = None, **knobs: Any
) -> tuple[loop.LoopState, list[loop.Checkpointable]]:
    """A run's watch, also of one that diverges, and its mark after each epoch."""
    marks: list[loop.Checkpointable] = []
    minimise = partial(optimizers.sgd, rate=0.1, momentum=0.5)
    knobs.update(describe=describe, saver=lambda watch: marks.append(watch.mark))
    try:
        watch = loop.LoopState(objective or tiny.parabola(), START, **knobs)
        return loop.solve(minimise, watch), marks
    except DivergedError as error:
        return error.watch, marks  # type: ignore[attr-defined]


def facts_of(history: list[Step]) -> list[tuple[int, float, float]]:
    return [(step.epoch, step.loss, step.eps) for step in history]


def test_from_every_mark_a_run_goes_on_to_the_same_bytes_and_stops_at_the_same_epoch():
    whole, marks = marks_of(stop_eps=1e-3)
    assert len(marks) == len(whole.history) > 12
    for mark in marks:
        watch = again(whole, mark, stop_eps=1e-3)
        assert watch.x.tobytes() == whole.x.tobytes()
        assert facts_of(watch.history) == facts_of(whole.history)
        assert (watch.stopped, watch.before) == ("eps", 0)


def test_epochs_of_this_scale_count_from_before_and_a_run_that_had_stopped_takes_no_step():
    whole, marks = marks_of(stop_eps=1e9, max_epochs=40)
    assert (whole.stopped, len(whole.history)) == ("eps", 10)
    for mark in (marks[2], marks[8]):
        assert len(again(whole, mark, stop_eps=1e9, max_epochs=40).history) == 10
    objective = tiny.parabola()
    watch = again(whole, marks[-1], objective=objective, max_epochs=40)
    assert (objective.calls, watch.stopped, len(watch.history)) == (0, "eps", 10)


def test_an_interrupt_in_a_listener_leaves_the_mark_at_the_epoch_that_all_heard_of():
    calls: list[Any] = []

    def interrupt(step: Step) -> None:
        calls.append(step.epoch)
        if step.epoch == 5:
            raise KeyboardInterrupt

    whole, marks = marks_of(max_epochs=9)
    watch, noted = marks_of(listeners=(interrupt,), max_epochs=9)
    assert calls == [1, 2, 3, 4, 5]
    assert (watch.stopped, len(watch.history)) == ("interrupted", 5)
    assert [(mark.epochs, mark.stopped) for mark in noted] == [(n, "") for n in range(1, 5)]
    assert watch.mark.x.tobytes() == marks[3].x.tobytes() and watch.mark.epochs == 4
    assert marks[-1].stopped == "max-epochs"
    assert again(watch, watch.mark, max_epochs=9).x.tobytes() == whole.x.tobytes()


def test_the_last_good_picture_is_known_after_going_on_too():
    class FallsAt(tiny.Quadratic):
        """Its loss is not finite from a point on."""

        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = super().__call__(x)
            return (loss if x[0] > 5 else math.nan), gradient

    objective = FallsAt(np.arange(1.0, 6))
    whole, marks = marks_of(objective)
    assert marks and whole.stopped == "diverged"
    for mark in marks:
        with pytest.raises(DivergedError) as caught:
            again(whole, mark, objective=objective)
        assert np.array_equal(caught.value.watch.x, whole.x)  # type: ignore[attr-defined]


# ---- memory: arrays are as large as the picture ----


def test_the_state_a_run_begins_with_is_let_go_of_after_the_first_step():
    watch, marks = marks_of(max_epochs=6)
    state, sizes = dict(marks[2].state), []

    def look(step: Step) -> None:
        sizes.append(len(state))

    def interrupt(step: Step) -> None:
        raise KeyboardInterrupt

    mark = dataclasses.replace(marks[2], state=state)
    early = again(watch, mark, max_epochs=6, listeners=[interrupt])
    assert early.stopped == "interrupted" and dict(early.mark.state) == marks[2].state != {}
    onwards = again(watch, mark, max_epochs=6, listeners=[look])
    assert sizes == [len(marks[2].state), 0, 0]  # until all have heard of the first step
    assert facts_of(onwards.history) == facts_of(watch.history)
