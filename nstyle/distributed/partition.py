"""Parts of a picture, each of one or several tiles: what a part owns, and what it must see.

Pure geometry. A part owns a rectangle of the picture; what its tiles see with their margins is a
larger one, of which it gets what others own: its strips.
"""

from __future__ import annotations

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

    def of(self, array: Any) -> Any:
        """This part of an array (1, C, H, W)."""
        return array[:, :, self.top : self.bottom, self.left : self.right]


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
    fitting = [
        (down, across)
        for down in range(1, min(rows, count) + 1)
        for across in range(1, min(columns, count // down) + 1)
    ]
    width, height = size
    return min(
        fitting,
        key=lambda found: (
            -found[0] * found[1],
            (found[0] - 1) * width + (found[1] - 1) * height,
        ),
    )


def shares(length: int, count: int) -> list[range]:
    """0 .. length - 1 in so many pieces that are as equal as may be."""
    return [
        range(length * number // count, length * (number + 1) // count) for number in range(count)
    ]


def block_of(members: Sequence[Tile]) -> Block:
    """The part of these tiles, a rectangle of them."""
    (first, *_), last = members, members[-1]
    own = Box(first.rows.first, last.rows.last, first.columns.first, last.columns.last)
    seen = Box(first.rows.begin, last.rows.end, first.columns.begin, last.columns.end)
    moved = tuple(
        Tile(shifted(tile.rows, seen.top), shifted(tile.columns, seen.left)) for tile in members
    )
    return Block(own, seen, Tiling(seen.size, moved))


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
    found = geometry.tiling(size, across, down, reach)
    finer = 2
    while not fits(largest(found, count), found.edges):
        better = geometry.tiling(size, across * finer, down * finer, reach)
        least = min(better.edges) < geometry.LEAST_EDGE + reach.both
        if least or len(better.tiles) <= len(found.tiles):
            break
        found, finer = better, finer + 1
    return found


def largest(tiling: Tiling, count: int) -> Size:
    """The size of what the largest part sees."""
    sizes = [block.seen.size for block in blocks(tiling, count)]
    return max(sizes, key=lambda size: size[0] * size[1])
