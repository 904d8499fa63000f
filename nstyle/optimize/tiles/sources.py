"""Statistics and features of one picture's layers. Loads MXNet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nstyle.losses.base import as_float32
from nstyle.losses.statistics import FeatureStatistics, Statistics

# (layer, how much each of its positions counts, (h, w), or None for 1 everywhere).
Place = tuple[str, "np.ndarray | None"]


class FeatureSource:
    """A picture that was, or can be, looked at.

    shapes: (1, C, h, w) of its layers by name; device: of the features.
    """

    shapes: Mapping[str, tuple[int, ...]]
    device: Any

    def statistics(self, places: Mapping[Any, Place], *, mean: bool) -> dict[Any, Statistics]:
        """Statistics by key; mean: whether the means are needed."""
        raise NotImplementedError

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """Layers, float32 (1, C, h, w), to be kept."""
        raise NotImplementedError

    def energy(self, features: Any) -> float:
        """The sum of the squares of one of these."""
        return energy(features)

    def moments(self, name: str, weight: np.ndarray | None) -> FeatureStatistics:
        """What measures a layer's statistics; weight: as in Place."""
        return FeatureStatistics(self.shapes[name], device=self.device, weight=weight)


class WholeImage(FeatureSource):
    """A view of all of a picture at once. taps: name -> (1, C, h, w), at least one."""

    def __init__(self, taps: Mapping[str, Any]) -> None:
        self._taps = taps
        self.shapes = {name: tap.shape for name, tap in taps.items()}
        self.device = next(iter(taps.values())).context

    def statistics(self, places: Mapping[Any, Place], *, mean: bool) -> dict[Any, Statistics]:
        """See FeatureSource."""
        return {
            key: self.moments(name, weight).of(self._taps[name], mean=mean)
            for key, (name, weight) in places.items()
        }

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """See FeatureSource."""
        return {name: as_float32(self._taps[name]).copy() for name in names}


def energy(features: Any) -> float:
    """The sum of squares of features (1, C, h, w), in float64 (see RunningStatistics)."""
    planes = features.asnumpy()[0]
    return sum(float(np.square(plane, dtype=np.float64).sum()) for plane in planes)
