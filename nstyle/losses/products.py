"""Products of matrices by the layers of convolutional networks.

oneDNN computes those with all of a CPU's vector units; MXNet's `dot`, `batch_dot` and `syrk` go
another way and take several times as long.
"""

from __future__ import annotations

from typing import Any

from nstyle.system.backend import nd


def outer(a: Any, b: Any) -> Any:
    """A B^T of a (m, n) and b (k, n): (m, k). Raises MXNetError where the shapes do not fit."""
    return nd.FullyConnected(a, b, no_bias=True, num_hidden=b.shape[0])


def mixed(kernel: Any, x: Any) -> Any:
    """K X for each picture of x, (N, c, n), by kernel (m, c): (N, m, n).

    Raises MXNetError where the shapes do not fit.
    """
    result = nd.Convolution(
        nd.expand_dims(x, axis=2),
        nd.reshape(kernel, shape=(0, 0, 1, 1)),
        kernel=(1, 1),
        num_filter=kernel.shape[0],
        no_bias=True,
    )
    return nd.reshape(result, shape=(0, 0, -1))
