"""Adam (Kingma & Ba, arXiv:1412.6980) with an average of the weights it makes. Loads MXNet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.system.backend import nd

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam with bias correction, and the exponential average of the weights it makes.

    weights: by name, changed in place; average: how much of the average stays at a step (Polyak &
    Juditsky 1992); scales: factors of the rate by the weight's name.
    """

    def __init__(
        self,
        weights: Mapping[str, Any],
        *,
        average: float,
        scales: Mapping[str, float] | None = None,
    ) -> None:
        self._keep, self.scales = average, dict(scales or {})
        self._arrays = {  # the state by kind, as checkpoints name it
            "weight": dict(weights),
            "mean": {name: nd.zeros_like(w) for name, w in weights.items()},
            "square": {name: nd.zeros_like(w) for name, w in weights.items()},
            "average": {name: w.copy() for name, w in weights.items()},
        }

    def update(self, gradients: Mapping[str, Any], *, rate: float, count: int) -> None:
        """Change the weights. count: this step's number, from 1."""
        keep = min(self._keep, count / (count + 10))
        for name, gradient in gradients.items():
            self._step(name, gradient, rate * self.scales.get(name, 1.0), count)
            w, average = self._arrays["weight"][name], self._arrays["average"][name]
            average[:] = average * keep + w * (1 - keep)

    def _step(self, name: str, gradient: Any, rate: float, count: int) -> None:
        w, mean, square, _ = (arrays[name] for arrays in self._arrays.values())
        lr = rate * math.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        knobs = {"beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON}
        nd.adam_update(w, gradient, mean, square, lr=lr, **knobs, out=w)

    def values(self, kind: str = "average") -> dict[str, np.ndarray]:
        """Those of a kind by the weights' names: weight, mean, square or average."""
        return {name: array.asnumpy() for name, array in self._arrays[kind].items()}

    def groups(self) -> dict[str, dict[str, np.ndarray]]:
        """The state by kind and name, for a checkpoint."""
        return {kind: self.values(kind) for kind in self._arrays}

    def restore(self, groups: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Go on from `groups`."""
        for kind, arrays in self._arrays.items():
            for name, array in arrays.items():
                array[:] = nd.array(groups[kind][name])
