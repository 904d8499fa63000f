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

    watch = loop.solve(
        partial(optimizers.sgd, **{"rate": 0.1, "momentum": 0.5, **knobs}),
        objective or tiny.parabola(),
        start,
        describe=describe,
        listeners=listeners,
        stop_eps=stop_eps,
        max_epochs=max_epochs,
    )
    return watch, points


def test_it_stops_when_the_relative_change_falls_below_stop_eps():
    watch, points = solve(stop_eps=1e-3)
    assert watch.stopped == "eps"
    assert points[-1][1] < 1e-3
    assert all(eps >= 1e-3 for _, eps in points[9:-1])
    assert len(watch.history) > 10
    assert np.abs(watch.x - tiny.parabola().minimum).max() < 0.05


def test_eps_does_not_count_before_epoch_10():
    watch, points = solve(stop_eps=1e9)
    assert (watch.stopped, len(watch.history)) == ("eps", 10)
    assert all(eps < 1e9 for _, eps in points)


def test_it_stops_after_max_epochs():
    for count in (1, 9, 25):
        watch, _ = solve(max_epochs=count)
        assert (watch.stopped, len(watch.history)) == ("max-epochs", count)


def test_stop_eps_0_never_stops_by_eps():
    watch, points = solve(start=tiny.parabola().minimum, max_epochs=30)
    assert (watch.stopped, len(watch.history)) == ("max-epochs", 30)
    assert points[-1][1] == 0


def test_a_listener_that_returns_true_ends_the_run():
    watch, _ = solve(listeners=(lambda step: step.epoch == 4,))
    assert (watch.stopped, len(watch.history)) == ("callback", 4)


@pytest.mark.parametrize("answer", [None, False, "yes", 1, 0.5])
def test_only_true_itself_ends_the_run(answer):
    watch, _ = solve(listeners=(lambda step: answer,), max_epochs=6)
    assert (watch.stopped, len(watch.history)) == ("max-epochs", 6)


def test_every_listener_hears_of_every_step_even_if_another_wants_to_stop():
    heard: list[int] = []
    solve(listeners=(lambda step: step.epoch == 3, lambda step: heard.append(step.epoch)))
    assert heard == [1, 2, 3]


def test_an_interrupt_in_a_listener_keeps_the_last_point():
    def interrupt(step: Step) -> None:
        if step.epoch == 5:
            raise KeyboardInterrupt

    watch, points = solve(listeners=(interrupt,))
    assert (watch.stopped, len(watch.history)) == ("interrupted", 5)
    assert watch.x is points[-1][0]


def test_an_interrupt_in_the_objective_keeps_the_last_point():
    class Stubborn(tiny.Quadratic):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            if self.calls == 7:
                raise KeyboardInterrupt
            return super().__call__(x)

    watch, points = solve(Stubborn(np.ones(5)))
    assert (watch.stopped, len(watch.history)) == ("interrupted", 7)
    assert watch.x is points[-1][0]


def test_an_interrupt_before_the_first_step_keeps_the_start():
    class Deaf(tiny.NumpyObjective):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            raise KeyboardInterrupt

    watch, _ = solve(Deaf())
    assert (watch.stopped, watch.history) == ("interrupted", [])
    assert watch.x is START


def test_other_errors_of_a_listener_pass_through():
    def break_down(step: Step) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        solve(listeners=(break_down,))


def test_eps_is_the_change_relative_to_the_new_point():
    watch, points = solve(max_epochs=12)
    x, velocity = START, np.zeros(5)
    for (found, eps), step in zip(points, watch.history):
        velocity = 0.5 * velocity - 0.1 * (x - np.arange(1.0, 6))
        expected = np.linalg.norm(velocity) / np.linalg.norm(x + velocity)
        x = x + velocity
        assert np.allclose(found, x, rtol=1e-12)
        assert eps == step.eps == pytest.approx(expected, rel=1e-12)


def test_the_history_has_one_step_per_epoch_counted_from_1():
    watch, _ = solve(max_epochs=15)
    assert [step.epoch for step in watch.history] == list(range(1, 16))
    assert all(step.seconds >= 0 for step in watch.history)


def test_the_loss_of_a_step_is_that_of_the_point_before_it():
    watch, points = solve(max_epochs=5)
    before = [START, *(x for x, _ in points)]
    assert [step.loss for step in watch.history] == [tiny.parabola()(x)[0] for x in before[:5]]


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
def test_a_loss_that_is_not_finite_is_an_error_with_a_finite_picture(value):
    objective = Cliff(np.arange(1.0, 6))
    objective.value = value
    with pytest.raises(DivergedError) as caught:
        solve(objective)
    watch = caught.value.watch  # type: ignore[attr-defined]
    assert np.isfinite(watch.x).all()
    assert [step.epoch for step in watch.history] == [1, 2, 3]
    assert str(value) in str(caught.value) and "epoch 4" in str(caught.value)


def test_the_last_good_picture_is_one_with_a_finite_loss():
    finite: list[np.ndarray] = []

    class Recorder(Cliff):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = super().__call__(x)
            finite.extend([x] if math.isfinite(loss) else [])
            return loss, gradient

    objective = Recorder(np.arange(1.0, 6))
    with pytest.raises(DivergedError) as caught:
        solve(objective)
    watch = caught.value.watch  # type: ignore[attr-defined]
    assert np.array_equal(watch.x, finite[-1])


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


def again(watch: loop.LoopState, mark: loop.Checkpointable, **knobs: Any) -> loop.LoopState:
    """Go on from a mark of a run with the usual knobs."""
    chosen = {"rate": 0.1, "momentum": 0.5, **knobs.pop("turned", {})}
    return loop.solve(
        partial(optimizers.sgd, **chosen),
        knobs.pop("objective", None) or tiny.parabola(),
        mark.x,
        describe=lambda *facts: Step(facts[0], 1, 8, 8, facts[1], {}, *facts[2:4]),
        history=watch.history[: mark.epochs],
        before=watch.before,
        good=mark.good,
        stopped=mark.stopped,
        state=mark.state,
        **knobs,
    )


def marks_of(
    objective: Any = None, **knobs: Any
) -> tuple[loop.LoopState, list[loop.Checkpointable]]:
    """A run's watch, and its mark after each epoch."""
    marks: list[loop.Checkpointable] = []
    watch = loop.solve(
        partial(optimizers.sgd, rate=0.1, momentum=0.5),
        objective or tiny.parabola(),
        START,
        describe=lambda *facts: Step(facts[0], 1, 8, 8, facts[1], {}, *facts[2:4]),
        saver=lambda watch: marks.append(watch.mark),
        **knobs,
    )
    return watch, marks


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


def test_epochs_of_this_scale_count_from_before():
    whole, marks = marks_of(stop_eps=1e9, max_epochs=40)
    assert (whole.stopped, len(whole.history)) == ("eps", 10)
    for mark in (marks[2], marks[8]):
        assert len(again(whole, mark, stop_eps=1e9, max_epochs=40).history) == 10


def test_the_saver_is_called_after_the_listeners_and_with_the_reason_to_stop():
    calls: list[Any] = []
    loop.solve(
        partial(optimizers.sgd, rate=0.1),
        tiny.parabola(),
        START,
        describe=lambda *facts: Step(facts[0], 1, 8, 8, facts[1], {}, *facts[2:4]),
        listeners=(lambda step: calls.append(step.epoch),),
        saver=lambda watch: calls.append((watch.mark.epochs, watch.mark.stopped)),
        max_epochs=3,
    )
    assert calls == [1, (1, ""), 2, (2, ""), 3, (3, "max-epochs")]


def test_a_run_that_had_stopped_takes_no_step():
    whole, marks = marks_of(max_epochs=5)
    objective = tiny.parabola()
    watch = again(whole, marks[-1], objective=objective, max_epochs=5)
    assert (objective.calls, watch.stopped, len(watch.history)) == (0, "max-epochs", 5)


def test_an_interrupt_in_a_listener_leaves_the_mark_at_the_epoch_that_all_heard_of():
    def interrupt(step: Step) -> None:
        if step.epoch == 5:
            raise KeyboardInterrupt

    _, marks = marks_of(max_epochs=9)
    watch, _ = solve(listeners=(interrupt,), max_epochs=9)
    assert (watch.stopped, len(watch.history)) == ("interrupted", 5)
    assert (watch.mark.epochs, watch.mark.stopped) == (4, "")
    assert watch.mark.x.tobytes() == marks[3].x.tobytes()
    whole, _ = solve(max_epochs=9)
    assert again(watch, watch.mark, max_epochs=9).x.tobytes() == whole.x.tobytes()


def test_an_interrupt_before_the_first_step_leaves_a_mark_at_the_start():
    class Deaf(tiny.NumpyObjective):
        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            raise KeyboardInterrupt

    watch, _ = solve(Deaf())
    assert (watch.mark.x is START, watch.mark.epochs, watch.mark.stopped) == (True, 0, "")


def test_the_last_good_picture_is_known_after_going_on_too():
    class FallsAt(tiny.Quadratic):
        """Its loss is not finite from a point on."""

        def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = super().__call__(x)
            return (loss if x[0] > 5 else math.nan), gradient

    marks: list[loop.Checkpointable] = []
    objective = FallsAt(np.arange(1.0, 6))
    with pytest.raises(DivergedError) as caught:
        loop.solve(
            partial(optimizers.sgd, rate=0.1, momentum=0.5),
            objective,
            START,
            describe=lambda *facts: Step(facts[0], 1, 8, 8, facts[1], {}, *facts[2:4]),
            saver=lambda watch: marks.append(watch.mark),
        )
    whole = caught.value.watch  # type: ignore[attr-defined]
    assert marks
    for mark in marks:
        with pytest.raises(DivergedError) as caught:
            again(whole, mark, objective=objective)
        assert np.array_equal(caught.value.watch.x, whole.x)  # type: ignore[attr-defined]


# ---- memory: arrays are as large as the picture ----


def test_the_state_a_run_begins_with_is_let_go_of_after_the_first_step():
    watch, marks = marks_of(max_epochs=6)
    state, kept = dict(marks[2].state), []
    onwards = again(
        watch,
        dataclasses.replace(marks[2], state=state),
        max_epochs=6,
        listeners=[lambda step: kept.append(len(state))],
    )
    assert kept[0] == len(marks[2].state) > 0  # until all have heard of the first step
    assert not state and not any(kept[1:])
    assert facts_of(onwards.history) == facts_of(watch.history)


def test_an_interrupted_first_step_has_the_state_still():
    watch, marks = marks_of(max_epochs=6)
    state = dict(marks[2].state)

    def interrupt(step: Step) -> None:
        raise KeyboardInterrupt

    mark = dataclasses.replace(marks[2], state=state)
    found = again(watch, mark, max_epochs=6, listeners=[interrupt])
    assert found.stopped == "interrupted" and dict(found.mark.state) == marks[2].state != {}
