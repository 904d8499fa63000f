"""Content, style and total variation: pure functions giving value and gradient.

Features are (1, C, H, W). Gatys, Ecker & Bethge, "A neural algorithm of artistic style"
(arXiv:1508.06576), equations 1 to 6; total variation after Mahendran & Vedaldi (arXiv:1412.0035).

Values are one-element NDArrays, so that nothing here waits for the device.
"""

from __future__ import annotations

from typing import Any

from nstyle.backend import nd


def content(features: Any, target: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum((F - P)^2) and its gradient 2 scale (F - P) (Gatys eq. 1 and 2).

    Raises MXNetError where the shapes differ.
    """
    difference = nd.elemwise_sub(features, target)
    return scale * nd.square(difference).sum(), (2 * scale) * difference


def gram(features: Any) -> Any:
    """Gram matrix per position, F F^T / (H W): (1, C, H, W) -> (C, C).

    Differs from Gatys eq. 3 by the division, so that pictures of different size compare.
    """
    channels, positions = features.shape[1], features.shape[2] * features.shape[3]
    flat = features.reshape((channels, positions))
    return nd.linalg.syrk(flat, alpha=1.0 / positions)


def style(features: Any, target: Any, scale: float) -> tuple[Any, Any]:
    """scale * ||G - A||^2 and its gradient 4 scale (G - A) F / (H W) (Gatys eq. 4 to 6).

    target: A, the Gram matrix per position, (C, C). The gradient has a closed form; autograd
    through the product would cost as much as the network. Raises MXNetError for a wrong shape.
    """
    channels, positions = features.shape[1], features.shape[2] * features.shape[3]
    difference = nd.elemwise_sub(gram(features), target)
    flat = features.reshape((channels, positions))
    gradient = nd.dot(difference * (4 * scale / positions), flat)
    return scale * nd.square(difference).sum(), gradient.reshape(features.shape)


def total_variation(x: Any, scale: float) -> tuple[Any, Any]:
    """scale * sum of squared differences of neighbours, and its gradient. x: (1, C, H, W).

    With L the Laplacian that repeats the border, the sum is <x, L x> and its gradient 2 L x.
    """
    channels = x.shape[1]
    kernel = nd.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], ctx=x.context)
    kernel = kernel.reshape((1, 1, 3, 3)).tile((channels, 1, 1, 1))
    bordered = nd.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
    laplacian = nd.Convolution(
        bordered, kernel, no_bias=True, kernel=(3, 3), num_filter=channels, num_group=channels
    )
    return scale * (x * laplacian).sum(), (2 * scale) * laplacian
