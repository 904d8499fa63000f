"""A picture's layers tile by tile: what a tile owns is cut out in plain order, and put back.

The products are then plain ones of matrices (C, n), n being the positions that are owned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.losses.base import as_float32
from nstyle.losses.statistics import FeatureStatistics, RunningStatistics, Statistics
from nstyle.networks import layers
from nstyle.networks.features import CompiledVGG
from nstyle.networks.layers import BOUNDARY
from nstyle.optimize.tiles.geometry import Tile, Tiling
from nstyle.optimize.tiles.sources import FeatureSource, Place
from nstyle.system.backend import nd

# Statistics to measure: (layer, which positions count, whether the mean is needed).
Request = tuple[str, FeatureStatistics, bool]


class TiledFeatures:
    """The network for the tiles of pictures of one size.

    features: compiled for the tiles' shape, as far as the boundary where the network is divided;
    behind: the rest of it, for tiles of what is seen there; step: pixels from one position of the
    network's input to the next. shapes: of the whole picture's taps and the boundary, (1, C, h, w).
    """

    def __init__(
        self,
        features: CompiledVGG,
        tiling: Tiling,
        *,
        behind: TiledFeatures | None = None,
        step: int = 1,
    ) -> None:
        self.tiling, self.features, self.device = tiling, features, features.device
        self.behind, self._step = behind, step
        self._own_shapes = whole_shapes(features.shapes, tiling.tiles[-1], step)
        self.shapes: dict[str, tuple[int, ...]] = dict(self._own_shapes)
        self.shapes.update(behind.shapes if behind else {})
        self._boundary: Any = None  # memory for what all tiles show there
        self._scratch: dict[int, Any] = {}
        self._heads: dict[str, tuple[Any, tuple[int, ...]]] = {}  # and what of it was written

    def forward(self, x: Any, tile: Tile) -> SeenTile:
        """Let the network see a tile of x, (1, C, H, W), here or on the host."""
        # Or MXNet would cut out all tiles in advance, and work under way would hold what was
        # recorded, so that the network would take its memory once more for every tile.
        nd.waitall()
        (top, bottom, *_), (left, right, *_) = tile
        part = x[:, :, top:bottom, left:right]
        part = nd.array(part, ctx=self.device) if isinstance(part, np.ndarray) else part
        taps = {name: tap.detach() for name, tap in self.features.forward(part).items()}
        return SeenTile(self, tile, taps)

    def first_pass(
        self, x: Any, requests: Mapping[Any, Request], names: Sequence[str] = ()
    ) -> FirstPass:
        """See every tile once, the last one last; none of them where there is nothing to measure.

        names: layers of the whole picture to be copied, float32 (1, C, h, w). They are zero where
        no tile owns them, which is so in parts of a mural alone.
        """
        own = {key: request for key, request in requests.items() if self.owns(request[0])}
        sums = {
            key: RunningStatistics(moments, mean=mean) for key, (_, moments, mean) in own.items()
        }
        copied = {name: self._empty(name) for name in names if self.owns(name)}
        wholes = list(copied.items())
        if self.behind is not None:
            self._boundary = self._empty(BOUNDARY) if self._boundary is None else self._boundary
            wholes.append((BOUNDARY, self._boundary))
        seen = None
        for tile in self.tiling.tiles if own or wholes else ():
            del seen  # its memory, before the network takes more
            seen = self.forward(x, tile)
            seen.add_to(sums, own)
            for name, whole in wholes:
                seen.copy_to(name, whole)
        behind = None
        if self.behind is not None:
            rest = {key: request for key, request in requests.items() if key not in own}
            others = [name for name in names if name not in copied]
            behind = self.behind.first_pass(self._boundary, rest, others)
            sums.update(behind.sums)
            copied.update(behind.layers)
        return FirstPass(sums, {name: copied[name] for name in names}, seen, self._boundary, behind)

    def place(self, name: str, tile: Tile) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what a tile owns, in the positions of the whole layer."""
        stride = layers.stride(name) // self._step
        top, bottom, left, right = self.window(name, tile)
        down, across = tile.rows.begin // stride, tile.columns.begin // stride
        return top + down, bottom + down, left + across, right + across

    def scratch(self, number: int, shape: tuple[int, ...]) -> Any:
        """An array on memory that is kept and overwritten, for what a tile owns of a layer."""
        if number not in self._scratch:
            self._scratch[number] = nd.empty((self._most(),), ctx=self.device)
        return self._scratch[number][: math.prod(shape)].reshape(shape)

    def head(self, name: str, tile: Tile, shape: Sequence[int]) -> Any:
        """Memory for a tap's gradient, (1, C, h, w), that is zero outside of what the tile owns."""
        window = self.window(name, tile)
        head, written = self._heads.get(name) or (nd.zeros(shape, ctx=self.device), window)
        if written != window:
            head[:] = 0
        self._heads[name] = head, window
        return head

    def owns(self, name: str) -> bool:
        """Whether a layer is one of these, and not behind the boundary."""
        return name in self._own_shapes

    def _empty(self, name: str) -> Any:
        return nd.zeros(self._own_shapes[name], ctx=self.device)

    def _most(self) -> int:
        """The largest number of values that a tile owns of a layer."""
        return max(
            shape[1] * (bottom - top) * (right - left)
            for name, shape in self.features.shapes.items()
            for top, bottom, left, right in (self.window(name, tile) for tile in self.tiling.tiles)
        )

    def window(self, name: str, tile: Tile) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what a tile owns, in the positions of its own tap."""
        stride, (*_, height, width) = layers.stride(name) // self._step, self.features.shapes[name]
        return (*tile.rows.window(stride, height), *tile.columns.window(stride, width))


class SeenTile:
    """The layers of a tile that the network has just seen; valid until it sees another."""

    def __init__(self, network: TiledFeatures, tile: Tile, taps: Mapping[str, Any]) -> None:
        self._network, self._tile, self._taps = network, tile, taps

    def cut(self, name: str) -> Any:
        """The tile's own positions of a layer: float32 (C, n), valid until the next cut."""
        tap = self._taps[name]
        top, bottom, left, right = self._network.window(name, self._tile)
        shape = (1, tap.shape[1], bottom - top, right - left)
        # Memory that is kept: touching fresh one would cost as much as a product.
        out = self._network.scratch(0, shape) if tap.dtype == np.float32 else None
        owned = nd.slice(tap, (0, 0, top, left), (1, shape[1], bottom, right), out=out)
        return as_float32(owned).reshape((shape[1], -1))

    def own(self, name: str, whole: Any) -> Any:
        """The tile's part of something of a layer's whole size: (1, C, h, w) -> (C, n)."""
        top, bottom, left, right = self._network.place(name, self._tile)
        return whole[:, :, top:bottom, left:right].reshape((whole.shape[1], -1))

    def weight(self, name: str, moments: FeatureStatistics) -> Any:
        """The tile's part of the weights, (1, n), or None."""
        return None if moments.weight is None else self.own(name, moments.weight)

    def add_to(
        self, sums: Mapping[Any, RunningStatistics], requests: Mapping[Any, Request]
    ) -> None:
        """Add what the tile owns to the sums, by key."""
        for name in dict.fromkeys(name for name, *_ in requests.values()):
            flat = self.cut(name)
            for key, (layer, moments, _) in requests.items():
                if layer == name:
                    sums[key].add(flat, self.weight(name, moments))

    def copy_to(self, name: str, whole: Any) -> None:
        """Write what the tile owns of a layer into the whole, (1, C, h, w)."""
        top, bottom, left, right = self._network.place(name, self._tile)
        owned = self.cut(name).reshape((1, -1, bottom - top, right - left))
        whole[:, :, top:bottom, left:right] = owned

    def gradient(self, name: str, owned: Any) -> Any:
        """A gradient (C, n) of what the tile owns as that of its tap, zero elsewhere."""
        tap = self._taps[name]
        top, bottom, left, right = self._network.window(name, self._tile)
        head = self._network.head(name, self._tile, tap.shape)
        head[:, :, top:bottom, left:right] = owned.reshape((1, -1, bottom - top, right - left))
        return head if tap.dtype == np.float32 else nd.amp_cast(head, dtype=tap.dtype)


@dataclass
class FirstPass:
    """A first pass over all tiles of a picture.

    sums: statistics, not yet divided by positions; layers: of the whole, by name; last: the tile
    seen last, or None; boundary: what the picture shows there; behind: the pass behind it, or None.
    """

    sums: dict[Any, RunningStatistics]
    layers: dict[str, Any]
    last: SeenTile | None
    boundary: Any
    behind: FirstPass | None

    def statistics(self) -> dict[Any, Statistics]:
        """Statistics of the picture."""
        return {key: each.statistics() for key, each in self.sums.items()}


def whole_shapes(
    shapes: Mapping[str, Sequence[int]], last: Tile, step: int = 1
) -> dict[str, tuple[int, ...]]:
    """(1, C, h, w) of whole layers. shapes: of a tile's; last: the last tile; step: see above."""
    wholes: dict[str, tuple[int, ...]] = {}
    for name, (one, channels, height, width) in shapes.items():
        stride = layers.stride(name) // step
        down, across = last.rows.begin // stride, last.columns.begin // stride
        wholes[name] = one, channels, down + height, across + width
    return wholes


class TiledSource(FeatureSource):
    """A view of x, (1, 3, H, W), on device or host: every question is a look at all tiles."""

    def __init__(self, pieces: TiledFeatures, x: Any) -> None:
        self._pieces, self._x = pieces, x
        self.shapes, self.device = pieces.shapes, pieces.device

    def statistics(self, places: Mapping[Any, Place], *, mean: bool) -> dict[Any, Statistics]:
        """See FeatureSource."""
        requests = {
            key: (name, self.moments(name, weight), mean) for key, (name, weight) in places.items()
        }
        return self._pieces.first_pass(self._x, requests).statistics()

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """See FeatureSource."""
        return self._pieces.first_pass(self._x, {}, list(names)).layers
