"""METHODS x PROBLEMS, and SGD against MXNet's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle import optimizers

METHODS = list(optimizers.OPTIMIZERS)
# name: (objective, start, solution, rate, steps)
PROBLEMS: dict[str, tuple[Any, Any, Any, float, int]] = {
    "parabola": (tiny.parabola(), np.zeros(5), np.arange(1.0, 6), 0.1, 300),
    "ill-conditioned": (
        tiny.Quadratic(np.array([3.0, -1.0, 2.0]), np.array([1.0, 10.0, 100.0])),
        np.array([10.0, 10.0, 10.0]),
        np.array([3.0, -1.0, 2.0]),
        0.01,
        1500,
    ),
    "rosenbrock": (tiny.Rosenbrock(), np.array([-1.2, 1.0]), np.ones(2), 3e-4, 20_000),
}

Run = tuple[Any, list[float], list[dict[str, Any]]]


def run(
    method: Callable[..., Any], objective: Any, x: Any, steps: int, state: Any = None, **knobs: Any
) -> Run:
    """x after so many steps, the losses and the states seen on the way."""
    losses: list[float] = []
    states: list[dict[str, Any]] = []

    def observe(_: Any, loss: float, state: dict[str, Any]) -> bool:
        losses.append(loss)
        states.append(state)
        return len(losses) >= steps

    return method(objective, x, observe=observe, state=state, **knobs), losses, states


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_solves_every_problem(name, problem):
    objective, start, solution, rate, steps = PROBLEMS[problem]
    method = optimizers.OPTIMIZERS[name]
    found, losses, _ = run(method, objective, objective.load(start), steps, rate=rate)
    assert np.abs(found - solution).max() < 1e-4
    assert losses[-1] < 1e-6 * losses[0]


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_observed_is_that_of_the_point_before_the_step(name):
    objective, start, _, rate, _ = PROBLEMS["parabola"]
    points = [start]

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        assert loss == objective(points[-1])[0]
        points.append(x.copy())
        return len(points) > 5

    optimizers.OPTIMIZERS[name](objective, start, observe=observe, rate=rate)
    assert len(points) == 6


@pytest.mark.parametrize("name", METHODS)
def test_the_start_and_the_observed_points_are_not_written_over(name):
    objective, start, _, rate, _ = PROBLEMS["parabola"]
    seen: list[tuple[np.ndarray, np.ndarray]] = [(start, start.copy())]

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        seen.append((x, x.copy()))
        return len(seen) > 5

    optimizers.OPTIMIZERS[name](objective, start, observe=observe, rate=rate)
    assert all((x == copy).all() for x, copy in seen)


def knobs_of(rate: float) -> dict[str, Any]:
    """All of SGD's knobs turned, so that all of them must come through a state."""
    schedule = optimizers.steps(3, 0.8)
    return {"rate": rate, "weight_decay": 0.01, "clip": 5.0, "backoff": 0.9, "schedule": schedule}


@pytest.mark.parametrize("stop", [1, 7, 15])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", METHODS)
def test_going_on_from_a_state_ends_in_the_same_bytes(name, problem, stop):
    objective, start, _, rate, _ = PROBLEMS[problem]
    method, knobs = optimizers.OPTIMIZERS[name], knobs_of(5 * rate)
    unbroken, losses, states = run(method, objective, start, 25, **knobs)
    first, early, stops = run(method, objective, start, stop, **knobs)
    rest, late, ends = run(method, objective, first, 25 - stop, stops[-1], **knobs)
    assert rest.tobytes() == unbroken.tobytes()
    assert early + late == losses
    assert ends[-1].keys() == states[-1].keys()
    for key, value in states[-1].items():
        assert np.array_equal(ends[-1][key], value), key


@pytest.mark.parametrize("name", METHODS)
def test_a_state_is_flat_and_stays_as_it_was(name):
    objective, start, _, rate, _ = PROBLEMS["parabola"]
    _, _, states = run(optimizers.OPTIMIZERS[name], objective, start, 5, **knobs_of(rate))
    early = states[1]
    copies = {key: np.array(value) for key, value in early.items()}
    run(optimizers.OPTIMIZERS[name], objective, start, 5, early, **knobs_of(rate))
    assert all(isinstance(value, (int, float, np.ndarray)) for value in early.values())
    assert all(np.array_equal(early[key], copy) for key, copy in copies.items())


# ---- SGD ----


class Replay(tiny.NumpyObjective):
    """Gives recorded gradients, whatever x is."""

    def __init__(self, gradients: np.ndarray) -> None:
        self._gradients = iter(gradients)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return 0.0, next(self._gradients)


@pytest.mark.parametrize(
    ("momentum", "decay", "clip", "rescale"),
    [
        (0.9, 0.0, 0.0, 1.0),
        (0.0, 0.0, 0.0, 1.0),
        (0.9, 0.005, 10.0, 1.0),
        (0.5, 0.1, 1.5, 0.25),
        (0.95, 0.3, 0.0, 4.0),
    ],
)
def test_an_update_is_that_of_mxnets_sgd(momentum, decay, clip, rescale):
    from nstyle.backend import mx, nd

    chance = np.random.default_rng(5)
    start = chance.normal(0, 50, (3, 8)).astype(np.float32)
    gradients = chance.normal(0, 10, (20, 3, 8)).astype(np.float32)
    theirs = mx.optimizer.SGD(
        learning_rate=0.1,
        momentum=momentum,
        wd=decay,
        clip_gradient=clip or None,
        rescale_grad=rescale,
    )
    weight = nd.array(start)
    memory = theirs.create_state(0, weight)
    path = []
    for gradient in gradients:
        theirs.update(0, weight, nd.array(gradient), memory)
        path.append(weight.asnumpy())

    ours: list[np.ndarray] = []

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        ours.append(x)
        return len(ours) == len(gradients)

    optimizers.sgd(
        Replay(gradients),
        start,
        observe=observe,
        rate=0.1,
        momentum=momentum,
        weight_decay=decay,
        clip=clip,
        rescale=rescale,
    )
    largest = max(np.abs(x).max() for x in path)
    for mine, other in zip(ours, path):
        assert np.abs(mine - other).max() <= 1e-6 * largest


def test_the_weight_decay_is_added_after_the_clip():
    x, _, _ = run(
        optimizers.sgd,
        Replay(np.array([[50.0]])),
        np.array([1000.0]),
        1,
        rate=1.0,
        clip=10.0,
        weight_decay=0.05,
    )
    assert x.tolist() == [1000 - 10 - 50]


def test_steps_multiplies_every_so_many_steps():
    schedule = optimizers.steps(3, 0.5)
    assert [schedule(step) for step in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert [optimizers.constant(step) for step in (0, 99)] == [1, 1]


def test_the_schedule_multiplies_the_rate():
    _, _, states = run(
        optimizers.sgd,
        Replay(np.ones((6, 1))),
        np.zeros(1),
        6,
        rate=0.1,
        momentum=0.0,
        schedule=optimizers.steps(2, 0.5),
    )
    moves = [float(state["velocity"][0]) for state in states]
    assert moves == pytest.approx([-0.1, -0.1, -0.05, -0.05, -0.025, -0.025])


class Losses(tiny.NumpyObjective):
    """A gradient of one, and losses as given."""

    def __init__(self, losses: list[float]) -> None:
        self._losses = iter(losses)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return next(self._losses), np.ones(1)


def moves(losses: list[float], backoff: float) -> list[float]:
    """How far each step went."""
    _, _, states = run(
        optimizers.sgd,
        Losses(losses),
        np.zeros(1),
        len(losses),
        rate=1.0,
        momentum=0.0,
        backoff=backoff,
    )
    return [-float(state["velocity"][0]) for state in states]


def test_backoff_lowers_the_rate_each_time_the_loss_rises():
    falling = [20.0 - step for step in range(10)]
    found = moves([*falling, 12, 12, 13, 3, 3, 4], backoff=0.5)
    assert found[:10] == [1] * 10
    assert found[10:] == [0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_backoff_waits_for_ten_steps_in_which_momentum_settles():
    found = moves([float(step) for step in range(12)], backoff=0.5)
    assert found == [1] * 10 + [0.5, 0.25]


def test_without_backoff_a_rising_loss_changes_nothing():
    assert moves([float(step) for step in range(15)], backoff=1.0) == [1] * 15


def test_backoff_saves_a_rate_that_is_too_high():
    objective, start = tiny.parabola(), np.zeros(5)
    lost, _, _ = run(optimizers.sgd, objective, start, 200, rate=4.5)
    found, _, _ = run(optimizers.sgd, objective, start, 600, rate=4.5, backoff=0.98)
    assert np.abs(lost - objective.minimum).max() > 1e3
    assert np.abs(found - objective.minimum).max() < 1e-2
