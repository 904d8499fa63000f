"""Frames painted in one pass each, and blended with the last one, moved.

The blend is what a temporal loss would lead to: (y + w t m) / (1 + w t) minimises
|x - y|^2 + w t |x - m|^2, y being the network's picture, m the last one moved, t the trust in it
and w --temporal-weight. MXNet is loaded by the first frame that is painted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from nstyle.feedforward.apply import Instant
from nstyle.images.picture import Picture
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.postprocess import finished
from nstyle.options.field import as_typed
from nstyle.options.options import Options, shaping
from nstyle.system import checksums, locations
from nstyle.video.frames import Last, Painted

FINENESS = (0.7, 1.4, 2.8)  # px, deviations; between two is a band of detail
NEIGHBOURHOOD = 6.0  # px: how strong detail is, is looked at around each pixel
MOST = 2.0  # times stronger at most, as where nearly nothing is left there is only noise
LITTLE = 1e-6  # of 1, squared: detail below has no strength worth the name


def blended(new: np.ndarray, old: np.ndarray, share: np.ndarray) -> np.ndarray:
    """new + share (old - new), detail as strong as in `new`. float32 (H, W, 3) in 0..1; share:
    (H, W, 1), 0..1.
    """
    mean = new + share * (old - new)
    whole, rest, aim = np.zeros_like(mean), mean, new
    for fine in FINENESS:
        smooth, smooth_aim = smoothed(rest, fine), smoothed(aim, fine)
        whole += (rest - smooth) * gain(rest - smooth, aim - smooth_aim)
        rest, aim = smooth, smooth_aim
    return np.clip(whole + rest, 0, 1)


def gain(band: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Gain that matches a band's strength to another's around each pixel: (H, W, 1), 1 to MOST."""
    has, wanted = (
        smoothed(np.square(part).mean(axis=2, keepdims=True), NEIGHBOURHOOD) + LITTLE
        for part in (band, aim)
    )
    return np.clip(np.sqrt(wanted / has), 1, MOST)


def smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W, C), each channel by itself."""
    return np.asarray(ndimage.gaussian_filter(values, (deviation, deviation, 0), mode="nearest"))


class NetworkPainter:
    """See frames.FramePainter. weight: of the last frame; other arguments, errors: as Instant."""

    def __init__(
        self,
        frame: Picture,
        styles: Sequence[Any] | None,
        *,
        weight: float,
        network: str | None = None,
        strength: float = 1.0,
        **options: Any,
    ) -> None:
        self._instant = Instant(styles, network=network, strength=strength, **options)
        self._weight, self._path = weight, network or str(locations.ANY_STYLE)
        self.first, self.options = self._instant.gather(frame), self._instant.options
        self._steady: Any = None
        self._restored: Mapping[str, np.ndarray] | None = None

    def order(self) -> dict[str, object]:
        """See FramePainter."""
        typed = as_typed(Options, shaping(self.options))
        network = {"--network": checksums.of_file(self._path)}
        return {**typed, **checksums.of(self.first), **network}

    def paint(self, given: Inputs, last: Last | None) -> Painted:
        """See FramePainter."""
        steady = self._steadiness()
        if last is None:
            steady.cut()
        values = self._instant.values(given, through=steady)
        if last is not None:
            held = self._weight * last.link.trust[..., np.newaxis]
            values = blended(values, last.moved().floats(), held / (1 + held))
        picture = Picture.from_floats(values)
        return Painted(picture, finished(values, given, self.options, given.final_size))

    def _steadiness(self) -> Any:
        if self._steady is None:
            self._instant.prepare()
            from nstyle.video.smooth_statistics import (
                SmoothedStatistics,  # here, because it loads MXNet
            )

            self._steady = SmoothedStatistics()
            if self._restored is not None:
                self._steady.restore(self._restored)
        return self._steady

    def state(self) -> dict[str, np.ndarray]:
        """See FramePainter."""
        return dict(self._steadiness().state())

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See FramePainter."""
        self._restored = state
