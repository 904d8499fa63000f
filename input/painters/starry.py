"""``starry_flow``: a swirling night sky in thick oil strokes, after the spirit of Van Gogh."""

from __future__ import annotations

import numpy as np

from .brush import OilCanvas, Strokes, scatter, trace
from .canvas import Noise, colours, jitter, ramp, smoothstep, to_uint8
from .starry_scene import Scene

SKY = colours(
    [
        (10, 16, 62),
        (18, 34, 104),
        (28, 62, 148),
        (44, 98, 178),
        (84, 146, 198),
        (140, 190, 204),
        (206, 220, 196),
    ]
)
STAR = colours(
    [
        (255, 252, 232),
        (255, 240, 160),
        (252, 212, 74),
        (244, 226, 130),
        (190, 214, 160),
        (122, 182, 190),
        (60, 122, 186),
    ]
)
MOON = colours([(255, 214, 84), (252, 178, 30), (236, 134, 20), (246, 160, 36)])
FAR_HILL = colours([(150, 190, 205), (62, 112, 172), (30, 64, 130), (70, 110, 160), (20, 40, 98)])
NEAR_HILL = colours([(96, 150, 128), (34, 84, 92), (18, 48, 66), (70, 112, 70), (150, 150, 66)])
CYPRESS = colours([(6, 14, 18), (14, 34, 28), (28, 62, 38), (62, 84, 36), (110, 78, 34)])


def paint(width: int, height: int, seed: int) -> np.ndarray:
    """Paint the picture at the given size."""
    rng = np.random.default_rng(seed)
    scene = Scene(rng, width / max(width, height), height / max(width, height))
    canvas = OilCanvas(width, height, (26, 40, 84))
    for count, size, length in ((1500, 0.030, 0.15), (5200, 0.0155, 0.095), (9000, 0.0088, 0.06)):
        canvas.paint(_sky_strokes(scene, rng, count, size, length), rng, 0.16)
    canvas.paint(_star_strokes(scene, rng), rng, 0.10)
    for count, size, length in ((420, 0.018, 0.10), (2400, 0.0095, 0.055)):
        canvas.paint(_hill_strokes(scene, rng, count, size, length), rng, 0.2)
    canvas.paint(_village_strokes(scene, rng), rng, 0.15)
    canvas.paint(_bush_strokes(scene, rng), rng, 0.2)
    for count, size, length in ((500, 0.017, 0.13), (1700, 0.009, 0.085)):
        canvas.paint(_cypress_strokes(scene, rng, count, size, length), rng, 0.3)
    return to_uint8(canvas.finish(strength=9.0, high=0.42, low=0.5))


def _two_tone(rgb: np.ndarray, rng: np.random.Generator, spread: float) -> list[np.ndarray]:
    """Load both sides of each brush with slightly different paint."""
    return [jitter(rgb, rng, spread, 0.02), jitter(rgb, rng, spread, 0.02)]


def _sky_strokes(
    scene: Scene, rng: np.random.Generator, count: int, size: float, length: float
) -> Strokes:
    """Strokes that follow the wind; their colour comes from bands drawn out along the flow."""
    start = scatter(rng, count, scene.width, scene.height)
    start = start[scene.is_sky(start[:, 0], start[:, 1] - 0.012)]
    lengths = length * rng.uniform(0.55, 1.25, len(start))
    ratio = scene.star_distance(start[:, 0], start[:, 1])
    lengths *= 0.45 + 0.55 * smoothstep(0.3, 1.6, ratio)
    paths = trace(start, scene.wind, lengths, 5, scene.is_sky)
    tone = scene.band(start) + rng.normal(0, 0.085, len(start))
    rgb = ramp(tone, SKY)
    glow = ratio + rng.normal(0, 0.09, len(start))
    lit = rng.random(len(start)) < smoothstep(1.25, 0.55, ratio)
    rgb = np.where(lit[:, None], ramp(glow, STAR), rgb)
    warm = rng.random(len(start)) < 0.022
    rgb = np.where(warm[:, None] & ~lit[:, None], ramp(rng.random(len(start)), STAR[2:5]), rgb)
    widths = size * rng.uniform(0.7, 1.25, len(start)) * (0.6 + 0.4 * smoothstep(0.2, 1.2, ratio))
    return Strokes(paths, widths, *_two_tone(rgb, rng, 0.10)).shuffled(rng)


def _star_strokes(scene: Scene, rng: np.random.Generator) -> Strokes:
    """Rings of short dabs around every star, then its core, then the crescent moon."""
    starts, sizes, inks = [], [], []
    for x, y, radius, _ in scene.stars:
        for ring in (1.0, 0.8, 0.62, 0.45, 0.3, 0.16, 0.04):
            count = max(4, int(ring * radius * 900))
            turn = rng.random() * 6.3 + np.arange(count) / count * 2 * np.pi
            reach = ring * radius * rng.normal(1.0, 0.05, count)
            starts.append(np.stack([x + reach * np.cos(turn), y + reach * np.sin(turn)], 1))
            sizes.append(np.full(count, 0.0065 + 0.03 * radius))
            inks.append(ramp(np.clip(ring + rng.normal(0, 0.1, count), 0, 1), STAR))
    start, width, rgb = np.concatenate(starts), np.concatenate(sizes), np.concatenate(inks)
    keep = scene.is_sky(start[:, 0], start[:, 1] - 0.008)
    start, width, rgb = start[keep], width[keep], rgb[keep]
    paths = trace(start, scene.wind, width * rng.uniform(2.2, 4.6, len(start)), 3, scene.is_sky)
    dabs = Strokes(paths, width, *_two_tone(rgb, rng, 0.04))
    moon = _moon_strokes(scene, rng)
    return Strokes(*[np.concatenate([a, b]) for a, b in zip(_parts(dabs), _parts(moon))])


def _parts(strokes: Strokes) -> tuple[np.ndarray, ...]:
    """List the arrays of a batch."""
    return strokes.paths, strokes.widths, strokes.left, strokes.right


def _moon_strokes(scene: Scene, rng: np.random.Generator) -> Strokes:
    """A crescent of short curved dabs."""
    x, y, radius = scene.moon
    spots = rng.uniform(-1, 1, (1500, 2))
    spots = spots[np.hypot(*spots.T) < 0.98]
    bite = np.hypot(spots[:, 0] - 0.42, spots[:, 1] + 0.22) < 0.74
    spots, bite = np.concatenate([spots[bite], spots[~bite]]), np.sort(bite)[::-1]
    start = spots * radius + [x, y]
    paths = trace(start, scene.wind, np.full(len(start), radius * 0.6), 3)
    tone = np.clip(np.hypot(*spots.T) + rng.normal(0, 0.12, len(start)), 0, 1)
    rgb = np.where(bite[:, None], ramp(tone, STAR[3:5]), ramp(tone, MOON))
    return Strokes(paths, np.full(len(start), radius * 0.14), *_two_tone(rgb, rng, 0.05))


def _hill_strokes(
    scene: Scene, rng: np.random.Generator, count: int, size: float, length: float
) -> Strokes:
    """Strokes that roll along the hills; far ones first."""
    batches = []
    for level, stops in ((0, FAR_HILL), (1, NEAR_HILL)):
        start = scatter(rng, count, scene.width, scene.height * 0.45)
        start[:, 1] += scene.height * 0.58
        depth = start[:, 1] - scene.ridge(level, start[:, 0])
        ok = (depth > 0.003) & (start[:, 1] < scene.ridge(level + 1, start[:, 0]) + 0.01)
        start, depth = start[ok], depth[ok]
        paths = trace(
            start,
            lambda x, y, k=level: scene.slope(k, x, y),
            length * rng.uniform(0.6, 1.2, len(start)),
            4,
            lambda x, y, k=level: y > scene.ridge(k, x),
        )
        tone = scene.furrow(start, depth, level) + rng.normal(0, 0.10, len(start))
        rgb = ramp(tone, stops)
        widths = size * rng.uniform(0.7, 1.2, len(start))
        batches.append(Strokes(paths, widths, *_two_tone(rgb, rng, 0.13)).shuffled(rng))
    return Strokes(*[np.concatenate(pair) for pair in zip(*map(_parts, batches))])


def _village_strokes(scene: Scene, rng: np.random.Generator) -> Strokes:
    """A few small houses: walls, roofs, a steeple and lit windows."""
    bars, widths, inks = [], [], []
    for kind, ax, ay, bx, by, thick in scene.houses(rng):
        bend = rng.normal(0, 0.0012, (5, 2))
        line = np.linspace((ax, ay), (bx, by), 5) + bend
        bars.append(line)
        widths.append(thick)
        inks.append(VILLAGE[kind] * rng.uniform(0.85, 1.12))
    rgb = np.clip(np.array(inks), 0, 1)
    return Strokes(np.array(bars), np.array(widths), *_two_tone(rgb, rng, 0.06))


def _bush_strokes(scene: Scene, rng: np.random.Generator) -> Strokes:
    """Round tufts of dark green that the houses stand in."""
    count = 420
    x = rng.uniform(0.30, 1.0, count) * scene.width
    start = np.stack([x, scene.ridge(1, x) + 0.045 + np.abs(rng.normal(0, 0.014, count))], 1)
    start = start[np.argsort(start[:, 1])]
    turn = rng.uniform(-0.9, 0.9, count)
    paths = trace(start, lambda x, y: turn + 40 * (x - start[:, 0]), np.full(count, 0.03), 3)
    rgb = ramp(rng.beta(2, 3, count), NEAR_HILL[1:])
    return Strokes(paths, np.full(count, 0.0075), *_two_tone(rgb, rng, 0.15))


VILLAGE = {
    "wall": colours([(92, 128, 158)])[0],
    "shade": colours([(30, 50, 92)])[0],
    "roof": colours([(60, 70, 120)])[0],
    "tiles": colours([(150, 84, 52)])[0],
    "light": colours([(255, 222, 96)])[0],
    "outline": colours([(10, 18, 40)])[0],
}


def _cypress_strokes(
    scene: Scene, rng: np.random.Generator, count: int, size: float, length: float
) -> Strokes:
    """Long licking strokes up the dark tree."""
    start = scatter(rng, count, 0.34 * scene.width, scene.height)
    inside = scene.in_cypress(start[:, 0], start[:, 1])
    start = start[inside]
    lengths = length * rng.uniform(0.5, 1.2, len(start))
    paths = trace(start, scene.lick, lengths, 6, scene.near_cypress)
    noise = Noise(rng, 26, 2)
    tone = 0.30 + 0.24 * noise(start[:, 0] * 2.2, start[:, 1] * 0.4)
    tone = tone + rng.normal(0, 0.14, len(start))
    rgb = ramp(tone, CYPRESS)
    widths = size * rng.uniform(0.6, 1.2, len(start))
    return Strokes(paths, widths, *_two_tone(rgb, rng, 0.2)).shuffled(rng)
