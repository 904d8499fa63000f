"""Paintings in other colours: a network shall learn from more palettes than there are paintings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nstyle.networks import preprocessing

SHARE = 0.5  # of the pictures are changed
SATURATION, CONTRAST, SHIFT = (0.4, 2.2), (0.7, 1.3), 40.0  # of chroma, of luminance, grey levels


class Recoloured:
    """Pictures by number, (N, 3, H, W) in a convention's space, half of them recoloured.

    Hue turned about the grey axis, chroma and luminance stretched, all shifted; depends on nothing
    but the seed and the number.
    """

    def __init__(
        self,
        pictures: Callable[[int], np.ndarray],
        *,
        seed: int,
        convention: preprocessing.Preprocessing = preprocessing.CAFFE,
    ) -> None:
        self._pictures, self._seed = pictures, seed
        self._low, self._high = preprocessing.limits(convention, 255.0)

    def __call__(self, number: int) -> np.ndarray:
        """float32 (N, 3, H, W)."""
        values = self._pictures(number)
        chance = np.random.default_rng([self._seed, 3, number])
        if chance.random() >= SHARE:
            return values
        matrix = turned(chance.uniform(0, 2 * np.pi), chance.uniform(*SATURATION))
        matrix = (matrix * chance.uniform(*CONTRAST)).astype(np.float32)
        middle = values.mean(axis=(0, 2, 3), keepdims=True)
        changed = np.einsum("ij,njhw->nihw", matrix, values - middle)
        shift = chance.uniform(-SHIFT, SHIFT, (1, 3, 1, 1)).astype(np.float32)
        clipped = np.clip(changed + middle + shift, self._low, self._high)
        return np.ascontiguousarray(clipped, np.float32)


def turned(angle: float, saturation: float) -> np.ndarray:
    """The matrix (3, 3) that turns colours about the grey axis and stretches what is not grey."""
    grey = np.full((3, 3), 1 / 3)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return grey + saturation * (np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * axis)
