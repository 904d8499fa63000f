"""Messages between the client and the parts, and their sizes in bytes."""

from __future__ import annotations

import collections
import math
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from nstyle.distributed.partition import Block, Box
from nstyle.images.picture import Picture
from nstyle.options.options import Options

if TYPE_CHECKING:  # it loads MXNet
    from nstyle.losses.base import LossTerm

# One triangle of (C, C), row by row; (C, 1) or None.
Packed = tuple[np.ndarray, Optional[np.ndarray]]


def packed(second: Any, mean: Any) -> Packed:
    """second: (C, C), symmetric; mean: (C, 1) or None; of the device."""
    matrix = second.asnumpy()
    return matrix[np.triu_indices(len(matrix))], None if mean is None else mean.asnumpy()


def unpacked(found: Packed, device: Any) -> tuple[Any, Any]:
    """(second, mean) again."""
    from nstyle.system.backend import nd  # here, because it loads MXNet

    triangle, mean = found
    channels = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    matrix = np.empty((channels, channels), triangle.dtype)
    rows, columns = np.triu_indices(channels)
    matrix[rows, columns] = matrix[columns, rows] = triangle
    there = {"ctx": device, "dtype": triangle.dtype}
    return nd.array(matrix, **there), None if mean is None else nd.array(mean, **there)


def added(one: Packed, other: Packed) -> Packed:
    """The sum of both."""
    mean = None if one[1] is None or other[1] is None else one[1] + other[1]
    return one[0] + other[0], mean


# Kinds of what travels. Those of every epoch: statistics and their gradients, strips of picture
# and gradient, and all that is small; and of the picture itself: begin, checkpoints, results.
MOMENTS, STRIPS, SMALL, PICTURES = "moments", "strips", "small", "pictures"
EACH_EPOCH = MOMENTS, STRIPS, SMALL


class Ref(NamedTuple):
    """An array that every part holds its share of."""

    number: int


# (name of an operation, the array that it makes or changes, operands: Ref or float).
Instruction = tuple[Any, ...]


@dataclass(frozen=True)
class PartSpec:
    """The specification of a part.

    number: which part; block: where; neighbours: number of another part -> (what this one sees of
    what that one owns, what that one sees of what this one owns), rectangles of the whole picture;
    photo: what the part sees of it; free: (1, 1, h, w), what its gradient is multiplied by, of what
    it owns, or None; options: with the precision decided; bfloat16: whether the network computes
    in it at this size.
    """

    number: int
    block: Block
    neighbours: Mapping[int, tuple[Box | None, Box | None]]
    photo: Picture
    free: np.ndarray | None
    model: str
    options: Options
    bfloat16: bool


@dataclass(frozen=True)
class TermSpec:
    """A loss as a part must know it: without arrays. weight, positions: of style's statistics.

    weight: of what the part sees of a layer, (h, w) or one more of each, or None; positions: of
    the whole picture.
    """

    loss: LossTerm
    weight: np.ndarray | None = None
    positions: float | None = None


class Facts(NamedTuple):
    """Facts of a loaded part: shapes of a tile's layers, sums of the photo's squares."""

    shapes: Mapping[str, Sequence[int]]
    energies: Mapping[str, float]


def size_of(message: Any) -> int:
    """Bytes of a message as it travels: pickled, arrays beside it as they are."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(message, protocol=5, buffer_callback=arrays.append)
    return len(text) + sum(array.raw().nbytes for array in arrays)


class Counted(collections.Counter[str]):
    """Bytes that travelled, by kind."""

    def add(self, kind: str, messages: Any) -> None:
        """Count what was sent or received."""
        self[kind] += size_of(messages)

    @property
    def each_epoch(self) -> int:
        """Of what every epoch needs."""
        return sum(self[kind] for kind in EACH_EPOCH)
