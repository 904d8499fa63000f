"""A picture array in, (loss, gradient) out, on one device. Loads MXNet.

Each loss hands the gradient of its layer to the network's backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.losses.base import LossTerm, dot
from nstyle.networks.features import CompiledVGG
from nstyle.system.backend import nd


class Loss(float):
    """A loss that remembers its terms: optimisers may observe another point than the last one."""

    def __new__(cls, terms: Mapping[str, float]) -> Loss:
        """The sum of the terms."""
        loss = super().__new__(cls, sum(terms.values()))
        loss.terms = dict(terms)
        return loss

    terms: dict[str, float]
    sent: int = 0  # bytes that went between machines for it, since the one before


class Objective:
    """The objective of a style transfer: calls give the loss and its gradient.

    `terms` holds each term's value at the last call. clip_norm: the largest norm of the layers'
    gradient, before those of the picture itself are added; 0 = any. free: (1, 1, H, W), what the
    gradient is multiplied by, or None.
    """

    def __init__(
        self,
        features: CompiledVGG,
        terms: Sequence[LossTerm],
        clip_norm: float = 0.0,
        free: Any = None,
    ) -> None:
        self._features, self._device = features, features.device
        self._terms, self._clip_norm, self._free = list(terms), clip_norm, free
        self.terms: dict[str, float] = {}

    def __call__(self, x: Any) -> tuple[float, Any]:
        """x: (1, 3, H, W) -> loss, gradient of x's shape (a new array)."""
        taps = self._features.forward(x)
        heads: dict[str, Any] = {}
        values, direct = [], None
        for term in self._terms:
            if not term.layer:
                value, slope = term.value_and_gradient(x)
                direct = slope if direct is None else direct + slope
            else:
                tap = taps[term.layer]
                value, head = term.value_and_gradient(tap)
                head = head if head.dtype == tap.dtype else nd.amp_cast(head, dtype=tap.dtype)
                heads[term.layer] = heads[term.layer] + head if term.layer in heads else head
            values.append(value)
        del taps
        gradient = self._features.backward(heads)
        self._limit(gradient)
        return self._outcome(values, gradient.copy() if direct is None else gradient + direct)

    def _limit(self, gradient: Any) -> None:
        """Bring the layers' gradient to `clip_norm`, in place."""
        norm = self.norm(gradient) if self._clip_norm else 0.0
        if norm > self._clip_norm:
            gradient *= self._clip_norm / norm

    def _outcome(self, values: Sequence[Any], gradient: Any) -> tuple[Loss, Any]:
        """(sum of the terms, gradient times `free`, in place). values: of the terms, (1,)."""
        if self._free is not None:
            nd.broadcast_mul(gradient, self._free, out=gradient)
        numbers = nd.concat(*values, dim=0).asnumpy().tolist()
        self.terms = {term.name: number for term, number in zip(self._terms, numbers)}
        return Loss(self.terms), gradient

    def norm(self, x: Any) -> float:
        """Euclidean norm."""
        return float(dot(x, x).asscalar()) ** 0.5

    def clip(self, x: Any, low: float, high: float) -> Any:
        """Each value limited to low..high; numbers, or arrays (1, 3, 1, 1)."""
        if isinstance(low, (int, float)):
            return x.clip(low, high)
        lifted = nd.broadcast_maximum(x, low)
        return nd.broadcast_minimum(lifted, high, out=lifted)

    def load(self, values: np.ndarray) -> Any:
        """float32 (1, 3, H, W) on the host -> an array of this objective's device."""
        return nd.array(values, ctx=self._device)

    def read(self, x: Any) -> np.ndarray:
        """The array on the host, float32 (1, 3, H, W)."""
        return np.asarray(x.asnumpy())
