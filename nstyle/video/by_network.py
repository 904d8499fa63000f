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

EVERY = 12  # frames between two looks at the statistics
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
    has, needs = (
        smoothed(np.square(part).mean(axis=2, keepdims=True), NEIGHBOURHOOD) + LITTLE
        for part in (band, aim)
    )
    return np.clip(np.sqrt(needs / has), 1, MOST)


def smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W, C), each channel by itself."""
    return np.asarray(ndimage.gaussian_filter(values, (deviation, deviation, 0), mode="nearest"))


class SmoothedStatistics:
    """Brings arrays through a tiled.Network, see AnyStyle.paint, without flicker.

    A network brings each channel to a given mean and deviation by what it sees of a picture; what
    comes into a frame would change the colours of all of it. So the statistics are looked at every
    so many frames of a shot and move to what is found there little by little.
    """

    def __init__(self) -> None:
        self._from: list[np.ndarray] = []
        self._to: list[np.ndarray] = []
        self._frames = 0

    def cut(self) -> None:
        """The next frame is of another shot."""
        self._from, self._to, self._frames = [], [], 0

    def __call__(self, network: Any, x: np.ndarray) -> np.ndarray:
        """The next frame: float32 (1, 3, H, W) -> the same, painted."""
        from nstyle.feedforward import tiled  # here, because it loads MXNet

        if self._frames % EVERY == 0:
            tiled.learn(network, x)
            seen = network.kept()
            self._from, self._to = self._to or seen, seen
        share = self._frames % EVERY / EVERY
        network.keep([a + share * (b - a) for a, b in zip(self._from, self._to)])
        self._frames += 1
        return tiled.apply(network, x)

    def state(self) -> dict[str, np.ndarray]:
        """All of it, as arrays by name."""
        named = {f"from{n}": values for n, values in enumerate(self._from)}
        named.update({f"to{n}": values for n, values in enumerate(self._to)})
        return {**named, "frames": np.array(self._frames)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Restores `state`."""
        self._from, self._to = (
            [state[f"{name}{n}"] for n in range(len(state) // 2)] for name in ("from", "to")
        )
        self._frames = int(state["frames"])


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
        self._steady = SmoothedStatistics()

    def order(self) -> dict[str, object]:
        """See FramePainter."""
        typed = as_typed(Options, shaping(self.options))
        return {**typed, **checksums.of(self.first), "--network": checksums.of_file(self._path)}

    def paint(self, inputs: Inputs, last: Last | None) -> Painted:
        """See FramePainter."""
        if last is None:
            self._steady.cut()
        values = self._instant.values(inputs, through=self._steady)
        if last is not None:
            held = self._weight * last.link.trust[..., np.newaxis]
            values = blended(values, last.link.moved(last.painted).floats(), held / (1 + held))
        return Painted(Picture.from_floats(values), finished(values, inputs))

    def state(self) -> dict[str, np.ndarray]:
        """See FramePainter."""
        return self._steady.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See FramePainter."""
        self._steady.restore(state)
