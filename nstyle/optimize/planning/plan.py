"""Sizes, epochs, memory and tiles of a run, decided before it begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nstyle.errors import OptionError
from nstyle.images import sizes
from nstyle.images.sizes import Size
from nstyle.networks import layers
from nstyle.optimize.inputs import MAX_PIXELS_AT_ONCE, Inputs
from nstyle.optimize.planning import costs, memory
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.geometry import Tiling
from nstyle.options.options import Options
from nstyle.system import runtime

# Shares of what is free: that tiles may take, as their need is an estimate; and that a size may
# take that is advised, as the need jumps a little where tiles begin at multiples of a stride.
HEADROOM, ADVISED = 0.9, 0.95
NOTHING: Size = (0, 0)
# As sizes.COARSEST, where painting begins with a picture of one pass, which is good at strokes of
# this size.
PAINTED = 512
# A size before the last one ends when eps is so many times stop_eps: the rest of its epochs does
# not show at the next size (docs/performance.md, "Where the seconds go").
EARLIER = 4.0


def epoch_limits(options: Options, inputs: Inputs) -> list[tuple[Size, int]]:
    """(size, epoch at which to stop at the latest) of each scale, smallest first."""
    scales, coarsest = options.scales, sizes.COARSEST
    if begins_painted(inputs, options):
        coarsest = PAINTED
    elif scales == "auto" and inputs.start is not None:
        scales = 1
    growing = sizes.scale_sizes(inputs.photo.size, scales, options.scale_step, coarsest)
    most = options.max_num_epochs
    growing = growing[-most:]  # every size has an epoch at least
    return [(size, most * number // len(growing)) for number, size in enumerate(growing, 1)]


def stops(options: Options, count: int) -> list[float]:
    """The relative change at which each of so many sizes ends."""
    return [EARLIER * options.stop_eps] * (count - 1) + [options.stop_eps]


def begins_painted(inputs: Inputs, options: Options) -> bool:
    """Whether painting begins with a picture of one pass."""
    return options.init == "instant" and not inputs.texture


@dataclass(frozen=True)
class Budget:
    """What a painting may take.

    free: bytes of memory, "auto" (what is free once the network is loaded) or None (any). regions:
    parts of the picture where the style counts on its own, besides those of masks.
    """

    free: int | str | None = "auto"
    regions: int = 0


class Plan:
    """Sizes, epochs, memory and tiles of a painting, decided once. inputs: of the final size.

    limits: see epoch_limits; extractor: a FeatureExtractor; free: bytes there are for the painting,
    None for any; regions: see Budget.
    """

    def __init__(
        self,
        inputs: Inputs,
        options: Options,
        extractor: Any,
        free: int | None = None,
        regions: int = 0,
    ) -> None:
        self._inputs, self._options, self._extractor = inputs, options, extractor
        self.free = free
        self.limits = epoch_limits(options, inputs)
        self._tilings: dict[Size, Tiling | None] = {}
        content = options.content_layers.weights if options.content_weight else ()
        self._costs = costs.network(extractor.widths, extractor.network.wanted, content)
        masked = len(inputs.regions)
        # Parts of a picture whose style losses have weights of their own.
        self._regions = regions * max(1, masked) + (masked or int(inputs.keep is not None))

    def needed(self, size: Size) -> int:
        """Bytes of memory that painting a result of this size takes on a CPU, about."""
        style = max((style.size for style in self._inputs.styles), key=math.prod)
        style = sizes.shrunk_style(style, size[0] / self._inputs.photo.width)
        tiling, style_tiling = self.tiling(size), self.style_tiling(style)
        tile, style_tile = (each.edges if each else None for each in (tiling, style_tiling))
        inner = tiling.behind.edges if tiling and tiling.behind else None
        return self._bytes(size, style, inner, tile=tile, style_tile=style_tile)

    def tiling(self, size: Size) -> Tiling | None:
        """The tiles of a picture that is painted; None: all at once.

        Where they are chosen here, the network is divided if that lets it see fewer pixels.
        """
        if size not in self._tilings:
            tiles = self._tiling(size, partial(self.of_part, size))
            if tiles and self._options.tile == "auto":
                divided = self._divided(size)
                tiles = divided if divided and divided.overlap < tiles.overlap else tiles
            self._tilings[size] = tiles
        return self._tilings[size]

    def check_memory(self) -> int:
        """Bytes the run takes. Raises OptionError, with what would fit, where fewer are free."""
        size, free = self._inputs.photo.size, self.free
        need = self.needed(size)
        if free is None or memory.fits(need, free):
            return max(need, memory.peak_memory())
        edge = memory.largest_long_edge(size, int(ADVISED * free), self.needed)
        flag, fitting = "--max-long-edge", str(edge)
        if self._options.size:
            flag, fitting = "--size", "{}x{}".format(*memory.scaled(size, edge))
        advice = f"{flag} {fitting} would fit" if edge else "no size fits; free some memory"
        raise OptionError(
            f"{flag}: {size[0]}x{size[1]} needs about {memory.shown(need)} of memory, "
            f"{memory.shown(free)} are free; {advice}"
        )

    def _divided(self, size: Size) -> Tiling | None:
        reaches = self._extractor.reaches
        inner = geometry.at_boundary(size, ceil=self._options.pooling_ceil)
        # MAX_PIXELS_AT_ONCE is for the 64 channels of a pixel; at the boundary there are 128.
        if reaches is None or 2 * math.prod(inner) > MAX_PIXELS_AT_ONCE:
            return None
        near, far = reaches

        def fits(behind: Size, edges: Size) -> bool:
            at_once = small(edges) and small(in_pixels(behind))
            return at_once and self._fits(self._bytes(size, tile=edges, inner=behind), HEADROOM)

        return geometry.best_divided(size, inner, near, far, fits)

    def style_tiling(self, size: Size) -> Tiling | None:
        """The same of a picture that is only looked at."""
        return self._tiling(size, lambda edges: self._bytes(style=size, style_tile=edges))

    def of_part(self, size: Size, edges: Size | None) -> int:
        """Bytes for a part of this size of a picture that is painted; edges: of its tiles."""
        return self._bytes(size, tile=edges)

    def _tiling(self, size: Size, needed: Callable[[Size | None], int]) -> Tiling | None:
        """needed: edges of the tiles, or None -> bytes."""
        tile, reach = self._options.tile, self._extractor.reach
        if tile == "off":
            return None
        if tile != "auto":
            tiling = geometry.of_edge(size, int(tile), reach)
            return tiling if len(tiling.tiles) > 1 else None

        def fits(edges: Size | None, share: float = HEADROOM) -> bool:
            return small(edges or size) and self._fits(needed(edges), share)

        if fits(None, 1.0):
            return None
        best = geometry.best(size, reach, fits)
        return best or geometry.of_edge(size, geometry.LEAST_EDGE, reach)

    def _fits(self, need: int, share: float) -> bool:
        return self.free is None or memory.fits(need, int(share * self.free))

    def _bytes(
        self, size: Size = NOTHING, style: Size = NOTHING, inner: Size | None = None, **tiles: Any
    ) -> int:
        """inner: edges of the tiles behind the boundary, in its positions; tiles: of the others."""
        inputs, network = self._inputs, self._extractor
        widths, taps = network.widths, network.network.wanted
        tiled, more = bool(tiles.get("tile")), 0
        if network.bfloat16 and runtime.amx_used():
            more = memory.kept_by_amx(math.prod(size), len(self.limits), tiled)
        return more + memory.needed(
            self._costs,
            size,
            style,
            bfloat16=network.in_bfloat16((tiles.get("tile") or size)[0]),
            doubles=doubles(self._options),
            sizes=len(self.limits),
            regions=self._regions,
            final=inputs.final_size if inputs.final_size != inputs.photo.size else None,
            **tiles,
            parts=costs.divided(widths, taps, in_pixels(inner)) if inner else None,
        )


def doubles(options: Options) -> int:
    """Number of float64 arrays an optimiser holds beyond those of sgd."""
    if options.optimizer == "lbfgs":
        steps = options.evaluations or options.max_num_epochs
        return memory.lbfgs_arrays(steps, bounded=options.clamp)
    # A second moment, old and new: two of float32 are one.
    return int(options.optimizer == "adam")


def in_pixels(edges: Size) -> Size:
    """Edges in the boundary's positions, converted to pixels."""
    step = layers.stride(layers.BOUNDARY)
    return edges[0] * step, edges[1] * step


def small(edges: Size) -> bool:
    """Whether MXNet can see so many pixels at once."""
    return math.prod(edges) <= MAX_PIXELS_AT_ONCE
