"""Muon: Adam, but for kernels and matrices, whose steps are orthogonal. Loads MXNet.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon); the size of a step as by Liu et al.,
arXiv:2502.16982, section 2.2.
"""

from __future__ import annotations

from typing import Any

from nstyle.networks.training.adam import Adam
from nstyle.system.backend import nd

MOMENTUM = 0.95
SIZE = 0.2  # of a step's values, root mean square, over the rate; as Adam's are
FASTER = 6.0  # the rate of kernels, over that of matrices and of what is left to Adam
FEWEST = 8  # outputs or inputs, below which a weight is left to Adam
# Newton and Schulz's iteration: singular values end between 0.7 and 1.2.
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
TINY = 1e-7


class Muon(Adam):
    """As Adam; matrices and kernels are the weights (outputs, inputs, ...) but the smallest."""

    def _step(self, name: str, gradient: Any, rate: float, count: int) -> None:
        w, mean = self._arrays["weight"][name], self._arrays["mean"][name]
        if w.ndim == 1 or min(len(w), w[0].size) < FEWEST or not name.endswith("weight"):
            return super()._step(name, gradient, rate, count)
        mean[:] = MOMENTUM * mean + gradient
        ahead = (gradient + MOMENTUM * mean).reshape((len(w), -1))
        size = SIZE * max(ahead.shape) ** 0.5  # of an orthogonal matrix: 1 / sqrt(its longer edge)
        faster = FASTER if w.ndim == 4 else 1.0
        w -= faster * rate * size * orthogonal(ahead).reshape(w.shape)


def orthogonal(matrix: Any) -> Any:
    """The orthogonal matrix nearest to it, roughly: U V' of its singular value decomposition.

    All factors of the iteration are polynomials of the small Gram matrix, so the large one is
    multiplied twice only.
    """
    a, b, c = COEFFICIENTS
    wide = matrix.shape[0] <= matrix.shape[1]
    second = nd.dot(matrix, matrix, transpose_a=not wide, transpose_b=wide)
    whole = one = nd.eye(len(second), ctx=matrix.context)
    size = nd.sqrt((second * one).sum()) + TINY  # the norm of `matrix`
    second = nd.broadcast_div(second, nd.square(size))
    for _ in range(ITERATIONS):
        factor = a * one + b * second + c * nd.dot(second, second)
        whole = nd.dot(whole, factor)
        second = nd.dot(factor, nd.dot(second, factor))
    whole = nd.broadcast_div(whole, size)
    return nd.dot(whole, matrix) if wide else nd.dot(matrix, whole)
