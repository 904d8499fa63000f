"""Style prediction: a painting in, the image network's style out. Loads MXNet.

Ghiasi et al. (arXiv:1705.06830), with means and deviations of VGG's layers (Huang & Belongie,
arXiv:1703.06868) in place of another network's last layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.feedforward import ENCODER, TAPS, tiled
from nstyle.feedforward.image_network import ImageNetwork
from nstyle.feedforward.ready_styles import READY
from nstyle.losses.style import STYLE_DISTANCES
from nstyle.networks import layers, vgg
from nstyle.networks.features import CompiledVGG
from nstyle.networks.weights import reader
from nstyle.optimize import loss_terms
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.sources import FeatureSource, WholeImage
from nstyle.system import locations
from nstyle.system.backend import autograd, gluon, nd

AXES, HIDDEN, BOTTLENECK = 192, 256, 128
SLOPE = 0.2  # of what is below 0
MOST = 4.0  # deviations from the usual, beyond which statistics are not followed
LEAST = 1e-3  # of the deviation of a statistic
FLOOR = 1e-5  # of variances, MXNet's least


def statistics(taps: Mapping[str, Any]) -> Any:
    """Of taps (1, C, h, w) by name -> (1, 2 x the sum of C): deviations, then means, of each."""
    return nd.concat(*(moments(taps[tap]) for tap in TAPS), dim=1)


def moments(tap: Any) -> Any:
    """(N, C, h, w) -> (1, 2C), over all N.

    By batch normalisation, which reads the network's own layout; sums would reorder it first.
    """
    ones, zeros = nd.ones(tap.shape[1], ctx=tap.context), nd.zeros(tap.shape[1], ctx=tap.context)
    with autograd.train_mode():
        _, mean, inverse = nd.BatchNorm(
            tap, ones, zeros, zeros.copy(), ones.copy(), eps=FLOOR, output_mean_var=True
        )
    deviation = nd.sqrt(nd.maximum(1 / nd.square(inverse) - FLOOR, 0))
    return nd.concat(deviation, mean, dim=0).reshape((1, -1))


def statistics_through(view: FeatureSource, weight: np.ndarray | None = None) -> Any:
    """The same of a view of TAPS, in tiles for instance, where weight, (H, W) of any size, is
    above 0. Of all of it where weight is None, or next to nothing.
    """
    measure = STYLE_DISTANCES["mean-std"]
    pairs: dict[str, Any] = {}
    if weight is not None:
        pairs = loss_terms.measured(view, measure, {tap: (tap, weight) for tap in TAPS})
    rest = {tap: (tap, None) for tap in TAPS if pairs.get(tap) is None}
    pairs.update(loss_terms.measured(view, measure, rest))
    in_order = [part for tap in TAPS for part in reversed(pairs[tap])]
    return nd.concat(*in_order, dim=0).reshape((1, -1))


class Encoder:
    """The network that looks at paintings, on a device. Raises WeightsError."""

    def __init__(self, device: Any) -> None:
        path, blocks = locations.find(ENCODER)[1], layers.BLOCKS[ENCODER]
        loaded = reader.load(path, layers.needed_convolutions(TAPS, blocks), model=ENCODER)
        self.convention, self._device = loaded.convention, device
        self._reach = geometry.reach(TAPS, blocks)
        knobs: dict[str, Any] = {"pooling": loaded.pooling, "padding": loaded.padding}
        self._network = vgg.build(blocks, loaded.arrays, list(TAPS), device=device, **knobs)
        self._network.hybridize(static_alloc=True)
        widths = (len(loaded.arrays[tap.replace("relu", "conv")][1]) for tap in TAPS)
        self.count = 2 * sum(widths)  # of statistics

    def see(self, x: np.ndarray) -> dict[str, Any]:
        """(1, 3, H, W) -> the taps by name, until the next call."""
        return dict(zip(TAPS, self._network(nd.array(x, ctx=self._device))))

    def __call__(self, x: np.ndarray, weight: np.ndarray | None = None) -> Any:
        """Statistics of a painting, (1, count); weight: where, 0..1, (H, W) of any size.

        One that is larger than tiled.WHOLE is seen in tiles, whose statistics add up to those of
        the whole but for rounding. Not shrunk to that size, as strokes would shrink with it; and
        not in samples, which could miss a region, and end where there is no border.
        """
        padded = tiled.mirrored(x)
        height, width = padded.shape[2:]
        if height * width > tiled.WHOLE:
            return statistics_through(self._in_tiles(padded), weight)
        taps = self.see(padded)
        return statistics(taps) if weight is None else statistics_through(WholeImage(taps), weight)

    def _in_tiles(self, x: np.ndarray) -> FeatureSource:
        tiling = geometry.of_edge((x.shape[3], x.shape[2]), tiled.TILE, self._reach)
        width, height = tiling.edges
        shape = (1, 3, height, width)
        seen = CompiledVGG(self._network, shape, device=self._device, gradient=False)
        return TiledSource(TiledFeatures(seen, tiling), x)


def whitening(seen: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean (1, inputs) of statistics (N, inputs), and axes (count, inputs) along which they
    vary most, each statistic in units of its own deviation. Along each axis the deviation is 1:
    what varies little, as colours do beside contrast, is learned as fast as what varies much.
    """
    usual = seen.mean(axis=0, keepdims=True)
    spread = seen.std(axis=0, keepdims=True) + LEAST
    _, deviations, axes = np.linalg.svd((seen - usual) / spread, full_matrices=False)
    found = min(count, len(deviations))
    deviations = np.maximum(deviations[:found] / np.sqrt(len(seen)), LEAST)
    whole = np.zeros((count, seen.shape[1]))
    whole[:found] = axes[:found] / deviations[:, np.newaxis] / spread
    return usual, whole


class StylePredictor(gluon.HybridBlock):
    """inputs: how many statistics; outputs: how many numbers of a style."""

    def __init__(self, inputs: int, outputs: int, prefix: str = "predictor_") -> None:
        super().__init__(prefix=prefix)
        with self.name_scope():
            # Of the statistics of many paintings; not trained.
            self.usual = self.params.get("usual", shape=(1, inputs), init="zeros")
            self.axes = self.params.get("axes", shape=(AXES, inputs), init="zeros")
            self.hidden = gluon.nn.Dense(HIDDEN, in_units=AXES, prefix="hidden_")
            knobs = {"in_units": AXES + HIDDEN, "prefix": "bottleneck_"}
            self.bottleneck = gluon.nn.Dense(BOTTLENECK, **knobs)
            knobs = {"in_units": BOTTLENECK, "weight_initializer": "zeros"}
            self.style = gluon.nn.Dense(outputs, prefix="style_", **knobs)

    def hybrid_forward(self, F: Any, seen: Any, usual: Any, axes: Any) -> Any:
        """(1, inputs) -> (outputs,), see ImageNetwork."""
        seen = F.broadcast_sub(seen, F.BlockGrad(usual))
        seen = F.dot(seen, F.BlockGrad(axes), transpose_b=True)
        seen = F.clip(seen, -MOST, MOST)
        hidden = F.LeakyReLU(self.hidden(seen), act_type="leaky", slope=SLOPE)
        return F.reshape(self.style(self.bottleneck(F.concat(seen, hidden, dim=1))), (-1,))

    def standardise(self, seen: np.ndarray) -> None:
        """Tell it the statistics of many paintings, (N, inputs), before a training."""
        usual, axes = whitening(seen, AXES)
        self.usual.set_data(nd.array(usual))
        self.axes.set_data(nd.array(axes))


class AnyStyleNetwork(gluon.HybridBlock):
    """Both networks. inputs: how many statistics; mean, widths, bfloat16: of the image network.

    ready: how many styles have numbers of their own, which are trained besides.
    """

    def __init__(
        self,
        inputs: int,
        mean: Sequence[float],
        widths: Sequence[int],
        *,
        bfloat16: bool = False,
        ready: int = 0,
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.image = ImageNetwork(mean, widths, "image_", bfloat16=bfloat16)
            self.predictor = StylePredictor(inputs, self.image.numbers)
            if ready:
                shape = ready, self.image.numbers
                self.ready = self.params.get(READY, shape=shape, init="zeros")

    def hybrid_forward(
        self, F: Any, x: Any, seen: Any, chosen: Any = None, ready: Any = None
    ) -> Any:
        """x: (1, 3, H, W); seen: (1, inputs), statistics of a painting -> (1, 3, H, W).

        chosen: where there are ready styles, (1, ready), 1 for the one to take instead, or all 0.
        """
        style = self.predictor(seen)
        if chosen is not None:
            style = F.broadcast_mul(style, 1 - F.sum(chosen))
            style = style + F.reshape(F.dot(chosen, ready), (-1,))
        return self.image(x, style)
