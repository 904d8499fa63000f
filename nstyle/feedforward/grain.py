"""Grain: what a network of one style is given beside the photo, to begin its strokes with.

Where a photo is flat nothing says where a stroke or a piece of glass should be, and a network puts
lines there like a weave (Ulyanov et al., arXiv:1603.03417, give theirs noise for the same reason).
The grain is always the same for a size, so that a picture is painted the same again. Pure numpy.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

CELL = 8  # px from one independent value to the next
DEVIATION = 12.0  # grey levels


def grained(x: np.ndarray, *seed: int) -> np.ndarray:
    """float32 (1, C, H, W) in grey levels -> the same with grain, which the seed says."""
    chance, (height, width) = np.random.default_rng(seed), x.shape[2:]
    cells = -(-height // CELL) + 1, -(-width // CELL) + 1
    grown = x.copy()
    for channel in grown[0]:
        values = Image.fromarray(chance.normal(0, DEVIATION, cells).astype(np.float32))
        box = (0, 0, width / CELL, height / CELL)
        channel += np.asarray(values.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return grown
