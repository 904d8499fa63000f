"""``woodcut_wave``: a great wave as a four-block colour print with engraved lines."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .canvas import Noise, colours, scene_grid, shrink, smoothstep, to_uint8
from .woodcut_foam import spray
from .woodcut_forms import foam_wave, fuji, sea, sky_lines
from .woodcut_plates import Plates

SUPERSAMPLE = 3
PAPER = colours([(240, 228, 198)])[0]
# Ink of each block: key line, Prussian blue, middle blue, pale blue, sky ochre, sky rose.
INKS = {
    "ochre": colours([(232, 196, 132)])[0],
    "rose": colours([(206, 158, 132)])[0],
    "pale": colours([(142, 186, 196)])[0],
    "mid": colours([(66, 122, 166)])[0],
    "deep": colours([(22, 58, 116)])[0],
    "key": colours([(14, 26, 62)])[0],
}


def paint(width: int, height: int, seed: int) -> np.ndarray:
    """Paint the picture at the given size."""
    rng = np.random.default_rng(seed)
    size = (width * SUPERSAMPLE, height * SUPERSAMPLE)
    plates = Plates(size, list(INKS))
    sky_lines(plates, rng)
    fuji(plates, rng)
    sea(plates, rng, back=True)
    spray(plates, rng)
    foam_wave(plates, rng)
    sea(plates, rng, back=False)
    return to_uint8(_print(plates, rng, width, height))


def _print(plates: Plates, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Print the blocks one after the other on paper, each slightly out of register."""
    x, y = scene_grid(width, height)
    rgb = PAPER * _paper(rng, x, y)[..., None]
    wood = _wood_grain(rng, x, y)
    scale = max(width, height) * SUPERSAMPLE
    for name, ink in INKS.items():
        off = rng.normal(0, 0.0011 if name != "key" else 0.0, 2) * scale
        full = np.asarray(plates.images[name], np.float32) / 255.0
        cover = shrink(_misregister(full, np.round(off).astype(int)), width, height)
        mottled = 0.90 + 0.07 * Noise(rng, 60.0, 3)(x, y) + 0.05 * Noise(rng, 300.0, 2)(x, y)
        strength = np.clip(mottled - (0.20 if name != "key" else 0.07) * wood, 0.25, 1.0)
        rim = cover - ndimage.gaussian_filter(cover, 0.0016 * max(width, height))
        cover = np.clip(cover * strength + 0.10 * np.maximum(rim, 0), 0, 1)[..., None]
        layer = ink * (0.97 + 0.03 * rgb) if name in ("key", "deep") else ink * (0.4 + 0.6 * rgb)
        rgb = rgb * (1 - cover) + layer * cover
    return rgb


def _misregister(block: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Move a block by whole pixels, repeating its edge."""
    down = np.clip(np.arange(block.shape[0]) - offset[0], 0, block.shape[0] - 1)
    right = np.clip(np.arange(block.shape[1]) - offset[1], 0, block.shape[1] - 1)
    return block[down][:, right]


def _paper(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Brightness of handmade paper: cloudy, with laid lines and fibres."""
    cloud = 0.018 * Noise(rng, 5.0, 3)(x, y) + 0.020 * Noise(rng, 220.0, 2)(x, y)
    laid = 0.012 * np.sin(y * 900 + 2 * Noise(rng, 6.0, 2)(x, y))
    fibre = 0.018 * Noise(rng, 40.0, 2)(x * 0.7 + y * 0.2, y * 6)
    return 0.985 + cloud + laid + fibre


def _wood_grain(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Grain of the printing block, 0..1: long wavering bands with fine pores."""
    bend = 0.05 * Noise(rng, 2.2, 2)(x, y * 1.4)
    rings = np.sin((y + bend) * 260 + 3.0 * Noise(rng, 4.0, 2)(x * 0.3, y))
    pores = smoothstep(0.4, 1.9, Noise(rng, 1.0, 2)(x * 22, (y + bend) * 330))
    return smoothstep(-0.2, 1.2, rings) * 0.65 + 0.55 * pores
