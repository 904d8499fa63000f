"""Tiles of a picture, for a network that sees only so far around a position. Pure geometry.

A tile is what the network sees at once. It owns a part of the picture; beyond that it has a margin
as wide as the deepest layer sees, unless the picture ends there, so that every position it owns, of
any layer, is as in the whole picture. All tiles are of one shape. They begin at multiples of the
deepest layer's stride, and every position of every layer has one owner.

Where the network is divided (layers.BOUNDARY), tiles of the picture are seen as far as there, which
takes a narrow margin, and the rest of the network sees larger tiles of what they own together.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nstyle.images.sizes import Size
from nstyle.networks import layers

PARTS = (1, 2, 4, 8, 16, 32, 64)  # of the picture that a tile behind the boundary may be
LEAST_EDGE = 128  # px that a tile owns, unless --tile says less: margins cost most
# The same for a divided network: behind the boundary, in its positions; before it, where margins
# are narrow and small tiles would seem good, the second only if there is no room for the first.
LEAST_BEHIND, LEAST_BEFORE = 64, (256, 128)


@dataclass(frozen=True)
class Reach:
    """margin: px that the deepest layer sees beyond its own; stride: px between its positions."""

    margin: int
    stride: int

    @property
    def before(self) -> int:
        """The margin on the side where a tile begins, which is at a multiple of the stride."""
        return -(-self.margin // self.stride) * self.stride

    @property
    def both(self) -> int:
        """The margins of two sides, px."""
        return self.before + self.margin


class Span(NamedTuple):
    """A tile along one side of the picture, px: begin to end, of which it owns first to last."""

    begin: int
    end: int
    first: int
    last: int

    @property
    def within(self) -> slice:
        """The pixels it owns, counted from its own beginning."""
        return slice(self.first - self.begin, self.last - self.begin)

    def window(self, stride: int, count: int) -> tuple[int, int]:
        """Its own of a layer's `count` positions: (first, after last), however pooling rounds."""
        end = count if self.last == self.end else (self.last - self.begin) // stride
        return (self.first - self.begin) // stride, end


class Tile(NamedTuple):
    """Position of a tile."""

    rows: Span
    columns: Span


@dataclass(frozen=True)
class Tiling:
    """All tiles of a picture of this size, row by row.

    behind: where the network is divided, the tiles of what it shows at the boundary, all of them
    counted in its positions instead of pixels.
    """

    size: Size
    tiles: tuple[Tile, ...]
    behind: Tiling | None = None

    @property
    def edges(self) -> Size:
        """(width, height) of every tile, px."""
        rows, columns = self.tiles[0]
        return columns.end - columns.begin, rows.end - rows.begin

    def __str__(self) -> str:
        width, height = self.edges
        plural = "s" if len(self.tiles) > 1 else ""
        text = f"in {len(self.tiles)} tile{plural} of {width}x{height}"
        if self.behind is None:
            return text
        (width, height), step = self.behind.edges, layers.stride(layers.BOUNDARY)
        return f"{text}, then {len(self.behind.tiles)} of {width * step}x{height * step}"

    @property
    def overlap(self) -> float:
        """Pixels the network sees per pixel of the picture."""
        (width, height), (across, down) = self.edges, self.size
        here = len(self.tiles) * width * height / (across * down)
        return here if self.behind is None else (here + self.behind.overlap) / 2


def reach(taps: Sequence[str], blocks: Sequence[int]) -> Reach:
    """Receptive field of a network of these taps, in order."""
    return Reach(layers.sight(taps[-1], blocks), layers.stride(taps[-1]))


def reaches(taps: Sequence[str], blocks: Sequence[int]) -> tuple[Reach, Reach] | None:
    """The same up to the boundary, px, and behind it, in its positions; None if no tap is there."""
    if not layers.behind(taps[-1]):
        return None
    deepest, boundary = reach(taps, blocks), reach([layers.BOUNDARY], blocks)
    step = boundary.stride
    return boundary, Reach((deepest.margin - boundary.margin) // step, deepest.stride // step)


def at_boundary(size: Size, *, ceil: bool) -> Size:
    """The boundary's positions for a picture of this size. ceil: pooling rounds odd sizes up."""
    step = layers.stride(layers.BOUNDARY)
    width, height = (-(-edge // step) if ceil else edge // step for edge in size)
    return width, height


def tiling(size: Size, columns: int, rows: int, reach: Reach) -> Tiling:
    """At most so many tiles side by side and below each other."""
    across, down = spans(size[0], columns, reach), spans(size[1], rows, reach)
    return Tiling(size, tuple(Tile(row, column) for row in down for column in across))


def of_edge(size: Size, edge: int, reach: Reach) -> Tiling:
    """As few tiles as possible that own at most `edge` px of each side (or the stride, if more).

    At the picture's border, where a margin is saved, they own more. A side that is not longer than
    a tile with both its margins is not divided.
    """
    columns, rows = (fewest(length, edge, reach) for length in size)
    return tiling(size, columns, rows, reach)


def best(
    size: Size, reach: Reach, fits: Callable[[Size], bool], least: int = LEAST_EDGE
) -> Tiling | None:
    """The tiles of fewest pixels in all whose edges, (width, height), fit; None where none do.

    fits: true for all that are smaller, too; least: what they own of each side at least.
    """
    across, down = (extents(length, reach, least) for length in size)
    choices, rows = [], len(down)
    for columns, width in enumerate(across, 1):
        # Narrower tiles may be higher: the rows that are enough never become more.
        while rows and fits((width, down[rows - 1])):
            rows -= 1
        if rows < len(down):
            count = columns * (rows + 1)
            choices.append((count * width * down[rows], count, columns, rows + 1))
    if not choices:
        return None
    *_, columns, rows = min(choices)
    return tiling(size, columns, rows, reach)


def best_divided(
    size: Size, inner: Size, near: Reach, far: Reach, fits: Callable[[Size, Size], bool]
) -> Tiling | None:
    """The same for a divided network. inner: the boundary's positions; near, far: see `reaches`;
    fits: edges of the tiles behind the boundary, of those before -> whether there is room.
    """
    limits = [functools.partial(within, math.prod(inner) // parts) for parts in PARTS]
    deep_tilings = [best(inner, far, limit, LEAST_BEHIND) for limit in limits]
    for least in LEAST_BEFORE:
        tilings = [
            dataclasses.replace(before, behind=behind)
            for behind in filter(None, deep_tilings)
            if (before := best(size, near, functools.partial(fits, behind.edges), least))
        ]
        if tilings:
            return min(tilings, key=lambda tiling: tiling.overlap)
    return None


def within(most: int, edges: Size) -> bool:
    """Whether these edges have no more positions."""
    return math.prod(edges) <= most


def fewest(length: int, edge: int, reach: Reach) -> int:
    """Number of tiles along a side if none owns more than `edge` px."""
    own = max(edge, reach.stride)
    if length <= own + reach.both:
        return 1
    count = 2
    while _boundaries(length, extent(length, count, reach), reach)[0] - reach.before > own:
        count += 1
    return count


def extents(length: int, reach: Reach, least: int) -> list[int]:
    """The length of 1, 2, 3, ... tiles of a side, as long as they own so much."""
    edges = [length]
    while (edge := extent(length, len(edges) + 1, reach)) >= least + reach.both:
        edges.append(edge)
    return edges


def extent(length: int, count: int, reach: Reach) -> int:
    """The length in px of each of `count` tiles of one side; the side's own where it is too short.

    The last begins at a multiple of the stride and ends with the picture.
    """
    step = reach.stride
    edge = (length + (count - 1) * reach.both) // count
    edge += (length - edge) % step
    while edge < length:  # once or twice: tiles own multiples of the stride
        first, last = _boundaries(length, edge, reach)
        if last - first <= (count - 2) * (first - reach.before):  # they leave nothing out
            break
        edge += step
    return min(edge, length)


def spans(length: int, count: int, reach: Reach) -> list[Span]:
    """A side of the picture as tiles of one length, `count` of them or as many as make sense."""
    edge, step = extent(length, count, reach), reach.stride
    if edge == length:
        return [Span(0, length, 0, length)]
    first, last = _boundaries(length, edge, reach)
    if first >= last:  # two are enough
        first = last = (first + last) // 2 // step * step
    # The first and the last own all they can, the others equal shares.
    most = (last - first) // step
    shares = [most * number // max(1, count - 2) * step for number in range(count - 1)]
    edges = sorted({first + share for share in shares})
    inner = [
        Span(begin - reach.before, begin - reach.before + edge, begin, end)
        for begin, end in zip(edges, edges[1:])
    ]
    return [Span(0, edge, 0, first), *inner, Span(length - edge, length, last, length)]


def _boundaries(length: int, edge: int, reach: Reach) -> tuple[int, int]:
    """(as far as the first of tiles so long may own, where the last may begin to)."""
    return ((edge - reach.margin) // reach.stride * reach.stride), length - edge + reach.before
