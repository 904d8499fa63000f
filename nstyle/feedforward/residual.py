"""The residual network that paints one style: photo in, picture out. Loads MXNet.

Johnson et al., arXiv:1603.08155, with their second thoughts (supplement) and others': instance
normalisation, reflection padding (the border repeated where it is enlarged), upsampling before a
convolution. Half their width, so that a laptop can train it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.feedforward import blocks
from nstyle.system.backend import gluon

BLOCKS = 5
SPREAD = 64.0  # about the deviation of photos' pixels, in grey levels


class Normalised(gluon.HybridBlock):
    """Convolution, normalisation to a learned mean and deviation, ReLU if `rectified`.

    convolution: of which kind; knobs: what it takes besides.
    """

    def __init__(
        self,
        channels: int,
        inputs: int,
        prefix: str,
        *,
        convolution: Callable[..., Any] = blocks.Convolution,
        rectified: bool = True,
        **knobs: int,
    ) -> None:
        super().__init__(prefix=prefix)
        self._rectified = rectified
        with self.name_scope():
            self.convolution = convolution(channels, inputs, prefix="", **knobs)
            self.norm = blocks.InstanceNorm(channels)
            self.deviation = self.params.get("deviation", shape=(channels,), init="ones")
            self.mean = self.params.get("mean", shape=(channels,), init="zeros")

    def hybrid_forward(self, F: Any, x: Any, deviation: Any, mean: Any) -> Any:
        """(1, inputs, H, W) -> (1, channels, H', W'), a size of the convolution's."""
        x = self.norm(self.convolution(x), deviation, mean)
        return F.Activation(x, act_type="relu") if self._rectified else x


class Residual(gluon.HybridBlock):
    """Adds the output of two convolutions to its input, without a ReLU after the sum."""

    def __init__(self, channels: int, prefix: str) -> None:
        super().__init__(prefix=prefix)
        with self.name_scope():
            self.first = Normalised(channels, channels, "first_")
            self.second = Normalised(channels, channels, "second_", rectified=False)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """(1, channels, H, W) -> the same."""
        return x + self.second(self.first(x))


class ResidualNetwork(gluon.HybridBlock):
    """width: channels at full size; mean: black is minus this, RGB, 0..255."""

    def __init__(self, width: int, mean: Sequence[float]) -> None:
        super().__init__()
        black = np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
        with self.name_scope():
            self.mean = self.params.get_constant("mean", black)
            self.body = gluon.nn.HybridSequential()
            self.body.add(Normalised(width, 3, "first_", size=9))
            self.body.add(Normalised(2 * width, width, "half_", stride=2))
            self.body.add(Normalised(4 * width, 2 * width, "quarter_", stride=2))
            for number in range(1, BLOCKS + 1):
                self.body.add(Residual(4 * width, f"residual{number}_"))
            enlarging = blocks.EnlargingConvolution
            self.body.add(Normalised(2 * width, 4 * width, "doubled_half_", convolution=enlarging))
            self.body.add(Normalised(width, 2 * width, "doubled_whole_", convolution=enlarging))
            self.last = blocks.LastConvolution(width, 9, "last_")

    def hybrid_forward(self, F: Any, x: Any, mean: Any) -> Any:
        """(N, 3, H, W) -> the same; H, W: multiples of 4, at least 16."""
        return blocks.within_range(F, self.last(self.body(x / SPREAD)), mean)
