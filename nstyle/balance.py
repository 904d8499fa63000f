"""How each recipe scales the terms of its loss.

With G and A Gram matrices per position (losses.gram), F and P features, C channels and M
positions of a layer, N values of the picture: a term is scale * ||G - A||^2, scale * ||F - P||^2
or scale * (sum of squared differences of neighbours). Recipes differ only in `scale`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """What a scale may depend on. energy: ||P||^2 for content, ||A||^2 for style."""

    channels: int
    positions: int
    energy: float


@dataclass(frozen=True)
class Normalization:
    """Scales of the three kinds of terms, and the factor SGD multiplies the gradient by."""

    content: Callable[[Layer], float]
    style: Callable[[Layer], float]
    tv: Callable[[int], float]
    rescale: Callable[[int], float]
    share_layers: bool  # layer weights are divided by their sum


# Relative errors (each term by its own target's size) times constants found by looking at
# pictures: 10:1 shows both the photo and the strokes. Gradients are multiplied by N, so that a
# learning rate means the same at every size.
CONTENT, STYLE, TV = 1.5, 1500.0, 0.5
TINY = 1e-12

BALANCED = Normalization(
    content=lambda layer: CONTENT / max(layer.energy, TINY),
    style=lambda layer: STYLE / max(layer.energy, TINY),
    tv=lambda values: TV / values,
    rescale=lambda values: float(values),
    share_layers=True,
)
# MXNet's example: head gradients F - P, and (G' - A') F / (C^2 M) with unnormalised Gram
# matrices G' = M G. Integrated: 1/2 ||F - P||^2 and ||G' - A'||^2 / (4 C^2 M).
MXNET = Normalization(
    content=lambda layer: 0.5,
    style=lambda layer: layer.positions / (4.0 * layer.channels**2),
    tv=lambda values: 1.0,
    rescale=lambda values: 1.0,
    share_layers=False,
)
NORMALIZATIONS = {"balanced": BALANCED, "mxnet": MXNET}
