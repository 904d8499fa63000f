"""The drawing of ``woodcut_wave``: waves, mountain and sky, in the units of the plates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.interpolate import CubicSpline

from .canvas import Noise
from .woodcut_foam import claws, foam_crest
from .woodcut_plates import LINE, Plates

Points = Sequence[tuple[float, float]]
FRONT = (
    (0.545, 0.300), (0.520, 0.245), (0.470, 0.215), (0.410, 0.222), (0.360, 0.262),
    (0.333, 0.330), (0.340, 0.410), (0.385, 0.490), (0.470, 0.555), (0.600, 0.600), (0.76, 0.62),
)  # fmt: skip
BACK = (
    (0.548, 0.302), (0.545, 0.235), (0.505, 0.150), (0.435, 0.088), (0.350, 0.062),
    (0.265, 0.080), (0.180, 0.135), (0.100, 0.215), (0.020, 0.300), (-0.080, 0.40), (-0.2, 0.62),
)  # fmt: skip
SWELL_FRONT = (
    (0.800, 0.430), (0.785, 0.405), (0.800, 0.425), (0.825, 0.475), (0.800, 0.530),
    (0.740, 0.575), (0.640, 0.610), (0.500, 0.640), (0.360, 0.660),
)  # fmt: skip
SWELL_BACK = (
    (0.800, 0.430), (0.790, 0.398), (0.830, 0.375), (0.880, 0.372), (0.940, 0.392),
    (1.000, 0.425), (1.080, 0.480), (1.160, 0.560), (1.240, 0.680),
)  # fmt: skip
PEAK_FRONT = (
    (0.300, 0.520), (0.322, 0.535), (0.350, 0.565), (0.390, 0.595), (0.450, 0.620),
    (0.530, 0.645), (0.640, 0.670),
)  # fmt: skip
PEAK_BACK = (
    (0.298, 0.518), (0.275, 0.515), (0.240, 0.540), (0.200, 0.572), (0.140, 0.605),
    (0.060, 0.632), (-0.080, 0.655),
)  # fmt: skip


def curve(points: Points, count: int = 160) -> np.ndarray:
    """A smooth curve through the points, sampled evenly in the points' index."""
    knots = np.asarray(points, float)
    step = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1) + 1e-6)
    at = np.concatenate([[0.0], np.cumsum(step)])
    return CubicSpline(at / at[-1], knots)(np.linspace(0, 1, count))


def wave_body(
    plates: Plates, rng: np.random.Generator, front: Points, back: Points, bands: Sequence
) -> None:
    """Fill a wave with stripes that run from its crest into the sea, and engrave them."""
    fore, rear = curve(front), curve(back)
    s = np.linspace(0, 1, len(fore))
    plates.cover(np.concatenate([fore, rear[::-1]]), ("pale",))
    edges = np.cumsum([0.0] + [width for width, _ in bands])
    edges = edges / edges[-1]
    sway = 0.035 * np.sin(s * 7 + 1.0) * np.sin(np.pi * s)

    def row(t: float) -> np.ndarray:
        level = np.clip(t + sway * 4 * t * (1 - t), 0, 1)[:, None]
        return fore * (1 - level) + rear * level

    for (_, inks), low, high in zip(bands, edges[:-1], edges[1:]):
        plates.cover(np.concatenate([row(low), row(high)[::-1]]), inks)
        count = max(2, int((high - low) * 92))
        for k in range(count):
            _engrave(plates, rng, row(low + (high - low) * (k + 0.5) / count), inks)
    for t in edges:
        plates.line(row(t), LINE * (0.7 + 0.9 * np.sin(np.pi * s) ** 0.5), "key")


def _engrave(
    plates: Plates, rng: np.random.Generator, path: np.ndarray, inks: Sequence[str]
) -> None:
    """One engraved line that swells, thins out and breaks; dark bands are carved light."""
    s = np.linspace(0, 1, len(path))
    first, last = rng.uniform(-0.1, 0.25), rng.uniform(0.75, 1.1)
    beat = 0.62 + 0.38 * np.sin(s * rng.uniform(14, 40) + rng.uniform(0, 6))
    shape = np.clip((s - first) * 9, 0, 1) * np.clip((last - s) * 7, 0, 1)
    widths = LINE * (1.75 if "deep" in inks else 1.25) * beat * shape * np.hypot(1, s) ** 0.5
    keep = shape > 0
    if keep.sum() < 4:
        return
    dark = "deep" in inks
    plates.line(path[keep], widths[keep], "" if dark else "key", inks if dark else ())
    if dark:
        plates.line(path[keep], widths[keep], "pale")


def foam_wave(plates: Plates, rng: np.random.Generator) -> None:
    """The great wave with its foam, and the swell that answers it from the right."""
    white, pale, mid, deep = (), ("pale",), ("pale", "mid"), ("pale", "mid", "deep")
    swell = [(1, deep), (0.5, white), (1, mid), (1.2, deep), (0.5, pale), (1.3, deep), (1, mid)]
    wave_body(plates, rng, SWELL_FRONT, SWELL_BACK, swell)
    foam_crest(plates, rng, curve(SWELL_BACK)[4:110], 0.012, -1)
    claws(plates, rng, curve(SWELL_BACK)[90:10:-5] + [-0.006, 0.018], 0.028, 2.2, -1)
    claws(plates, rng, curve(SWELL_BACK)[46:2:-5] + [0.0, 0.006], 0.044, 2.7, -1)
    bands = [
        (0.7, deep), (0.35, white), (0.9, mid), (0.30, white), (1.1, deep), (0.35, pale),
        (1.0, deep), (0.35, white), (1.0, mid), (1.2, deep), (0.4, pale), (1.5, deep), (1.0, mid),
    ]  # fmt: skip
    wave_body(plates, rng, FRONT, BACK, bands)
    rear, lip = curve(BACK), curve(FRONT)
    foam_crest(plates, rng, rear[2:114], 0.019, 1)
    claws(plates, rng, rear[112:34:-4] + [0.010, 0.026], 0.044, 0.75, 1)
    claws(plates, rng, lip[44:2:-5] - [0.0, 0.006], 0.066, 1.0, 1)
    claws(plates, rng, rear[62:2:-6] + [0.0, 0.020], 0.080, 0.25, 1)
    claws(plates, rng, rear[44:1:-6], 0.078, -0.2, 1)


def fuji(plates: Plates, rng: np.random.Generator) -> None:
    """The far mountain with its snow cap, hatched on the shaded side."""
    x, y = np.linspace(0.50, 0.80, 90), None
    rise = np.exp(-(np.abs((x - 0.655) / 0.085) ** 1.25))
    y = 0.545 - 0.135 * np.minimum(rise, 0.90) / 0.90
    plates.cover(np.concatenate([np.stack([x, y], 1), [[0.80, 0.6], [0.50, 0.6]]]), ("pale", "mid"))
    for k in range(34):
        t = np.linspace(0, 1, 20)
        foot = 0.54 + 0.23 * k / 33
        path = np.stack([0.655 + (foot - 0.655) * (0.14 + 0.86 * t**1.3), 0.412 + 0.14 * t], 1)
        widths = LINE * (0.35 + 0.9 * (k > 15)) * (0.4 + 0.6 * np.sin(t * 9 + k * 1.7) ** 2)
        plates.line(path, widths, "key" if k % 2 else "deep")
    zig = np.linspace(0.6225, 0.6875, 15)
    snow = 0.452 + 0.012 * (np.arange(15) % 2) + rng.normal(0, 0.002, 15)
    top = 0.545 - 0.135 * np.minimum(np.exp(-(np.abs((zig - 0.655) / 0.085) ** 1.25)), 0.9) / 0.9
    cap = np.concatenate([np.stack([zig, top], 1), np.stack([zig, snow], 1)[::-1]])
    plates.cover(cap, ())
    plates.line(np.stack([x, y], 1), np.full(90, LINE * 1.2), "key")


def sea(plates: Plates, rng: np.random.Generator, back: bool) -> None:
    """Rolling bands of water behind or in front of the great wave."""
    noise = Noise(rng, 5.0, 2)
    x = np.linspace(-0.02, 1.02, 240)
    sets = (("pale",), ("pale", "mid"), (), ("pale", "mid", "deep"), ("pale", "mid"))
    if not back:
        peak = [(1, sets[3]), (0.4, ()), (1, sets[1]), (1.3, sets[3]), (0.5, sets[0]), (1, sets[1])]
        wave_body(plates, rng, PEAK_FRONT, PEAK_BACK, peak)
        foam_crest(plates, rng, curve(PEAK_BACK)[2:100], 0.010, 1)
        claws(plates, rng, curve(PEAK_FRONT)[1:40:5], 0.020, -0.4, 1)
    tops = np.linspace(0.535, 0.60, 6) if back else np.linspace(0.625, 0.705, 6)
    for k, top in enumerate(tops):
        lift = 0.012 * np.sin(x * (9 + 2 * k) + k * 2.1) + 0.010 * noise(x, np.full(240, k * 1.0))
        dip = 0.020 * np.sin(np.pi * np.clip(x, 0, 1)) if not back else 0.0
        y = top + lift + dip - 0.01
        inks = sets[(k * 3 + (0 if back else 3)) % 5]
        shore = np.concatenate([np.stack([x, y], 1), [[1.02, 0.75], [-0.02, 0.75]]])
        plates.cover(shore, inks)
        for j in range(7):
            bend = y + 0.0045 * (j + 0.6) + 0.003 * noise(x * 2, np.full(240, k + j * 0.15))
            _engrave(plates, rng, np.stack([x, bend], 1), inks)
        plates.line(np.stack([x, y], 1), LINE * (1.0 + 0.7 * noise(x * 3, y)).clip(0.4), "key")
        if not back and k in (0, 2):
            foam_crest(plates, rng, np.stack([x, y], 1)[10 + 40 * k : 110 + 50 * k], 0.006, 1)


def sky_lines(plates: Plates, rng: np.random.Generator) -> None:
    """A graded sky (bokashi) and long engraved lines that form drifting clouds."""
    height = plates.size[1]
    rows = np.linspace(0, 1, height)
    tones = {"ochre": 215 * np.exp(-((rows - 0.62) ** 2) / 0.10), "rose": 200 * (rows * 1.15) ** 3}
    tones["mid"] = 120 * np.clip(1 - rows / 0.30, 0, 1) ** 1.6
    for name, tone in tones.items():
        column = Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8)[:, None])
        plates.images[name].paste(column.resize(plates.size))
    cloud, drift = Noise(rng, 3.2, 3), Noise(rng, 2.4, 2)
    x = np.linspace(-0.02, 1.02, 200)
    for k in range(112):
        v = -0.09 + 0.0060 * k
        y = v + 0.020 * drift(x, np.full(200, v))
        tone = cloud(x * 0.8, y * 2.2)
        widths = 0.0060 * np.clip(0.26 + 0.34 * tone, 0.05, 0.75)
        ink = "pale" if k % 3 else "mid"
        plates.line(np.stack([x, y], 1), widths, ink if v < 0.24 + 0.045 * (k * 7 % 5) else "rose")
        if k % 3 == 0:
            plates.line(np.stack([x, y + 0.002], 1), LINE * np.clip(0.5 - tone, 0.0, 0.8), "deep")
