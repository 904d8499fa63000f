"""Statistics of normalisation that do not flicker, for networks that paint in one pass.

Loads MXNet. A network brings each channel to a given mean and deviation by what it sees of a
picture; what comes into a frame would change the colours of all of it. So the statistics are looked
at every so many frames of a shot and move to what is found there little by little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.feedforward import tiled

EVERY = 12  # frames between two looks


class SmoothedStatistics:
    """Brings arrays through a tiled.Network; see AnyStyle.paint."""

    def __init__(self) -> None:
        self._from: list[np.ndarray] = []
        self._to: list[np.ndarray] = []
        self._frames = 0

    def cut(self) -> None:
        """The next frame is of another shot."""
        self._from, self._to, self._frames = [], [], 0

    def __call__(self, network: Any, x: np.ndarray) -> np.ndarray:
        """The next frame: float32 (1, 3, H, W) -> the same, painted."""
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
