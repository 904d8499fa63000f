"""Minimisers of one signature; each owns its loop and knows neither pictures nor MXNet.

An objective gives `objective(x) -> (loss, gradient)`, `clip(x, low, high)`, `load` and `read`;
arrays have + - * / and **, and their in-place forms. The gradient is a new array; it is used up, as
it is as large as the picture. After each step an optimiser calls `observe(x, loss, state)` (loss:
of the point before the step; state: a flat dict from which the same call goes on to the same bytes)
and returns when that says so, or when no step lowers the loss any more. bounds: x stays between
them (projected gradient).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nstyle.optimize.solver.lbfgs import lbfgs

Observe = Callable[[Any, float, dict[str, Any]], bool]
Schedule = Callable[[int], float]
Bounds = tuple[Any, Any]  # lowest and highest values, numbers or arrays of one value per channel

# From this step on a rising loss counts: before, momentum is still gathering.
FIRST_BACKOFF_STEP = 10
ADAM_DECAYS = 0.9, 0.999
ADAM_EPSILON = 1e-8
AT_FIRST = {"step": 0, "since": 0, "damping": 1.0, "last": math.inf}


def steps(delay: int, factor: float) -> Schedule:
    """Multiply by `factor` every `delay` steps: step (0-based) -> factor of the rate."""
    return lambda step: factor ** (step // delay)


CONSTANT = steps(1, 1.0)


def descend(
    objective: Any,
    x: Any,
    *,
    observe: Observe,
    nesterov: bool,
    state: Mapping[str, Any] | None = None,
    rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    rescale: float = 1.0,
    backoff: float = 1.0,
    schedule: Schedule = CONSTANT,
    bounds: Bounds | None = None,
) -> Any:
    """Gradient descent with momentum, as mx.optimizer.SGD and NAG update.

    d = rate (clip(rescale g) + weight_decay x); v <- momentum v - d; then x <- x + v (Polyak), or
    x <- x + momentum v - d (Nesterov), as MXNet of 2017; its 1.9 takes the weight decay of NAG's
    momentum from the point after the step. clip: element-wise, 0 for none. backoff (not in
    mx.optimizer): each time the loss rises after the tenth step the rate is multiplied by it, so
    that too high a rate finds its own level.
    """
    state = dict(state or {**AT_FIRST, "velocity": x * 0})
    step, since, velocity = int(state["step"]), int(state["since"]), state["velocity"]
    damping, last = float(state["damping"]), float(state["last"])
    while True:
        loss, gradient = objective(x)
        if loss > last and step >= FIRST_BACKOFF_STEP:
            damping *= backoff
        gradient *= rescale
        if clip:
            gradient = objective.clip(gradient, -clip, clip)
        if weight_decay:
            gradient += x * weight_decay
        gradient *= rate * damping * schedule(step - since)
        velocity = velocity * momentum
        velocity -= gradient
        x = x + velocity * momentum - gradient if nesterov else x + velocity
        del gradient  # as large as the picture
        x = objective.clip(x, *bounds) if bounds else x
        step, last = step + 1, loss
        state = {**state, "step": step, "velocity": velocity, "damping": damping, "last": last}
        if observe(x, loss, state):
            return x


sgd = partial(descend, nesterov=False)
nag = partial(descend, nesterov=True, rate=0.001)


def adam(
    objective: Any,
    x: Any,
    *,
    observe: Observe,
    state: Mapping[str, Any] | None = None,
    rate: float = 2.0,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    rescale: float = 1.0,
    schedule: Schedule = CONSTANT,
    bounds: Bounds | None = None,
) -> Any:
    """Adam (Kingma & Ba, arXiv:1412.6980), as mx.optimizer.Adam updates.

    ADAM_EPSILON is added to the root of the second moment before the bias of the moments is
    corrected (their section 2, last paragraph), so it counts for more in the first steps.
    """
    first, second = ADAM_DECAYS
    state = dict(state or {"step": 0, "since": 0, "mean": x * 0, "square": x * 0})
    step, since = int(state["step"]), int(state["since"])
    mean, square = state["mean"], state["square"]
    while True:
        loss, gradient = objective(x)
        gradient *= rescale
        if weight_decay:  # here MXNet adds it before the clip
            gradient += x * weight_decay
        gradient = objective.clip(gradient, -clip, clip) if clip else gradient
        mean = decayed(mean, gradient, first)
        gradient *= gradient
        square = decayed(square, gradient, second)
        del gradient  # as large as the picture
        corrected = math.sqrt(1 - second ** (step + 1)) / (1 - first ** (step + 1))
        push = square**0.5
        push += ADAM_EPSILON
        push = mean / push
        push *= rate * corrected * schedule(step - since)
        x = x - push
        del push
        x = objective.clip(x, *bounds) if bounds else x
        step += 1
        state = {**state, "step": step, "mean": mean, "square": square}
        if observe(x, loss, state):
            return x


def decayed(average: Any, value: Any, decay: float) -> Any:
    """decay average + (1 - decay) value, a new array."""
    average = average * decay
    average += value * (1 - decay)
    return average


def carried(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state to go on from with the same picture at another size: losses are forgotten.

    The schedule of the rate begins anew. Empty for L-BFGS, whose memory is of no use there.
    """
    if not state or "begin" in state:
        return {}
    forgotten = {"last": math.inf} if "last" in state else {}
    return {**state, **forgotten, "since": state["step"]}


def converted(state: Mapping[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    """The state with its arrays converted, its numbers as they are."""
    return {
        name: value if isinstance(value, (int, float)) else convert(value)
        for name, value in state.items()
    }


OPTIMIZERS: dict[str, Callable[..., Any]] = {"sgd": sgd, "nag": nag, "adam": adam, "lbfgs": lbfgs}
DESCENT = ("step", "since", "damping", "last"), ("velocity",)
# Names of the numbers and of the arrays of a state.
STATES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sgd": DESCENT,
    "nag": DESCENT,
    "adam": (("step", "since"), ("mean", "square")),
    "lbfgs": (("done", "stuck"), ("begin",)),
}
