"""Distances between the styles of two pictures: functions of mean and second moments of features.

Each measures what it compares, tells its size, and gives value and gradient. Targets are tuples of
arrays of which weighted sums make sense, so that several styles can be blended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from nstyle.losses.base import LossTerm, dot
from nstyle.losses.normalization import TINY
from nstyle.losses.statistics import Statistics
from nstyle.system.backend import nd

Target = tuple[Any, ...]
# What is added to variances, of their mean in the target: square roots need some.
FLOOR = 1e-5


@dataclass(frozen=True)
class StyleDistance:
    """A distance. mean: whether it needs the mean.

    measure(statistics) -> target; energy(target) -> its squared size; ready(target) -> what
    compare wants; compare(statistics, ready, scale) -> value of shape (1,), gradient of the second
    moments (C, C), symmetric, and of the mean (C, 1) or None.
    """

    measure: Callable[[Statistics], Target]
    energy: Callable[[Target], float]
    compare: Callable[[Statistics, Target, float], tuple[Any, Any, Any]]
    ready: Callable[[Target], Target] = tuple
    mean: bool = True


def gram(seen: Statistics, target: Target, scale: float) -> tuple[Any, Any, Any]:
    """scale * ||G - A||^2 (Gatys et al., arXiv:1508.06576, eq. 4 to 6). target: (A,).

    Raises MXNetError for a wrong shape.
    """
    difference = nd.elemwise_sub(seen.second, target[0])
    return scale * dot(difference, difference), difference * (2 * scale), None


def mean_and_deviation(seen: Statistics) -> Target:
    """(mean, standard deviation), each (C, 1)."""
    variance = nd.diag(seen.second).reshape((-1, 1)) - nd.square(seen.mean)
    return seen.mean, nd.sqrt(nd.maximum(variance, 0))


def mean_std(seen: Statistics, target: Target, scale: float) -> tuple[Any, Any, Any]:
    """scale * (||m - m'||^2 + ||s - s'||^2), s the standard deviations (Li et al.,
    arXiv:1701.01036, section 4.2; Huang & Belongie, arXiv:1703.06868, eq. 13, without roots).

    target: (m', s', floor), where floor is added to variances.
    """
    mean, deviation, floor = target
    variance = nd.diag(seen.second).reshape((-1, 1)) - nd.square(seen.mean)
    present = nd.sqrt(nd.broadcast_add(nd.maximum(variance, 0), floor))
    wider, shift = present - deviation, seen.mean - mean
    value = scale * (dot(shift, shift) + dot(wider, wider))
    slope = wider / present  # of the variance, over scale
    second = nd.diag((slope * scale).reshape((-1,)))
    return value, second, 2 * scale * (shift - slope * seen.mean)


def with_floor(target: Target) -> Target:
    """(mean, deviation) -> (mean, deviation of variance + floor, floor)."""
    mean, deviation = target
    floor = nd.square(deviation).mean() * FLOOR + 1e-12
    return mean, nd.sqrt(nd.broadcast_add(nd.square(deviation), floor)), floor


def gaussian(seen: Statistics) -> Target:
    """(mean (C, 1), covariance (C, C))."""
    return seen.mean, seen.second - nd.dot(seen.mean, seen.mean, transpose_b=True)


def wasserstein(seen: Statistics, target: Target, scale: float) -> tuple[Any, Any, Any]:
    """scale * W2^2 of the Gaussians N(m, Z) and N(m', Z') with the features' moments.

    ||m - m'||^2 + tr(Z + Z' - 2 (R Z R)^1/2), R = Z'^1/2 (Olkin & Pukelsheim 1982); the gradient of
    Z is 1 - R (R Z R)^-1/2 R. In float64 on the host, as MXNet has no symmetric square root that
    is safe where eigenvalues meet. target: as from `with_root`, numpy.
    """
    mean, covariance, root, floor = target
    second, middle = (array.asnumpy().astype(np.float64) for array in seen)
    here = second - middle @ middle.T + floor * np.eye(len(second))
    values, vectors = np.linalg.eigh(root @ here @ root)
    roots = np.sqrt(np.maximum(values, floor * floor))
    value = float(np.square(middle - mean).sum() + np.trace(here + covariance) - 2 * roots.sum())
    inner = root @ vectors
    slope = scale * (np.eye(len(second)) - (inner / roots) @ inner.T)
    push = 2 * scale * (middle - mean) - 2 * slope @ middle
    device = seen.second.context
    value = max(value, 0.0) * scale
    return tuple(nd.array(part, ctx=device) for part in ([value], slope, push))  # type: ignore


def with_root(target: Target) -> Target:
    """(mean, covariance) -> (mean, Z' + floor, its square root, floor), float64 on the host."""
    mean, covariance = (array.asnumpy().astype(np.float64) for array in target)
    floor = FLOOR * float(np.trace(covariance)) / len(covariance) + 1e-12
    values, vectors = np.linalg.eigh(covariance + floor * np.eye(len(covariance)))
    values = np.maximum(values, floor)
    return mean, (vectors * values) @ vectors.T, (vectors * np.sqrt(values)) @ vectors.T, floor


def gram_wasserstein(seen: Statistics, target: Target, scale: float) -> tuple[Any, Any, Any]:
    """The sum of `gram` and `wasserstein`, each relative to its target's size, times that of
    Gram's: so it says about twice as much as either. target: as from `with_factor`.
    """
    moments, normal, factor = target
    value, second, _ = gram(seen, moments, scale)
    other_value, other_second, mean = wasserstein(seen, normal, scale * factor)
    return value + other_value, second + other_second, mean


def with_factor(target: Target) -> Target:
    """(A, mean, covariance) -> ((A,), with_root(mean, covariance), weight of wasserstein)."""
    moments, normal = target[:1], target[1:]
    return moments, with_root(normal), squares(moments) / max(spread(normal), TINY)


def squares(target: Target) -> float:
    """Sum of the squares of all values."""
    return sum(float(nd.square(part).sum().asscalar()) for part in target)


def spread(target: Target) -> float:
    """||m||^2 + tr Z."""
    mean, covariance = target
    return float((nd.square(mean).sum() + nd.diag(covariance).sum()).asscalar())


def blend(targets: Sequence[Target], shares: Sequence[float]) -> Target:
    """The weighted sum of targets of one kind; of one alone itself."""
    return tuple(sum(p * share for p, share in zip(part, shares)) for part in zip(*targets))


STYLE_DISTANCES = {
    "gram": StyleDistance(lambda seen: (seen.second,), squares, gram, mean=False),
    "mean-std": StyleDistance(mean_and_deviation, squares, mean_std, with_floor),
    "wasserstein": StyleDistance(gaussian, spread, wasserstein, with_root),
    "gram+wasserstein": StyleDistance(
        lambda seen: (seen.second, *gaussian(seen)),
        lambda target: squares(target[:1]),
        gram_wasserstein,
        with_factor,
    ),
}


@dataclass(frozen=True)
class StyleLoss(LossTerm):
    """STYLE_DISTANCES[distance] at a layer, of all positions or of a region's.

    statistics: a FeatureStatistics, how they are measured; target: see StyleDistance.ready.
    """

    layer: str
    scale: float
    distance: str
    statistics: Any
    target: Any = None
    region: str = ""
    kind: ClassVar[str] = "style"

    @property
    def name(self) -> str:
        """See LossTerm."""
        return ":".join(filter(None, (self.kind, self.layer, self.region)))

    @property
    def wants_mean(self) -> bool:
        """Whether the distance depends on the mean, too."""
        return STYLE_DISTANCES[self.distance].mean

    def without_arrays(self) -> StyleLoss:
        """See LossTerm."""
        return replace(self, target=None, statistics=None)

    def of_part(self, photo: Mapping[str, Any], statistics: Any) -> StyleLoss:
        """See LossTerm."""
        return replace(self, statistics=statistics)

    def compare(self, seen: Statistics) -> tuple[Any, Any, Any]:
        """Value, gradients of second moments and mean; see StyleDistance."""
        return STYLE_DISTANCES[self.distance].compare(seen, self.target, self.scale)

    def value(self, x: Any) -> Any:
        """Of features (1, C, h, w)."""
        return self.compare(self.statistics.of(x, mean=self.wants_mean))[0]

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Of features (1, C, h, w)."""
        value, second, mean = self.compare(self.statistics.of(x, mean=self.wants_mean))
        return value, self.statistics.backward(x, second, mean)
