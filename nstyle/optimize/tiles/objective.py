"""The objective of a style transfer, the network seeing the picture tile by tile. Loads MXNet.

Contract and results are those of objective.Objective. Only pixels (memory.IN_TILES), optimisers,
the photo's content layers and the features between the two parts of a divided network grow with
the picture. Terms of style depend on the features only through sums over all positions. So a first
pass over all tiles adds these up; then their gradients, small matrices, are known, and a second
pass, the network's last part first, pulls them back through each tile, from the positions it owns
alone. A tile's gradient reaches into its margin: tiles add up.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from nstyle.losses.base import LossTerm
from nstyle.losses.statistics import Statistics, backward
from nstyle.networks.layers import BOUNDARY
from nstyle.optimize.objective import Objective
from nstyle.optimize.tiles.features import FirstPass, Request, SeenTile, TiledFeatures
from nstyle.system.backend import nd

# Number of a term of style -> gradients of its second moments and mean.
Slopes = Mapping[int, Sequence[Any]]


class TiledObjective(Objective):
    """As Objective; pieces: the network for the tiles of such pictures."""

    def __init__(
        self,
        pieces: TiledFeatures,
        terms: Sequence[LossTerm],
        clip_norm: float = 0.0,
        free: Any = None,
    ) -> None:
        super().__init__(pieces.features, terms, clip_norm, free)
        self._pieces, self.tiling = pieces, pieces.tiling
        self._requests: dict[int, Request] = {}
        self._by_layer: dict[str, list[int]] = {}
        for number, term in enumerate(terms):
            if term.statistics is not None:
                self._requests[number] = term.layer, term.statistics, term.wants_mean
            if term.layer:
                self._by_layer.setdefault(term.layer, []).append(number)

    def __call__(self, x: Any) -> tuple[float, Any]:
        """x: (1, 3, H, W) -> loss, gradient of x's shape (a new array)."""
        first = self.first_pass(x)
        values, slopes = compared(self._terms, first.statistics())
        gradient = self.backward(x, first, slopes, values).astype("float32")
        self._limit(gradient)
        for number, term in enumerate(self._terms):
            if not term.layer:
                values[number] = term.add_gradient(x, gradient)
        return self._outcome([values[number] for number in range(len(self._terms))], gradient)

    def first_pass(self, x: Any) -> FirstPass:
        """Statistics for each style loss."""
        return self._pieces.first_pass(x, self._requests)

    def backward(
        self,
        x: Any,
        first: FirstPass,
        slopes: Slopes,
        values: dict[int, Any],
        pieces: TiledFeatures | None = None,
    ) -> Any:
        """The gradient of the layers' terms: the second pass, which uses up the first.

        float64, as sums in RunningStatistics. values: receives those of the content losses. pieces:
        the part of the network that saw x; what lies behind it comes first.
        """
        pieces, behind = pieces or self._pieces, None
        if pieces.behind is not None and first.behind is not None:
            deep = self.backward(first.boundary, first.behind, slopes, values, pieces.behind)
            behind = deep.astype("float32")
        gradient = nd.zeros(x.shape, ctx=self._device, dtype="float64")
        seen, first.last = first.last, None  # not held any longer: its memory is needed
        for tile in reversed(pieces.tiling.tiles):
            seen = seen or pieces.forward(x, tile)
            heads = self._heads(pieces, seen, slopes, values, behind)
            seen = None
            (top, bottom, *_), (left, right, *_) = tile
            part = pieces.features.backward(heads).astype("float64")
            gradient[:, :, top:bottom, left:right] += part
        return gradient

    def _heads(
        self,
        pieces: TiledFeatures,
        seen: SeenTile,
        slopes: Slopes,
        values: dict[int, Any],
        behind: Any,
    ) -> dict[str, Any]:
        """The gradients of a tile's taps; the values of the terms of content go into `values`.

        behind: the gradient of what the whole picture shows at the boundary, or None.
        """
        heads = {}
        layers = [*filter(pieces.owns, self._by_layer)]
        if behind is not None and BOUNDARY not in layers:
            layers.append(BOUNDARY)
        for name in layers:
            flat = seen.cut(name)
            handed_on = behind is not None and name == BOUNDARY
            head = seen.own(name, behind) if handed_on else None
            for number in self._by_layer.get(name, ()):
                if number in slopes:
                    # Kept memory for the first; a layer seldom has several.
                    out = pieces.scratch(1, flat.shape) if head is None else None
                    moments = self._terms[number].statistics
                    weight = seen.weight(name, moments)
                    second, mean = slopes[number]
                    part = backward(moments, flat, second, mean, weight, out)
                else:
                    here = self._terms[number].of_tile(functools.partial(seen.own, name))
                    value, part = here.value_and_gradient(flat)
                    values[number] = values[number] + value if number in values else value
                head = part if head is None else head + part
            heads[name] = seen.gradient(name, head)
        return heads


def compared(
    terms: Sequence[LossTerm], statistics: Mapping[int, Statistics]
) -> tuple[dict[int, Any], dict[int, Sequence[Any]]]:
    """(values, slopes) of the terms of style, by their number, from statistics of all tiles."""
    values: dict[int, Any] = {}
    slopes: dict[int, Sequence[Any]] = {}
    for number, each in statistics.items():
        values[number], *slopes[number] = terms[number].compare(each)
    return values, slopes
