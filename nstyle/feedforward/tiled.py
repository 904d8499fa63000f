"""A picture of any size through a painting network: whole, or in tiles that share its statistics.

Loads MXNet. Instance normalisation looks at all of a picture. Where one does not fit, its
statistics are taken from tiles spread evenly over it, as one batch, and kept; then every tile is
painted with those. Tiles overlap by more than the network can see, so no seam is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nstyle.feedforward import blocks
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.geometry import Reach
from nstyle.system.backend import autograd, nd

MULTIPLE = 8  # px: both edges of what a network is given
WHOLE = 1536 * 1536  # pixels that are painted at once; more take memory for nothing
TILE = 768  # px, edge of what a tile owns
# What the networks see around a position is less, see test_one_style.
REACH = Reach(margin=136, stride=MULTIPLE)
SAMPLE = 256  # px, edge of the tiles that statistics are taken from


class Network:
    """A painting network. x: (N, 3, H, W) on its device, edges multiples of MULTIPLE -> the same.

    body: the block that normalises, given what `inputs` makes of x.
    """

    def __init__(self, body: Any, device: Any) -> None:
        self.body, self.device = body, device

    def inputs(self, x: Any) -> Sequence[Any]:
        """What the body is given."""
        return [x]

    def whole(self, x: Any) -> Any:
        """Paint with the statistics of x."""
        inputs = self.inputs(x)
        with autograd.train_mode():
            return self.body(*inputs)

    def learn(self, x: Any) -> None:
        """Keep the statistics of x, all of it together."""
        inputs = self.inputs(x)
        with blocks.keeping(self.body):
            self.body(*inputs)

    def apply(self, x: Any) -> Any:
        """Paint with the statistics that are kept."""
        with autograd.predict_mode():
            return self.body(*self.inputs(x))

    def kept(self) -> list[np.ndarray]:
        """The statistics that are kept, on the host."""
        return blocks.kept(self.body)

    def keep(self, statistics: Sequence[np.ndarray]) -> None:
        """Keep these, in the order of `kept`."""
        blocks.keep(self.body, statistics)


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
    painted, size = np.empty_like(padded), (padded.shape[3], padded.shape[2])
    for rows, columns in geometry.of_edge(size, tile, REACH).tiles:
        part = padded[:, :, rows.begin : rows.end, columns.begin : columns.end]
        done = network.apply(nd.array(part, ctx=network.device)).asnumpy()
        own = done[:, :, rows.within, columns.within]
        painted[:, :, rows.first : rows.last, columns.first : columns.last] = own
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
