"""What painting networks are made of. They see one picture at a time, (1, C, H, W). Loads MXNet.

No transposed convolutions, which leave checkerboards, and no zero padding, which leaves rims.
"""

from __future__ import annotations

from typing import Any

from nstyle.backend import gluon

VARIANCE_FLOOR = 1e-5


def reflected(F: Any, x: Any, width: int) -> Any:
    """Mirrored at all four sides, without repeating the border. Needs more than `width` px."""
    return F.pad(x, mode="reflect", pad_width=(0, 0, 0, 0) + 4 * (width,))


def enlarged(F: Any, x: Any) -> Any:
    """Every value twice in both directions."""
    return F.UpSampling(x, scale=2, sample_type="nearest")


class InstanceNorm(gluon.HybridBlock):
    """Each channel of a picture brought to a given mean and deviation.

    Instance normalisation (Ulyanov et al., arXiv:1607.08022), which with the mean and deviation of
    another picture is AdaIN (Huang & Belongie, arXiv:1703.06868, eq. 8). As batch normalisation of
    a batch of one, which oneDNN computes in the network's own layout. While recording or in
    train_mode the statistics are the picture's and are kept; in predict mode those kept are used,
    so that tiles of a picture share theirs.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        knobs = {"shape": (channels,), "grad_req": "null", "differentiable": False}
        with self.name_scope():
            self.running_mean = self.params.get("running_mean", init="zeros", **knobs)
            self.running_var = self.params.get("running_var", init="ones", **knobs)

    def hybrid_forward(
        self, F: Any, x: Any, deviation: Any, mean: Any, running_mean: Any, running_var: Any
    ) -> Any:
        """x: (N, C, H, W); deviation, mean: (C,)."""
        kept = running_mean, running_var
        return F.BatchNorm(
            x, deviation, mean, *kept, eps=VARIANCE_FLOOR, momentum=0.0, fix_gamma=False
        )


class Convolution(gluon.HybridBlock):
    """A convolution with reflection padding; `stride` 1 or 2."""

    def __init__(self, channels: int, inputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self._margin = size // 2
        with self.name_scope():
            self.body = gluon.nn.Conv2D(channels, size, strides=stride, in_channels=inputs)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """(1, C, H, W) -> (1, channels, H / stride, W / stride)."""
        return self.body(reflected(F, x, self._margin))
