"""The network compiled for one size of picture. Loads MXNet.

The layers are the outputs of the compiled graph, and their gradients enter the backward pass as
head gradients, so MXNet differentiates nothing but the convolutions, for the picture alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nstyle.networks.vgg import VGGFeatures, VGGSlice
from nstyle.system.backend import BFLOAT16, autograd, mx, nd


class CompiledVGG:
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
        self.taps, self.device = network.wanted, device
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
        """Run the network; the layers, (1, C, h, w), valid until the next call."""
        self._outputs = []  # before the new ones take memory
        x.copyto(self._data)
        with autograd.record() if self._records else autograd.pause():
            outputs = self._run(*self._arguments)
        self._outputs = outputs if isinstance(outputs, list) else [outputs]
        return dict(zip(self.taps, self._outputs))

    def backward(self, heads: Mapping[str, Any]) -> Any:
        """Gradient of each tap, in its type -> that of x, overwritten by the next call."""
        # A region may be too small for a layer, so that nothing comes back from there.
        pairs = [(o, heads[name]) for name, o in zip(self.taps, self._outputs) if name in heads]
        if not pairs:
            return nd.zeros_like(self._data)
        autograd.backward(*map(list, zip(*pairs)))
        return self._data.grad
