"""What goes between the one who asks and the parts, and how many bytes that is."""

from __future__ import annotations

import collections
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nstyle.mural.geometry import Block, Box
from nstyle.options import Options
from nstyle.picture import Picture

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
class Order:
    """What a part is to be.

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
class Summand:
    """A term of the loss as a part must know it: executor.Term without the style's target.

    weight: of what the part sees of a layer, (h, w) or one more of each, or None; positions: of
    the whole picture.
    """

    kind: str
    layer: str
    scale: float
    form: str
    weight: np.ndarray | None = None
    positions: float | None = None


class Facts(NamedTuple):
    """What a part tells when it begins: shapes of a tile's layers, sums of the photo's squares."""

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
