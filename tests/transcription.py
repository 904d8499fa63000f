"""The recipes' formulas in plain numpy, float64, one picture after another: nothing calls nstyle.

Gram matrices here are not normalised, as in the recipes: G = F F^T, of C channels and M positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tiny

Taps = dict[str, np.ndarray]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


# ---- VGG backwards ----


def unpool(gradient: np.ndarray, x: np.ndarray, kind: str, ceil: bool) -> np.ndarray:
    """Gradient of tiny.pool's result -> gradient of its argument x. kind: avg or max."""

    def spread(y: np.ndarray) -> np.ndarray:
        wide = y.repeat(2, axis=1).repeat(2, axis=2)
        missing = np.maximum(np.subtract(x.shape, wide.shape), 0)
        return np.pad(wide, [(0, count) for count in missing])[:, : x.shape[1], : x.shape[2]]

    if kind == "max":
        return spread(gradient) * (x == spread(tiny.pool(x, kind, ceil)))
    # Those that share a window: two in a row and column, one where an odd size ends.
    rows, columns = (np.minimum(2, edge - np.arange(edge) // 2 * 2) for edge in x.shape[1:])
    return spread(gradient) / np.outer(rows, columns)


def backward(
    arrays: tiny.Arrays,
    taps: Taps,
    heads: Mapping[str, np.ndarray],
    *,
    pooling: str = "avg",
    ceil: bool = False,
) -> np.ndarray:
    """Gradients with respect to taps (of tiny.taps_of) -> gradient with respect to the picture."""
    order = list(taps)
    deepest = max(order.index(name) for name in heads)
    gradient = np.zeros_like(taps[order[deepest]])
    for place in range(deepest, -1, -1):
        name = order[place]
        gradient = gradient + heads.get(name, 0)
        if name.startswith("relu"):
            gradient = gradient * (taps[name] > 0)
        elif name.startswith("pool"):
            gradient = unpool(gradient, taps[order[place - 1]], pooling, ceil)
        else:  # the transposed convolution: kernels turned round, channels exchanged
            kernel = arrays[name][0].astype(np.float64)[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
            gradient = tiny.convolve(gradient, kernel, np.zeros(len(kernel)), "zero")
    return gradient


# ---- total variation, CxHxW ----


def laplacian(x: np.ndarray) -> tuple[float, np.ndarray]:
    """The gradient that was added in 2017, and a value it is the gradient of."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    around = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
    gradient = (4 * x - around) / 8
    return float((x * gradient).sum() / 2), gradient


def power(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Sum of (a + b)^1.25, value by value."""
    down = x[:, :-1, :-1] - x[:, 1:, :-1]
    right = x[:, :-1, :-1] - x[:, :-1, 1:]
    both = down**2 + right**2
    slope = 1.25 * both**0.25
    gradient = np.zeros_like(x)
    gradient[:, :-1, :-1] += slope * 2 * (down + right)
    gradient[:, 1:, :-1] -= slope * 2 * down
    gradient[:, :-1, 1:] -= slope * 2 * right
    return float((both**1.25).sum()), gradient


# ---- the recipes ----


@dataclass(frozen=True)
class Recipe:
    """content(C, M) and style(C, M, width * height): what multiplies ||F - P||^2, ||G - A||^2."""

    content_layer: str
    content: Callable[[int, int], float]
    style: Callable[[int, int, int], float]
    content_weight: float
    style_weight: float
    style_layers: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    tv_weight: float = 0.0
    tv: Callable[[np.ndarray], tuple[float, np.ndarray]] = power
    clip_norm: bool = False  # at the number of the picture's values, before tv is added
    model: str = "vgg19"
    pooling: str = "avg"
    ceil: bool = False
    mean: tuple[float, ...] = tuple(tiny.MEAN)
    white: float = 255.0


# (F - P) w and (G - A) F w / (C^2 M), integrated.
MXNET = Recipe(
    content_layer="relu4_2",
    content=lambda c, m: 1 / 2,
    style=lambda c, m, area: 1 / (4 * c**2 * m),
    content_weight=10,
    style_weight=1,
    white=256.0,
)
# 2 (F - P) w and 4 (G - A) F w / (C^2 M), integrated.
MXNET_NAG = replace(
    MXNET,
    content=lambda c, m: 1.0,
    style=lambda c, m, area: 1 / (c**2 * m),
    tv_weight=0.01,
    tv=laplacian,
    clip_norm=True,
)
KERAS_PRISMA = Recipe(
    content_layer="relu5_2",
    content=lambda c, m: 1.0,
    style=lambda c, m, area: 1 / (4 * 3**2 * area**2),
    content_weight=0.025,
    style_weight=1,
    style_layers=(0.2, 0.2, 0.2, 0.2, 0.2),
    tv_weight=1e-3,
    model="vgg16",
    mean=(0.0, 0.0, 0.0),
)
TF_SCROLL = Recipe(
    content_layer="relu4_2",
    content=lambda c, m: 1 / (4 * c * m),
    style=lambda c, m, area: 1 / (4 * c**2 * m**2),
    content_weight=5,
    style_weight=100,
    style_layers=(0.5, 1.0, 1.5, 3.0, 4.0),
    ceil=True,
)
KERAS_BOOK = replace(
    KERAS_PRISMA, tv_weight=1e-4, model="vgg19", pooling="max", mean=tuple(tiny.MEAN)
)
RECIPES = {
    "mxnet": MXNET,
    "mxnet-nag": MXNET_NAG,
    "keras-prisma": KERAS_PRISMA,
    "tf-scroll": TF_SCROLL,
    "keras-book": KERAS_BOOK,
}


class Objective(tiny.NumpyObjective):
    """A recipe's loss of arrays CxHxW, for a photo and a painting as such arrays, of one size."""

    def __init__(
        self, recipe: Recipe, arrays: tiny.Arrays, photo: np.ndarray, painting: np.ndarray
    ) -> None:
        self.recipe, self.arrays = recipe, arrays
        self.target = self.taps(photo)[recipe.content_layer]
        taps = self.taps(painting)
        self.grams = {name: self.gram(taps[name]) for name in STYLE_LAYERS}
        self.terms: dict[str, float] = {}

    def taps(self, x: np.ndarray) -> Taps:
        """Those of the network with the recipe's pooling."""
        recipe = self.recipe
        return tiny.taps_of(
            self.arrays, x, model=recipe.model, pooling=recipe.pooling, ceil=recipe.ceil
        )

    @staticmethod
    def gram(tap: np.ndarray) -> np.ndarray:
        """F F^T."""
        flat = tap.reshape(len(tap), -1)
        return flat @ flat.T

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        recipe, taps, area = self.recipe, self.taps(x), x.shape[1] * x.shape[2]
        difference = taps[recipe.content_layer] - self.target
        factor = recipe.content(len(difference), difference[0].size) * recipe.content_weight
        self.terms = {f"content:{recipe.content_layer}": factor * float((difference**2).sum())}
        heads = {recipe.content_layer: 2 * factor * difference}
        for name, weight in zip(STYLE_LAYERS, recipe.style_layers):
            flat = taps[name].reshape(len(taps[name]), -1)
            difference = self.gram(taps[name]) - self.grams[name]
            factor = recipe.style(*flat.shape, area) * recipe.style_weight * weight
            self.terms[f"style:{name}"] = factor * float((difference**2).sum())
            heads[name] = (4 * factor * difference @ flat).reshape(taps[name].shape)
        gradient = backward(self.arrays, taps, heads, pooling=recipe.pooling, ceil=recipe.ceil)
        if recipe.clip_norm:
            gradient = gradient * min(1, x.size / np.linalg.norm(gradient))
        if recipe.tv_weight:
            value, slope = recipe.tv(x)
            self.terms["tv"] = recipe.tv_weight * value
            gradient = gradient + recipe.tv_weight * slope
        return sum(self.terms.values()), gradient


# ---- the optimisers, as those recipes had them ----


def sgd_2015(objective: Any, x: np.ndarray, epochs: int) -> list[np.ndarray]:
    """Rate 0.1, momentum 0.9, decay 0.005 after a clip at 10; times 0.9 every 10 epochs."""
    points, velocity = [], np.zeros_like(x)
    for epoch in range(epochs):
        update = np.clip(objective(x)[1], -10, 10) + 0.005 * x
        velocity = 0.9 * velocity - 0.1 * 0.9 ** (epoch // 10) * update
        x = x + velocity
        points.append(x)
    return points


def nag_2017(objective: Any, x: np.ndarray, epochs: int) -> list[np.ndarray]:
    """Rate 0.001, momentum 0.95, decay 0.0001; times 0.9 every 75 epochs."""
    points, memory = [], np.zeros_like(x)
    for epoch in range(epochs):
        gradient = objective(x)[1] + 0.0001 * x
        memory = 0.95 * memory + gradient
        x = x - 0.001 * 0.9 ** (epoch // 75) * (gradient + 0.95 * memory)
        points.append(x)
    return points


def adam_of_tensorflow(objective: Any, x: np.ndarray, steps: int) -> list[np.ndarray]:
    """Rate 2, .9, .999, epsilon 1e-8."""
    points, mean, square = [], np.zeros_like(x), np.zeros_like(x)
    for step in range(1, steps + 1):
        gradient = objective(x)[1]
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = 2.0 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        x = x - rate * mean / (np.sqrt(square) + 1e-8)
        points.append(x)
    return points


UPDATES = {"mxnet": sgd_2015, "mxnet-nag": nag_2017, "tf-scroll": adam_of_tensorflow}
