"""A picture array in, (loss, gradient) out: the network compiled once per size, on one device.

The taps are the outputs of the compiled graph; each loss hands the gradient with respect to its tap
to the backward pass as a head gradient, so nothing but the convolutions is differentiated by
MXNet. Only the picture gets a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.losses import image
from nstyle.losses.statistics import FeatureStatistics
from nstyle.losses.style import STYLE_LOSSES
from nstyle.networks.vgg import VGGFeatures, VGGSlice
from nstyle.system.backend import BFLOAT16, autograd, mx, nd


@dataclass(frozen=True)
class LossTerm:
    """One summand of the loss: `kind` content or style at a tap, or tv, temporal or colours (in a
    training alone) of the picture itself.
    """

    kind: str
    layer: str  # "" for those of the picture itself
    scale: float
    # content: (1, C, H, W); style: see style.StyleLoss.ready; temporal, colours: see losses
    target: Any = None
    form: str = ""  # of tv, see image.VARIATIONS; of style, see style.STYLE_LOSSES
    region: str = ""  # of style, where there are several
    moments: FeatureStatistics | None = None  # of style

    @property
    def name(self) -> str:
        """As records show it: content:relu4_2, style:relu1_1:#ff0000, tv, temporal, colours."""
        return ":".join(part for part in (self.kind, self.layer, self.region) if part)


class Features:
    """The network, or a part, compiled for one size: forward gives taps, backward the gradient.

    bfloat16: the network computes in it; picture and gradient stay float32. shapes: of the taps.
    Raises MXNetError where parameters and shape do not fit.
    """

    def __init__(
        self,
        network: VGGFeatures | VGGSlice,
        shape: Sequence[int],
        *,
        device: Any,
        gradient: bool = True,
        bfloat16: bool = False,
    ) -> None:
        self.taps = network.wanted
        entry = mx.sym.var("data")
        if bfloat16:
            entry = mx.sym.amp_cast(entry, dtype=BFLOAT16)
        symbol = mx.sym.Group(network(entry))
        self.shapes = dict(zip(self.taps, symbol.infer_shape(data=tuple(shape))[1]))
        parameters = {p.name: p.data(device) for p in network.collect_params().values()}
        if bfloat16:
            parameters = {n: nd.amp_cast(p, dtype=BFLOAT16) for n, p in parameters.items()}
        self._data = nd.zeros(tuple(shape), ctx=device)
        self._records = gradient
        if gradient:
            self._data.attach_grad()
        # A cached operator takes head gradients as they lie; a bound executor copies each twice.
        self._run = nd.CachedOp(symbol, [("static_alloc", True), ("static_shape", True)])
        names = symbol.list_inputs()
        self._arguments = [self._data if n == "data" else parameters[n] for n in names]
        self._outputs: list[Any] = []

    def forward(self, x: Any) -> dict[str, Any]:
        """x: of the compiled shape -> tap name -> (1, C, h, w), of which the next call lets go."""
        self._outputs = []  # before the new ones take memory
        x.copyto(self._data)
        with autograd.record() if self._records else autograd.pause():
            outputs = self._run(*self._arguments)
        self._outputs = outputs if isinstance(outputs, list) else [outputs]
        return dict(zip(self.taps, self._outputs))

    def backward(self, heads: Mapping[str, Any]) -> Any:
        """Gradient of each tap, in its type -> that of x, overwritten by the next call."""
        # A region may be too small for a layer, so that nothing comes back from there.
        there = [(o, heads[name]) for name, o in zip(self.taps, self._outputs) if name in heads]
        if not there:
            return nd.zeros_like(self._data)
        autograd.backward(*map(list, zip(*there)))
        return self._data.grad


class Loss(float):
    """A loss that remembers its terms: optimisers may observe another point than the last one.

    sent: bytes that went between machines for it, since the one before.
    """

    def __new__(cls, terms: Mapping[str, float]) -> Loss:
        """The sum of the terms."""
        loss = super().__new__(cls, sum(terms.values()))
        loss.terms = dict(terms)
        return loss

    terms: dict[str, float]
    sent: int = 0


def of_pixels(term: LossTerm, x: Any) -> tuple[Any, Any]:
    """Value and gradient of a term of the picture itself, (1, 3, H, W)."""
    if term.kind == "temporal":
        return image.temporal(x, term.target, term.scale)
    if term.kind == "colours":
        return image.colours(x, term.target, term.scale)
    return image.VARIATIONS[term.form](x, term.scale)


def compared(term: LossTerm, tap: Any) -> tuple[Any, Any]:
    """Value and gradient of a term of content or style. tap: (1, C, h, w)."""
    if term.kind == "content":
        return image.content(tap, term.target, term.scale)
    loss, moments = STYLE_LOSSES[term.form], term.moments
    assert moments is not None
    seen = moments.of(tap, mean=loss.mean)
    value, second, mean = loss.compare(seen, term.target, term.scale)
    return value, moments.backward(tap, second, mean)


class Objective:
    """The objective of a style transfer: calls give the loss and its gradient.

    `terms` holds each term's value at the last call. clip_norm: the largest norm of the layers'
    gradient, before those of the picture itself are added; 0 = any. free: (1, 1, H, W), what the
    gradient is multiplied by, or None.
    """

    def __init__(
        self,
        features: Features,
        terms: Sequence[LossTerm],
        *,
        device: Any,
        clip_norm: float = 0.0,
        free: Any = None,
    ) -> None:
        self._features, self._device, self._clip_norm = features, device, clip_norm
        self._free = free
        self._terms = list(terms)
        self.terms: dict[str, float] = {}

    def __call__(self, x: Any) -> tuple[float, Any]:
        """x: (1, 3, H, W) -> loss, gradient of x's shape (a new array)."""
        taps = self._features.forward(x)
        heads: dict[str, Any] = {}
        values, direct = [], None
        for term in self._terms:
            if not term.layer:
                value, slope = of_pixels(term, x)
                direct = slope if direct is None else direct + slope
            else:
                tap = taps[term.layer]
                value, head = compared(term, tap)
                head = head if head.dtype == tap.dtype else nd.amp_cast(head, dtype=tap.dtype)
                heads[term.layer] = heads[term.layer] + head if term.layer in heads else head
            values.append(value)
        del taps
        gradient = self._limited(self._features.backward(heads))
        gradient = gradient.copy() if direct is None else gradient + direct
        if self._free is not None:
            gradient = nd.broadcast_mul(gradient, self._free)
        numbers = nd.concat(*values, dim=0).asnumpy().tolist()
        self.terms = {term.name: number for term, number in zip(self._terms, numbers)}
        return Loss(self.terms), gradient

    def _limited(self, gradient: Any) -> Any:
        norm = self.norm(gradient) if self._clip_norm else 0.0
        return gradient * (self._clip_norm / norm) if norm > self._clip_norm else gradient

    def norm(self, x: Any) -> float:
        """Euclidean norm."""
        return self.dot(x, x) ** 0.5

    def dot(self, x: Any, y: Any) -> float:
        """Inner product."""
        return float(image.dot(x, y).asscalar())

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
