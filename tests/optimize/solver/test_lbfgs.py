"""L-BFGS: does not stop early, counts its evaluations, and goes on from any state."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.errors import DivergedError
from nstyle.optimize.solver import loop
from nstyle.optimize.solver.lbfgs import LINE_SEARCH, RESTART, lbfgs

START = np.array([-1.2, 1.0])


class Valley(tiny.NumpyObjective):
    """Rosenbrock's valley in `size` dimensions, minimum 0 at (1, 1, ...); counts its calls."""

    def __init__(self, size: int = 30, scale: float = 1.0, lift: float = 0.0) -> None:
        self.start, self.scale, self.lift = np.tile(START, size // 2), scale, lift
        self.points: list[np.ndarray] = []

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.points.append(np.array(x))
        a, b = x[:-1], x[1:]
        gradient = np.zeros_like(x)
        gradient[:-1] = -400 * a * (b - a**2) - 2 * (1 - a)
        gradient[1:] += 200 * (b - a**2)
        value = (100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()
        return float(value) * self.scale + self.lift, gradient * self.scale


class Watcher:
    """Observes up to `steps` epochs and keeps what it sees."""

    def __init__(self, objective: Any = None, steps: int = 10**6) -> None:
        self.objective, self.steps = objective, steps
        self.points: list[np.ndarray] = []
        self.losses: list[float] = []
        self.states: list[dict[str, Any]] = []
        self.calls: list[int] = []  # of the objective, at each epoch's end

    def __call__(self, x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        self.points.append(x)
        self.losses.append(loss)
        self.states.append(state)
        self.calls.append(len(self.objective.points) if self.objective else 0)
        return len(self.points) >= self.steps


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("evaluations", [0, 20])
def test_it_finds_the_minimum_whatever_the_losses_size(scale, evaluations):
    objective = Valley(10, scale)
    watcher = Watcher(objective)
    found = lbfgs(objective, objective.start, observe=watcher, evaluations=evaluations, rate=0.1)
    assert np.abs(found - 1).max() < 1e-5
    assert len(watcher.points) > 5
    assert watcher.losses[-1] < 1e-8 * watcher.losses[0]


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("rate", [0.01, 0.5])
def test_the_first_step_has_the_rates_length_per_value(rate, scale):
    objective = Valley(scale=scale)
    lbfgs(objective, objective.start, observe=Watcher(steps=1), rate=rate)
    first = objective.points[1] - objective.start
    assert np.sqrt(np.mean(first**2)) == pytest.approx(rate, rel=1e-6)
    gradient = objective(objective.start)[1]
    downhill = -gradient / np.linalg.norm(gradient)
    assert np.allclose(first / np.linalg.norm(first), downhill, atol=1e-6)


def test_each_observed_loss_is_that_of_the_point_before():
    for evaluations in (0, 20):
        objective = Valley()
        watcher = Watcher(objective, 12)
        lbfgs(objective, objective.start, observe=watcher, evaluations=evaluations)
        before = [objective.start, *watcher.points[:-1]]
        assert watcher.losses == pytest.approx([objective(x)[0] for x in before], rel=1e-12)


@pytest.mark.parametrize("evaluations", [5, 20])
def test_an_epoch_has_at_most_so_many_evaluations(evaluations):
    objective = Valley()
    watcher = Watcher(objective, 8)
    lbfgs(objective, objective.start, observe=watcher, evaluations=evaluations)
    spent = np.diff([0, *watcher.calls])
    assert len(spent) == 8
    assert spent.max() <= evaluations
    assert spent.mean() > evaluations / 2


def test_each_such_epoch_starts_a_new_memory():
    objective = Valley()
    watcher = Watcher(objective, 4)
    lbfgs(objective, objective.start, observe=watcher, evaluations=20, rate=0.3)
    for begin, call in zip([objective.start, *watcher.points], [0, *watcher.calls[:-1]]):
        assert np.allclose(objective.points[call], begin, rtol=1e-12)
        # a first step down the gradient, of the rate's length, is one without memory
        first, gradient = objective.points[call + 1] - begin, objective(begin)[1]
        assert np.allclose(first, -gradient / np.linalg.norm(gradient) * 0.3 * 30**0.5, atol=1e-6)


def test_without_a_number_the_memory_starts_anew_now_and_then_and_every_step_is_seen():
    objective = Valley()
    watcher = Watcher(objective, 90)
    lbfgs(objective, objective.start, observe=watcher)
    begins = [state["begin"] for state in watcher.states]
    anew = [i for i in range(1, 90) if not np.array_equal(begins[i], begins[i - 1])]
    assert anew
    assert [state["done"] for state in watcher.states[: anew[0]]] == list(range(1, anew[0] + 1))
    assert np.array_equal(begins[anew[0]], watcher.points[anew[0] - 1])
    assert anew[0] < RESTART <= watcher.calls[anew[0]]
    assert (np.diff(watcher.losses) < 0).all()


@pytest.mark.parametrize("lift", [0.0, 1e7])  # far above zero a step changes little of the loss
def test_neither_small_changes_nor_small_gradients_end_a_memory_before_its_time(lift):
    objective = Valley(40, lift=lift)
    watcher = Watcher(objective, 10**6)
    lbfgs(objective, objective.start, observe=watcher)
    valley = Valley(40)
    far = [i for i, x in enumerate(watcher.points) if valley(x)[0] > 1e-5]
    begins = [watcher.states[i]["begin"].tobytes() for i in far]
    calls = watcher.calls[far[-1]]
    assert calls > 2 * RESTART
    assert len(set(begins)) <= calls / RESTART + 1


@pytest.mark.parametrize(
    ("evaluations", "bounds", "epochs", "every"),
    [(0, None, 90, 9), (0, (-1.5, 0.8), 90, 9), (20, None, 8, 1)],
)
def test_it_goes_on_from_every_state_to_the_same_bytes(evaluations, bounds, epochs, every):
    knobs: dict[str, Any] = {"evaluations": evaluations, "bounds": bounds}
    objective = Valley(12)
    whole = Watcher(objective, epochs)  # across the internal restart
    end = lbfgs(objective, objective.start, observe=whole, **knobs)
    assert len(whole.points) > RESTART / 2 or evaluations
    for stop in range(1, len(whole.points), every):
        objective.points.clear()
        rest = Watcher(objective, len(whole.points) - stop)
        point, state = whole.points[stop - 1], whole.states[stop - 1]
        found = lbfgs(objective, point, observe=rest, state=state, **knobs)
        assert found.tobytes() == end.tobytes()
        assert rest.losses == whole.losses[stop:]
        assert [x.tobytes() for x in rest.points] == [x.tobytes() for x in whole.points[stop:]]
        assert np.array_equal(rest.states[-1]["begin"], whole.states[-1]["begin"])
        assert rest.states[-1]["done"] == whole.states[-1]["done"]
        assert rest.calls[0] <= RESTART + LINE_SEARCH  # what is repeated is bounded


class Broken(tiny.Quadratic):
    """A parabola whose loss is `value` from a call on."""

    value, good = math.nan, 0

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = super().__call__(x)
        return (loss if self.calls <= self.good else self.value), gradient


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("evaluations", [0, 20])
def test_a_first_loss_that_is_not_finite_is_an_error(value, evaluations):
    objective = Broken(np.arange(1.0, 6))
    objective.value = value
    start, minimise = np.zeros(5), partial(lbfgs, evaluations=evaluations)
    with pytest.raises(DivergedError, match="epoch 1") as caught:
        loop.solve(minimise, loop.LoopState(objective, start, describe=lambda *facts: None))
    assert np.array_equal(caught.value.watch.x, start)  # type: ignore[attr-defined]
    assert objective.calls == 1


@pytest.mark.parametrize("evaluations", [0, 20])
def test_a_later_loss_that_is_not_finite_leaves_the_last_good_point(evaluations):
    objective = Broken(np.arange(1.0, 6), np.array([1.0, 3.0, 9.0, 27.0, 81.0]))
    objective.good = 6
    watcher = Watcher(steps=50)
    with np.errstate(invalid="ignore"):
        found = lbfgs(objective, np.zeros(5), observe=watcher, evaluations=evaluations)
    assert np.isfinite(found).all()
    assert all(np.isfinite(x).all() for x in watcher.points)
    assert objective.calls < 300


@pytest.mark.parametrize("evaluations", [0, 20])
def test_it_returns_where_nothing_is_lower(evaluations):
    objective = tiny.parabola()
    objective.calls = 0
    watcher = Watcher()
    found = lbfgs(objective, objective.minimum, observe=watcher, evaluations=evaluations)
    assert np.array_equal(found, objective.minimum)
    assert objective.calls < 100
    assert all(np.array_equal(x, objective.minimum) for x in watcher.points)


class Noisy(tiny.Quadratic):
    """A parabola in float32 whose loss is known to seven digits only."""

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        assert x.dtype == np.float32
        loss, gradient = super().__call__(x.astype(np.float64))
        wobble = 1e-7 * np.sin(1e9 * float(np.abs(x).sum()))
        return (loss + 1000) * (1 + wobble), gradient.astype(np.float32)


@pytest.mark.parametrize("evaluations", [0, 20])
def test_noise_in_the_last_digit_neither_stops_it_early_nor_keeps_it_for_ever(evaluations):
    shape = 1, 2, 10, 10
    minimum, start = np.linspace(-60, 60, 200).reshape(shape), np.zeros(shape, np.float32)
    objective = Noisy(minimum, np.linspace(0.1, 3, 200).reshape(shape))
    watcher = Watcher()
    found = lbfgs(objective, start, observe=watcher, evaluations=evaluations, rate=1.0)
    assert all((x.shape, x.dtype) == (shape, np.float32) for x in [found, *watcher.points])
    assert np.abs(found - minimum).max() < 0.2 and not start.any()
    assert objective.calls < 3000
