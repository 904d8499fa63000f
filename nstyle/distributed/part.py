"""A part of a picture, where it is painted: its pixels, the optimiser's arrays, the network.

All parts receive the same instructions. Each computes its share of loss and gradient in two passes,
as `optimize.tiles.objective` does, with strips of its neighbours around what it owns. Loads MXNet;
knows nothing of Dask.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.messages import Facts, PartSpec, Program, Sums, TermSpec, packed, unpacked
from nstyle.distributed.partition import Box
from nstyle.losses.base import LossTerm, dot
from nstyle.losses.statistics import FeatureStatistics
from nstyle.networks import preprocessing
from nstyle.optimize.context import PaintContext
from nstyle.optimize.extractor import load_network
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.tiles.features import TiledFeatures
from nstyle.optimize.tiles.objective import TiledObjective
from nstyle.optimize.tiles.sources import energy
from nstyle.system.backend import device as find_device
from nstyle.system.backend import nd

PICTURE, GRADIENT = "picture", "gradient"  # strips of

# (kind, number of a neighbour -> strip) -> bytes that were sent
Post = Callable[[str, Mapping[int, np.ndarray]], int]
Inbox = Mapping[tuple[str, int], np.ndarray]


class TileGroup:
    """See PartSpec. weights: path of the network's file; post: sends strips; inbox: what came."""

    def __init__(
        self, spec: PartSpec, weights: str, context: PaintContext, post: Post, inbox: Inbox
    ) -> None:
        self._post, self._inbox = post, inbox
        options, block = spec.options, spec.block
        self._device = find_device(options.gpu)
        alone = Inputs(spec.photo, (), (), None, spec.model, weights, spec.photo.size)
        extractor = load_network(alone, options, self._device, context)
        width, height = block.tiling.edges
        features = extractor.features((1, 3, height, width))
        self._pieces = TiledFeatures(features, block.tiling)
        names = options.content_layers.weights if options.content_weight else ()
        photo = preprocessing.to_array(spec.photo, extractor.convention, options.pixel_range)
        self._shape = photo.shape
        self._targets = self._pieces.first_pass(photo, {}, list(names)).layers
        energies = {name: energy(target) for name, target in self._targets.items()}
        self.facts = Facts(features.shapes, energies)
        self._free = None if spec.free is None else nd.array(spec.free, ctx=self._device)
        self._own = block.own.seen_from(block.seen)
        # By neighbour: what is seen here of its pixels, and what it sees of those owned here.
        pairs = spec.neighbours.items()
        self._halos = {number: halo.seen_from(block.seen) for number, (halo, _) in pairs if halo}
        self._borders = {number: edge.seen_from(block.own) for number, (_, edge) in pairs if edge}
        self._arrays: dict[int, Any] = {}
        # Between two calls: the array that is looked at with its halos, and what comes of it.
        self._seen: Any = None
        self._first: Any = None  # the first pass over it
        self._gradient: Any = None
        self._smoothness: Any = None  # gradient of the total variation

    def set_losses(self, terms: Sequence[TermSpec]) -> None:
        """Sets the losses."""
        self._terms: list[Any] = [self._term(spec) for spec in terms]
        self._objective = TiledObjective(self._pieces, self._terms)

    def _term(self, spec: TermSpec) -> LossTerm:
        loss = spec.loss
        if spec.positions is None:
            return loss.of_part(self._targets, None)
        shape = self._pieces.shapes[loss.layer]
        weight = None if spec.weight is None else spec.weight[: shape[2], : shape[3]]
        statistics = FeatureStatistics(
            shape, device=self._device, weight=weight, positions=spec.positions
        )
        return loss.of_part(self._targets, statistics)

    def load(self, arrays: Mapping[int, np.ndarray]) -> None:
        """Shares of arrays by number, (1, 3, h, w) of what is owned, or the same for all."""
        for number, array in arrays.items():
            self._arrays[number] = nd.array(array, ctx=self._device)

    def restore(self, arrays: Mapping[int, np.ndarray]) -> None:
        """These and no others."""
        self._arrays = {}
        self.load(arrays)

    def read(self, numbers: Sequence[int]) -> dict[int, np.ndarray]:
        """Shares of arrays."""
        return {number: self._arrays[number].asnumpy() for number in numbers}

    def run(self, program: Program, requested: int | None = None) -> float:
        """Do what everyone does with their shares; the sum of squares of what is requested."""
        for name, target, *operands in program:
            values = [self._arrays[x] if isinstance(x, int) else x for x in operands]
            if name == "free":
                del self._arrays[target]
            elif name in ("gather", "finish"):
                getattr(self, f"_{name}")(target)
            elif name == "clip":
                self._arrays[target] = self._objective.clip(*values)
            else:
                self._arrays[target] = getattr(operator, name)(*values)
        if requested is None:
            return 0.0
        array = self._arrays[requested]
        return float(dot(array, array).asscalar())

    # ---- loss and gradient, one call after another; everyone must be done with the one before ----

    def show(self, program: Program, x: int) -> int:
        """Run the program, then send the neighbours what they see of an array; bytes."""
        self.run(program)
        self._seen = nd.zeros(self._shape, ctx=self._device)
        self._seen[self._own.slices] = self._arrays[x]
        return self._send(PICTURE, self._arrays[x], self._borders)

    def look(self) -> tuple[Sums, dict[int, float]]:
        """(sums for the terms of style, values of those of total variation): this share."""
        for box, strip in self._received(PICTURE, self._halos):
            self._seen[box.slices] = strip
        self._smoothness, smooth = None, {}
        for number, term in enumerate(self._terms):
            if not term.layer:
                value, self._smoothness = term.share(self._seen, self._own[:2], self._own[2:])
                smooth[number] = float(value.asscalar())
        self._first = self._objective.first_pass(self._seen)
        sums = self._first.sums.items()
        return {number: packed(each.second, each.mean) for number, each in sums}, smooth

    def backward(self, slopes: Sums) -> tuple[dict[int, float], int]:
        """The second look, from the gradients of the statistics: ({number of a term of content:
        its share of the value}, bytes of gradient that were sent to the neighbours).
        """
        arrays = {number: unpacked(each, self._device) for number, each in slopes.items()}
        values: dict[int, Any] = {}
        gradient = self._objective.backward(self._seen, self._first, arrays, values)
        self._seen = self._first = None
        self._gradient = gradient[self._own.slices]
        sent = self._send(GRADIENT, gradient, self._halos)
        return {number: float(value.asscalar()) for number, value in values.items()}, sent

    def _send(self, kind: str, array: Any, boxes: Mapping[int, Box]) -> int:
        """Send each neighbour its rectangle of an array; bytes."""
        host = array.asnumpy()
        strips = {number: np.ascontiguousarray(host[box.slices]) for number, box in boxes.items()}
        return self._post(kind, strips)

    def _received(self, kind: str, boxes: Mapping[int, Box]) -> Iterator[tuple[Box, Any]]:
        """The strips that came from the neighbours, and where they belong."""
        for number, box in boxes.items():
            strip = self._inbox[kind, number]
            yield box, nd.array(strip, ctx=self._device, dtype=strip.dtype)

    def _gather(self, target: int) -> None:
        """The gradient of the layers' terms: others' tiles reach into what is owned here."""
        gradient, self._gradient = self._gradient, None
        for box, strip in self._received(GRADIENT, self._borders):
            gradient[box.slices] = gradient[box.slices] + strip
        self._arrays[target] = gradient.astype("float32")

    def _finish(self, target: int) -> None:
        """The same with that of total variation, where pixels may change."""
        if self._smoothness is not None:
            self._arrays[target] += self._smoothness
        if self._free is not None:
            self._arrays[target] = nd.broadcast_mul(self._arrays[target], self._free)
