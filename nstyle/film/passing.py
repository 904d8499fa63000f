"""Frames painted in one pass each, and blended with the last one, moved.

The blend is what a temporal loss would lead to: (y + w t m) / (1 + w t) minimises
|x - y|^2 + w t |x - m|^2, y being the network's picture, m the last one moved, t the trust in it
and w --temporal-weight. MXNet is loaded by the first frame that is painted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import fingerprints, places
from nstyle.fields import as_typed
from nstyle.film.blending import blended
from nstyle.film.frames import Last, Painted
from nstyle.finishing import finished
from nstyle.inputs import Inputs
from nstyle.onepass import Instant
from nstyle.options import Options, shaping
from nstyle.picture import Picture


class Passing:
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
        self._weight, self._path = weight, network or str(places.ANY_STYLE)
        self.first, self.options = self._instant.gather(frame), self._instant.options
        self._steady: Any = None
        self._restored: Mapping[str, np.ndarray] | None = None

    def order(self) -> dict[str, object]:
        """See FramePainter."""
        typed = as_typed(Options, shaping(self.options))
        network = {"--network": fingerprints.of_file(self._path)}
        return {**typed, **fingerprints.of(self.first), **network}

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
            from nstyle.film.steadiness import Steady  # here, because it loads MXNet

            self._steady = Steady()
            if self._restored is not None:
                self._steady.restore(self._restored)
        return self._steady

    def state(self) -> dict[str, np.ndarray]:
        """See FramePainter."""
        return dict(self._steadiness().state())

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See FramePainter."""
        self._restored = state
