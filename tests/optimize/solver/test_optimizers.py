"""METHODS x PROBLEMS, and SGD, NAG and Adam against MXNet's own. L-BFGS: test_quasinewton."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.optimize.solver import optimizers

METHODS = list(optimizers.OPTIMIZERS)
RATES = {"sgd": 1.0, "nag": 1.0, "adam": 10.0, "lbfgs": 10.0}  # times the problem's
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
    found, losses, _ = run(method, objective, objective.load(start), steps, rate=RATES[name] * rate)
    assert np.abs(found - solution).max() < 1e-4
    assert losses[-1] < 1e-6 * losses[0]


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_observed_is_that_of_the_point_before_and_what_was_observed_stays(name):
    """The gradient alone is used up."""
    objective, start, _, rate, _ = PROBLEMS["rosenbrock"]
    points, seen = [start], [(start, start.copy())]

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        assert loss == objective(points[-1])[0]
        points.append(x.copy())
        arrays = [v for v in state.values() if isinstance(v, np.ndarray)]
        assert all(isinstance(v, (int, float, np.ndarray)) for v in state.values())
        seen.extend((array, array.copy()) for array in (x, *arrays))
        return len(points) > 5

    method = optimizers.OPTIMIZERS[name]
    method(objective, start, observe=observe, **knobs_of(method, rate))
    assert len(points) == 6
    assert all((array == before).all() for array, before in seen)


def knobs_of(method: Callable[..., Any], rate: float) -> dict[str, Any]:
    """All of a method's knobs turned, so that all of them must come through a state."""
    knobs = {
        "rate": rate,
        "weight_decay": 0.01,
        "clip": 5.0,
        "backoff": 0.9,
        "schedule": optimizers.steps(3, 0.8),
    }
    known = inspect.signature(method).parameters
    return {name: knob for name, knob in knobs.items() if name in known}


@pytest.mark.parametrize("stop", [1, 7, 15])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", METHODS)
def test_going_on_from_a_state_ends_in_the_same_bytes(name, problem, stop):
    objective, start, _, rate, _ = PROBLEMS[problem]
    method = optimizers.OPTIMIZERS[name]
    knobs = knobs_of(method, 5 * rate)
    unbroken, losses, states = run(method, objective, start, 25, **knobs)
    first, early, stops = run(method, objective, start, stop, **knobs)
    rest, late, ends = run(method, objective, first, 25 - stop, stops[-1], **knobs)
    assert rest.tobytes() == unbroken.tobytes()
    assert early + late == losses
    ends = ends or stops  # lbfgs has found the parabola's minimum by then
    assert ends[-1].keys() == states[-1].keys()
    for key, value in states[-1].items():
        assert np.array_equal(ends[-1][key], value), key


# ---- against MXNet's own ----


class Replay(tiny.NumpyObjective):
    """Gives recorded gradients, whatever x is."""

    def __init__(self, gradients: np.ndarray) -> None:
        self._gradients = iter(gradients)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return 0.0, next(self._gradients).copy()


CHANCE = np.random.default_rng(5)
START = CHANCE.normal(0, 50, (3, 8)).astype(np.float32)
GRADIENTS = CHANCE.normal(0, 10, (20, 3, 8)).astype(np.float32)


def path(method: Callable[..., Any], **knobs: Any) -> list[np.ndarray]:
    """The points after each of the recorded gradients."""
    points: list[np.ndarray] = []

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        points.append(x)
        return len(points) == len(GRADIENTS)

    method(Replay(GRADIENTS), START, observe=observe, **knobs)
    return points


def path_of_mxnet(
    name: str, rate: float, clip: float, rescale: float, **knobs: Any
) -> list[np.ndarray]:
    """The same by an optimiser of mx.optimizer."""
    from nstyle.system.backend import mx, nd

    limits = {"clip_gradient": clip or None, "rescale_grad": rescale}
    theirs = getattr(mx.optimizer, name)(learning_rate=rate, **limits, **knobs)
    weight = nd.array(START)
    memory, points = theirs.create_state(0, weight), []
    for gradient in GRADIENTS:
        theirs.update(0, weight, nd.array(gradient), memory)
        points.append(weight.asnumpy())
    return points


def check_same(ours: list[np.ndarray], theirs: list[np.ndarray], within: float = 1e-6) -> None:
    """To float32's precision, relative to the largest value."""
    largest = max(np.abs(x).max() for x in theirs)
    assert len(ours) == len(theirs) == 20
    for mine, other in zip(ours, theirs):
        assert np.abs(mine - other).max() <= within * largest


LIMITS = [(0.0, 0.0, 1.0), (0.005, 10.0, 1.0), (0.1, 1.5, 0.25), (0.3, 0.0, 4.0)]


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95])
@pytest.mark.parametrize(("decay", "clip", "rescale"), LIMITS)
def test_an_update_is_that_of_mxnets_sgd(momentum, decay, clip, rescale):
    theirs = path_of_mxnet("SGD", 0.1, clip, rescale, momentum=momentum, wd=decay)
    knobs = {"momentum": momentum, "weight_decay": decay, "clip": clip, "rescale": rescale}
    check_same(path(optimizers.sgd, rate=0.1, **knobs), theirs)


@pytest.mark.parametrize("momentum", [0.5, 0.95])
@pytest.mark.parametrize(("clip", "rescale"), [(0.0, 1.0), (10.0, 1.0), (1.5, 0.25), (0.0, 4.0)])
def test_an_update_is_that_of_mxnets_nag(momentum, clip, rescale):
    theirs = path_of_mxnet("NAG", 0.1, clip, rescale, momentum=momentum)
    knobs = {"momentum": momentum, "clip": clip, "rescale": rescale}
    check_same(path(optimizers.nag, rate=0.1, **knobs), theirs)


@pytest.mark.parametrize(("decay", "clip"), [(0.0001, 0.0), (0.1, 0.0), (0.3, 5.0)])
def test_nags_weight_decay_is_that_of_mxnet_of_2017(decay, clip):
    x, memory, theirs = START.astype(np.float64), np.zeros(START.shape), []
    for gradient in GRADIENTS:
        gradient = np.clip(gradient, -clip, clip) if clip else gradient
        gradient = gradient + decay * x
        memory = 0.9 * memory + gradient
        x = x - 0.1 * (gradient + 0.9 * memory)
        theirs.append(x)
    check_same(path(optimizers.nag, rate=0.1, momentum=0.9, weight_decay=decay, clip=clip), theirs)


@pytest.mark.parametrize(("decay", "clip", "rescale"), LIMITS)
def test_an_update_is_that_of_mxnets_adam(decay, clip, rescale):
    theirs = path_of_mxnet("Adam", 2.0, clip, rescale, wd=decay)
    knobs = {"weight_decay": decay, "clip": clip, "rescale": rescale}
    # MXNet's 1 - 0.999 is float32's, which is 1e-5 off.
    check_same(path(optimizers.adam, rate=2.0, **knobs), theirs, within=1e-5)


def test_steps_multiplies_every_so_many_steps():
    schedule = optimizers.steps(3, 0.5)
    assert [schedule(step) for step in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert [optimizers.CONSTANT(step) for step in (0, 99)] == [1, 1]


@pytest.mark.parametrize("name", ["sgd", "nag", "adam"])
def test_the_schedule_multiplies_the_rate(name):
    method = optimizers.OPTIMIZERS[name]
    plain = path(method, rate=0.1)
    slower = path(method, rate=0.1, schedule=optimizers.steps(1, 0.0))
    assert np.array_equal(slower[0], plain[0])  # 0 ** 0 = 1
    moved = [np.abs(b - a).max() for a, b in zip(slower, slower[1:])]
    assert moved[1] < 0.91 * np.abs(plain[2] - plain[1]).max()
    assert name != "adam" or moved == [0] * 19


class Losses(tiny.NumpyObjective):
    """A gradient of one, and losses as given."""

    def __init__(self, losses: list[float]) -> None:
        self._losses = iter(losses)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return next(self._losses), np.ones(1)


def lengths(method: Any, losses: list[float], backoff: float) -> list[float]:
    """How far each step goes."""
    points = [np.zeros(1)]

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        points.append(x)
        return len(points) > len(losses)

    method(Losses(losses), points[0], observe=observe, rate=1.0, momentum=0.0, backoff=backoff)
    return [float(old[0] - new[0]) for old, new in zip(points, points[1:])]


@pytest.mark.parametrize("method", [optimizers.sgd, optimizers.nag])
def test_backoff_lowers_the_rate_each_time_the_loss_rises_after_ten_steps(method):
    falling, rising = [20.0 - step for step in range(10)], [float(step) for step in range(12)]
    found = lengths(method, [*falling, 12, 12, 13, 3, 3, 4], backoff=0.5)
    assert found == [1] * 10 + [0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    assert lengths(method, rising, backoff=0.5) == [1] * 10 + [0.5, 0.25]
    assert lengths(method, rising, backoff=1.0) == [1] * 12


def test_backoff_saves_a_rate_that_is_too_high():
    objective, start = tiny.parabola(), np.zeros(5)
    lost, _, _ = run(optimizers.sgd, objective, start, 200, rate=4.5)
    found, _, _ = run(optimizers.sgd, objective, start, 600, rate=4.5, backoff=0.98)
    assert np.abs(lost - objective.minimum).max() > 1e3
    assert np.abs(found - objective.minimum).max() < 1e-2


# ---- to another size ----


@pytest.mark.parametrize("name", ["sgd", "nag", "adam"])
def test_a_state_is_carried_to_another_size_where_loss_and_schedule_begin_anew(name):
    objective, start, _, rate, _ = PROBLEMS["parabola"]
    steps: list[int] = []

    def schedule(step: int) -> float:
        steps.append(step)
        return 1.0

    method, knobs = optimizers.OPTIMIZERS[name], {"rate": rate, "schedule": schedule}
    _, _, states = run(method, objective, start, 4, **knobs)
    carried = optimizers.converted(optimizers.carried(states[-1]), lambda a: np.tile(a, 2))
    assert carried.keys() == states[-1].keys()
    assert carried["step"] == 4
    assert carried.get("last", math.inf) == math.inf
    for key, value in states[-1].items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(carried[key], np.tile(value, 2))
    wide = tiny.Quadratic(np.tile(objective.minimum, 2))
    run(method, wide, np.zeros(10), 3, carried, **knobs)
    assert steps == [0, 1, 2, 3, 0, 1, 2]
    lbfgs = run(optimizers.lbfgs, objective, start, 2, rate=rate)[2]
    assert optimizers.carried(lbfgs[-1]) == optimizers.carried({}) == {}


# ---- bounds ----


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("arrays", [False, True])
def test_bounds_hold_at_every_step_and_the_best_point_within_is_found(name, arrays):
    low, high = (np.array([0.5]), np.array([3.5])) if arrays else (0.5, 3.5)
    seen: list[np.ndarray] = []

    def observe(x: np.ndarray, loss: float, state: dict[str, Any]) -> bool:
        seen.append(x.copy())
        return len(seen) >= 300

    rate = {"adam": 0.1, "lbfgs": 1.0}.get(name, 0.1)
    method = optimizers.OPTIMIZERS[name]
    x = method(tiny.parabola(), np.ones(5), observe=observe, rate=rate, bounds=(low, high))
    assert all((point >= 0.5).all() and (point <= 3.5).all() for point in seen)
    assert np.abs(x - np.clip(np.arange(1.0, 6), 0.5, 3.5)).max() < 1e-3
