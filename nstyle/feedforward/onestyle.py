"""One style in one pass, by the network that was trained for it. Loads MXNet.

Arrays are float32 (1, 3, H, W), RGB 0..255 minus the mean of `convention`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.backend import autograd
from nstyle.errors import WeightsError
from nstyle.feedforward import blocks, painting
from nstyle.feedforward.blocks import keeping
from nstyle.feedforward.grain import grained
from nstyle.feedforward.network_file import ONE_STYLE, NetworkFile
from nstyle.feedforward.parameters import fill, start
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.pixels import Convention


class OneStyle:
    """The network on a device, as `painting.Network`. Raises WeightsError where the file does not
    fit.
    """

    def __init__(self, file: NetworkFile, device: Any) -> None:
        if file.network != ONE_STYLE:
            raise WeightsError(f"{file.path}: paints {file.network}; give one for {ONE_STYLE}")
        self.device = device
        red, green, blue = file.shape["mean"]
        self.convention = Convention(ONE_STYLE, (red, green, blue))
        self._network = ResidualNetwork(**file.shape)
        start(self._network, 0, device)
        fill(self._network, file.arrays, file.path)
        self._network.hybridize(static_alloc=True)

    def paint(
        self, x: np.ndarray, through: Callable[..., np.ndarray] = painting.paint
    ) -> np.ndarray:
        """The photo in the style. through: brings an array through a painting.Network."""
        return through(self, grained(x))

    def whole(self, x: Any) -> Any:
        """As painting.Network."""
        with autograd.train_mode():
            return self._network(x)

    def learn(self, x: Any) -> None:
        """As painting.Network."""
        with keeping(self._network):
            self._network(x)

    def apply(self, x: Any) -> Any:
        """As painting.Network."""
        with autograd.predict_mode():
            return self._network(x)

    def kept(self) -> list[np.ndarray]:
        """As painting.Network."""
        return blocks.kept(self._network)

    def keep(self, statistics: Sequence[np.ndarray]) -> None:
        """As painting.Network."""
        blocks.keep(self._network, statistics)
