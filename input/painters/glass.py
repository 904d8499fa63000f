"""``stained_glass``: a rose-window sun over hills, river and poppies, in leaded glass."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import SUPERSAMPLE, Noise, relief, scene_grid, shrink, smoothstep, to_uint8, vivid
from .glass_design import Design


def paint(width: int, height: int, seed: int) -> np.ndarray:
    """Paint the picture at the given size."""
    rng = np.random.default_rng(seed)
    x, y = scene_grid(width * SUPERSAMPLE, height * SUPERSAMPLE)
    scale = float(max(x.shape))
    design = Design(rng, width / max(width, height), height / max(width, height))
    wobble = Noise(rng, 22.0, 2)
    region, label = design.pieces(x + 0.0022 * wobble(x, y), y + 0.0022 * wobble(x + 5, y + 5))
    _, cell = np.unique(label, return_inverse=True)
    cell = cell.reshape(label.shape)
    edge, lead, core = _lead_lines(rng, region, cell, x, y, scale)
    tint, second = design.cell_colours(rng, region, cell, x, y)
    glass = _glass(rng, cell, x, y, tint, second)
    glass = _shade_panes(rng, glass, cell, edge, x, y)
    glass = glass + _seeds(rng, x.shape)[..., None] * (0.3 + glass)
    rgb = _solder(vivid(glass, 0.22), lead, core, rng, x, y, scale)
    return to_uint8(shrink(rgb, width, height))


def _lead_lines(
    rng: np.random.Generator,
    region: np.ndarray,
    cell: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    scale: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance to the nearest seam, lead coverage 0..1 and the rounded lead profile 0..1."""
    seam = _boundary(cell)
    edge = ndimage.distance_transform_edt(~seam) / scale
    frame = ndimage.distance_transform_edt(~_boundary(region)) / scale
    joint = ndimage.distance_transform_edt(~_junctions(cell)) / scale
    uneven = 1.0 + 0.22 * Noise(rng, 11.0, 2)(x, y)
    thin, thick, blob = 0.0024 * uneven, 0.0040 * uneven, 0.0047 * uneven
    ratio = np.minimum(np.minimum(edge / thin, frame / thick), joint / blob)
    soft = 0.6 / (0.004 * scale)
    lead = smoothstep(1.0 + soft, 1.0 - soft, ratio)
    core = np.sqrt(np.clip(1.0 - ratio**2, 0.0, 1.0))
    return np.minimum(edge, np.maximum(frame - 0.002, 0)), lead, core


def _boundary(ids: np.ndarray) -> np.ndarray:
    """Mark pixels whose right or lower neighbour belongs to another piece."""
    mark = np.zeros(ids.shape, bool)
    mark[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    mark[:-1] |= ids[1:] != ids[:-1]
    mark[0, 0] = True
    return mark


def _junctions(ids: np.ndarray) -> np.ndarray:
    """Mark the corners where three or more pieces meet."""
    quad = np.sort(np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, :-1], ids[1:, 1:]]), axis=0)
    mark = np.zeros(ids.shape, bool)
    mark[:-1, :-1] = (np.diff(quad, axis=0) != 0).sum(0) >= 2
    mark[0, 0] = True
    return mark


def _glass(
    rng: np.random.Generator,
    cell: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    tint: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """Streaky glass: two colours folded into each other, in another direction per piece."""
    turn = rng.uniform(0, np.pi, len(tint))
    c, s = np.cos(turn)[cell], np.sin(turn)[cell]
    warp = Noise(rng, 9.0, 2)(x, y) * 0.010
    along, across = x * c + y * s + warp, -x * s + y * c + warp
    shift = rng.uniform(0, 9, len(tint))[cell]
    streak = Noise(rng, 1.0, 3)(across * 42 + shift, along * 7)
    thread = Noise(rng, 1.0, 2)(across * 190 + shift, along * 16)
    mix = smoothstep(-0.9, 1.2, streak + 0.45 * thread)[..., None]
    return tint[cell] * (1 - mix) + second[cell] * mix


def _shade_panes(
    rng: np.random.Generator,
    glass: np.ndarray,
    cell: np.ndarray,
    edge: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """Add the light inside each pane: a slope, a dark rim of grime, ripples and hammering."""
    count = int(cell.max()) + 1
    index = np.arange(count)
    area = np.maximum(ndimage.sum_labels(np.ones(cell.shape), cell, index), 1)
    mid_x = ndimage.sum_labels(x, cell, index) / area
    mid_y = ndimage.sum_labels(y, cell, index) / area
    turn = rng.normal(-0.9, 0.9, count)
    size = np.sqrt(area) / max(cell.shape) + 1e-4
    slope = ((x - mid_x[cell]) * np.cos(turn)[cell] + (y - mid_y[cell]) * np.sin(turn)[cell]) / (
        size[cell]
    )
    rim = 0.58 + 0.42 * smoothstep(0.001, 0.011, edge)
    glow = 1.0 + 0.30 * np.tanh(slope * 1.3)
    ripple = relief(0.5 * Noise(rng, 34.0, 2)(x, y), 1.6)
    hammer = relief(0.16 * Noise(rng, 120.0, 2)(x, y), 2.2)
    rough = (rng.random(count) < 0.45)[cell]
    bump = 0.17 * ripple + np.where(rough, 0.22, 0.07) * hammer
    dust = 1.0 + 0.05 * Noise(rng, 260.0, 2)(x, y)
    light = rim * glow * (1.0 + bump) * dust
    lit = glass * light[..., None]
    white = np.maximum(bump - 0.10, 0.0) + 0.10 * np.maximum(glow * rim - 1.05, 0.0)
    return np.clip(lit + (1 - lit) * white[..., None] * (0.4 + glass), 0, 1)


def _seeds(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Air bubbles in the glass: tiny tilted lenses, bright on one side, dark on the other."""
    layer = Image.new("I", (shape[1], shape[0]), 0)
    pen = ImageDraw.Draw(layer)
    scale = max(shape)
    spots = rng.random((1500, 4))
    for u, v, size, long in spots.tolist():
        r = (0.0007 + 0.0017 * size**4) * scale
        a, b = r * (1 + 1.2 * long**2), r
        px, py = u * shape[1], v * shape[0]
        pen.ellipse((px - a, py - b, px + a, py + b), fill=-90)
        pen.ellipse((px - a * 0.7, py - b * 0.85, px + a * 0.5, py + b * 0.35), fill=150)
    soft = ndimage.gaussian_filter(np.asarray(layer, np.float64), 0.0006 * scale)
    return soft / 255.0 * 0.55


def _solder(
    glass: np.ndarray,
    lead: np.ndarray,
    core: np.ndarray,
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    scale: float,
) -> np.ndarray:
    """Set the panes into lead and let their light bleed over it."""
    open_glass = glass * (1 - lead)[..., None]
    near = ndimage.gaussian_filter(open_glass, (0.0035 * scale, 0.0035 * scale, 0))
    far = ndimage.gaussian_filter(open_glass[::2, ::2], (0.009 * scale, 0.009 * scale, 0))
    far = np.repeat(np.repeat(far, 2, 0), 2, 1)[: glass.shape[0], : glass.shape[1]]
    pits = 1.0 + 0.16 * Noise(rng, 150.0, 2)(x, y)
    shine = relief(core, 7.0)
    metal = np.array([0.105, 0.100, 0.125]) * (pits * (0.75 + 0.5 * core))[..., None]
    metal = metal + np.maximum(shine, 0)[..., None] * np.array([0.36, 0.38, 0.44])
    metal = metal * (1 + 0.5 * np.minimum(shine, 0))[..., None] + 0.16 * near
    rgb = glass * (1 - lead)[..., None] + metal * lead[..., None]
    bloom = 0.16 * near + 0.14 * far
    return np.clip(rgb + (1 - rgb) * bloom * (0.35 + 0.65 * rgb), 0, 1)
