"""The Gluon network: GluonCV's VGG cut at the deepest tap, its taps as outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.networks.layers import taps
from nstyle.system.backend import GluonVGG, gluon, mx, nd

# Average pooling shrinks activations; this factor brings them back.
RESCALE = 2.0


class VGGFeatures(gluon.HybridBlock):  # type: ignore[misc]
    """GluonCV's VGG up to the deepest tap, giving all taps at once.

    blocks: convolutions per block; widths: channels per convolution that is kept, in order;
    padding: "zero" or "reflect" (one pixel before every 3x3 convolution); ceil: pooling rounds odd
    sizes up and counts no padding (TensorFlow's SAME).
    """

    def __init__(
        self,
        blocks: Sequence[int],
        widths: Sequence[int],
        wanted: Sequence[str],
        *,
        pooling: str = "avg",
        padding: str = "zero",
        ceil: bool = False,
    ) -> None:
        super().__init__()
        self.blocks, self.wanted = tuple(blocks), list(wanted)
        self._padding, self._pooling = padding, pooling
        # An average that counts no padding makes oneDNN print a line to the console. Repeating the
        # last row and column gives the same: what is repeated alone in its window is its average,
        # and where the size is even the row too many is dropped.
        self._repeats = ceil and pooling != "max"
        names = taps(blocks)
        self._names = names[: max(names.index(name) for name in wanted) + 1]
        with self.name_scope():
            self.features = gluon.nn.HybridSequential(prefix="")
            for name, layer in zip(self._names, gluon_layers(blocks, widths, padding)):
                if name.startswith("pool") and pooling == "max":
                    layer = gluon.nn.MaxPool2D(pool_size=2, strides=2, ceil_mode=ceil)
                elif name.startswith("pool"):
                    layer = gluon.nn.AvgPool2D(pool_size=2, strides=2)
                self.features.add(layer)

    def hybrid_forward(self, F: Any, x: Any) -> list[Any]:
        """x: (N, 3, H, W) -> the wanted taps, in the order asked for."""
        return self.walk(F, x, self.wanted)

    def walk(self, F: Any, x: Any, wanted: Sequence[str], after: str = "") -> list[Any]:
        """The wanted taps. x: the picture, or what the layer `after` gives."""
        seen: dict[str, Any] = {}
        first = self._names.index(after) + 1 if after else 0
        for name, layer in list(zip(self._names, self.features))[first:]:
            if name.startswith("conv") and self._padding == "reflect":
                x = F.pad(x, mode="reflect", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
            if name.startswith("pool") and self._repeats:
                x = F.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 0, 1, 0, 1))
            x = layer(x)
            if name.startswith("pool") and self._pooling == "avg-rescaled":
                x = x * RESCALE
            seen[name] = x
        return [seen[name] for name in wanted]

    def parameters_by_layer(self) -> dict[str, tuple[Any, Any]]:
        """conv name -> (weight, bias) parameters."""
        return {
            name: (layer.weight, layer.bias)
            for name, layer in zip(self._names, self.features)
            if name.startswith("conv")
        }


@dataclass(frozen=True)
class VGGSlice:
    """A part of a network that can be compiled on its own, with the network's own parameters.

    after: the layer whose output it is given, "" for the picture; wanted: taps behind that one.
    """

    network: VGGFeatures
    wanted: list[str]
    after: str = ""

    def __call__(self, entry: Any) -> list[Any]:
        """Symbol of what it is given -> those of the wanted taps."""
        return self.network.walk(mx.sym, entry, self.wanted, self.after)

    def collect_params(self) -> Any:
        """Those of the whole network."""
        return self.network.collect_params()


def gluon_layers(blocks: Sequence[int], widths: Sequence[int], padding: str) -> list[Any]:
    """The layers of GluonCV's VGG for as many convolutions as there are widths.

    GluonCV's class knows one width per block and zero padding, as VGG has them; a convolution
    that differs is replaced by one of its own width, without padding where we pad by reflection.
    """
    firsts = [sum(blocks[:block]) for block in range(len(blocks))]
    filters = [widths[first] if first < len(widths) else 1 for first in firsts]
    layers = list(GluonVGG(list(blocks), filters).features)
    places = [i for i, layer in enumerate(layers) if isinstance(layer, gluon.nn.Conv2D)]
    for place, first in zip(places, range(len(widths))):
        block = max(b for b, start in enumerate(firsts) if start <= first)
        if padding == "reflect" or widths[first] != filters[block]:
            pad = 0 if padding == "reflect" else 1
            layers[place] = gluon.nn.Conv2D(widths[first], kernel_size=3, padding=pad)
    return layers


def build(
    blocks: Sequence[int],
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]],
    wanted: Sequence[str],
    *,
    pooling: str,
    padding: str,
    ceil: bool = False,
    device: Any,
) -> VGGFeatures:
    """The network on a device with these convolutions (name -> kernel OIHW, bias), frozen."""
    widths = [kernel.shape[0] for kernel, _ in arrays.values()]
    network = VGGFeatures(blocks, widths, wanted, pooling=pooling, padding=padding, ceil=ceil)
    for name, parameters in network.parameters_by_layer().items():
        for parameter, values in zip(parameters, arrays[name]):
            parameter.shape = values.shape
            parameter.grad_req = "null"
            parameter.initialize(ctx=device)
            parameter.set_data(nd.array(values))
    return network
