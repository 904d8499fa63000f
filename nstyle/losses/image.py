"""Content, total variation, temporal and colour losses: value and gradient. Style: see `style`.

Features are (1, C, H, W). Gatys, Ecker & Bethge, "A neural algorithm of artistic style"
(arXiv:1508.06576), equations 1 and 2; total variation after Mahendran & Vedaldi (arXiv:1412.0035);
the temporal loss after Ruder, Dosovitskiy & Brox (arXiv:1604.08610).

A loss is a function of arrays and a LossTerm that knows scale and target. Values are one-element
NDArrays, so that nothing waits for the device. Features may be bfloat16; results are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from nstyle.losses.base import LossTerm, PictureLoss, as_float32, dot
from nstyle.system.backend import nd

LAPLACIAN = ((0, -1, 0), (-1, 4, -1), (0, -1, 0))
TV_POWER = 1.25
STRIP = 256  # rows of a large picture at a time


def content(features: Any, target: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum((F - P)^2) and its gradient 2 scale (F - P) (Gatys eq. 1 and 2).

    Raises MXNetError where the shapes differ.
    """
    difference = nd.elemwise_sub(as_float32(features), target)
    return scale * dot(difference, difference), (2 * scale) * difference


def laplacian(x: Any) -> Any:
    """Each channel of (1, C, H, W) correlated with LAPLACIAN: (1, C, H - 2, W - 2)."""
    channels = x.shape[1]
    kernels = laplacian_kernels(channels, x.context)
    return nd.Convolution(
        x, kernels, no_bias=True, kernel=(3, 3), num_filter=channels, num_group=channels
    )


@lru_cache(maxsize=16)
def laplacian_kernels(channels: int, device: Any) -> Any:
    """LAPLACIAN for each channel: (channels, 1, 3, 3). Made once."""
    return nd.array(LAPLACIAN, ctx=device).reshape((1, 1, 3, 3)).tile((channels, 1, 1, 1))


def squared_variation(x: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum of squared differences of neighbours, and its gradient. x: (1, C, H, W).

    With L the Laplacian that repeats the border, the sum is <x, L x> and its gradient 2 L x.
    """
    slope = laplacian(nd.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)))
    return scale * dot(x, slope), (2 * scale) * slope


def laplacian_variation(x: Any, scale: float) -> tuple[Any, Any]:
    """scale / 2 * <x, K x> and its gradient scale * K x, K = [0 -1 0; -1 4 -1; 0 -1 0] / 8.

    As MXNet's example of 2017: outside the picture is zero, which is the mean colour.
    """
    bordered = nd.pad(x, mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1), constant_value=0)
    gradient = laplacian(bordered) * (scale / 8)
    return 0.5 * dot(x, gradient), gradient


def power_variation(x: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum of (a + b)^1.25 over all but the last row and column, and its gradient.

    a, b: the squared differences to the neighbour below and to the right. As the Keras book.
    """
    here = x[:, :, :-1, :-1]
    down, right = here - x[:, :, 1:, :-1], here - x[:, :, :-1, 1:]
    squares = nd.square(down) + nd.square(right)
    outer = (2 * scale * TV_POWER) * squares ** (TV_POWER - 1)
    down, right = outer * down, outer * right
    gradient = nd.zeros_like(x)
    gradient[:, :, :-1, :-1] = down + right
    gradient[:, :, 1:, :-1] -= down
    gradient[:, :, :-1, 1:] -= right
    return scale * (squares**TV_POWER).sum(), gradient


VARIATIONS = {
    "squared": squared_variation,
    "laplacian": laplacian_variation,
    "power": power_variation,
}
# The value of each is the sum of array times gradient, over this (Euler: they are homogeneous).
DEGREES = {"squared": 2.0, "laplacian": 2.0, "power": 2 * TV_POWER}


def share_of_variation(
    form: str, x: Any, scale: float, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[Any, Any]:
    """Value and gradient of VARIATIONS[form] of x that fall to some rows and columns.

    rows, columns: (first, after last). Values of parts add up; the gradient is that of the whole.
    """
    (top, bottom), (left, right) = rows, columns
    above, before = max(top - 1, 0), max(left - 1, 0)
    near = x[:, :, above : min(bottom + 1, x.shape[2]), before : min(right + 1, x.shape[3])]
    _, slope = VARIATIONS[form](near, scale)
    slope = slope[:, :, top - above : bottom - above, left - before : right - before]
    return dot(x[:, :, top:bottom, left:right], slope) / DEGREES[form], slope


def add_variation(form: str, x: Any, scale: float, gradient: Any, rows: int = STRIP) -> Any:
    """The value of VARIATIONS[form], its gradient added to `gradient`; strip by strip."""
    height, width = x.shape[2:]
    total = 0
    for top in range(0, height, rows):
        strip = top, min(height, top + rows)
        value, slope = share_of_variation(form, x, scale, strip, (0, width))
        gradient[:, :, strip[0] : strip[1]] += slope
        total = total + value
    return total


def temporal(x: Any, target: Sequence[Any], scale: float) -> tuple[Any, Any]:
    """scale * sum(trust (x - moved)^2) and its gradient (Ruder eq. 7, its 1 / D being in scale).

    x: (1, 3, H, W); target: moved, the same of the frame before, and trust, (1, 1, H, W), >= 0.
    """
    moved, trust = target
    difference = x - moved
    weighted = nd.broadcast_mul(difference, trust)
    return scale * dot(difference, weighted), (2 * scale) * weighted


def add_temporal(
    x: Any, target: Sequence[Any], scale: float, gradient: Any, rows: int = STRIP
) -> Any:
    """The value of `temporal`, its gradient added to `gradient`; strip by strip."""
    total = 0
    for top in range(0, x.shape[2], rows):
        strip = slice(top, top + rows)
        part = [each[:, :, strip] for each in target]
        value, slope = temporal(x[:, :, strip], part, scale)
        gradient[:, :, strip] += slope
        total = total + value
    return total


def averaged(x: Any, cells: Sequence[int]) -> Any:
    """(1, C, H, W) -> (C, rows, columns): the means of the cells of a grid."""
    tall, wide = averaging(x, cells)
    return nd.dot(nd.batch_dot(tall, x[0]), wide, transpose_b=True)


def colours(x: Any, target: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum((averaged(x) - target)^2) and its gradient; ours: colours without a drawing.

    x: (1, 3, H, W); target: (3, rows, columns), `averaged` of another.
    """
    cells = target.shape[1:]
    difference = averaged(x, cells) - target
    tall, wide = averaging(x, cells)
    slope = nd.dot(nd.batch_dot(tall, difference, transpose_a=True), wide)
    return scale * dot(difference, difference), (2 * scale) * slope.expand_dims(0)


def averaging(x: Any, cells: Sequence[int]) -> tuple[Any, Any]:
    """(C, rows, H) and (columns, W): what x is multiplied by for the means of its cells."""
    (height, width), (rows, columns) = x.shape[2:], cells
    tall = means_of_parts(height, rows, x.shape[1], x.context)
    return tall, means_of_parts(width, columns, 1, x.context)[0]


@lru_cache(maxsize=16)
def means_of_parts(length: int, parts: int, copies: int, device: Any) -> Any:
    """(copies, parts, length): each row the mean of a part of `length` values. Made once."""
    edges = np.linspace(0, length, parts + 1).round().astype(int)
    rows = np.zeros((copies, parts, length), np.float32)
    for part, (begin, end) in enumerate(zip(edges, edges[1:])):
        rows[:, part, begin:end] = 1 / (end - begin)
    return nd.array(rows, ctx=device)


@dataclass(frozen=True)
class ContentLoss(LossTerm):
    """`content` at a layer."""

    layer: str
    scale: float
    target: Any = None
    kind: ClassVar[str] = "content"

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """See content."""
        return content(x, self.target, self.scale)

    def of_tile(self, cut: Callable[[Any], Any]) -> ContentLoss:
        """See LossTerm."""
        return replace(self, target=cut(self.target))

    def without_arrays(self) -> ContentLoss:
        """See LossTerm."""
        return replace(self, target=None)

    def of_part(self, photo: Mapping[str, Any], statistics: Any) -> ContentLoss:
        """See LossTerm."""
        return replace(self, target=photo[self.layer])


@dataclass(frozen=True)
class TotalVariation(PictureLoss):
    """VARIATIONS[form] of the picture."""

    scale: float
    form: str = "squared"
    kind: ClassVar[str] = "tv"

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """See VARIATIONS."""
        return VARIATIONS[self.form](x, self.scale)

    def add_gradient(self, x: Any, gradient: Any) -> Any:
        """See add_variation."""
        return add_variation(self.form, x, self.scale, gradient)

    def share(self, x: Any, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[Any, Any]:
        """See share_of_variation."""
        return share_of_variation(self.form, x, self.scale, rows, columns)


@dataclass(frozen=True)
class TemporalLoss(PictureLoss):
    """`temporal` of the picture; target: (moved, trust)."""

    scale: float
    target: Sequence[Any]
    kind: ClassVar[str] = "temporal"

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """See temporal."""
        return temporal(x, self.target, self.scale)

    def add_gradient(self, x: Any, gradient: Any) -> Any:
        """See add_temporal."""
        return add_temporal(x, self.target, self.scale, gradient)


@dataclass(frozen=True)
class ColorLoss(PictureLoss):
    """`colours` of the picture."""

    scale: float
    target: Any
    kind: ClassVar[str] = "colours"

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """See colours."""
        return colours(x, self.target, self.scale)
