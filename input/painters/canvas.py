"""Shared drawing tools: seeded noise, colour ramps, supersampling and relief lighting.

All geometry uses *scene units*: the long edge of a picture is 1.0, so every painter scales.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

SUPERSAMPLE = 2
Colour = tuple[int, int, int]


class Noise:
    """Smooth fractal noise over the plane, independent of the picture's resolution."""

    def __init__(self, rng: np.random.Generator, cells: float, octaves: int = 3) -> None:
        """Draw ``octaves`` random lattices; ``cells`` lattice steps span one scene unit."""
        self.cells = cells
        self.grids = [rng.standard_normal((64, 64)) for _ in range(octaves)]
        self.norm = float(np.sqrt(sum(0.25**k for k in range(octaves)))) * 0.62

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Sample the noise (about unit variance, zero mean) at scene positions."""
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        total = np.zeros(x.shape)
        for k, grid in enumerate(self.grids):
            step = self.cells * 2**k
            at = np.stack([y * step + 7.3 * k, x * step + 3.1 * k])
            total += 0.5**k * _sample_wrapped(grid, at)
        return total / self.norm


def _sample_wrapped(grid: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolate a periodic lattice with a smoothstep, which avoids visible cell edges."""
    base = np.floor(at).astype(np.int64)
    part = at - base
    part = part * part * (3.0 - 2.0 * part)
    size = grid.shape[0]
    y0, x0 = base[0] % size, base[1] % size
    y1, x1 = (y0 + 1) % size, (x0 + 1) % size
    top = grid[y0, x0] * (1 - part[1]) + grid[y0, x1] * part[1]
    low = grid[y1, x0] * (1 - part[1]) + grid[y1, x1] * part[1]
    return top * (1 - part[0]) + low * part[0]


def scene_grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scene positions (x, y) of all pixel centres."""
    long_edge = max(width, height)
    xs = (np.arange(width) + 0.5) / long_edge
    ys = (np.arange(height) + 0.5) / long_edge
    return np.meshgrid(xs, ys)


def colours(values: Sequence[Colour]) -> np.ndarray:
    """Turn 8-bit colour triples into a float array with values 0..1."""
    return np.asarray(values, np.float64) / 255.0


def ramp(t: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Interpolate evenly spaced colour stops at positions ``t`` in 0..1."""
    at = np.clip(t, 0.0, 1.0) * (len(stops) - 1)
    low = np.minimum(at.astype(np.int64), len(stops) - 2)
    part = (at - low)[..., None]
    return stops[low] * (1 - part) + stops[low + 1] * part


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (``low`` may exceed ``high``)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def vivid(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Push colours away from (positive) or towards (negative) their own grey."""
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    return np.clip(grey[..., None] + (rgb - grey[..., None]) * (1.0 + amount), 0.0, 1.0)


def jitter(rgb: np.ndarray, rng: np.random.Generator, light: float, tint: float) -> np.ndarray:
    """Vary each colour a little in lightness and in hue."""
    count = len(rgb)
    factor = np.exp(rng.normal(0.0, light, (count, 1)))
    return np.clip(rgb * factor + rng.normal(0.0, tint, (count, 3)), 0.0, 1.0)


def relief(height: np.ndarray, strength: float, angle: float = 2.3) -> np.ndarray:
    """Light a height map from direction ``angle``; the result is signed, about -1..1."""
    scale = max(height.shape) / 1024.0
    smooth = ndimage.gaussian_filter(height, 0.55 * scale)
    dy, dx = np.gradient(smooth)
    slope = (-dx * np.cos(angle) + dy * np.sin(angle)) * -scale
    return np.tanh(slope * strength)


def apply_light(rgb: np.ndarray, light: np.ndarray, high: float, low: float) -> np.ndarray:
    """Screen highlights and multiply shadows onto a picture, keeping its colour."""
    up = np.maximum(light, 0.0)[..., None] * high
    down = 1.0 + np.minimum(light, 0.0)[..., None] * low
    tint = 0.35 + 0.65 * rgb
    return np.clip(rgb * down + (1.0 - rgb) * up * tint, 0.0, 1.0)


def shrink(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """Average a supersampled float array (2-D or 3-D) down to the final size."""
    fy, fx = array.shape[0] // height, array.shape[1] // width
    shape = (height, fy, width, fx) + array.shape[2:]
    return array[: height * fy, : width * fx].reshape(shape).mean(axis=(1, 3))


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """Round a 0..1 picture to 8 bits."""
    return np.round(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)
