"""Adam (Kingma & Ba, arXiv:1412.6980) with an average of the weights it makes. Loads MXNet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nstyle.system.backend import nd

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam with bias correction, and the exponential average of the weights it makes.

    average: how much of the average stays at a step (Polyak & Juditsky 1992); scales: factors of
    the rate by the weight's name.
    """

    def __init__(
        self,
        weights: Mapping[str, Any],
        *,
        average: float,
        scales: Mapping[str, float] | None = None,
    ) -> None:
        self._keep, self.scales = average, dict(scales or {})
        self.mean = {name: nd.zeros_like(w) for name, w in weights.items()}
        self.square = {name: nd.zeros_like(w) for name, w in weights.items()}
        self.average = {name: w.copy() for name, w in weights.items()}

    def update(self, weights: Mapping[str, Any], gradients: Mapping[str, Any], **now: Any) -> None:
        """Change the weights in place; now: `rate`, and `count`, this step's number from 1."""
        count = now["count"]
        rate = now["rate"] * math.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        keep = min(self._keep, count / (count + 10))
        knobs = {"beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON}
        for name, w in weights.items():
            lr = rate * self.scales.get(name, 1.0)
            state = self.mean[name], self.square[name]
            nd.adam_update(w, gradients[name], *state, lr=lr, **knobs, out=w)
            average = self.average[name]
            average[:] = average * keep + w * (1 - keep)

    def groups(self) -> dict[str, dict[str, Any]]:
        """The state by kind, as checkpoints name it."""
        return {"mean": self.mean, "square": self.square, "average": self.average}
