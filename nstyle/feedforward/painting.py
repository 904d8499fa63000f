"""A picture of any size through a painting network: whole, or in tiles that share its statistics.

Loads MXNet. Instance normalisation looks at all of a picture. Where one does not fit, its
statistics are taken from tiles spread evenly over it, as one batch, and kept; then every tile is
painted with those. Tiles overlap by more than the network can see, so no seam is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from nstyle.backend import nd

MULTIPLE = 8  # px: both edges of what a network is given
WHOLE = 1536 * 1536  # pixels that are painted at once; more take memory for nothing
TILE = 768  # px, edge of a tile without its overlap
OVERLAP = 80  # px: what the networks see around a position, see test_feedforward_painting
SAMPLE = 256  # px, edge of the tiles that statistics are taken from


class Network(Protocol):
    """What paints. x: (N, 3, H, W) on its device, edges multiples of MULTIPLE -> the same."""

    device: Any

    def whole(self, x: Any) -> Any:
        """Paint with the statistics of x."""

    def learn(self, x: Any) -> None:
        """Keep the statistics of x, all of it together."""

    def apply(self, x: Any) -> Any:
        """Paint with the statistics that are kept."""

    def kept(self) -> list[np.ndarray]:
        """The statistics that are kept, on the host."""

    def keep(self, statistics: Sequence[np.ndarray]) -> None:
        """Keep these, in the order of `kept`."""


class Tile(NamedTuple):
    """outer: (top, bottom, left, right) of what is painted; inner: of what is kept of it."""

    outer: tuple[int, int, int, int]
    inner: tuple[int, int, int, int]


def paint(network: Network, x: np.ndarray, *, whole: int = WHOLE, tile: int = TILE) -> np.ndarray:
    """float32 (1, 3, H, W) -> the same, painted. whole, tile: see WHOLE and TILE."""
    height, width = x.shape[2:]
    if height * width <= whole:
        painted = network.whole(nd.array(mirrored(x), ctx=network.device)).asnumpy()
        return np.asarray(painted[:, :, :height, :width])
    learn(network, x, whole=whole)
    return apply(network, x, whole=0, tile=tile)


def learn(network: Network, x: np.ndarray, *, whole: int = WHOLE) -> None:
    """Let the network keep the statistics of a picture, of parts of it where it is large."""
    padded = mirrored(x)
    seen = padded if x.shape[2] * x.shape[3] <= whole else sampled(padded, whole)
    network.learn(nd.array(seen, ctx=network.device))


def apply(network: Network, x: np.ndarray, *, whole: int = WHOLE, tile: int = TILE) -> np.ndarray:
    """float32 (1, 3, H, W) -> the same, painted with the statistics that are kept."""
    height, width = x.shape[2:]
    padded = mirrored(x)
    if height * width <= whole:
        painted = network.apply(nd.array(padded, ctx=network.device)).asnumpy()
        return np.asarray(painted[:, :, :height, :width])
    painted = np.empty_like(padded)
    for outer, inner in tiles(padded.shape[2], padded.shape[3], tile):
        top, bottom, left, right = outer
        part = nd.array(padded[:, :, top:bottom, left:right], ctx=network.device)
        done = network.apply(part).asnumpy()
        rows = slice(inner[0] - top, inner[1] - top)
        columns = slice(inner[2] - left, inner[3] - left)
        painted[:, :, inner[0] : inner[1], inner[2] : inner[3]] = done[:, :, rows, columns]
    return painted[:, :, :height, :width]


def mirrored(x: np.ndarray) -> np.ndarray:
    """x with its right and lower border mirrored up to multiples of MULTIPLE."""
    height, width = x.shape[2:]
    more = ((0, 0), (0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE))
    return np.pad(x, more, mode="symmetric")


def sampled(x: np.ndarray, pixels: int) -> np.ndarray:
    """(N, 3, s, s): as many tiles as `pixels` allow, spread evenly over x, (1, 3, H, W)."""
    height, width = x.shape[2:]
    edge = min(SAMPLE, height, width) // MULTIPLE * MULTIPLE
    count = max(1, pixels // edge**2)
    rows = max(1, round(math.sqrt(count * height / width)))
    columns = max(1, count // rows)
    rows, columns = min(rows, math.ceil(height / edge)), min(columns, math.ceil(width / edge))
    return np.concatenate([
        x[:, :, top : top + edge, left : left + edge]
        for top in np.linspace(0, height - edge, rows).round().astype(int)
        for left in np.linspace(0, width - edge, columns).round().astype(int)
    ])  # fmt: skip


def tiles(height: int, width: int, edge: int) -> Iterator[Tile]:
    """Tiles of one size, as far as the picture is large enough, that overlap by OVERLAP."""
    for top, bottom, upper, lower in spans(height, edge):
        for left, right, first, last in spans(width, edge):
            yield Tile((top, bottom, left, right), (upper, lower, first, last))


def spans(length: int, edge: int) -> Iterator[tuple[int, int, int, int]]:
    """(begin, end, first, last) along one side: painted from begin to end, kept first to last.

    All are multiples of MULTIPLE, if `length` and `edge` are.
    """
    full = min(length, edge + 2 * OVERLAP)
    for first in range(0, length, edge):
        begin = max(0, min(first - OVERLAP, length - full))
        yield begin, begin + full, first, min(first + edge, length)
