"""Statistics and features of one picture's layers. Loads MXNet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from nstyle.losses.image import as_float32
from nstyle.losses.statistics import FeatureStatistics, Statistics

# (layer, how much each of its positions counts, (h, w), or None for 1 everywhere).
Asked = tuple[str, "np.ndarray | None"]


class FeatureSource(Protocol):
    """A picture that was, or can be, looked at."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """(1, C, h, w) by name."""

    @property
    def device(self) -> Any:
        """Device of the features."""

    def statistics(self, asked: Mapping[Any, Asked], *, mean: bool) -> dict[Any, Statistics]:
        """Statistics by key; mean: whether the means are needed."""

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """Layers, float32 (1, C, h, w), to be kept."""

    def energy(self, features: Any) -> float:
        """The sum of the squares of one of these."""


class WholeImage:
    """A view of all of a picture at once. taps: name -> (1, C, h, w), at least one."""

    def __init__(self, taps: Mapping[str, Any]) -> None:
        self._taps = taps
        self.shapes = {name: tap.shape for name, tap in taps.items()}
        self.device = next(iter(taps.values())).context

    def statistics(self, asked: Mapping[Any, Asked], *, mean: bool) -> dict[Any, Statistics]:
        """See FeatureSource."""
        found = {}
        for key, (name, weight) in asked.items():
            moments = FeatureStatistics(self.shapes[name], device=self.device, weight=weight)
            found[key] = moments.of(self._taps[name], mean=mean)
        return found

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """See FeatureSource."""
        return {name: as_float32(self._taps[name]).copy() for name in names}

    def energy(self, features: Any) -> float:
        """See FeatureSource."""
        return energy(features)


def energy(features: Any) -> float:
    """The sum of squares of features (1, C, h, w), in float64 (see RunningStatistics)."""
    planes = features.asnumpy()[0]
    return sum(float(np.square(plane, dtype=np.float64).sum()) for plane in planes)
