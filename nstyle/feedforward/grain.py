"""Grain: faint noise that painting networks are given with a photo.

It decides where strokes lie in parts that are flat. Pure numpy, and Pillow.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

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
