"""Parts of a picture, each of one or several tiles: what a part owns, and what it must see.

Pure geometry. A part owns a rectangle of the picture; what its tiles see with their margins is a
larger one, of which it gets what others own: its strips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nstyle.images.sizes import Size
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.geometry import Reach, Span, Tile, Tiling


class Box(NamedTuple):
    """A rectangle of a picture, px."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> Size:
        """(width, height)."""
        return self.right - self.left, self.bottom - self.top

    def common(self, other: Box) -> Box | None:
        """The intersection, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Box(top, bottom, left, right) if top < bottom and left < right else None

    def seen_from(self, other: Box) -> Box:
        """The same rectangle counted from another's corner."""
        down, across = other.top, other.left
        return Box(self.top - down, self.bottom - down, self.left - across, self.right - across)

    @property
    def slices(self) -> tuple[Any, ...]:
        """The index of its pixels in an array (1, C, H, W)."""
        return ..., slice(self.top, self.bottom), slice(self.left, self.right)


class Block(NamedTuple):
    """A part: what it owns, what it sees, and its tiles, counted from the corner of what it sees.

    The corner is at a multiple of the deepest layer's stride.
    """

    own: Box
    seen: Box
    tiling: Tiling


def blocks(tiling: Tiling, count: int) -> list[Block]:
    """The tiles in at most `count` rectangular parts, row by row."""
    columns = sum(tile.rows == tiling.tiles[0].rows for tile in tiling.tiles)
    rows = len(tiling.tiles) // columns
    down, across = grid(tiling.size, count, rows, columns)
    return [
        block_of([tiling.tiles[row * columns + column] for row in below for column in beside])
        for below in shares(rows, down)
        for beside in shares(columns, across)
    ]


def grid(size: Size, count: int, rows: int, columns: int) -> tuple[int, int]:
    """(parts below each other, parts side by side): as many as may be, with least border."""
    width, height = size
    candidates = [
        (-down * across, (down - 1) * width + (across - 1) * height, down, across)
        for down in range(1, min(rows, count) + 1)
        for across in range(1, min(columns, count // down) + 1)
    ]
    *_, down, across = min(candidates)
    return down, across


def shares(length: int, count: int) -> list[range]:
    """0 .. length - 1 in so many pieces that are as equal as may be."""
    edges = [length * number // count for number in range(count + 1)]
    return [range(begin, end) for begin, end in zip(edges, edges[1:])]


def block_of(tiles: Sequence[Tile]) -> Block:
    """The part of these tiles, a rectangle of them."""
    first, last = tiles[0], tiles[-1]
    own = Box(first.rows.first, last.rows.last, first.columns.first, last.columns.last)
    seen = Box(first.rows.begin, last.rows.end, first.columns.begin, last.columns.end)
    moved = [Tile(shifted(rows, seen.top), shifted(columns, seen.left)) for rows, columns in tiles]
    return Block(own, seen, Tiling(seen.size, tuple(moved)))


def shifted(span: Span, begin: int) -> Span:
    """The same span counted from there."""
    return Span(*(edge - begin for edge in span))


def tiles_for(
    size: Size, reach: Reach, tile: int | str, count: int, fits: Callable[[Size, Size], bool]
) -> Tiling:
    """The tiles of a picture for so many parts.

    tile: px that each owns at most, or "auto": one for each part, or as many as it takes until
    they fit. fits: (size of a part, edges of its tiles) -> whether a worker has memory for that.
    """
    if tile != "auto":
        return geometry.of_edge(size, int(tile), reach)
    down, across = grid(size, count, count, count)
    tiling = geometry.tiling(size, across, down, reach)
    factor = 2
    while not fits(largest(blocks(tiling, count)), tiling.edges):
        finer = geometry.tiling(size, across * factor, down * factor, reach)
        too_small = min(finer.edges) < geometry.LEAST_EDGE + reach.both
        if too_small or len(finer.tiles) <= len(tiling.tiles):
            break
        tiling, factor = finer, factor + 1
    return tiling


def largest(parts: Sequence[Block]) -> Size:
    """The size of what the largest part sees."""
    return max((part.seen.size for part in parts), key=math.prod)
