"""The decoder of the any-style network: features of photo and style in, picture out. Loads MXNet.

AdaIN (Huang & Belongie, arXiv:1703.06868) on relu4_1 as there, and on relu3_1 and relu2_1 as they
come in again on the way up (as in Avatar-Net, Sheng et al., arXiv:1805.03857). Between, the
decoder's own layers are normalised to deviation and mean that linear maps of the style's statistics
at the same depth predict (Dumoulin et al., arXiv:1610.07629; Ghiasi et al., arXiv:1705.06830).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.feedforward import SHOWN, TAPS
from nstyle.feedforward.blocks import Convolution, InstanceNorm, enlarged, within_range
from nstyle.system.backend import gluon

WIDTHS = (128, 64, 48, 32)


class StyledConvolution(gluon.HybridBlock):
    """Convolution, normalisation to what the style's statistics predict, ReLU."""

    def __init__(self, channels: int, inputs: int, statistics: int, prefix: str) -> None:
        super().__init__(prefix=prefix)
        self._channels = channels
        with self.name_scope():
            self.convolution = Convolution(channels, inputs, prefix="")
            knobs = {"in_units": 2 * statistics, "weight_initializer": "zeros"}
            self.predict = gluon.nn.Dense(2 * channels, prefix="prediction_", **knobs)
            self.norm = InstanceNorm(channels)

    def hybrid_forward(self, F: Any, x: Any, look: Any) -> Any:
        """x: (1, C, H, W); look: (1, 2 S), deviations and means of the style."""
        deviation, mean = halves(F, self.predict(look - 1), self._channels)
        return F.Activation(self.norm(self.convolution(x), deviation + 1, mean), act_type="relu")


class Decoder(gluon.HybridBlock):
    """channels: of the encoder's taps; widths: of the decoder at the same depths.

    Picture: RGB, 0..255 minus `black`, the mean of the encoder's convention.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        mean: Sequence[float],
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__()
        self.channels = [channels[tap] for tap in TAPS]
        black = np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
        with self.name_scope():
            self.mean = self.params.get_constant("mean", black)
            self.adain = gluon.nn.HybridSequential()
            self.joining = gluon.nn.HybridSequential()
            self.shaping = gluon.nn.HybridSequential()
            before = 0
            for depth, (tap, own, width) in enumerate(zip(TAPS, self.channels, widths)):
                there = own if depth < SHOWN else 0
                if there:
                    self.adain.add(InstanceNorm(own))
                self.joining.add(StyledConvolution(width, before + there, own, f"joining_{tap}_"))
                if depth < SHOWN:
                    self.shaping.add(StyledConvolution(width, width, own, f"shaping_{tap}_"))
                before = width
            self.last = Convolution(3, before, prefix="last_")

    def hybrid_forward(self, F: Any, *inputs: Any, mean: Any) -> Any:
        """inputs: relu4_1, relu3_1, relu2_1 of the photo, (1, C, h, w) each, then `looks`, (1, 2C)
        each, deviations and means of the style at relu4_1 ... relu1_1. -> (1, 3, 8h, 8w), h of
        relu4_1.
        """
        taps, looks = inputs[:SHOWN], inputs[SHOWN:]
        x = None
        for depth, look in enumerate(looks):
            parts = [] if x is None else [enlarged(F, x)]
            if depth < SHOWN:
                parts.append(self.adain[depth](taps[depth], *halves(F, look, self.channels[depth])))
            x = parts[0] if len(parts) == 1 else F.concat(*parts, dim=1)
            x = self.joining[depth](x, look)
            if depth < SHOWN:
                x = self.shaping[depth](x, look)
        return within_range(F, self.last(x), mean)


def halves(F: Any, look: Any, channels: int) -> tuple[Any, Any]:
    """(1, 2 C) -> two of (C,)."""
    flat = look.reshape((-1,))
    return tuple(
        F.slice_axis(flat, axis=0, begin=begin, end=begin + channels) for begin in (0, channels)
    )
