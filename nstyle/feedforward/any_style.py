"""Any style in one pass: a painting's style is predicted, and the photo painted in it.

Loads MXNet. Ghiasi et al. (arXiv:1705.06830). Arrays are float32 (1, 3, H, W), RGB 0..255 minus the
encoder's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.feedforward import tiled
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.image_network import Styled
from nstyle.feedforward.network_file import ANY_STYLE, NetworkFile
from nstyle.feedforward.style_prediction import AnyStyleNetwork, Encoder
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.system.backend import nd


class AnyStyle:
    """Encoder and painting network on a device. Raises WeightsError where the file does not fit."""

    def __init__(self, file: NetworkFile, device: Any) -> None:
        if file.network != ANY_STYLE:
            raise WeightsError(f"{file.path}: paints {file.network}; give one for {ANY_STYLE}")
        self.encoder, self.device = Encoder(device), device
        self.convention = self.encoder.convention
        mean, widths = self.convention.mean, file.shape["widths"]
        self._network = AnyStyleNetwork(self.encoder.count, mean, widths)
        start(self._network, 0, device)
        fill(self._network, file.arrays, file.path)
        self.body = self._network.image
        self.body.hybridize(static_alloc=True)

    def array(self, style: np.ndarray) -> Any:
        """Numbers of a style on the device."""
        return nd.array(style, ctx=self.device)

    def look(self, x: np.ndarray, weight: np.ndarray | None = None) -> Any:
        """The style of a painting, (K,); weight: where, 0..1, (H, W) of any size."""
        return self._network.predictor(self.encoder(x, weight))

    def look_at(self, painting: Picture) -> Any:
        """The style of all of a painting."""
        return self.look(preprocessing.to_array(painting, self.convention))

    def paint(
        self,
        x: np.ndarray,
        looks: Sequence[Any],
        shares: Sequence[float],
        strength: float = 1.0,
        through: Callable[..., np.ndarray] = tiled.paint,
    ) -> np.ndarray:
        """The photo in the mixed styles; strength 0 is the photo in its own style.

        Styles are mixed as numbers of the normalisations (Dumoulin et al., arXiv:1610.07629,
        section 3.3). through: brings an array through a tiled.Network.
        """
        style = mixed(looks, shares)
        if strength < 1:
            style = mixed([style, self.look(x)], [strength, 1 - strength])
        return Styled(self.body, style, self.device).paint(x, through)


def mixed(styles: Sequence[Any], shares: Sequence[float]) -> Any:
    """The weighted sum."""
    return sum(style * share for style, share in zip(styles, shares))
