"""Any style in one pass: encoder, AdaIN, decoder (Huang & Belongie, arXiv:1703.06868). Loads MXNet.

Arrays are float32 (1, 3, H, W), RGB 0..255 minus the encoder's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.feedforward import ENCODER, SHOWN, TAPS, tiled
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.decoder import Decoder
from nstyle.feedforward.network_file import ANY_STYLE, NetworkFile
from nstyle.losses.style import STYLE_DISTANCES
from nstyle.networks import layers
from nstyle.networks import vgg as networks
from nstyle.networks.features import CompiledVGG
from nstyle.networks.weights import reader
from nstyle.optimize import loss_terms
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.sources import FeatureSource, WholeImage
from nstyle.system import locations
from nstyle.system.backend import autograd, nd

FLOOR = 1e-5  # of variances, MXNet's least
Look = list[Any]  # (1, 2C) for each of TAPS: deviations, then means


def look(taps: Mapping[str, Any]) -> Look:
    """Of taps (1, C, h, w) by name."""
    return [statistics(taps[tap]) for tap in TAPS]


def look_through(view: FeatureSource, weight: np.ndarray | None = None) -> Look:
    """Of a view of TAPS, in tiles for instance, where weight, (H, W) of any size, is above 0.

    Of all of it where weight is None, or next to nothing.
    """
    measure = STYLE_DISTANCES["mean-std"]
    pairs: dict[str, Any] = {}
    if weight is not None:
        pairs = loss_terms.measured(view, measure, {tap: (tap, weight) for tap in TAPS})
    rest = {tap: (tap, None) for tap in TAPS if pairs.get(tap) is None}
    pairs.update(loss_terms.measured(view, measure, rest))
    in_order = (pairs[tap] for tap in TAPS)
    return [nd.concat(deviation, mean, dim=0).reshape((1, -1)) for mean, deviation in in_order]


def statistics(tap: Any) -> Any:
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


def mixed(looks: Sequence[Look], shares: Sequence[float]) -> Look:
    """The weighted sum at each depth (AdaIN, arXiv:1703.06868, eq. 15)."""
    return [sum(part * share for part, share in zip(parts, shares)) for parts in zip(*looks)]


# px of the photo, mirrored, that are painted around it and left out: the encoder pads with zeros,
# which the decoder would make a dark rim of.
RIM = 16


class AnyStyle:
    """Encoder and decoder on a device. Raises WeightsError where the file does not fit."""

    def __init__(self, file: NetworkFile, device: Any) -> None:
        if file.network != ANY_STYLE:
            raise WeightsError(f"{file.path}: paints {file.network}; give one for {ANY_STYLE}")
        path = locations.find(ENCODER)[1]
        vgg, taps = layers.BLOCKS[ENCODER], TAPS[::-1]
        loaded = reader.load(path, layers.needed_convolutions(taps, vgg), model=ENCODER)
        self.convention, self.device = loaded.convention, device
        self._reach = geometry.reach(taps, vgg)
        knobs: dict[str, Any] = {"pooling": loaded.pooling, "padding": loaded.padding}
        self._encoder = networks.build(vgg, loaded.arrays, taps, device=device, **knobs)
        channels = {tap: len(loaded.arrays[tap.replace("relu", "conv")][1]) for tap in taps}
        self.decoder = Decoder(channels, loaded.convention.mean, file.shape["widths"])
        start(self.decoder, 0, device)
        fill(self.decoder, file.arrays, file.path)
        for network in (self._encoder, self.decoder):
            network.hybridize(static_alloc=True)

    def encode(self, x: Any) -> dict[str, Any]:
        """(N, 3, H, W) -> the taps (N, C, h, w) by name, until the next call."""
        return dict(zip(TAPS[::-1], self._encoder(x)))

    def look(self, x: np.ndarray, weight: np.ndarray | None = None) -> Look:
        """A painting as the decoder sees it; weight: where, 0..1, (H, W) of any size.

        One that is larger than tiled.WHOLE is seen in tiles, whose statistics add up to those of
        the whole but for rounding. Not shrunk to that size, as strokes would shrink with it; and
        not in samples, which could miss a region, and end where there is no border.
        """
        padded = tiled.mirrored(x)
        height, width = padded.shape[2:]
        if height * width > tiled.WHOLE:
            return look_through(self._in_tiles(padded), weight)
        taps = self.encode(nd.array(padded, ctx=self.device))
        return look(taps) if weight is None else look_through(WholeImage(taps), weight)

    def _in_tiles(self, x: np.ndarray) -> FeatureSource:
        tiling = geometry.of_edge((x.shape[3], x.shape[2]), tiled.TILE, self._reach)
        width, height = tiling.edges
        shape = (1, 3, height, width)
        seen = CompiledVGG(self._encoder, shape, device=self.device, gradient=False)
        return TiledSource(TiledFeatures(seen, tiling), x)

    def paint(
        self,
        x: np.ndarray,
        looks: Sequence[Look],
        shares: Sequence[float],
        strength: float = 1.0,
        through: Callable[..., np.ndarray] = tiled.paint,
    ) -> np.ndarray:
        """The photo in the mixed styles; strength 0 is the photo as the decoder rebuilds it.

        through: brings an array through a tiled.Network.
        """
        painted = through(Styled(self, mixed(looks, shares), strength), widened(x))
        return painted[:, :, RIM:-RIM, RIM:-RIM]


def widened(x: np.ndarray) -> np.ndarray:
    """(1, 3, H, W) with RIM px more at each side."""
    return np.pad(x, [(0, 0), (0, 0), (RIM, RIM), (RIM, RIM)], mode="symmetric")


class Styled(tiled.Network):
    """The decoder for one style; where strength < 1 the photo has a part in it."""

    def __init__(self, network: AnyStyle, style: Look, strength: float) -> None:
        super().__init__(network.decoder, network.device)
        self._network, self._style, self._strength = network, style, strength
        self._look = style

    def inputs(self, x: Any, *, new: bool = True) -> list[Any]:
        """As tiled.Network."""
        taps = self._network.encode(x)
        if new and self._strength < 1:
            self._look = mixed([self._style, look(taps)], [self._strength, 1 - self._strength])
        return [*(taps[tap] for tap in TAPS[:SHOWN]), *self._look]

    def kept(self) -> list[np.ndarray]:
        """As tiled.Network; the look last."""
        return [*super().kept(), *(part.asnumpy() for part in self._look)]

    def keep(self, statistics: Sequence[np.ndarray]) -> None:
        """As tiled.Network."""
        looks = len(self._look)
        super().keep(statistics[:-looks])
        self._look = [nd.array(part, ctx=self.device) for part in statistics[-looks:]]
