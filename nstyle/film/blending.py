"""Two pictures of the same strokes, a little apart, blended to one that is as sharp as they are.

A plain mean of strokes that do not lie on each other washes them out, more in every frame. So the
mean's detail is brought back to the strength it has in the newer picture, band by band, as
variance-preserving blending of textures does (Heitz & Neyret 2018, doi:10.1145/3233304).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

FINENESS = (0.7, 1.4, 2.8)  # px, deviations; between two is a band of detail
NEIGHBOURHOOD = 6.0  # px: how strong detail is, is looked at around each pixel
MOST = 2.0  # times stronger at most, as where nearly nothing is left there is only noise
LITTLE = 1e-6  # of 1, squared: detail below has no strength worth the name


def blended(new: np.ndarray, old: np.ndarray, share: np.ndarray) -> np.ndarray:
    """new + share (old - new), detail as strong as in `new`. float32 (H, W, 3) in 0..1; share:
    (H, W, 1), 0..1.
    """
    mean = new + share * (old - new)
    whole, rest, aim = np.zeros_like(mean), mean, new
    for fine in FINENESS:
        smooth, smooth_aim = smoothed(rest, fine), smoothed(aim, fine)
        whole += (rest - smooth) * gain(rest - smooth, aim - smooth_aim)
        rest, aim = smooth, smooth_aim
    return np.clip(whole + rest, 0, 1)


def gain(band: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """What brings a band's strength to that of another, around each pixel: (H, W, 1), 1 to MOST."""
    has, wanted = (
        smoothed(np.square(part).mean(axis=2, keepdims=True), NEIGHBOURHOOD) + LITTLE
        for part in (band, aim)
    )
    return np.clip(np.sqrt(wanted / has), 1, MOST)


def smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W, C), each channel by itself."""
    return np.asarray(ndimage.gaussian_filter(values, (deviation, deviation, 0), mode="nearest"))
