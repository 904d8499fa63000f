"""A part of a picture, where it is painted: its pixels, the optimiser's arrays, the network.

All parts receive the same instructions. Each computes its share of loss and gradient in two passes,
as `optimize.tiles.objective` does, with strips of its neighbours around what it owns. Loads MXNet;
knows nothing of Dask.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.messages import (
    Facts,
    Instruction,
    Packed,
    PartSpec,
    Ref,
    TermSpec,
    packed,
    unpacked,
)
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
        self._spec, self._post, self._inbox = spec, post, inbox
        options, block = spec.options, spec.block
        self._device = find_device(options.gpu)
        alone = Inputs(spec.photo, (), (), None, spec.model, weights, spec.photo.size)
        extractor = load_network(alone, options, self._device, context)
        width, height = block.tiling.edges
        self._features = extractor.features(
            (1, 3, height, width), self._device, bfloat16=spec.bfloat16
        )
        self._pieces = TiledFeatures(self._features, block.tiling, device=self._device)
        names = options.content_layers.weights if options.content_weight else ()
        photo = preprocessing.to_array(spec.photo, extractor.convention, options.pixel_range)
        self._targets = self._pieces.first_pass(photo, {}, list(names)).kept
        self._own = block.own.seen_from(block.seen)
        self._free = None if spec.free is None else nd.array(spec.free, ctx=self._device)
        self._arrays: dict[int, Any] = {}
        # Between two calls: the array that is looked at, with the others' strips around it, and
        # what comes of it.
        self._x: Any = None
        self._seen: Any = None
        self._first: Any = None  # the first pass over it
        self._gradient: Any = None
        self._smoothness: Any = None  # gradient of the total variation

    def facts(self) -> Facts:
        """Shapes of the layers, sums of the photo's squares."""
        energies = {name: energy(found) for name, found in self._targets.items()}
        return Facts(self._features.shapes, energies)

    def set_losses(self, terms: Sequence[TermSpec]) -> None:
        """Sets the losses."""
        self._terms = [self._term(each) for each in terms]
        self._objective = TiledObjective(self._pieces, self._terms, device=self._device)

    def _term(self, spec: TermSpec) -> LossTerm:
        if spec.positions is None:
            return spec.loss.of_part(self._targets, None)
        shape = self._pieces.shapes[spec.loss.layer]
        weight = None if spec.weight is None else spec.weight[: shape[2], : shape[3]]
        about: dict[str, Any] = {"weight": weight, "positions": spec.positions}
        statistics = FeatureStatistics(shape, device=self._device, **about)
        return spec.loss.of_part(self._targets, statistics)

    # ---- arrays ----

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

    def run(self, program: Sequence[Instruction], asked: Ref | None = None) -> float:
        """Do what everyone does with their shares; the sum of the squares of what is asked."""
        for name, target, *operands in program:
            values = [self._arrays[x.number] if isinstance(x, Ref) else x for x in operands]
            if name == "free":
                del self._arrays[target]
            elif name in ("gather", "finish"):
                getattr(self, f"_{name}")(target)
            elif name == "clip":
                self._arrays[target] = self._objective.clip(*values)
            else:
                self._arrays[target] = getattr(operator, name)(*values)
        if asked is None:
            return 0.0
        array = self._arrays[asked.number]
        return float(dot(array, array).asscalar())

    # ---- loss and gradient, one call after another; everyone must be done with the one before ----

    def show(self, program: Sequence[Instruction], x: Ref) -> int:
        """Run the program, then send the neighbours what they see of an array; bytes."""
        self.run(program)
        self._x = self._arrays[x.number]
        host = self._x.asnumpy()
        return self._post(
            PICTURE,
            {
                number: cut(host, theirs, self._spec.block.own)
                for number, (_, theirs) in self._spec.neighbours.items()
                if theirs
            },
        )

    def look(self) -> tuple[dict[int, Packed], dict[int, float]]:
        """(sums for the terms of style, values of those of total variation): this share."""
        width, height = self._spec.block.seen.size
        seen = nd.zeros((1, 3, height, width), ctx=self._device)
        put(seen, self._own, self._x)
        for number, (mine, _) in self._spec.neighbours.items():
            if mine:
                box = mine.seen_from(self._spec.block.seen)
                put(seen, box, nd.array(self._inbox[PICTURE, number], ctx=self._device))
        self._seen, self._smoothness = seen, None
        smooth = {
            number: self._smooth(term) for number, term in enumerate(self._terms) if not term.layer
        }
        self._first = self._objective.first_pass(seen)
        sums = self._first.sums.items()
        statistics = {number: packed(each.second, each.mean) for number, each in sums}
        return statistics, smooth

    def _smooth(self, term: Any) -> float:
        """The value of a total variation; its gradient is kept."""
        top, bottom, left, right = self._own
        value, self._smoothness = term.share(self._seen, (top, bottom), (left, right))
        return float(value.asscalar())

    def backward(self, slopes: Mapping[int, Packed]) -> tuple[dict[int, float], int]:
        """The second look, from the gradients of the statistics: ({number of a term of content:
        its share of the value}, bytes of gradient that were sent to the neighbours).
        """
        here = {number: unpacked(each, self._device) for number, each in slopes.items()}
        values: dict[int, Any] = {}
        gradient = self._objective.backward(self._seen, self._first, here, values)
        self._seen = self._first = None
        self._gradient = self._own.of(gradient)
        host, seen = gradient.asnumpy(), self._spec.block.seen
        sent = self._post(
            GRADIENT,
            {
                number: cut(host, mine, seen)
                for number, (mine, _) in self._spec.neighbours.items()
                if mine
            },
        )
        return {number: float(value.asscalar()) for number, value in values.items()}, sent

    def _gather(self, target: int) -> None:
        """The gradient of the layers' terms: others' tiles reach into what is owned here."""
        gradient, self._gradient = self._gradient, None
        own = self._spec.block.own
        for number, (_, theirs) in self._spec.neighbours.items():
            if theirs:
                box, strip = theirs.seen_from(own), self._inbox[GRADIENT, number]
                strip = nd.array(strip, ctx=self._device, dtype=strip.dtype)
                put(gradient, box, box.of(gradient) + strip)
        self._arrays[target] = gradient.astype("float32")

    def _finish(self, target: int) -> None:
        """The same with that of total variation, where pixels may change."""
        if self._smoothness is not None:
            self._arrays[target] += self._smoothness
        if self._free is not None:
            self._arrays[target] = nd.broadcast_mul(self._arrays[target], self._free)


def cut(array: np.ndarray, box: Box, within: Box) -> np.ndarray:
    """A rectangle of an array that lies at `within`, on its own."""
    return np.ascontiguousarray(box.seen_from(within).of(array))


def put(array: Any, box: Box, values: Any) -> None:
    """Write a rectangle of an array."""
    array[:, :, box.top : box.bottom, box.left : box.right] = values
