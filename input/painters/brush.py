"""An oil brush: strokes made of bristles that leave both colour and paint thickness behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .canvas import apply_light, relief, shrink

SUPERSAMPLE = 3
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass
class Strokes:
    """A batch of strokes: paths (n, k, 2) and widths (n,) in scene units, colours (n, 3)."""

    paths: np.ndarray
    widths: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def shuffled(self, rng: np.random.Generator) -> Strokes:
        """Return the strokes in random order."""
        at = rng.permutation(len(self.paths))
        return Strokes(self.paths[at], self.widths[at], self.left[at], self.right[at])


def trace(
    start: np.ndarray, field: Field, lengths: np.ndarray, steps: int, inside: Field | None = None
) -> np.ndarray:
    """Follow ``field`` (an angle) both ways from ``start``; stop where ``inside`` turns false."""
    halves = []
    for sign in (-1.0, 1.0):
        point = start.copy()
        going = np.ones(len(start), bool)
        line = []
        for _ in range(steps):
            angle = field(point[:, 0], point[:, 1])
            step = sign * np.stack([np.cos(angle), np.sin(angle)], 1)
            nxt = point + step * (lengths / (2.0 * steps))[:, None]
            if inside is not None:
                going &= inside(nxt[:, 0], nxt[:, 1]).astype(bool)
            point = np.where(going[:, None], nxt, point)
            line.append(point)
        halves.append(line)
    return np.stack(halves[0][::-1] + [start] + halves[1], axis=1)


def scatter(rng: np.random.Generator, count: int, width: float, height: float) -> np.ndarray:
    """Spread ``count`` points evenly (a jittered lattice, so no clumps and no holes)."""
    cols = max(1, int(np.ceil(np.sqrt(count * width / height))))
    rows = max(1, int(np.ceil(count / cols)))
    gx, gy = np.meshgrid(np.arange(cols), np.arange(rows))
    spots = np.stack([gx.ravel(), gy.ravel()], 1) + rng.uniform(-0.2, 1.2, (cols * rows, 2))
    return spots / [cols, rows] * [width, height]


class OilCanvas:
    """A canvas that remembers colour (RGB) and paint height (stored in the alpha channel)."""

    def __init__(self, width: int, height: int, ground: tuple[int, int, int]) -> None:
        """Prime the canvas with a flat ground colour."""
        self.width, self.height = width, height
        self.scale = max(width, height) * SUPERSAMPLE
        self.image = Image.new("RGBA", (width * SUPERSAMPLE, height * SUPERSAMPLE), (*ground, 60))
        self.pen = ImageDraw.Draw(self.image)

    def paint(
        self, strokes: Strokes, rng: np.random.Generator, streak: float = 0.12, dry: float = 0.0
    ) -> None:
        """Lay down a batch of strokes in order; ``streak`` is the contrast between bristles."""
        count = len(strokes.paths)
        if not count:
            return
        size = float(np.median(strokes.widths)) * self.scale
        bristles = int(np.clip(round(size / 3.6), 2, 16))
        draws = rng.random((count, 16, 4))[:, :bristles]
        lines = self._bristle_paths(strokes, draws, bristles)
        inks = self._bristle_inks(strokes, draws, bristles, streak)
        pens = np.maximum(1, np.round(strokes.widths * self.scale / bristles * 1.55)).astype(int)
        keep = draws[..., 3] >= dry
        # Neighbouring bristles overlap, so they are laid in a random order within a stroke.
        for row, ink, pen, used in zip(lines.tolist(), inks.tolist(), pens.tolist(), keep):
            for path, colour, on in zip(row, ink, used):
                if on:
                    self.pen.line(path, fill=tuple(colour), width=pen)

    def _bristle_paths(self, strokes: Strokes, draws: np.ndarray, bristles: int) -> np.ndarray:
        """Offset every path sideways once per bristle, with ragged rounded ends."""
        paths = strokes.paths
        count, knots = paths.shape[:2]
        tangent = np.gradient(paths, axis=1)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-9)
        normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
        side = np.linspace(-1.0, 1.0, bristles) * (1 - 0.5 / bristles)
        cut = 0.16 * (1 - np.sqrt(1 - 0.9 * side**2)) + 0.12 * draws[..., 0]
        tail = 1.0 - 0.16 * (1 - np.sqrt(1 - 0.9 * side**2)) - 0.22 * draws[..., 1] ** 2
        at = cut[..., None] + (tail - cut)[..., None] * np.linspace(0, 1, knots)
        at *= knots - 1
        low = np.minimum(at.astype(int), knots - 2)
        part = (at - low)[..., None]
        rows = np.arange(count)[:, None, None]
        spine = paths[rows, low] * (1 - part) + paths[rows, low + 1] * part
        swell = np.sin(np.pi * np.clip(at / (knots - 1), 0.04, 0.96)) ** 0.35
        shift = side[None, :, None] * strokes.widths[:, None, None] * 0.5 * swell
        points = (spine + normal[rows, low] * shift[..., None]) * self.scale
        return points.reshape(count, bristles, knots * 2)

    def _bristle_inks(
        self, strokes: Strokes, draws: np.ndarray, bristles: int, streak: float
    ) -> np.ndarray:
        """Mix the two colours on the brush over its width and set the paint height."""
        side = np.linspace(0.0, 1.0, bristles)
        mix = np.clip(side[None] + (draws[..., 1] - 0.5) * 0.5, 0, 1)[..., None]
        rgb = strokes.left[:, None] * (1 - mix) + strokes.right[:, None] * mix
        rgb = np.clip(rgb * (1 + streak * (draws[..., 2:3] * 2 - 1)), 0, 1) * 255
        ridge = np.abs(side * 2 - 1) ** 3
        thick = 70 + 70 * ridge + 90 * draws[..., 2] + 25 * draws[:, :1, 3]
        return np.round(np.concatenate([rgb, thick[..., None]], -1)).astype(int)

    def finish(self, strength: float, high: float, low: float) -> np.ndarray:
        """Average down and light the paint from the upper left; returns floats 0..1."""
        full = np.asarray(self.image, np.float32) / 255.0
        small = shrink(full, self.width, self.height).astype(np.float64)
        light = relief(small[..., 3], strength)
        return apply_light(small[..., :3], light, high, low)
