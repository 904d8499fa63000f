"""``pointillist``: sunset over a river between trees, in small dabs of pure colour."""

from __future__ import annotations

import numpy as np

from .brush import OilCanvas, scatter
from .canvas import Noise, colours, ramp, smoothstep, to_uint8, vivid

SKY = colours(
    [
        (40, 66, 170),
        (84, 98, 200),
        (158, 120, 204),
        (236, 138, 160),
        (252, 150, 84),
        (255, 186, 60),
        (255, 214, 84),
    ]
)
CLOUD = colours([(120, 84, 176), (214, 104, 150), (255, 150, 84), (255, 224, 150)])
SHORE = colours([(54, 58, 140), (92, 76, 170), (60, 110, 140), (140, 96, 150)])
LEAF = colours([(18, 40, 84), (14, 82, 70), (40, 128, 58), (130, 174, 44), (240, 204, 60)])
GRASS = colours([(34, 38, 110), (20, 92, 74), (66, 146, 52), (170, 190, 48), (250, 200, 80)])
WATER = colours([(26, 50, 160), (20, 104, 180), (60, 150, 190), (96, 84, 190)])
TRUNK = colours([(40, 22, 64), (92, 40, 60), (170, 80, 50)])
SAIL = colours([(255, 246, 220), (250, 206, 170), (178, 150, 206)])
SUN = (0.635, 0.455)
HORIZON = 0.515
# Foliage as (x, y, radius) in fractions of the width and height.
CROWNS = (
    (0.02, 0.10, 0.17), (0.14, 0.06, 0.13), (0.25, 0.11, 0.11), (0.07, 0.27, 0.12),
    (0.19, 0.22, 0.11), (0.31, 0.19, 0.07), (0.00, 0.40, 0.09), (0.13, 0.36, 0.06),
    (0.97, 0.24, 0.10), (0.91, 0.33, 0.07), (1.01, 0.38, 0.08), (0.94, 0.14, 0.07),
)  # fmt: skip
# Trunks as (foot x, foot y, top x, top y, half width).
TRUNKS = (
    (0.135, 0.86, 0.155, 0.20, 0.017),
    (0.055, 0.90, 0.035, 0.20, 0.014),
    (0.150, 0.55, 0.245, 0.18, 0.008),
    (0.955, 0.80, 0.945, 0.25, 0.011),
)
SAILS = ((0.47, 0.515, 0.035), (0.765, 0.530, 0.052), (0.40, 0.507, 0.020))


def paint(width: int, height: int, seed: int) -> np.ndarray:
    """Paint the picture at the given size."""
    rng = np.random.default_rng(seed)
    view = View(rng, width / max(width, height), height / max(width, height))
    canvas = OilCanvas(width, height, (214, 176, 150))
    for count, radius in ((11000, 0.0086), (17000, 0.0062), (12000, 0.0048)):
        _dab(canvas, view, rng, count, radius)
    return to_uint8(canvas.finish(strength=4.5, high=0.24, low=0.28))


class View:
    """The landscape as functions of position: colour and direction of the dabs."""

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        """Draw the noise that shapes clouds, leaves and ripples."""
        self.width, self.height, self.coin = width, height, rng
        self.cloud, self.leaf = Noise(rng, 4.5, 3), Noise(rng, 16.0, 3)
        self.ripple, self.ground = Noise(rng, 9.0, 3), Noise(rng, 7.0, 3)

    def colour(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Colour and stroke angle at the given points."""
        u, v = x / self.width, y / self.height
        rgb = self._sky(u, v)
        angle = 0.35 * self.cloud(x * 0.6, y * 1.5)
        water = v > HORIZON
        rgb = np.where(water[:, None], self._water(u, v), rgb)
        angle = np.where(water, 0.06 * self.ripple(x, y), angle)
        shore = (v < HORIZON + 0.012) & (v > self._hills(u))
        rgb = np.where(shore[:, None], self._far_shore(u, v), rgb)
        rgb = self._sails(u, v, rgb)
        bank = v > self._bank(u)
        rgb = np.where(bank[:, None], self._grass(u, v), rgb)
        angle = np.where(bank, -1.25 + 0.7 * self.leaf(x, y), angle)
        return self._trees(x, y, u, v, rgb, angle)

    def _sky(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Glow around the sun and long lit clouds."""
        far = np.hypot((u - SUN[0]) * 0.85, (v - SUN[1]) * 1.25)
        tone = 1.04 - far * 1.35 + 0.05 * self.cloud(u, v * 2)
        rgb = ramp(tone, SKY)
        band = self.cloud(u * 0.75 + 0.2 * v, v * 3.0) + 0.25 * self.cloud(u * 3, v * 9)
        lit = 0.85 - far * 0.9 + 0.28 * self.cloud(u * 0.75 + 0.2 * v, v * 3.0 + 0.06)
        mix = (0.85 * smoothstep(0.15, 0.9, band))[:, None]
        rgb = rgb * (1 - mix) + ramp(lit, CLOUD) * mix
        disc = smoothstep(0.048, 0.042, np.hypot(u - SUN[0], (v - SUN[1]) * self.height))[:, None]
        return rgb * (1 - disc) + np.array([1.0, 0.98, 0.80]) * disc

    def _water(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The mirrored sky, broken by ripples, with a glittering path of light."""
        depth = v - HORIZON
        wave = self.ripple(u * 0.55, v * 5.5)
        mirror = self._sky(u + 0.02 * wave, HORIZON - depth * 0.95 + 0.05 * wave)
        cool = ramp(0.5 + 0.4 * self.leaf(u * 0.4, v * 2), WATER)
        mix = np.clip(0.44 + 0.26 * depth / 0.5 + 0.30 * wave, 0.08, 0.92)[:, None]
        # Mixing happens in the eye: every dab is either mirrored light or blue water.
        rgb = np.where(self.coin.random(len(u))[:, None] < mix, cool, mirror)
        path = np.exp(-(((u - SUN[0]) / (0.028 + 0.16 * depth)) ** 2))
        spark = path * smoothstep(-0.9, 0.6, wave + 0.4)
        gold = ramp(self.coin.random(len(u)), CLOUD[2:])
        return np.where((self.coin.random(len(u)) < spark)[:, None], gold, rgb)

    def _hills(self, u: np.ndarray) -> np.ndarray:
        """Skyline of the far shore."""
        return 0.484 - 0.022 * np.sin(u * 7 + 1.2) - 0.010 * np.sin(u * 23) + 0.02 * (u - 0.5)

    def _far_shore(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Violet hills, warmer under the sun."""
        rgb = ramp(0.5 + 0.4 * self.leaf(u, v * 1.5), SHORE)
        warm = 0.6 * np.exp(-(((u - SUN[0]) / 0.13) ** 2))[:, None]
        return rgb * (1 - warm) + np.array([0.92, 0.42, 0.34]) * warm

    def _sails(self, u: np.ndarray, v: np.ndarray, rgb: np.ndarray) -> np.ndarray:
        """Sailing boats with their reflections."""
        for x, foot, size in SAILS:
            up = (foot - v) / size
            leaning = (u - x) / size
            sail = (up > 0.05) & (up < 2.1) & (leaning > -0.10) & (leaning < 0.75 * (1 - up / 2.1))
            jib = (up > 0.12) & (up < 1.7) & (leaning < -0.16) & (leaning > -0.55 * (1 - up / 1.7))
            hull = (up <= 0.05) & (up > -0.16) & (np.abs(leaning) < 0.7 + up)
            glass = (up < -0.16) & (up > -1.7) & (np.abs(leaning) < 0.30 * (1 + up / 1.8))
            tone = np.clip(0.2 + 0.5 * (leaning + 0.3), 0, 1)
            rgb = np.where((sail | jib)[:, None], ramp(tone, SAIL), rgb)
            rgb = np.where(hull[:, None], np.array([0.22, 0.12, 0.36]), rgb)
            rgb = np.where(glass[:, None], 0.45 * rgb + 0.55 * SAIL[1], rgb)
        return rgb

    def _bank(self, u: np.ndarray) -> np.ndarray:
        """Edge of the near bank: high on the left, a tongue on the right."""
        left = 0.70 + 0.32 * smoothstep(0.0, 0.62, u) + 0.012 * np.sin(u * 31)
        right = 0.76 + 0.30 * smoothstep(1.0, 0.70, u) + 0.010 * np.sin(u * 27)
        return np.minimum(left, right)

    def _grass(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Sunlit meadow with violet shadows of the trees."""
        lit = 0.60 - 0.9 * (v - 0.80) + 0.26 * self.ground(u * 0.7, v * 2.0)
        cast = smoothstep(0.05, 0.9, self.ground(u * 0.5 + v * 1.1, v * 0.4 + 3))
        edge = smoothstep(0.05, 0.0, v - self._bank(u))
        return ramp(lit - 0.45 * cast + 0.35 * edge, GRASS)

    def _trees(
        self,
        x: np.ndarray,
        y: np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        rgb: np.ndarray,
        angle: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Trunks and crowns, lit from the low sun."""
        for foot_x, foot_y, top_x, top_y, half in TRUNKS:
            t = (v - top_y) / (foot_y - top_y)
            mid = top_x + (foot_x - top_x) * t + 0.008 * np.sin(t * 9)
            side = (u - mid) / (half * (0.5 + 0.6 * t + 0.5 * np.clip(t - 0.85, 0, 1) * 8))
            trunk = (t > 0) & (t < 1) & (np.abs(side) < 1)
            toward = np.sign(SUN[0] - foot_x)
            tone = 0.35 + 0.4 * side * toward + 0.12 * self.leaf(x, y * 0.3)
            rgb = np.where(trunk[:, None], ramp(tone, TRUNK), rgb)
            angle = np.where(trunk, 1.5, angle)
        ragged = 0.20 * self.leaf(x, y) + 0.10 * self.leaf(x * 3, y * 3)
        for cx, cy, radius in CROWNS:
            dx, dy = (u - cx) * self.width, (v - cy) * self.height
            r = np.hypot(dx, dy * 1.12) / radius + ragged
            to_sun = np.sign(SUN[0] - cx) * dx + 0.45 * dy
            speck = self.leaf(x * 1.4, y * 1.4) + 0.6 * self.leaf(x * 4, y * 4 + 1)
            tone = 0.46 + 0.40 * to_sun / radius + 0.20 * speck
            rgb = np.where((r < 1)[:, None], ramp(tone, LEAF), rgb)
            angle = np.where(r < 1, np.arctan2(dy, dx) + 1.4, angle)
        return rgb, angle


def _divide(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Divisionism: replace each mixed colour by one of the pure hues it could be made of."""
    count = len(rgb)
    light = rgb @ np.array([0.299, 0.587, 0.114])
    chroma = rgb - light[:, None]
    # Turn the colour around the grey axis: most dabs a little, some to the complement.
    turn = rng.normal(0.0, 0.30, count)
    turn = np.where(rng.random(count) < 0.10, np.pi + rng.normal(0, 0.35, count), turn)
    axis = np.full(3, 3**-0.5)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    spun = chroma * cos + np.cross(axis, chroma) * sin
    spun = spun + axis * (chroma @ axis)[:, None] * (1 - cos)
    shade = np.where(np.abs(turn) > 2, 0.88, 1.0) * np.exp(rng.normal(0, 0.13, count))
    return vivid(np.clip(light[:, None] * shade[:, None] + spun, 0, 1), 0.28)


def _dab(
    canvas: OilCanvas, view: View, rng: np.random.Generator, count: int, radius: float
) -> None:
    """Set one layer of dabs: slightly long, slightly irregular, in random order."""
    spots = scatter(rng, count, view.width, view.height)
    spots = spots[rng.permutation(len(spots))]
    rgb, angle = view.colour(spots[:, 0], spots[:, 1])
    rgb = _divide(rgb, rng) * 255
    size = radius * rng.uniform(0.62, 1.15, len(spots))
    corners = np.arange(11) / 11 * 2 * np.pi
    rough = rng.uniform(0.86, 1.12, (len(spots), 11)) * size[:, None]
    long, short = 1.28 * rough * np.cos(corners), 0.86 * rough * np.sin(corners)
    angle = angle + rng.normal(0, 0.25, len(spots))
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    shape = np.stack([long * c - short * s, long * s + short * c], -1) + spots[:, None]
    flat = (shape * canvas.scale).reshape(len(spots), -1).tolist()
    thick = rng.uniform(90, 250, (len(spots), 1))
    inks = np.concatenate([rgb, thick], 1).astype(int).tolist()
    for polygon, ink in zip(flat, inks):
        canvas.pen.polygon(polygon, fill=tuple(ink))
