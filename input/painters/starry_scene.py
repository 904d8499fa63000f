"""The composition of ``starry_flow``: wind, stars, hills, village and cypress as functions."""

from __future__ import annotations

import numpy as np

from .canvas import Noise, smoothstep

# Stars as (x, y, radius, spin); x and y are fractions of the picture's size.
STARS = (
    (0.345, 0.125, 0.040, 1),
    (0.060, 0.115, 0.034, -1),
    (0.075, 0.400, 0.036, 1),
    (0.335, 0.560, 0.052, -1),
    (0.470, 0.075, 0.022, 1),
    (0.605, 0.115, 0.034, -1),
    (0.740, 0.275, 0.030, 1),
    (0.700, 0.060, 0.022, 1),
    (0.945, 0.440, 0.034, -1),
    (0.320, 0.345, 0.026, 1),
    (0.800, 0.500, 0.022, -1),
    (0.030, 0.620, 0.024, 1),
)
MOON = (0.872, 0.150, 0.105)
# The two great whirls in the middle of the sky: x, y, radius, spin, inward pull.
WHIRLS = ((0.500, 0.345, 0.135, 1, 0.30), (0.660, 0.450, 0.085, -1, 0.25))
# The tongues of the cypress: middle, tip (fractions of the size), girth and phase.
TONGUES = ((0.195, 0.085, 0.080, 0.3), (0.262, 0.47, 0.044, 2.1), (0.130, 0.66, 0.040, 4.0))


class Scene:
    """All the geometry of the night, in scene units."""

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        """Place everything on a canvas of the given size."""
        self.width, self.height = width, height
        stars = [(x * width, y * height, r, s) for x, y, r, s in STARS]
        mx, my, halo = MOON[0] * width, MOON[1] * height, MOON[2]
        self.stars = stars + [(mx, my, halo, 1)]
        self.moon = (mx, my, halo * 0.42)
        self.whirls = [(x * width, y * height, r, s, p) for x, y, r, s, p in WHIRLS]
        self.drift = Noise(rng, 3.2, 3)
        self.tint = Noise(rng, 15.0, 2)
        self.thread = Noise(rng, 46.0, 1)
        self.bumps = Noise(rng, 4.0, 3)
        self.fields = Noise(rng, 13.0, 3)

    def wind(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Angle of the flow: a wavy westerly with vortices around every star."""
        base = 0.55 * self.drift(x, y) + 0.35 * np.sin(7.5 * x + 3 * y + 0.6)
        vx, vy = np.cos(base) * 0.5, np.sin(base) * 0.5
        for cx, cy, radius, spin, pull in self.whirls:
            dx, dy = x - cx, y - cy
            r = np.hypot(dx, dy) + 1e-6
            weight = 2.6 * np.exp(-((r / (radius * 1.15)) ** 2))
            vx = vx + weight * (-spin * dy - pull * dx) / r
            vy = vy + weight * (spin * dx - pull * dy) / r
        for cx, cy, radius, spin in self.stars:
            dx, dy = x - cx, y - cy
            r = np.hypot(dx, dy) + 1e-6
            weight = 7.0 * np.exp(-((r / (radius * 1.25)) ** 2))
            vx, vy = vx - weight * spin * dy / r, vy + weight * spin * dx / r
        return np.arctan2(vy, vx)

    def star_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance to the star whose glow is strongest, in radii of that star."""
        return np.stack([np.hypot(x - cx, y - cy) / r for cx, cy, r, _ in self.stars]).min(0)

    def band(self, point: np.ndarray) -> np.ndarray:
        """Sky tone 0..1: noise smeared along the wind, plus lighter arms in the whirls."""
        total, fine = np.zeros(len(point)), np.zeros(len(point))
        for sign in (-1.0, 1.0):
            at = point.copy()
            for _ in range(11):
                angle = self.wind(at[:, 0], at[:, 1])
                at = at + sign * 0.011 * np.stack([np.cos(angle), np.sin(angle)], 1)
                total += self.tint(at[:, 0], at[:, 1])
                fine += self.thread(at[:, 0], at[:, 1])
        x, y = point[:, 0], point[:, 1]
        tone = 0.36 + 0.46 * np.tanh(total / 22.0) + 0.42 * fine / 22.0
        for cx, cy, radius, spin, _ in self.whirls:
            r = np.hypot(x - cx, y - cy) / radius
            arm = np.cos(2 * (np.arctan2(y - cy, x - cx) * spin) + 5.2 * np.log(r + 0.12))
            tone = tone + np.exp(-((r / 1.1) ** 2)) * (0.10 + 0.30 * arm)
        horizon = smoothstep(0.30, 0.0, self.ridge(0, x) - y)
        return np.clip(tone + 0.22 * horizon**2 - 0.06, 0.0, 1.0)

    def ridge(self, level: int, x: np.ndarray) -> np.ndarray:
        """Height of the skyline of hill range 0 (far) or 1 (near); 2 is below the picture."""
        u = x / self.width
        if level == 0:
            wave = 0.035 * np.sin(5.2 * u + 0.4) + 0.022 * np.sin(13 * u + 2.0) - 0.09 * u
            return self.height * (0.755 + wave)
        if level == 1:
            wave = 0.022 * np.sin(6.5 * u + 3.4) + 0.010 * np.sin(17 * u) - 0.02 * u
            return self.height * (0.862 + wave)
        return np.full_like(np.asarray(x, float), self.height * 1.2)

    def slope(self, level: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Direction of the strokes on a hill: its contour, rolling more with depth."""
        rise = (self.ridge(level, x + 0.004) - self.ridge(level, x - 0.004)) / 0.008
        return np.arctan(rise) + 0.42 * self.bumps(x, y * 1.6)

    def furrow(self, point: np.ndarray, depth: np.ndarray, level: int) -> np.ndarray:
        """Tone of a hill stroke: a light crest, then bands parallel to the ridge."""
        x = point[:, 0]
        roll = self.fields(x * 0.45, depth * 2.6 + 3.0 * level)
        return 0.62 * smoothstep(0.0, 0.05, depth) * (0.75 + 0.42 * roll)

    def is_sky(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie above the far hills."""
        return y < self.ridge(0, x) + 0.004

    def _flame(self, x: np.ndarray, y: np.ndarray, grow: float) -> np.ndarray:
        """Membership of the cypress, widened by ``grow``: tongues on one foot."""
        hit = np.zeros(np.shape(x), bool)
        for centre, tip, girth, phase in TONGUES:
            t = (y / self.height - tip) / (1.0 - tip)
            mid = centre * self.width + 0.016 * np.sin(8.5 * t + phase) * np.clip(1.2 - t, 0, 1)
            wobble = 1 + 0.16 * np.sin(19 * t + phase) + 0.10 * np.sin(43 * t + 2 * phase)
            half = girth * np.clip(t, 0, 1) ** 0.70 * wobble * (1 + 0.5 * np.clip(t - 0.75, 0, 1))
            hit |= (t > -grow) & (np.abs(x - mid) < half + grow)
        return hit

    def in_cypress(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie in the tree."""
        return self._flame(x, y, 0.0)

    def near_cypress(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie in the tree or just outside, where strokes may flick out."""
        return self._flame(x, y, 0.006)

    def lick(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Upward direction of the tree's strokes, waving like a flame."""
        lean = (x - 0.2 * self.width) * 1.8
        return -np.pi / 2 - lean + 0.42 * np.sin(21 * y + 16 * x) + 0.2 * self.bumps(x * 2, y * 2)

    def houses(self, rng: np.random.Generator) -> list[tuple]:
        """Bars (kind, x0, y0, x1, y1, thickness) that build the village, back to front."""
        bars: list[tuple] = []
        for u in (0.40, 0.47, 0.515, 0.60, 0.655, 0.715, 0.78, 0.85, 0.44, 0.555, 0.69, 0.82):
            x = u * self.width + rng.normal(0, 0.006)
            foot = self.ridge(1, np.array(x)) + rng.uniform(0.012, 0.045)
            bars += _house(x, float(foot), rng.uniform(0.013, 0.021), rng)
        x = 0.575 * self.width
        bars += _church(x, float(self.ridge(1, np.array(x))) + 0.030)
        return bars


def _house(x: float, foot: float, half: float, rng: np.random.Generator) -> list[tuple]:
    """One house: dark outline, wall, pitched roof and windows."""
    wall = half * rng.uniform(0.7, 0.95)
    top = foot - wall
    face = "wall" if rng.random() < 0.6 else "shade"
    cover = "roof" if rng.random() < 0.6 else "tiles"
    bars: list[tuple] = [("outline", x - half, foot, x + half, foot, 0.006)]
    for k in range(4):
        y = foot - wall * (k + 0.5) / 4
        bars.append((face, x - half * 0.92, y, x + half * 0.92, y, wall / 3))
    for k in range(4):
        y = top - half * 0.75 * (k + 0.3) / 4
        reach = half * (1.12 - 0.27 * k)
        bars.append((cover, x - reach, y, x + reach, y, half / 4))
    bars.append(("outline", x - half * 1.15, top, x, top - half * 0.82, 0.0035))
    bars.append(("outline", x + half * 1.15, top, x, top - half * 0.82, 0.0035))
    for side in (-0.45, 0.4):
        if rng.random() < 0.75:
            wx, wy = x + side * half, foot - wall * 0.5
            bars.append(("light", wx - 0.003, wy, wx + 0.003, wy, 0.006))
    return bars


def _church(x: float, foot: float) -> list[tuple]:
    """A small church with a tall spire."""
    bars: list[tuple] = []
    for k in range(6):
        y = foot - 0.007 * k
        bars.append(("shade", x - 0.016, y, x + 0.016, y, 0.010))
    for k in range(14):
        y = foot - 0.042 - 0.008 * k
        reach = 0.011 * (1 - k / 14.5)
        bars.append(("roof" if k % 2 else "shade", x - reach - 0.001, y, x + reach, y, 0.0085))
    bars.append(("outline", x - 0.013, foot - 0.04, x, foot - 0.165, 0.003))
    bars.append(("light", x - 0.003, foot - 0.018, x + 0.003, foot - 0.018, 0.010))
    return bars
