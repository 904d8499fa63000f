"""A picture's layers tile by tile: what a tile owns is cut out in plain order, and put back.

Plain order, because cutting brings features into it anyway; the products are then plain ones of
matrices (C, n), n being the positions that are owned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.losses.image import as_float32
from nstyle.losses.statistics import FeatureStatistics, RunningStatistics, Statistics
from nstyle.networks import layers
from nstyle.networks.features import CompiledVGG
from nstyle.networks.layers import BOUNDARY
from nstyle.optimize.tiles.geometry import Tile, Tiling
from nstyle.optimize.tiles.sources import energy
from nstyle.system.backend import nd

# What is asked: (layer, which positions count, whether the mean is wanted).
Asked = tuple[str, FeatureStatistics, bool]


class TiledFeatures:
    """The network for the tiles of pictures of one size.

    features: compiled for the tiles' shape, as far as the boundary where the network is divided;
    behind: the rest of it, for tiles of what is seen there; step: pixels from one position of what
    is given to the next. shapes: of the whole picture's taps and the boundary, (1, C, h, w).
    """

    def __init__(
        self,
        features: CompiledVGG,
        tiling: Tiling,
        *,
        device: Any,
        behind: TiledFeatures | None = None,
        step: int = 1,
    ) -> None:
        self.tiling, self.features, self.device = tiling, features, device
        self.behind, self._step = behind, step
        self._own_shapes = whole_shapes(features.shapes, tiling.tiles[-1], step)
        self.shapes: dict[str, tuple[int, ...]] = {
            **self._own_shapes,
            **(behind.shapes if behind else {}),
        }
        # What all tiles show at the boundary, of the last look.
        self.between: Any = None
        self._taps: dict[str, Any] = {}
        self._scratch: dict[int, Any] = {}
        self._heads: dict[str, Any] = {}
        self._windows: dict[str, Any] = {}

    def forward(self, x: Any, tile: Tile) -> None:
        """Let the network see a tile. x: what it is given, (1, C, H, W), here or on the host."""
        # Or MXNet would cut out all tiles in advance. And work that is under way must not hold what
        # was recorded, or the network would take its memory once more for every tile.
        nd.waitall()
        (top, bottom, *_), (left, right, *_) = tile
        part = x[:, :, top:bottom, left:right]
        part = nd.array(part, ctx=self.device) if isinstance(part, np.ndarray) else part
        self._taps = {name: tap.detach() for name, tap in self.features.forward(part).items()}

    def cut(self, name: str, tile: Tile) -> Any:
        """The last tile's own positions of a layer: float32 (C, n), valid until the next cut."""
        tap = self._taps[name]
        top, bottom, left, right = self._window(name, tile)
        shape = (1, tap.shape[1], bottom - top, right - left)
        # Memory that is kept: touching fresh one would cost as much as a product.
        out = self.scratch(0, shape) if tap.dtype == np.float32 else None
        owned = nd.slice(tap, (0, 0, top, left), (1, shape[1], bottom, right), out=out)
        return as_float32(owned).reshape((shape[1], -1))

    def own(self, name: str, tile: Tile, whole: Any) -> Any:
        """A tile's part of something of a layer's whole size: (1, C, h, w) -> (C, n)."""
        top, bottom, left, right = self.place(name, tile)
        return whole[:, :, top:bottom, left:right].reshape((whole.shape[1], -1))

    def place(self, name: str, tile: Tile) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what a tile owns, in the positions of the whole layer."""
        stride = layers.stride(name) // self._step
        top, bottom, left, right = self._window(name, tile)
        down, across = tile.rows.begin // stride, tile.columns.begin // stride
        return top + down, bottom + down, left + across, right + across

    def scratch(self, number: int, shape: tuple[int, ...]) -> Any:
        """An array on memory that is kept and overwritten, for what a tile owns of a layer."""
        if number not in self._scratch:
            self._scratch[number] = nd.empty((self._most(),), ctx=self.device)
        return self._scratch[number][: math.prod(shape)].reshape(shape)

    def placed(self, name: str, tile: Tile, owned: Any) -> Any:
        """A gradient (C, n) as that of the tile's tap, zero outside of what it owns."""
        tap, window = self._taps[name], self._window(name, tile)
        if name not in self._heads:
            self._heads[name] = nd.zeros(tap.shape, ctx=self.device)
        head = self._heads[name]
        if self._windows.get(name, window) != window:
            head[:] = 0
        self._windows[name] = window
        top, bottom, left, right = window
        head[:, :, top:bottom, left:right] = owned.reshape((1, -1, bottom - top, right - left))
        return head if tap.dtype == np.float32 else nd.amp_cast(head, dtype=tap.dtype)

    def statistics(self, x: Any, asked: Mapping[Any, Asked]) -> dict[Any, Statistics]:
        """Statistics of a picture, from one pass over its tiles, the last one last."""
        return {key: each.statistics() for key, each in self.sums(x, asked).items()}

    def sums(self, x: Any, asked: Mapping[Any, Asked]) -> dict[Any, RunningStatistics]:
        """The same, not yet divided by positions."""
        return self._look(x, asked, ())[0] if asked else {}

    def collected(self, x: Any, names: Iterable[str]) -> dict[str, Any]:
        """Layers of the whole picture, float32 (1, C, h, w), to be kept.

        Zero where no tile owns them, which is so in parts of a mural alone.
        """
        names = list(names)
        found = self._look(x, {}, names)[1] if names else {}
        return {name: found[name] for name in names}

    def pass_on(self, x: Any) -> None:
        """Look as far as the boundary, for `between`; nothing where there is none."""
        if self.behind is not None:
            self._look(x, {}, ())

    def owns(self, name: str) -> bool:
        """Whether a layer is one of these, and not behind the boundary."""
        return name in self._own_shapes

    def _look(
        self, x: Any, asked: Mapping[Any, Asked], names: Sequence[str]
    ) -> tuple[dict[Any, RunningStatistics], dict[str, Any]]:
        here = {key: each for key, each in asked.items() if self.owns(each[0])}
        sums = {
            key: RunningStatistics(moments, mean=mean) for key, (_, moments, mean) in here.items()
        }
        found = {name: self._empty(name) for name in names if self.owns(name)}
        wholes = list(found.items())
        if self.behind is not None:
            self.between = self._empty(BOUNDARY) if self.between is None else self.between
            wholes.append((BOUNDARY, self.between))
        for tile in self.tiling.tiles if here or wholes else ():
            self.forward(x, tile)
            self._add(tile, here, sums)
            for name, whole in wholes:
                top, bottom, left, right = self.place(name, tile)
                owned = self.cut(name, tile).reshape((1, -1, bottom - top, right - left))
                whole[:, :, top:bottom, left:right] = owned
        if self.behind is not None:
            rest = {key: each for key, each in asked.items() if key not in here}
            others = [name for name in names if name not in found]
            more, deep = self.behind._look(self.between, rest, others)
            sums.update(more)
            found.update(deep)
        return sums, found

    def _add(
        self, tile: Tile, asked: Mapping[Any, Asked], sums: Mapping[Any, RunningStatistics]
    ) -> None:
        """Add what the tile seen last owns to the sums."""
        by_layer: dict[str, list[Any]] = {}
        for key, (name, *_) in asked.items():
            by_layer.setdefault(name, []).append(key)
        for name, keys in by_layer.items():
            flat = self.cut(name, tile)
            for key in keys:
                sums[key].add(flat, self.weight(name, tile, asked[key][1]))

    def _empty(self, name: str) -> Any:
        return nd.zeros(self._own_shapes[name], ctx=self.device)

    def weight(self, name: str, tile: Tile, moments: FeatureStatistics) -> Any:
        """A tile's part of the weights, (1, n), or None."""
        return None if moments.weight is None else self.own(name, tile, moments.weight)

    def _most(self) -> int:
        """The largest number of values that a tile owns of a layer."""
        return max(
            shape[1] * (bottom - top) * (right - left)
            for name, shape in self.features.shapes.items()
            for top, bottom, left, right in (self._window(name, tile) for tile in self.tiling.tiles)
        )

    def _window(self, name: str, tile: Tile) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what a tile owns, in the positions of its own tap."""
        stride, (*_, height, width) = layers.stride(name) // self._step, self.features.shapes[name]
        return (*tile.rows.window(stride, height), *tile.columns.window(stride, width))


def whole_shapes(
    shapes: Mapping[str, Sequence[int]], last: Tile, step: int = 1
) -> dict[str, tuple[int, ...]]:
    """(1, C, h, w) of the layers of the whole picture. shapes: of a tile's; last: the last tile;
    step: see TiledFeatures.
    """
    found: dict[str, tuple[int, ...]] = {}
    for name, (one, channels, height, width) in shapes.items():
        stride = layers.stride(name) // step
        down, across = last.rows.begin // stride, last.columns.begin // stride
        found[name] = one, channels, down + height, across + width
    return found


class TiledSource:
    """A view of a picture, see sources.FeatureSource: every question is a look at all tiles."""

    def __init__(self, pieces: TiledFeatures, x: Any) -> None:
        """x: (1, 3, H, W), on the device or the host."""
        self._pieces, self._x = pieces, x
        self.shapes, self.device = pieces.shapes, pieces.device

    def statistics(
        self, asked: Mapping[Any, tuple[str, np.ndarray | None]], *, mean: bool
    ) -> dict[Any, Statistics]:
        """See FeatureSource."""
        counted = {
            key: (
                name,
                FeatureStatistics(self.shapes[name], device=self.device, weight=weight),
                mean,
            )
            for key, (name, weight) in asked.items()
        }
        return self._pieces.statistics(self._x, counted)

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """See FeatureSource."""
        return self._pieces.collected(self._x, names)

    def energy(self, features: Any) -> float:
        """See FeatureSource."""
        return energy(features)
