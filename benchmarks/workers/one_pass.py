"""Contestant: one picture after another through nstyle's painting networks.

job: network (a file of nstyle train), photo and style (.npy, float32 (1, 3, H, W), home space);
painted: where to leave the picture, in the same form, for who compares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.processes import serve
from nstyle.feedforward import network_file
from nstyle.feedforward.network_file import ANY_STYLE
from nstyle.system import runtime


class OnePass:
    """The style has been looked at before."""

    def __init__(self, job: dict[str, Any]) -> None:
        runtime.prepare(job["threads"])
        from nstyle.feedforward import apply  # here, because it loads MXNet

        file = network_file.read(job["network"])
        self._network = apply.load(file, -1)
        self._photo, self._painted = np.load(job["photo"]), job["painted"]
        looks = [self._network.look(np.load(job["style"]))] if file.network == ANY_STYLE else None
        self._more = (looks, [1.0]) if looks else ()

    def loss(self) -> float:
        """The mean of the painted picture's values, squared; leaves the picture."""
        painted = self._paint()
        np.save(self._painted, painted)
        return float(np.square(painted).mean())

    def run(self, iterations: int) -> None:
        """So many pictures."""
        for _ in range(iterations):
            self._paint()

    def _paint(self) -> np.ndarray:
        return np.asarray(self._network.paint(self._photo, *self._more))


if __name__ == "__main__":
    serve(OnePass)
