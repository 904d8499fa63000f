"""A picture array in, (loss, gradient) out: the network bound once per size, on one device.

The taps are the outputs of the bound graph; each loss hands the gradient with respect to its tap
to the backward pass as a head gradient, so nothing but the convolutions is differentiated by
MXNet. Only the picture gets a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import losses
from nstyle.backend import mx, nd
from nstyle.networks import TappedVGG


@dataclass(frozen=True)
class Term:
    """One summand of the loss: `kind` content or style at a tap, or tv of the picture itself."""

    kind: str
    layer: str  # "" for tv
    scale: float
    target: Any = None  # content: (1, C, H, W); style: (C, C)

    @property
    def name(self) -> str:
        """As records show it: content:relu4_2, style:relu1_1, tv."""
        return f"{self.kind}:{self.layer}" if self.layer else self.kind


class Features:
    """The network bound for one picture size: forward gives taps, backward the picture's gradient.

    Raises MXNetError where parameters and shape do not fit.
    """

    def __init__(
        self, network: TappedVGG, shape: Sequence[int], *, device: Any, gradient: bool = True
    ) -> None:
        self.taps = network.wanted
        symbol = mx.sym.Group(network(mx.sym.var("data")))
        parameters = {p.name: p.data(device) for p in network.collect_params().values()}
        self._data = nd.zeros(tuple(shape), ctx=device)
        self._gradient = nd.zeros(tuple(shape), ctx=device) if gradient else None
        names = symbol.list_arguments()
        self._bound = symbol.bind(
            device,
            {**{n: parameters[n] for n in names if n != "data"}, "data": self._data},
            args_grad={"data": self._gradient} if gradient else None,
            grad_req={n: "write" if n == "data" and gradient else "null" for n in names},
        )

    def forward(self, x: Any) -> dict[str, Any]:
        """x: (1, 3, H, W) -> tap name -> (1, C, h, w). Overwritten by the next call."""
        x.copyto(self._data)
        outputs = self._bound.forward(is_train=self._gradient is not None)
        return dict(zip(self.taps, outputs))

    def backward(self, heads: Mapping[str, Any]) -> Any:
        """Gradient of each tap -> gradient of the picture, overwritten by the next call."""
        self._bound.backward([heads[name] for name in self.taps])
        return self._gradient


class Executor:
    """The objective of a style transfer: calls give the loss and its gradient.

    `terms` holds each term's value at the last call.
    """

    def __init__(self, features: Features, terms: Sequence[Term], *, device: Any) -> None:
        self._features, self._device = features, device
        self._terms = list(terms)
        self.terms: dict[str, float] = {}

    def __call__(self, x: Any) -> tuple[float, Any]:
        """x: (1, 3, H, W) -> loss, gradient of x's shape (a new array)."""
        taps = self._features.forward(x)
        heads: dict[str, Any] = {}
        values, direct = [], None
        for term in self._terms:
            if term.kind == "tv":
                value, direct = losses.total_variation(x, term.scale)
            else:
                compare = losses.content if term.kind == "content" else losses.style
                value, head = compare(taps[term.layer], term.target, term.scale)
                heads[term.layer] = heads[term.layer] + head if term.layer in heads else head
            values.append(value)
        gradient = self._features.backward(heads)
        gradient = gradient.copy() if direct is None else gradient + direct
        numbers = nd.concat(*values, dim=0).asnumpy().tolist()
        self.terms = {term.name: number for term, number in zip(self._terms, numbers)}
        return sum(numbers), gradient

    def norm(self, x: Any) -> float:
        """Euclidean norm."""
        return float(x.norm().asscalar())

    def dot(self, x: Any, y: Any) -> float:
        """Inner product."""
        return float((x * y).sum().asscalar())

    def clip(self, x: Any, low: float, high: float) -> Any:
        """Each value limited to low..high."""
        return x.clip(low, high)

    def load(self, values: np.ndarray) -> Any:
        """float32 (1, 3, H, W) on the host -> an array of this objective's device."""
        return nd.array(values, ctx=self._device)

    def read(self, x: Any) -> np.ndarray:
        """The array on the host, float32 (1, 3, H, W)."""
        return np.asarray(x.asnumpy())
