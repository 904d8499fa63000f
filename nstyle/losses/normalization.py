"""Factors by which each recipe scales its losses.

With G and A Gram matrices per position (statistics.gram), F and P features, C channels and M
positions of a layer, N values of the picture: a term is scale * ||G - A||^2, scale * ||F - P||^2
or scale * (total variation). Recipes differ only in `scale`. Unnormalised Gram matrices, as most
recipes have them, are G' = M G.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """Facts a factor may depend on. energy: ||P||^2 or ||A||^2; area: the picture's, in pixels."""

    channels: int
    positions: int
    energy: float
    area: int


@dataclass(frozen=True)
class Normalization:
    """Scales of the three kinds of terms; tv: from the number of values.

    per_value: the gradient is multiplied by N times this, which brings it to grey levels; 0 = not.
    share_layers: layer weights are divided by their sum.
    """

    content: Callable[[Layer], float]
    style: Callable[[Layer], float]
    tv: Callable[[int], float] = lambda values: 1.0
    per_value: float = 0.0
    share_layers: bool = False


# Relative errors (each term by its own target's size) times constants found by looking at
# pictures: 10:1 shows both the photo and the strokes. Gradients are multiplied by N, so that a
# learning rate means the same at every size.
CONTENT, STYLE, TV = 1.5, 1500.0, 0.5
# A film's frame against the one before: squares of pixels, as those of total variation; the factor
# lets a weight mean about what it does where pictures of one pass are blended (film.onepass).
TEMPORAL = 0.1
TINY = 1e-12
KERAS_CHANNELS = 3  # its 4 * 3^2 * (w h)^2 has the picture's channels and size at every layer

BALANCED = Normalization(
    content=lambda layer: CONTENT / max(layer.energy, TINY),
    style=lambda layer: STYLE / max(layer.energy, TINY),
    tv=lambda values: TV / values,
    per_value=4.0,
    share_layers=True,
)
# MXNet's example of 2015: head gradients F - P, and (G' - A') F / (C^2 M). Integrated:
# 1/2 ||F - P||^2 and ||G' - A'||^2 / (4 C^2 M).
MXNET = Normalization(
    content=lambda layer: 0.5, style=lambda layer: layer.positions / (4.0 * layer.channels**2)
)
# The same of 2017: sums of squares left to autograd, so 2 (F - P) and 4 (G' - A') F / (C^2 M).
MXNET_NAG = Normalization(
    content=lambda layer: 1.0, style=lambda layer: layer.positions / float(layer.channels**2)
)
# The paper, equations 1 and 4: 1/2 ||F - P||^2 and ||G' - A'||^2 / (4 C^2 M^2).
GATYS = Normalization(content=lambda layer: 0.5, style=lambda layer: 1 / (4.0 * layer.channels**2))
# The same with the content term as many TensorFlow programs have it: ||F - P||^2 / (4 C M).
GATYS_MEAN = Normalization(
    content=lambda layer: 1 / (4.0 * layer.channels * layer.positions), style=GATYS.style
)
# The Keras book: ||F - P||^2 and ||G' - A'||^2 / (4 * 3^2 * (w h)^2), w and h the picture's.
KERAS = Normalization(
    content=lambda layer: 1.0,
    style=lambda layer: (layer.positions / (2.0 * KERAS_CHANNELS * layer.area)) ** 2,
    share_layers=True,
)
NORMALIZATIONS = {
    "balanced": BALANCED,
    "mxnet": MXNET,
    "mxnet-nag": MXNET_NAG,
    "gatys": GATYS,
    "gatys-mean": GATYS_MEAN,
    "keras": KERAS,
}
