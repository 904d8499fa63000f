"""One style in one pass, by the network that was trained for it. Loads MXNet.

Arrays are float32 (1, 3, H, W), RGB 0..255 minus the mean of `convention`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from nstyle.errors import WeightsError
from nstyle.feedforward import tiled
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.network_file import ONE_STYLE, NetworkFile
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.networks.preprocessing import Preprocessing

CELLS = (8, 24)  # px from one independent value to the next: for fine and for coarse strokes
DEVIATION = 10.0  # grey levels, of each
BAND = 768  # rows; a multiple of the cells


def grained(x: np.ndarray, *seed: int) -> np.ndarray:
    """float32 (1, C, H, W) in grey levels -> the same with grain, which the seed says."""
    chance, grown = np.random.default_rng(seed), x.copy()
    for channel in grown[0]:
        for cell in CELLS:
            add_noise(channel, chance, cell)
    return grown


def add_noise(channel: np.ndarray, chance: np.random.Generator, cell: int) -> None:
    """Add to (H, W), in place: an independent value every `cell` px, and smooth between them."""
    height, width = channel.shape
    values = chance.normal(0, DEVIATION, (-(-height // cell) + 1, -(-width // cell) + 1))
    image = Image.fromarray(values.astype(np.float32))
    for top in range(0, height, BAND):  # a large picture's need not be there all at once
        band = channel[top : top + BAND]
        box = (0, top / cell, width / cell, (top + len(band)) / cell)
        size = (width, len(band))
        band += np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


class OneStyle(tiled.Network):
    """The network on a device. Raises WeightsError where the file does not fit."""

    def __init__(self, file: NetworkFile, device: Any) -> None:
        if file.network != ONE_STYLE:
            raise WeightsError(f"{file.path}: paints {file.network}; give one for {ONE_STYLE}")
        red, green, blue = file.shape["mean"]
        self.convention = Preprocessing(ONE_STYLE, (red, green, blue))
        super().__init__(ResidualNetwork(**file.shape), device)
        start(self.body, 0, device)
        fill(self.body, file.arrays, file.path)
        self.body.hybridize(static_alloc=True)

    def paint(self, x: np.ndarray, through: Callable[..., np.ndarray] = tiled.paint) -> np.ndarray:
        """The photo in the style. through: brings an array through a tiled.Network."""
        return through(self, grained(x))
