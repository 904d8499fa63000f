"""The network that paints a photo in one pass, in the style its normalisations are told.

Loads MXNet. Johnson et al. (arXiv:1603.08155) with conditional instance normalisation (Dumoulin et
al., arXiv:1610.07629): all styles share the convolutions, and a style is a deviation and a mean for
each channel of each normalisation. Most of the work is done at an eighth of the size, where little
computing sees far; what was seen on the way down is added on the way up, which keeps faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.feedforward import tiled
from nstyle.feedforward.blocks import (
    Convolution,
    EnlargingConvolution,
    InstanceNorm,
    LastConvolution,
    within_range,
)
from nstyle.feedforward.grain import grained
from nstyle.system.backend import gluon, nd

# px of the photo, mirrored, that are painted around it and left out: the border of what a network
# is given is painted less well.
RIM = 16
SPREAD = 64.0  # about the deviation of photos' pixels, in grey levels
WIDTHS = (16, 32, 80, 160)  # channels at the full size, half, a quarter, an eighth
DEEP, MIDDLE = 5, 2  # residual blocks at an eighth and at a quarter of the size


class Normalised(gluon.HybridBlock):
    """Convolution, normalisation to a style's deviation and mean, ReLU if `rectified`.

    convolution: of which kind; knobs: what it takes besides.
    """

    def __init__(
        self,
        channels: int,
        inputs: int,
        prefix: str,
        *,
        convolution: Callable[..., Any] = Convolution,
        rectified: bool = True,
        **knobs: int,
    ) -> None:
        super().__init__(prefix=prefix)
        self.channels, self._rectified = channels, rectified
        with self.name_scope():
            self.convolution = convolution(channels, inputs, prefix="", **knobs)
            self.norm = InstanceNorm(channels)

    def hybrid_forward(self, F: Any, x: Any, deviation: Any, mean: Any) -> Any:
        """x: (1, inputs, H, W); deviation, mean: (channels,)."""
        x = self.norm(self.convolution(x), deviation, mean)
        return F.Activation(x, act_type="relu") if self._rectified else x


class ImageNetwork(gluon.HybridBlock):
    """widths: see WIDTHS; mean: black is minus this, RGB, 0..255; bfloat16: see `convolved`."""

    def __init__(
        self,
        mean: Sequence[float],
        widths: Sequence[int] = WIDTHS,
        prefix: str | None = None,
        *,
        bfloat16: bool = False,
    ) -> None:
        super().__init__(prefix=prefix)
        self._bfloat16 = bfloat16
        whole, half, quarter, eighth = widths
        black = np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
        self._layers: list[Normalised] = []
        with self.name_scope():
            self.mean = self.params.get_constant("mean", black)
            self._add(half, 3, "half_", size=5, stride=2)
            self._add(quarter, half, "quarter_", stride=2)
            self._add(eighth, quarter, "eighth_", stride=2)
            self._residuals(DEEP, eighth, "deep")
            self._add(quarter, eighth, "to_quarter_", enlarging=True, rectified=False)
            self._residuals(MIDDLE, quarter, "middle")
            self._add(half, quarter, "to_half_", enlarging=True, rectified=False)
            self._add(half, half, "smooth_half_")
            self._add(whole, half, "to_whole_", enlarging=True)
            self.last = LastConvolution(whole, 5, "last_", bfloat16=bfloat16)

    def _add(
        self, channels: int, inputs: int, name: str, *, enlarging: bool = False, **knobs: Any
    ) -> None:
        kind = EnlargingConvolution if enlarging else Convolution
        knobs["bfloat16"] = self._bfloat16
        layer = Normalised(channels, inputs, name, convolution=kind, **knobs)
        self.register_child(layer, name)
        self._layers.append(layer)

    def _residuals(self, count: int, channels: int, name: str) -> None:
        for number in range(1, count + 1):
            self._add(channels, channels, f"{name}{number}_first_")
            self._add(channels, channels, f"{name}{number}_second_", rectified=False)

    @property
    def channels(self) -> list[int]:
        """Of each normalisation, in the order of a style's numbers."""
        return [layer.channels for layer in self._layers]

    @property
    def numbers(self) -> int:
        """How many a style consists of."""
        return 2 * sum(self.channels)

    def hybrid_forward(self, F: Any, x: Any, style: Any, mean: Any) -> Any:
        """x: (N, 3, H, W), multiples of 8; style: (`numbers`,) -> as x."""
        ends = np.cumsum([count for layer in self._layers for count in 2 * (layer.channels,)])
        numbers = iter(F.split_v2(style, tuple(ends[:-1].tolist()), axis=0))
        layers = iter(self._layers)

        def through(x: Any) -> Any:
            return next(layers)(x, next(numbers) + 1, next(numbers))

        half = through(x / SPREAD)
        quarter = through(half)
        x = through(quarter)
        for _ in range(DEEP):
            x = x + through(through(x))
        x = quarter + through(x)
        for _ in range(MIDDLE):
            x = x + through(through(x))
        x = half + through(x)
        x = through(through(x))
        return within_range(F, self.last(x), mean)


class Styled(tiled.Network):
    """An image network on a device with one style."""

    def __init__(self, network: ImageNetwork, style: Any, device: Any) -> None:
        super().__init__(network, device)
        self._style = nd.array(style, ctx=device)

    def inputs(self, x: Any) -> list[Any]:
        """As tiled.Network."""
        return [x, self._style]

    def paint(self, x: np.ndarray, through: Callable[..., np.ndarray] = tiled.paint) -> np.ndarray:
        """The photo, (1, 3, H, W), in the style. through: brings an array through this network."""
        margins = [(0, 0), (0, 0), (RIM, RIM), (RIM, RIM)]
        painted = through(self, grained(np.pad(x, margins, mode="symmetric")))
        return painted[:, :, RIM:-RIM, RIM:-RIM]
