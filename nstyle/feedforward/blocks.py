"""Layers of painting networks. They see one picture at a time, (1, C, H, W), or
parts of one, (N, C, H, W). Loads MXNet.

No transposed convolutions, which leave checkerboards, and no zero padding, which leaves rims.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.system.backend import BFLOAT16, autograd, gluon, mx, nd


def start(network: Any, seed: int, device: Any = None) -> None:
    """He's random values (arXiv:1502.01852), always the same for a seed."""
    mx.random.seed(seed)
    values = mx.init.MSRAPrelu(factor_type="in", slope=0)
    network.initialize(values, ctx=device or mx.cpu(), force_reinit=True)


def trained(network: Any) -> dict[str, Any]:
    """The parameters that are trained, by names without the network's own prefix."""
    return {
        name[len(network.prefix) :]: parameter
        for name, parameter in network.collect_params().items()
        if parameter.grad_req != "null"
    }


def fill(network: Any, arrays: Mapping[str, np.ndarray], what: str) -> None:
    """Put values into a network that has been started. what: their file, for people.

    Raises WeightsError where names, shapes or values are not a network's such as this.
    """
    parameters = trained(network)
    for name in sorted({*parameters, *arrays}):
        both = name in parameters and name in arrays
        fits = both and parameters[name].shape == arrays[name].shape
        if not fits or not np.isfinite(arrays[name]).all():
            raise WeightsError(
                f"{what}: {name} is not as this version of nstyle needs it; train anew"
            )
    for name, parameter in parameters.items():
        parameter.set_data(nd.array(arrays[name]))


VARIANCE_FLOOR = 1e-5
WHITE = 255.0
PATCH = 4  # px


def reflected(F: Any, x: Any, width: int) -> Any:
    """Mirrored at all four sides, without repeating the border. Needs more than `width` px."""
    return F.pad(x, mode="reflect", pad_width=(0, 0, 0, 0) + 4 * (width,))


def enlarged(F: Any, x: Any) -> Any:
    """Twice the size, by bilinear interpolation: values that are just repeated leave a lattice."""
    knobs = {"mode": "size", "scale_height": 2, "scale_width": 2, "align_corners": False}
    return F.contrib.BilinearResize2D(x, **knobs)


def within_range(F: Any, x: Any, mean: Any) -> Any:
    """Any values -> pixels between black and white: RGB, 0..255 minus the mean."""
    return F.broadcast_sub(WHITE * F.sigmoid(x), mean)


class InstanceNorm(gluon.HybridBlock):
    """Each channel of a picture brought to a given mean and deviation.

    Instance normalisation (Ulyanov et al., arXiv:1607.08022), which with the mean and deviation of
    another picture is AdaIN (Huang & Belongie, arXiv:1703.06868, eq. 8). As batch normalisation of
    a batch of one, which oneDNN computes in the network's own layout. While recording or in
    train_mode the statistics are those of what is seen; in predict mode those that `keeping` kept.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.seen: tuple[Any, Any] | None = None  # mean, 1 / deviation, where not hybridized
        knobs = {"shape": (channels,), "grad_req": "null", "differentiable": False}
        with self.name_scope():
            self.running_mean = self.params.get("running_mean", init="zeros", **knobs)
            self.running_var = self.params.get("running_var", init="ones", **knobs)

    def hybrid_forward(
        self, F: Any, x: Any, deviation: Any, mean: Any, running_mean: Any, running_var: Any
    ) -> Any:
        """x: (N, C, H, W); deviation, mean: (C,)."""
        knobs = {"eps": VARIANCE_FLOOR, "momentum": 1.0, "fix_gamma": False}
        arrays = x, deviation, mean, running_mean, running_var
        y, seen_mean, seen_inverse = F.BatchNorm(*arrays, **knobs, output_mean_var=True)
        self.seen = seen_mean, seen_inverse
        return y

    def keep(self) -> None:
        """Use the statistics of what was seen last in predict mode from now on."""
        assert self.seen is not None
        mean, inverse = self.seen
        self.running_mean.set_data(mean)
        self.running_var.set_data(1 / (inverse * inverse) - VARIANCE_FLOOR)


def norms_of(network: Any) -> list[InstanceNorm]:
    """All normalisations in a network, always in the same order."""
    norms: list[InstanceNorm] = []
    network.apply(lambda block: norms.append(block) if isinstance(block, InstanceNorm) else None)
    return norms


def kept(network: Any) -> list[np.ndarray]:
    """Statistics of its normalisations: mean, variance of the first, of the second..."""
    pairs = ((norm.running_mean, norm.running_var) for norm in norms_of(network))
    return [values.data().asnumpy() for pair in pairs for values in pair]


def keep(network: Any, statistics: Sequence[np.ndarray]) -> None:
    """Let its normalisations use these, in the order of `kept`."""
    for norm, mean, variance in zip(norms_of(network), statistics[::2], statistics[1::2]):
        norm.running_mean.set_data(mean)
        norm.running_var.set_data(variance)


@contextlib.contextmanager
def keeping(network: Any) -> Iterator[None]:
    """Records statistics, which its normalisations then use in predict mode."""
    network.hybridize(False)  # a compiled network would not show what is inside
    with autograd.train_mode():
        yield
    for norm in norms_of(network):
        norm.keep()
    network.hybridize(static_alloc=True)


def convolved(
    F: Any, x: Any, weight: Any, bias: Any, *, bfloat16: bool = False, **knobs: Any
) -> Any:
    """A convolution; all of it is float32, but computed in bfloat16 where told to."""
    arrays = x, weight, bias
    if not bfloat16:
        return F.Convolution(*arrays, **knobs)
    y = F.Convolution(*(F.amp_cast(array, dtype=BFLOAT16) for array in arrays), **knobs)
    return F.amp_cast(y, dtype="float32")


class Convolution(gluon.HybridBlock):
    """A convolution with reflection padding; `stride` 1 or 2; bfloat16: see `convolved`."""

    def __init__(
        self,
        channels: int,
        inputs: int,
        size: int = 3,
        stride: int = 1,
        prefix: str | None = None,
        *,
        bfloat16: bool = False,
    ) -> None:
        super().__init__(prefix=prefix)
        self._margin, self._bfloat16 = size // 2, bfloat16
        self._knobs = {"kernel": 2 * (size,), "stride": 2 * (stride,), "num_filter": channels}
        with self.name_scope():
            shape = channels, inputs, size, size
            self.weight = self.params.get("convolution_weight", shape=shape)
            self.bias = self.params.get("convolution_bias", shape=(channels,), init="zeros")

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any) -> Any:
        """(1, C, H, W) -> (1, channels, H / stride, W / stride)."""
        x = reflected(F, x, self._margin)
        return convolved(F, x, weight, bias, bfloat16=self._bfloat16, **self._knobs)


class LastConvolution(gluon.HybridBlock):
    """A convolution to red, green and blue, with reflection padding.

    Computed for squares of PATCH pixels at once, with the same weights for each: oneDNN's fast
    convolutions have 16 output channels and more.
    """

    def __init__(self, inputs: int, size: int, prefix: str, *, bfloat16: bool = False) -> None:
        super().__init__(prefix=prefix)
        self._size, self._bfloat16 = size, bfloat16
        with self.name_scope():
            self.weight = self.params.get("convolution_weight", shape=(3, inputs, size, size))
            self.bias = self.params.get("convolution_bias", shape=(3,), init="zeros")

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any) -> Any:
        """(1, C, H, W) -> (1, 3, H, W); H and W: multiples of PATCH."""
        places = itertools.product(range(PATCH), repeat=2)
        weights = F.concat(*(shifted(F, weight, *place) for place in places), dim=0)
        knobs: dict[str, Any] = {"num_filter": 3 * PATCH**2}
        knobs["kernel"] = 2 * (self._size + PATCH - 1,)
        x = reflected(F, x, self._size // 2)
        biases = F.tile(bias, reps=(PATCH**2,))
        knobs |= {"stride": (PATCH, PATCH), "bfloat16": self._bfloat16}
        y = convolved(F, x, weights, biases, **knobs)
        return F.depth_to_space(y, block_size=PATCH)


def shifted(F: Any, weight: Any, down: int, right: int) -> Any:
    """A convolution's weights with zeros around them, for the pixel there in a patch."""
    margins = down, PATCH - 1 - down, right, PATCH - 1 - right
    return F.pad(weight, mode="constant", constant_value=0, pad_width=(0, 0, 0, 0, *margins))


# A pixel becomes two in each direction. For the first and the second of them: what a kernel's three
# values (columns), after bilinear interpolation, count at three places of the smaller picture
# (rows), in quarters.
FIRST, SECOND = ((3, 1, 0), (1, 3, 3), (0, 0, 1)), ((1, 0, 0), (3, 3, 1), (0, 1, 3))
PHASES = [np.kron(down, across) / 16 for down in (FIRST, SECOND) for across in (FIRST, SECOND)]


class EnlargingConvolution(gluon.HybridBlock):
    """Twice the size, as `enlarged`, then a 3x3 convolution; computed as one at the small size.

    The border is repeated, not mirrored.
    """

    def __init__(
        self, channels: int, inputs: int, prefix: str | None = None, *, bfloat16: bool = False
    ) -> None:
        super().__init__(prefix=prefix)
        self._channels, self._inputs, self._bfloat16 = channels, inputs, bfloat16
        with self.name_scope():
            self.weight = self.params.get("convolution_weight", shape=(channels, inputs, 3, 3))
            self.bias = self.params.get("convolution_bias", shape=(channels,), init="zeros")
            phases = np.concatenate(PHASES).astype(np.float32)
            self.phases = self.params.get_constant("phases", phases)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any, phases: Any) -> Any:
        """(N, inputs, H, W) -> (N, channels, 2H, 2W)."""
        kernels = F.dot(phases, F.reshape(weight, (-1, 9)), transpose_b=True)
        kernels = F.reshape(kernels, (4, 9, self._channels, self._inputs))
        kernels = F.reshape(F.transpose(kernels, (0, 2, 3, 1)), (-1, self._inputs, 3, 3))
        x = F.pad(x, mode="edge", pad_width=(0, 0, 0, 0) + 4 * (1,))
        knobs: dict[str, Any] = {"kernel": (3, 3), "num_filter": 4 * self._channels}
        knobs["bfloat16"] = self._bfloat16
        y = convolved(F, x, kernels, F.tile(bias, reps=(4,)), **knobs)
        return interleaved(F, y)


def interleaved(F: Any, x: Any) -> Any:
    """(N, 4 C, H, W) -> (N, C, 2H, 2W). As depth_to_space, in half its time."""
    x = F.reshape(F.reshape(x, (0, -4, 2, -1, 0, 0)), (0, 0, -4, 2, -1, 0, 0))
    return F.reshape(F.transpose(x, (0, 3, 4, 1, 5, 2)), (0, 0, -3, -3))
