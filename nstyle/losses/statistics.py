"""Mean and second moments of a layer's features, and the gradient that comes back through them.

Every style distance (see `style`) depends on the features F, (1, C, h, w), only through their
mean m = sum(w F) / n and second moments S = sum(w F F^T) / n over the positions, w being a weight
of each position (1 everywhere, or a region's mask) and n = sum(w). So each has a gradient of the
same form, w (K F + b): a 1x1 convolution, in the layout the network computes in. S is the Gram
matrix per position; dividing by n differs from Gatys et al. (arXiv:1508.06576, eq. 3), so that
pictures of different size compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nstyle.losses.base import as_float32
from nstyle.losses.products import mixed, outer
from nstyle.system.backend import autograd, nd

# With so many positions per channel, bringing the features into plain order costs more than the
# product itself (measured: 81 against 27 ms for 64 channels at 512x384).
FLAT = 1000
# For fewer channels in plain order, `dot` is as fast as a convolution.
MANY = 128


class Statistics(NamedTuple):
    """second: (C, C); mean: (C, 1)."""

    second: Any
    mean: Any


class FeatureStatistics:
    """Statistics of features of one shape. Its buffer is kept from call to call.

    shape: (1, C, h, w); weight: (h, w), 0..1, or None for 1 everywhere; share: statistics of the
    same shape with another weight, whose buffers may be used, too; positions: the sum of the
    weights, where these are only a part of them. Raises MXNetError for features of another shape.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        device: Any,
        weight: np.ndarray | None = None,
        share: FeatureStatistics | None = None,
        positions: float | None = None,
    ):
        _, self._channels, height, width = shape
        whole = height * width if weight is None else np.sum(weight, dtype=np.float64)
        self.positions = float(whole if positions is None else positions)
        self.weight = None
        if weight is not None:
            self.weight = nd.array(weight.reshape((1, 1, height, width)), ctx=device)
        self._flat = device.device_type == "cpu" and height * width >= FLAT * self._channels
        # [products, weighted features], for all weights of a layer; what is pulled through a weight
        # is a new array.
        self._buffers: list[Any] = share._buffers if share else [None, None]
        self._kernel: Any = None

    def of(self, features: Any, *, mean: bool = False) -> Statistics:
        """Second moments, and the mean if asked for (otherwise None)."""
        plain = self.weight is None and not mean  # no need to cast all of it
        weighted = features if plain else self._weighted(as_float32(features))
        second = self._product(features, weighted) / self.positions
        middle = weighted.sum(axis=(2, 3)).reshape((-1, 1)) / self.positions if mean else None
        return Statistics(second, middle)

    def backward(self, features: Any, second: Any, mean: Any = None) -> Any:
        """Gradient of the features from those of S (symmetric) and m; overwritten by the next call.

        w (2 dS F + dm) / n, in the features' type. second: (C, C); mean: (C, 1) or None.
        """
        kernel = (second * (2 / self.positions)).reshape((self._channels, self._channels, 1, 1))
        shift = None if mean is None else mean.reshape((-1,)) / self.positions
        if features.dtype != np.float32:
            kernel = nd.amp_cast(kernel, dtype=features.dtype)
            shift = shift if shift is None else nd.amp_cast(shift, dtype=features.dtype)
        gradient = self._convolved(features, kernel, shift)
        if self.weight is None:
            return gradient
        return nd.broadcast_mul(as_float32(gradient), self.weight)

    def _weighted(self, features: Any) -> Any:
        if self.weight is None:
            return features
        self._buffers[1] = nd.broadcast_mul(features, self.weight, out=self._buffers[1])
        return self._buffers[1]

    def _product(self, features: Any, weighted: Any) -> Any:
        """sum(w F F^T), (C, C)."""
        channels = self._channels
        # In bfloat16, too: its sums are float32, rounded by 0.4 % at most, and plain order takes
        # several times as long.
        low = features.dtype != np.float32 and weighted is features
        if low or (self._flat and features.dtype == np.float32):
            return as_float32(self._product_by_convolution(features, weighted))
        # Reshaped first: casting a network's own layout would take several times longer. A copy, as
        # a view would bring the network's own array into plain order.
        flat = as_float32(nd.reshape(features, shape=(channels, -1)))
        plain = self.weight is None
        return outer(flat, flat if plain else nd.reshape(weighted, shape=(channels, -1)))

    def _product_by_convolution(self, features: Any, weighted: Any) -> Any:
        """The gradient of a 1x1 convolution's kernel is the product of its input and its head."""
        if self._kernel is None or self._kernel.dtype != features.dtype:
            shape = self._channels, self._channels, 1, 1
            self._kernel = nd.zeros(shape, ctx=features.context, dtype=features.dtype)
            self._kernel.attach_grad()
        features = features.detach()  # not back through the network
        with autograd.record():
            output = self._convolved(features, self._kernel)
        autograd.backward([output], [weighted.detach()])
        return self._kernel.grad.reshape((self._channels, self._channels))

    def _convolved(self, features: Any, kernel: Any, shift: Any = None) -> Any:
        """A 1x1 convolution into the buffer: fresh memory would cost as much as the product."""
        arrays = [features, kernel] if shift is None else [features, kernel, shift]
        knobs = {"kernel": (1, 1), "num_filter": self._channels, "no_bias": shift is None}
        self._buffers[0] = nd.Convolution(*arrays, **knobs, out=self._buffers[0])
        return self._buffers[0]


class RunningStatistics:
    """Statistics of features that arrive part by part (see `optimize.tiles.features`).

    moments: which positions of the whole count, and how much; mean: whether the mean is wanted.
    second (C, C) and mean (C, 1), or None: the sums so far, float64, so that their order does not
    matter: painting is sensitive, and parts of a mural are added up in another one.
    """

    def __init__(self, moments: FeatureStatistics, *, mean: bool) -> None:
        self._moments, self._wants_mean = moments, mean
        self.second: Any = None
        self.mean: Any = None

    def add(self, flat: Any, weight: Any = None) -> None:
        """A part in plain order, float32 (C, n); weight: (1, n), where the moments have one."""
        weighted = flat if weight is None else nd.broadcast_mul(flat, weight)
        self.second = increased(self.second, outer(flat, weighted))
        if self._wants_mean:
            self.mean = increased(self.mean, weighted.sum(axis=1, keepdims=True))

    def statistics(self) -> Statistics:
        """Of all parts together, of which there must have been one; see FeatureStatistics.of."""
        return divided(self.second, self.mean, self._moments.positions)


def increased(total: Any, share: Any) -> Any:
    """The sum in float64; total: or None for the first."""
    share = share.astype("float64")
    return share if total is None else total + share


def divided(second: Any, mean: Any, positions: float) -> Statistics:
    """Statistics, float32, from sums, float64; mean: or None."""
    mean = None if mean is None else (mean / positions).astype("float32")
    return Statistics((second / positions).astype("float32"), mean)


def backward(
    moments: FeatureStatistics,
    flat: Any,
    second: Any,
    mean: Any,
    weight: Any = None,
    out: Any = None,
) -> Any:
    """FeatureStatistics.backward of a part in plain order, float32 (C, n): w (2 dS F + dm) / n.

    weight: (1, n), where the moments have one; out: (C, n), memory that may be written into.
    """
    kernel = second * (2 / moments.positions)
    if len(flat) < MANY:
        gradient = nd.dot(kernel, flat, out=out)
    else:  # not into `out`: a convolution writes past a view of memory
        gradient = mixed(kernel, flat.expand_dims(0))[0]
    if mean is not None:
        gradient = nd.broadcast_add(gradient, mean / moments.positions, out=gradient)
    return gradient if weight is None else nd.broadcast_mul(gradient, weight, out=gradient)
