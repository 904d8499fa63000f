"""The cartoon of ``stained_glass``: which piece of glass lies where, and in which colour."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from .canvas import Noise, colours, jitter, ramp

BORDER, CORE, PETAL, LEAF, ROUNDEL, RAY, HILL, RIVER, POPPY, HEART = range(10)
REGION_STEP = 1_000_000
PETALS = colours([(255, 214, 70), (255, 150, 24), (238, 84, 26)])
LEAVES = colours([(196, 22, 40), (236, 120, 30), (150, 16, 70), (250, 176, 40)])
RAYS_WARM = colours([(255, 200, 60), (250, 126, 40), (222, 50, 84), (150, 30, 140), (70, 30, 150)])
RAYS_COOL = colours(
    [(254, 222, 120), (110, 206, 206), (26, 140, 206), (16, 82, 190), (14, 40, 140)]
)
HILLS = (
    colours([(60, 150, 170), (36, 104, 150), (98, 120, 190), (130, 90, 170)]),
    colours([(30, 140, 96), (92, 176, 80), (20, 104, 110), (170, 196, 70)]),
    colours([(14, 96, 52), (44, 134, 44), (120, 160, 30), (12, 72, 66)]),
)
RIVER_TINTS = colours([(30, 140, 210), (110, 208, 224), (20, 84, 180), (240, 210, 140)])
POPPIES = colours([(226, 24, 30), (246, 70, 34), (186, 12, 46)])
TRIM = colours([(170, 16, 40), (24, 52, 160), (232, 160, 36), (20, 110, 90)])
# Poppies as (x, y, radius); x and y are fractions of the picture's size.
FLOWERS = (
    (0.17, 0.865, 0.052),
    (0.30, 0.915, 0.040),
    (0.83, 0.885, 0.050),
    (0.70, 0.925, 0.036),
    (0.115, 0.760, 0.032),
    (0.885, 0.775, 0.034),
)


class Design:
    """Geometry and palette of the window, in scene units."""

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        """Lay out the window on a pane of the given size."""
        self.width, self.height = width, height
        self.sun = (0.5 * width, 0.335 * height)
        self.breaks = rng.uniform(0, 1, 64)
        self.roll = Noise(rng, 5.0, 2)
        self.sites = rng.uniform(-0.1, 1.2, (520, 2)) * [1.0, 1.6]
        self.flowers = [(u * width, v * height, r, rng.uniform(0, 6)) for u, v, r in FLOWERS]

    def pieces(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the region number and a unique piece number at every point."""
        region = np.full(x.shape, RAY)
        piece = self._rays(x, y)
        self._hills(x, y, region, piece)
        self._rose(x, y, region, piece)
        self._poppies(x, y, region, piece)
        self._border(x, y, region, piece)
        # Every hill range is framed like a region of its own.
        zone = np.where(region == HILL, HILL * 10 + piece // 10_000, region * 10)
        zone = np.where(region == POPPY, POPPY * 10 + 200 + piece // 100, zone)
        return zone, region * REGION_STEP + piece

    def _rays(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Curved sun rays, each cut across at its own radii."""
        dx, dy = x - self.sun[0], y - self.sun[1]
        r = np.hypot(dx, dy)
        turn = np.arctan2(dy, dx) / (2 * np.pi) + 0.16 * r + 0.016 * np.sin(r * 21)
        sector = np.floor((turn % 1.0) * 34).astype(int)
        far = np.log(r + 0.05) * 5.2 + self.breaks[sector] * 0.9
        bent = far + 0.30 * np.cos((turn * 34 % 1.0 - 0.5) * np.pi)
        return sector * 100 + np.floor(bent).astype(int) + 40

    def _hills(self, x: np.ndarray, y: np.ndarray, region: np.ndarray, piece: np.ndarray) -> None:
        """Three hill ranges of long organic cells, and the river that winds through them."""
        tree = cKDTree(self.sites)
        u = x / self.width
        for level in range(3):
            top = self._ridge(level, u)
            inside = y > top
            depth = (y - top)[inside]
            warp = 0.02 * self.roll(x[inside] * 2, y[inside] * 2)
            spots = np.stack([x[inside] * 0.60 + warp, depth * 1.45 + warp + 0.4 * level], 1)
            region[inside] = HILL
            piece[inside] = level * 10_000 + tree.query(spots)[1]
        t = (y / self.height - 0.63) / 0.37
        bed = (0.52 + 0.13 * np.sin(5.2 * t + 0.6) * (0.35 + t)) * self.width
        half = 0.010 + 0.115 * np.clip(t, 0, 1) ** 1.35
        wet = (t > 0.0) & (np.abs(x - bed) < half)
        side = (x - bed) / half
        step = np.sqrt(np.clip(t, 0, 1)) * 11 + 0.40 * np.sin(side * 2.6 + t * 9)
        lane = np.floor((side + 0.28 * np.sin(step * 1.7)) * (0.02 + 0.8 * (t > 0.30)))
        region[wet] = RIVER
        piece[wet] = (np.floor(step) * 20 + lane + 5).astype(int)[wet]

    def _ridge(self, level: int, u: np.ndarray) -> np.ndarray:
        """Skyline of one hill range."""
        if level == 0:
            top = 0.615 + 0.035 * np.sin(7.0 * u + 0.9) + 0.018 * np.sin(17 * u)
        elif level == 1:
            top = 0.715 + 0.050 * np.cos(6.2 * u + 0.2) + 0.012 * np.sin(15 * u)
        else:
            top = 0.835 + 0.055 * np.cos(6.2 * (u - 0.5)) + 0.010 * np.sin(19 * u)
        return top * self.height

    def _rose(self, x: np.ndarray, y: np.ndarray, region: np.ndarray, piece: np.ndarray) -> None:
        """The sun as a rose window: core, petals, pointed leaves and a ring of roundels."""
        dx, dy = x - self.sun[0], y - self.sun[1]
        r, turn = np.hypot(dx, dy), np.arctan2(dy, dx) / (2 * np.pi) + 0.5
        fan = np.abs((turn * 12 % 1.0) - 0.5) * 2
        tip = 0.173 + 0.020 * (1 - fan**1.6)
        ring = r < 0.232 + 0.006 * np.cos(turn * 2 * np.pi * 24)
        roundel = np.hypot((turn * 24 % 1.0 - 0.5) * 2 * np.pi * 0.207 / 24, r - 0.207) < 0.0175
        for hit, kind, parts in (
            (ring, LEAF, 24),
            (ring & roundel, ROUNDEL, 24),
            (r < tip, LEAF, 12),
            (r < 0.124 + 0.012 * np.abs(np.cos(turn * 2 * np.pi * 6)), PETAL, 12),
            (r < 0.070, CORE, 8),
            (r < 0.034, HEART, 1),
        ):
            offset = 0.5 if parts == 12 and kind == PETAL else 0.0
            number = np.floor(turn * parts + offset).astype(int) % parts
            region[hit] = kind
            piece[hit] = number[hit] + (100 if parts == 24 else 0)

    def _poppies(self, x: np.ndarray, y: np.ndarray, region: np.ndarray, piece: np.ndarray) -> None:
        """Big poppies in the meadow: five petals around a dark heart."""
        for k, (cx, cy, radius, phase) in enumerate(self.flowers):
            dx, dy = x - cx, (y - cy) * 1.18
            turn = np.arctan2(dy, dx) / (2 * np.pi) + phase + 0.10 * np.hypot(dx, dy) / radius
            r = np.hypot(dx, dy) / radius / (0.84 + 0.16 * np.abs(np.sin(turn * np.pi * 5)))
            number = np.floor(turn * 5).astype(int) % 5
            region[r < 1], piece[r < 1] = POPPY, (k * 100 + number)[r < 1]
            heart = r < 0.30
            region[heart], piece[heart] = HEART, k + 10

    def _border(self, x: np.ndarray, y: np.ndarray, region: np.ndarray, piece: np.ndarray) -> None:
        """A frame of alternating long and short pieces, with square corners."""
        band = 0.040
        gap = np.stack([x, self.width - x, y, self.height - y])
        side, near = gap.argmin(0), gap.min(0)
        run = np.where(side < 2, y, x)
        whole = np.where(side < 2, self.height, self.width)
        repeats = np.round(whole / 0.105)
        phase = run / whole * repeats
        number = np.floor(phase) * 2 + (phase % 1.0 > 0.7)
        corner = np.sort(gap, axis=0)[1] < band
        number = np.where(corner, 90, number)
        side = np.where(corner, (gap[0] < band) * 2 + (gap[2] < band), side)
        frame = near < band
        region[frame] = BORDER
        piece[frame] = (side * 100 + number).astype(int)[frame]

    def cell_colours(
        self,
        rng: np.random.Generator,
        region: np.ndarray,
        cell: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose the two glass colours of every piece from its place in the picture."""
        index = np.arange(int(cell.max()) + 1)
        area = np.maximum(ndimage.sum_labels(np.ones(cell.shape), cell, index), 1)
        mid = [ndimage.sum_labels(v, cell, index) / area for v in (x, y)]
        zone = ndimage.maximum(region, cell, index).astype(int)
        kind = np.where(zone >= POPPY * 10 + 200, POPPY, zone // 10)
        level = np.clip(zone - HILL * 10, 0, 2)
        first = self._palette(rng, kind, level, mid)
        other = self._palette(rng, kind, level, mid)
        share = np.where((kind == BORDER) | (kind == RAY), 0.15, 0.60)[:, None]
        second = (1 - share) * first + share * other
        second = np.clip(second + rng.uniform(-0.14, 0.26, (len(kind), 1)), 0, 1)
        return jitter(first, rng, 0.10, 0.02), jitter(second, rng, 0.08, 0.02)

    def _palette(
        self, rng: np.random.Generator, kind: np.ndarray, level: np.ndarray, mid: list[np.ndarray]
    ) -> np.ndarray:
        """Draw one colour per piece from its region's palette."""
        count = len(kind)
        pick = rng.random(count)
        dx, dy = mid[0] - self.sun[0], mid[1] - self.sun[1]
        reach = (np.hypot(dx, dy) - 0.20) / 0.36 + rng.normal(0, 0.07, count)
        turn = np.arctan2(dy, dx) / (2 * np.pi) + 0.16 * np.hypot(dx, dy)
        warm = np.floor((turn % 1.0) * 34).astype(int) % 2 == 0
        rgb = np.where(warm[:, None], ramp(reach, RAYS_WARM), ramp(reach, RAYS_COOL))
        hills = np.choose(level[None, :, None], [_any(pick, p)[None] for p in HILLS])[0]
        for which, values in (
            (HILL, hills),
            (RIVER, _any(pick, RIVER_TINTS)),
            (POPPY, _any(pick, POPPIES)),
            (PETAL, _any(pick, PETALS)),
            (LEAF, _any(pick, LEAVES)),
            (ROUNDEL, _any(pick, RAYS_COOL[1:4])),
            (BORDER, _any(pick, TRIM)),
            (CORE, _any(pick, PETALS[:2]) * 0.6 + 0.4),
            (HEART, np.full((count, 3), 0.0) + [0.20, 0.08, 0.20]),
        ):
            rgb = np.where((kind == which)[:, None], values, rgb)
        sun_heart = (kind == HEART) & (np.hypot(dx, dy) < 0.02)
        return np.where(sun_heart[:, None], np.array([1.0, 0.95, 0.78]), rgb)


def _any(pick: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Pick whole palette entries with the uniform numbers ``pick``."""
    return palette[np.minimum((pick * len(palette)).astype(int), len(palette) - 1)]
