"""The form of every loss: what an objective adds up, whole, in tiles or in parts. Loads MXNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from nstyle.system.backend import nd


class LossTerm:
    """A loss of a layer's features, or with layer "" of the picture itself.

    statistics: how to measure those that the loss depends on alone, see style.StyleLoss, or None.
    """

    kind: ClassVar[str]
    scale: float
    layer: str
    statistics: Any = None

    @property
    def name(self) -> str:
        """As records show it: content:relu4_2, style:relu1_1:#ff0000, tv, temporal, colours."""
        return f"{self.kind}:{self.layer}" if self.layer else self.kind

    @property
    def wants_mean(self) -> bool:
        """Whether the statistics need the mean."""
        return False

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Of features (1, C, h, w) or the picture (1, 3, H, W)."""
        raise NotImplementedError

    def add_gradient(self, x: Any, gradient: Any) -> Any:
        """The value; the gradient is added to `gradient`, in little memory where that can be."""
        value, slope = self.value_and_gradient(x)
        gradient += slope
        return value

    def of_tile(self, cut: Callable[[Any], Any]) -> LossTerm:
        """A layer's loss for what a tile owns; cut: the same of an array of the whole layer."""
        raise NotImplementedError

    def compare(self, seen: Any) -> tuple[Any, Any, Any]:
        """From statistics of the whole: value, gradients of second moments and mean."""
        raise NotImplementedError

    def without_arrays(self) -> LossTerm:
        """The loss as it travels to a part of a picture."""
        return self

    def of_part(self, photo: Mapping[str, Any], statistics: Any) -> LossTerm:
        """For a part of a picture. photo: its features; statistics: as of the loss, but its own."""
        return self

    def times(self, factor: float) -> LossTerm:
        """The same loss, weighted."""
        return replace(self, scale=self.scale * factor)  # type: ignore[type-var]


class PictureLoss(LossTerm):
    """A loss of the picture itself."""

    layer = ""


def dot(x: Any, y: Any) -> Any:
    """Inner product of two arrays of one shape, one element. Many times faster than nd.sum."""
    return nd.dot(x.reshape((-1,)), y.reshape((-1,))).reshape((1,))


def as_float32(x: Any) -> Any:
    """The array in float32; itself if it is."""
    return x if x.dtype == np.float32 else nd.amp_cast(x, dtype="float32")
