"""Messages between the client and the parts, and their sizes in bytes."""

from __future__ import annotations

import collections
import math
import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from nstyle.distributed.partition import Block, Box
from nstyle.images.picture import Picture
from nstyle.options.options import Options

if TYPE_CHECKING:  # it loads MXNet
    from nstyle.losses.base import LossTerm

# Kinds of messages. Those of every epoch: statistics and their gradients, strips of picture and
# gradient, and all that is small; and of the picture itself: begin, checkpoints, results.
MOMENTS, STRIPS, SMALL, PICTURES = "moments", "strips", "small", "pictures"
EACH_EPOCH = MOMENTS, STRIPS, SMALL

# Instructions: (operation, number of the array that it makes or changes, operands: an array's
# number, an int, or a float).
Program = Sequence[tuple[Any, ...]]
# One triangle of (C, C), row by row; (C, 1) or None.
Packed = tuple[np.ndarray, Optional[np.ndarray]]
Sums = dict[int, Packed]  # statistics by number of a term of style, or gradients of these


def packed(second: Any, mean: Any) -> Packed:
    """second: (C, C), symmetric; mean: (C, 1) or None; of the device."""
    matrix = second.asnumpy()
    return matrix[np.triu_indices(len(matrix))], None if mean is None else mean.asnumpy()


def unpacked(message: Packed, device: Any) -> tuple[Any, Any]:
    """(second, mean) again."""
    from nstyle.system.backend import nd  # here, because it loads MXNet

    triangle, mean = message
    channels = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    matrix = np.empty((channels, channels), triangle.dtype)
    rows, columns = np.triu_indices(channels)
    matrix[rows, columns] = matrix[columns, rows] = triangle
    like = {"ctx": device, "dtype": triangle.dtype}
    return nd.array(matrix, **like), None if mean is None else nd.array(mean, **like)


def added(one: Packed, other: Packed) -> Packed:
    """The sum of both."""
    mean = None if one[1] is None or other[1] is None else one[1] + other[1]
    return one[0] + other[0], mean


class PartSpec(NamedTuple):
    """The specification of a part.

    block: where it is; neighbours: see objective.neighbours; photo: what the part sees of it; free:
    (1, 1, h, w), what the gradient of what it owns is multiplied by, or None; options: with the
    precision of this size decided.
    """

    block: Block
    neighbours: Mapping[int, tuple[Box | None, Box | None]]
    photo: Picture
    free: np.ndarray | None
    model: str
    options: Options


class TermSpec(NamedTuple):
    """A loss as a part must know it: without arrays. weight, positions: of style's statistics.

    weight: what the part sees of a layer's, (h, w) or one more of each; positions: of the picture.
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

    def add(self, kind: str, messages: Iterable[Any]) -> None:
        """Count what was sent or received."""
        self[kind] += sum(map(size_of, messages))
