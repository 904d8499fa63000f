"""``cubist``: a still life of guitar, bottle and fruit, broken into overlapping shaded planes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .brush import OilCanvas, Strokes, scatter, trace
from .canvas import Noise, colours, jitter, ramp, scene_grid, smoothstep, to_uint8

# Ramps from dark to light: wall, table, guitar, sound hole, bottle, fruit, cloth, neck.
RAMPS = (
    colours([(14, 42, 72), (26, 96, 120), (84, 158, 156), (228, 216, 172)]),
    colours([(84, 18, 26), (168, 52, 32), (224, 120, 48), (250, 204, 132)]),
    colours([(112, 50, 16), (198, 112, 26), (240, 176, 60), (255, 234, 170)]),
    colours([(12, 10, 30), (34, 24, 62), (74, 42, 84), (150, 82, 92)]),
    colours([(6, 46, 38), (16, 108, 78), (84, 172, 108), (222, 236, 172)]),
    colours([(130, 10, 40), (212, 36, 40), (246, 120, 40), (255, 208, 110)]),
    colours([(70, 96, 160), (140, 168, 206), (226, 222, 208), (255, 248, 228)]),
    colours([(44, 18, 22), (98, 44, 30), (150, 84, 40), (226, 170, 96)]),
)
WALL, TABLE, GUITAR, HOLE, BOTTLE, FRUIT, CLOTH, NECK = range(8)
GUESTS = (TABLE, TABLE, NECK, HOLE, FRUIT, BOTTLE, CLOTH, GUITAR)
PLANES = 84


def paint(width: int, height: int, seed: int) -> np.ndarray:
    """Paint the picture at the given size."""
    rng = np.random.default_rng(seed)
    life = StillLife(rng, width / max(width, height), height / max(width, height))
    canvas = OilCanvas(width, height, (150, 96, 54))
    for count, size, length in ((2600, 0.022, 0.10), (7000, 0.0125, 0.065), (9000, 0.007, 0.045)):
        canvas.paint(_facet_strokes(life, rng, count, size, length), rng, 0.2, dry=0.10)
    rgb = canvas.finish(strength=7.5, high=0.34, low=0.44)
    return to_uint8(_contours(rgb, life, rng, width, height))


class StillLife:
    """Objects on a table, seen through shifted planes, in scene units."""

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        """Throw the planes over the canvas; each is a strip or wedge with its own light."""
        self.width, self.height = width, height
        count = PLANES
        self.middle = scatter(rng, count, width, height)[:count]
        self.middle = self.middle[rng.permutation(len(self.middle))]
        count = len(self.middle)
        turn = rng.choice([0.35, 1.2, 1.85, 2.7, 0.0, 1.57], count) + rng.normal(0, 0.16, count)
        turn = turn + rng.integers(0, 2, count) * np.pi
        self.normal = np.stack([np.cos(turn), np.sin(turn)], 1)
        self.half = rng.uniform(0.035, 0.125, count)
        skew = turn + np.pi / 2 + rng.normal(0, 0.30, count)
        self.cross = np.stack([np.cos(skew), np.sin(skew)], 1)
        self.reach = rng.uniform(0.08, 0.26, count)
        self.shift = rng.normal(0, 0.013, (count, 2))
        self.twist = rng.normal(0, 0.07, count)
        self.brush = turn + rng.choice([0.0, 0.5, 1.57], count) + rng.normal(0, 0.1, count)
        self.light = rng.normal(0, 0.12, count)
        self.alien = np.where(rng.random(count) < 0.18, rng.choice(GUESTS, count), -1)

    def plane(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Topmost plane at each point and the signed position -1..1 across it."""
        top = np.zeros(np.shape(x), int)
        across = np.zeros(np.shape(x))
        for k, (mx, my) in enumerate(self.middle):
            a = ((x - mx) * self.normal[k, 0] + (y - my) * self.normal[k, 1]) / self.half[k]
            b = ((x - mx) * self.cross[k, 0] + (y - my) * self.cross[k, 1]) / self.reach[k]
            inside = (np.abs(a) < 1) & (np.abs(b) < 1 - 0.35 * a)
            top = np.where(inside, k + 1, top)
            across = np.where(inside, a, across)
        return top, across

    def thing(self, x: np.ndarray, y: np.ndarray, top: np.ndarray) -> np.ndarray:
        """Which object is seen at each point, through the shift and twist of its plane."""
        k = np.maximum(top - 1, 0)
        on = top > 0
        mx, my = self.middle[k, 0], self.middle[k, 1]
        c, s = np.cos(self.twist[k]), np.sin(self.twist[k])
        px = mx + (x - mx) * c - (y - my) * s + self.shift[k, 0]
        py = my + (x - mx) * s + (y - my) * c + self.shift[k, 1]
        seen = self._objects(np.where(on, px, x) / self.width, np.where(on, py, y) / self.height)
        return np.where(on & (self.alien[k] >= 0) & (seen <= TABLE), self.alien[k], seen)

    def _objects(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The undistorted still life in fractions of the picture."""
        out = np.where(v > 0.66 + 0.08 * (u - 0.5), TABLE, WALL)
        cloth = (np.abs(u - 0.42 - 0.3 * (v - 0.8)) < 0.30 - 0.2 * (v - 0.8)) & (v > 0.74)
        out = np.where(cloth, CLOTH, out)
        body = (np.abs(u - 0.79) < 0.085) & (v > 0.40) & (v < 0.82)
        shoulder = np.hypot((u - 0.79) / 0.085, (v - 0.40) / 0.10) < 1
        throat = (np.abs(u - 0.79) < 0.033) & (v > 0.14) & (v < 0.42)
        out = np.where(body | shoulder | throat, BOTTLE, out)
        label = (np.abs(u - 0.79) < 0.085) & (v > 0.54) & (v < 0.69)
        out = np.where(label, CLOTH, out)
        # The guitar leans to the left: (along, across) are its own axes.
        du, dv = u - 0.40, v - 0.60
        along, across = 0.42 * du - 0.91 * dv, 0.91 * du + 0.42 * dv
        belly = np.hypot(along / 0.195, across / 0.235) < 1
        chest = np.hypot((along - 0.235) / 0.150, across / 0.175) < 1
        out = np.where(belly | chest, GUITAR, out)
        out = np.where(np.hypot((along - 0.135) / 0.068, across / 0.075) < 1, HOLE, out)
        neck = (np.abs(across) < 0.030) & (along > 0.17) & (along < 0.66)
        head = (np.abs(across) < 0.050) & (along > 0.58) & (along < 0.70)
        out = np.where(neck | head, NECK, out)
        bridge = (np.abs(across) < 0.095) & (np.abs(along + 0.075) < 0.016)
        out = np.where(bridge, NECK, out)
        for x, y, r in ((0.16, 0.815, 0.075), (0.285, 0.870, 0.066), (0.665, 0.850, 0.070)):
            out = np.where(np.hypot(u - x, (v - y) * 0.95) < r, FRUIT, out)
        return out


def _facet_strokes(
    life: StillLife, rng: np.random.Generator, count: int, size: float, length: float
) -> Strokes:
    """Parallel strokes inside every facet, shaded from one edge of its plane to the other."""
    start = scatter(rng, count, life.width, life.height)
    x, y = start.T
    top, across = life.plane(x, y)
    seen = life.thing(x, y, top)

    def same_facet(px: np.ndarray, py: np.ndarray) -> np.ndarray:
        other, _ = life.plane(px, py)
        return (other == top) & (life.thing(px, py, other) == seen)

    k = np.maximum(top - 1, 0)
    angle = np.where(top > 0, life.brush[k], 0.9) + rng.normal(0, 0.10, len(start))
    bend = rng.normal(0, 2.0, len(start))
    lengths = length * rng.uniform(0.5, 1.2, len(start))
    paths = trace(start, lambda px, py: angle + bend * (px - x + py - y), lengths, 4, same_facet)
    tone = 0.50 + 0.50 * across * np.abs(across) ** 0.1 + np.where(top > 0, life.light[k], 0)
    tone = tone + rng.normal(0, 0.09, len(start))
    palette = np.stack(RAMPS)
    rgb = np.stack([ramp(tone, stops) for stops in palette])[seen, np.arange(len(start))]
    # Passage: a few strokes carry a neighbour's colour over the edge.
    guest = rng.integers(0, len(RAMPS), len(start))
    stray = np.stack([ramp(tone, stops) for stops in palette])[guest, np.arange(len(start))]
    rgb = np.where((rng.random(len(start)) < 0.03)[:, None], stray, rgb)
    widths = size * rng.uniform(0.6, 1.25, len(start))
    sides = [jitter(rgb, rng, 0.11, 0.025) for _ in range(2)]
    return Strokes(paths, widths, *sides).shuffled(rng)


def _contours(
    rgb: np.ndarray, life: StillLife, rng: np.random.Generator, width: int, height: int
) -> np.ndarray:
    """Draw the edges with a broken charcoal line, and lay a soft shadow along the planes."""
    x, y = scene_grid(width, height)
    scale = max(width, height)
    wobble = Noise(rng, 30.0, 2)
    wx, wy = x + 0.0016 * wobble(x, y), y + 0.0016 * wobble(x + 4, y + 2)
    top, across = life.plane(wx, wy)
    seen = life.thing(wx, wy, top)
    press, grit = Noise(rng, 9.0, 2)(x, y), Noise(rng, 170.0, 2)(x, y)
    for ids, thick, dark in ((top, 0.0016, 0.62), (seen, 0.0030, 0.92)):
        away = ndimage.distance_transform_edt(~_edges(ids)) / scale
        reach = thick * np.clip(0.85 + 0.55 * press, 0.15, 2.0)
        line = smoothstep(1.0 + 0.9 / (thick * scale), 0.55, away / reach)
        line = line * dark * smoothstep(-1.7, 0.1, grit + 0.6 * press + 0.5)
        rgb = rgb * (1 - line[..., None]) + np.array([0.09, 0.05, 0.10]) * line[..., None]
    depth = ndimage.distance_transform_edt(~_edges(top)) / scale
    lee = np.exp(-depth / 0.012) * smoothstep(0.3, 1.0, -across)
    return rgb * (1 - 0.30 * lee[..., None])


def _edges(ids: np.ndarray) -> np.ndarray:
    """Mark pixels next to a change of id."""
    mark = np.zeros(ids.shape, bool)
    mark[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    mark[:-1] |= ids[1:] != ids[:-1]
    mark[0, 0] |= not mark.any()
    return mark
