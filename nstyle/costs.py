"""What a network costs in memory, by its layers, as a whole and where it is divided. Arithmetic.

The numbers were fitted as those of `memory`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nstyle.layers import BOUNDARY, behind, stride

# How often activations are there at the worst moment, which lies in the backward pass. Buffers are
# handed on from layer to layer, so that the largest layer says how large they are.
ALL_LAYERS, LARGEST_LAYER, TAPPED_LAYERS = 1.0, 4.0, 0.7
TILE = 1050  # bytes for each pixel of a tile, beside the layers
# Where the network is divided, how often what is shown at the boundary is there: of the whole
# picture, of a tile.
BETWEEN, BEHIND = 6.0, 6.0


@dataclass(frozen=True)
class Network:
    """What a network costs: bytes of its parameters, and bytes per pixel of the picture.

    total: outputs of all convolutions; largest: of the largest; tapped: of the tapped layers;
    content: of those that are kept of the photo.
    """

    parameters: int
    total: float
    largest: float
    tapped: float
    content: float = 0.0


def network(
    widths: Mapping[str, int], wanted: Iterable[str], content: Iterable[str] = ()
) -> Network:
    """Costs of a VGG with these channels per convolution, in order, and these taps (float32)."""
    # Each pooling leaves a quarter of the positions.
    costs = {name: 4 * count / 4 ** (int(name[4]) - 1) for name, count in widths.items()}
    lasts = {f"pool{name[4]}": name for name in costs}  # in order: the block's last stays
    tapped, kept = (
        sum(costs[lasts.get(name, f"conv{name[4:]}")] for name in names)
        for names in (wanted, content)
    )
    counts = list(widths.values())
    kernels = sum(9 * before * count for before, count in zip([3, *counts], counts))
    return Network(4 * kernels, sum(costs.values()), max(costs.values()), tapped, kept)


@dataclass(frozen=True)
class Divided:
    """A network in two parts (layers.BOUNDARY), each of which sees tiles of its own.

    between: bytes of what is shown at the boundary, per pixel; tile: edges of the second part's
    tiles, in pixels.
    """

    before: Network
    behind: Network
    between: float
    tile: tuple[int, int] = (0, 0)

    def painting(self, area: int, tile: tuple[int, int]) -> float:
        """Bytes for the network, and what is shown at the boundary of so many pixels."""
        first = math.prod(tile) * (TILE + in_layers(self.before))
        then = math.prod(self.tile) * (BEHIND * self.between + in_layers(self.behind))
        return first + then + area * BETWEEN * self.between


def divided(
    widths: Mapping[str, int],
    wanted: Iterable[str],
    tile: tuple[int, int],
    *,
    boundary: str = BOUNDARY,
) -> Divided:
    """The costs of a network's parts; see `network`. tile: see Divided."""
    block = int(boundary[4])
    last = [count for name, count in widths.items() if int(name[4]) == block][-1]
    parts = [
        network(
            {name: count for name, count in widths.items() if (int(name[4]) > block) == far},
            [name for name in wanted if behind(name) == far],
        )
        for far in (False, True)
    ]
    return Divided(parts[0], parts[1], 4 * last / stride(boundary) ** 2, tile)


def in_layers(costs: Network) -> float:
    """Bytes for each pixel that a network sees at once."""
    return ALL_LAYERS * costs.total + LARGEST_LAYER * costs.largest + TAPPED_LAYERS * costs.tapped
