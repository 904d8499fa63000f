"""One style in one pass, by the network that was trained for it. Loads MXNet.

Arrays are float32 (1, 3, H, W), RGB 0..255 minus the mean of `convention`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.feedforward import tiled
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.image_network import ImageNetwork, Styled
from nstyle.feedforward.network_file import ONE_STYLE, NetworkFile
from nstyle.networks.preprocessing import Preprocessing
from nstyle.system.backend import gluon


class OneStyleNetwork(gluon.HybridBlock):
    """An image network with a style, which is trained with it. For the rest see there."""

    def __init__(
        self, mean: Sequence[float], widths: Sequence[int], *, bfloat16: bool = False
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.image = ImageNetwork(mean, widths, "image_", bfloat16=bfloat16)
            self.style = self.params.get("style", shape=(self.image.numbers,), init="zeros")

    def hybrid_forward(self, F: Any, x: Any, style: Any) -> Any:
        """x: (N, 3, H, W), multiples of 8 -> the same."""
        return self.image(x, style)


class OneStyle:
    """The network on a device. Raises WeightsError where the file does not fit."""

    def __init__(self, file: NetworkFile, device: Any) -> None:
        if file.network != ONE_STYLE:
            raise WeightsError(f"{file.path}: paints {file.network}; give one for {ONE_STYLE}")
        red, green, blue = file.shape["mean"]
        self.convention = Preprocessing(ONE_STYLE, (red, green, blue))
        network = OneStyleNetwork(**file.shape)
        start(network, 0, device)
        fill(network, file.arrays, file.path)
        network.image.hybridize(static_alloc=True)
        self.styled = Styled(network.image, network.style.data(device), device)

    def paint(self, x: np.ndarray, through: Callable[..., np.ndarray] = tiled.paint) -> np.ndarray:
        """The photo in the style. through: brings an array through a tiled.Network."""
        return self.styled.paint(x, through)
