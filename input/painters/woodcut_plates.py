"""Printing blocks for ``woodcut_wave``: shapes and swelling lines on one image per ink.

Design units: the picture is 1.0 wide and ``DESIGN_HEIGHT`` high, whatever its real size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

DESIGN_HEIGHT = 0.70
LINE = 0.0017


class Plates:
    """One grey image per ink; shapes drawn later knock out everything below them."""

    def __init__(self, size: tuple[int, int], names: Sequence[str]) -> None:
        """Make empty blocks of ``size`` pixels."""
        self.size = size
        self.images = {name: Image.new("L", size, 0) for name in names}
        self.pens = {name: ImageDraw.Draw(image) for name, image in self.images.items()}
        self.scale = np.array([size[0], size[1] / DESIGN_HEIGHT])

    @staticmethod
    def _outside(points: np.ndarray) -> bool:
        """Tell whether a shape lies above or below the block (Pillow would smear its edge)."""
        return bool(points[:, 1].max() <= 0.0 or points[:, 1].min() >= DESIGN_HEIGHT)

    def cover(self, points: np.ndarray, inks: Sequence[str]) -> None:
        """Fill a polygon with exactly these inks."""
        points = np.asarray(points)
        if self._outside(points):
            return
        flat = (points * self.scale).ravel().tolist()
        for name, pen in self.pens.items():
            pen.polygon(flat, fill=255 if name in inks else 0)

    def disc(self, x: float, y: float, radius: float, inks: Sequence[str]) -> None:
        """Fill a disc with exactly these inks."""
        turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        self.cover(np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], 1), inks)

    def line(
        self, path: np.ndarray, widths: np.ndarray, ink: str, carve: Sequence[str] = ()
    ) -> None:
        """Engrave a swelling line: print it in ``ink`` and/or cut it out of other blocks."""
        points = ribbon(path, widths)
        if self._outside(points):
            return
        flat = (points * self.scale).ravel().tolist()
        if ink:
            self.pens[ink].polygon(flat, fill=255)
        for name in carve:
            self.pens[name].polygon(flat, fill=0)


def ribbon(path: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Outline of a line of varying width."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    side = np.stack([-tangent[:, 1], tangent[:, 0]], 1) * (np.asarray(widths) / 2)[:, None]
    return np.concatenate([path + side, (path - side)[::-1]])
