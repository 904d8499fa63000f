"""Minimisers of one signature; each owns its loop and knows neither pictures nor MXNet.

An objective gives `objective(x) -> (loss, gradient)` and `clip(x, low, high)`; arrays have
+ - * and /. After each step an optimiser calls `observe(x, loss, state)` (loss: of the point
before the step; state: a flat dict from which the same call goes on to the same bytes) and
returns when that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Observe = Callable[[Any, float, dict[str, Any]], bool]
Schedule = Callable[[int], float]


def steps(delay: int, factor: float) -> Schedule:
    """Multiply by `factor` every `delay` steps: step (0-based) -> factor of the rate."""
    return lambda step: factor ** (step // delay)


def constant(step: int) -> float:
    """A rate that stays."""
    return 1.0


def sgd(
    objective: Any,
    x: Any,
    *,
    observe: Observe,
    state: Mapping[str, Any] | None = None,
    rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    rescale: float = 1.0,
    backoff: float = 1.0,
    schedule: Schedule = constant,
) -> Any:
    """Gradient descent with Polyak's momentum, as mx.optimizer.SGD updates.

    v <- momentum v - rate (clip(rescale g) + weight_decay x); x <- x + v. clip: element-wise, 0
    for none. backoff (not in mx.optimizer.SGD): each time the loss rises after the tenth step the
    rate is multiplied by it, so that too high a rate finds its own level.
    """
    state = dict(state or {"step": 0, "velocity": x * 0, "damping": 1.0, "last": float("inf")})
    step, velocity = int(state["step"]), state["velocity"]
    damping, last = float(state["damping"]), float(state["last"])
    while True:
        loss, gradient = objective(x)
        if loss > last and step >= 10:
            damping *= backoff
        gradient = gradient * rescale
        if clip:
            gradient = objective.clip(gradient, -clip, clip)
        if weight_decay:
            gradient = gradient + x * weight_decay
        velocity = velocity * momentum - gradient * (rate * damping * schedule(step))
        x = x + velocity
        step, last = step + 1, loss
        state = {"step": step, "velocity": velocity, "damping": damping, "last": last}
        if observe(x, loss, state):
            return x


OPTIMIZERS: dict[str, Callable[..., Any]] = {"sgd": sgd}
