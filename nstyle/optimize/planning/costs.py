"""Memory of a network by its layers, whole or divided; its numbers were fitted as `memory`'s."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nstyle.networks.layers import BOUNDARY, behind, stride

# How often activations are there at the worst moment, which lies in the backward pass. Buffers are
# handed on from layer to layer, so that the largest layer says how large they are.
ALL_LAYERS, LARGEST_LAYER, TAPPED_LAYERS = 1.0, 4.0, 0.7
TILE = 1050  # bytes for each pixel of a tile, beside the layers
# Where the network is divided, how often what is shown at the boundary is there: of the whole
# picture; and of a tile, beside its layers, what TILE is for tiles of pixels.
BETWEEN, BEHIND = 1.5, 28.0


@dataclass(frozen=True)
class Network:
    """Memory of a network: bytes of its parameters, and bytes per pixel of the picture.

    total: outputs of all convolutions; largest: of the largest; tapped: of the tapped layers;
    content: of those that are kept of the photo.
    """

    parameters: int
    total: float
    largest: float
    tapped: float
    content: float = 0.0


def network(widths: Mapping[str, int], taps: Iterable[str], content: Iterable[str] = ()) -> Network:
    """Costs of a VGG with these channels per convolution, in order, and these taps (float32)."""
    # Each pooling leaves a quarter of the positions.
    costs = {name: 4 * count / 4 ** (int(name[4]) - 1) for name, count in widths.items()}
    lasts = {f"pool{name[4]}": name for name in costs}  # in order: the block's last stays
    tapped, target = (
        sum(costs[lasts.get(name, f"conv{name[4:]}")] for name in names)
        for names in (taps, content)
    )
    counts = list(widths.values())
    kernels = sum(9 * before * count for before, count in zip([3, *counts], counts))
    return Network(4 * kernels, sum(costs.values()), max(costs.values()), tapped, target)


@dataclass(frozen=True)
class Divided:
    """A network in two parts (layers.BOUNDARY), each of which sees tiles of its own.

    boundary: bytes per pixel of the features there; tile: the second part's edges, in pixels.
    """

    before: Network
    behind: Network
    boundary: float
    tile: tuple[int, int]

    def seen(self, tile: tuple[int, int], *, weighted: bool) -> float:
        """Bytes for what the network sees at once. weighted: whether positions have weights."""
        first, then = TILE + in_layers(self.before), BEHIND * self.boundary + in_layers(self.behind)
        if weighted:
            first, then = first + self.before.tapped, then + self.behind.tapped
        return math.prod(tile) * first + math.prod(self.tile) * then


def divided(widths: Mapping[str, int], taps: Iterable[str], tile: tuple[int, int]) -> Divided:
    """The costs of a network's parts; see `network`. tile: see Divided."""
    taps = {*taps, BOUNDARY}
    before, rest = (
        network(
            {name: count for name, count in widths.items() if behind(name) == far},
            [name for name in taps if behind(name) == far],
        )
        for far in (False, True)
    )
    last = [count for name, count in widths.items() if not behind(name)][-1]
    return Divided(before, rest, 4 * last / stride(BOUNDARY) ** 2, tile)


def in_layers(costs: Network) -> float:
    """Bytes for each pixel that a network sees at once."""
    return ALL_LAYERS * costs.total + LARGEST_LAYER * costs.largest + TAPPED_LAYERS * costs.tapped
