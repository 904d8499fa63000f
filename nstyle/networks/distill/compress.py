"""A VGG of fewer channels in closed form, without training.

Each layer keeps some of the teacher's own channels. From the bottom up, least squares give the map
from the kept channels, as the small network computes them so far, and a constant to all channels
of the teacher's layer. The map goes into the next kernel's inputs, the constant into its bias: so
each layer makes up for what was lost below it. Average pooling commutes with the map.

The choice is a pivoted Cholesky factorisation of the channels' covariance that looks at all
channels: the next one kept is the one that explains most of the variance that is left. The idea to
rebuild a layer from kept channels by least squares is that of He et al., "Channel pruning for
accelerating very deep neural networks" (arXiv:1707.06168); they choose by the lasso, and rebuild
the layer itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nstyle.networks.distill import linear_maps
from nstyle.networks.distill.teacher import Arrays, Teacher
from nstyle.networks.layers import taps
from nstyle.system.backend import nd

RIDGE = 1e-7  # see linear_maps.RIDGE; less, as every layer's error goes into the next
NOTHING_LEFT = 1e-10  # of the variance: such a channel is a linear combination of those kept


def compress(teacher: Teacher, widths: Sequence[int], batches: Iterable[np.ndarray]) -> Arrays:
    """The small network's arrays. widths: channels of its convolutions, from conv1_1 on.

    batches: (N, 3, H, W) in the teacher's convention; all are kept in memory with what both
    networks make of them, layer by layer.
    """
    whole = [nd.array(batch) for batch in batches]
    small, arrays = list(whole), {}
    back = np.concatenate([np.eye(3), np.zeros((3, 1))], axis=1)  # of the picture: all is there
    left = list(widths)
    for name in taps(teacher.blocks):
        if name.startswith("conv"):
            if not left:
                break
            kernel, bias = (teacher.arrays[f"{name}_{kind}"] for kind in ("weight", "bias"))
            whole = list(convolved(whole, kernel, bias))
            kept = choose(covariance(whole), min(left.pop(0), len(bias)))
            kernel, bias = folded(kernel[kept], bias[kept], back)
            small = list(convolved(small, kernel, bias))
            back = solve(small, whole)
            arrays[f"{name}_weight"], arrays[f"{name}_bias"] = kernel, bias
        elif name.startswith("pool"):
            knobs = {"kernel": (2, 2), "stride": (2, 2), "pool_type": "avg"}
            whole, small = ([nd.Pooling(x, **knobs) for x in xs] for xs in (whole, small))
    return arrays


def convolved(batches: Sequence[Any], kernel: np.ndarray, bias: np.ndarray) -> Iterator[Any]:
    """3x3 convolution with zero padding, then ReLU."""
    values, shift = nd.array(kernel), nd.array(bias)
    knobs = {"kernel": (3, 3), "pad": (1, 1), "num_filter": len(bias)}
    for batch in batches:
        result = nd.relu(nd.Convolution(batch, values, shift, **knobs))
        result.wait_to_read()
        yield result


def covariance(batches: Sequence[Any]) -> np.ndarray:
    """(C, C) of the channels over all positions, float64."""
    second: Any = 0.0
    for batch in batches:
        f = linear_maps.with_ones(batch)
        second = second + linear_maps.moments(f, f[:, :1]).student.mean(axis=0, dtype=np.float64)
    second = second / len(batches)
    mean = second[-1:, :-1]
    return np.asarray(second[:-1, :-1] - mean.T @ mean)


def choose(covariance: np.ndarray, count: int) -> list[int]:
    """The channels to keep, in their order. covariance: (C, C)."""
    rest = covariance.copy()
    kept: list[int] = []
    floor = NOTHING_LEFT * max(np.trace(covariance), 1e-300)
    for _ in range(count):
        own = np.diag(rest).copy()
        own[own < floor] = np.inf  # nothing of its own
        explained = np.square(rest).sum(axis=0) / own
        explained[kept] = -1
        best = int(np.argmax(explained))
        kept.append(best)
        if np.isfinite(own[best]):
            rest -= np.outer(rest[:, best], rest[best]) / own[best]
    return sorted(kept)


def folded(kernel: np.ndarray, bias: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A kernel of all channels below -> kernel and bias of those that are there.

    back: (C, c + 1), the map from what is there, last column the constant. At the picture's edge
    the constant counts as if it went on outside, where the teacher sees zeros.
    """
    changed = np.einsum("oiyx,ic->ocyx", kernel.astype(np.float64), back[:, :-1])
    shift = kernel.astype(np.float64).sum(axis=(2, 3)) @ back[:, -1]
    return changed.astype(np.float32), (bias + shift).astype(np.float32)


def solve(small: Sequence[Any], whole: Sequence[Any]) -> np.ndarray:
    """The least squares map (C, c + 1) from the small network's layer to the teacher's."""
    student: Any = 0.0
    cross: Any = 0.0
    for f, y in zip(small, whole):
        seen = linear_maps.moments(linear_maps.with_ones(f), linear_maps.columns(y))
        student = student + seen.student.sum(axis=0, dtype=np.float64)
        cross = cross + seen.cross.sum(axis=0, dtype=np.float64)
    return linear_maps.solve(student, cross, RIDGE)
