"""Paint the style pictures that ship with the project.

Every picture is made from nothing but a seed, so it can be painted again at any time::

    python input/make_styles.py --output /tmp/styles            # all of them
    python input/make_styles.py --output /tmp/styles starry_flow

A picture is saved as a JPEG without metadata and with full colour resolution (4:4:4).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

if __package__:
    from .painters import cubist, glass, pointillist, starry, woodcut
else:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from painters import cubist, glass, pointillist, starry, woodcut


@dataclass(frozen=True)
class Style:
    """How one shipped picture is made."""

    painter: Callable[[int, int, int], np.ndarray]
    width: int
    height: int
    seed: int
    quality: int = 88


STYLES: dict[str, Style] = {
    "starry_flow": Style(starry.paint, 1040, 832, 7),
    "stained_glass": Style(glass.paint, 900, 1100, 11),
    "woodcut_wave": Style(woodcut.paint, 1040, 728, 5),
    "pointillist": Style(pointillist.paint, 900, 675, 3),
    "cubist": Style(cubist.paint, 800, 980, 15),
}


def paint(name: str, width: int, height: int, seed: int) -> np.ndarray:
    """Paint the named style at the given size; returns uint8 (height, width, 3)."""
    if name not in STYLES:
        raise ValueError(f"unknown style {name!r}; choose from {', '.join(STYLES)}")
    if min(width, height) < 16:
        raise ValueError(
            f"a picture must be at least 16 pixels wide and high, not {width}x{height}"
        )
    return STYLES[name].painter(width, height, seed)


def save(picture: np.ndarray, path: Path, quality: int) -> None:
    """Write a JPEG without metadata and without colour subsampling."""
    image = Image.fromarray(picture)
    image.save(path, "JPEG", quality=quality, subsampling=0, optimize=True, progressive=True)


def _scaled(style: Style, long_edge: int | None) -> tuple[int, int]:
    """Width and height of a style, or of a smaller variant with the given long edge."""
    if long_edge is None:
        return style.width, style.height
    factor = long_edge / max(style.width, style.height)
    return round(style.width * factor), round(style.height * factor)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Paint the style pictures of this project.")
    parser.add_argument("names", nargs="*", help=f"any of: {', '.join(STYLES)} (default: all)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).resolve().parent,
        metavar="DIR",
        help="folder for the pictures (default: this script's folder)",
    )
    parser.add_argument("--long-edge", type=int, metavar="PX", help="paint a smaller or larger one")
    parser.add_argument("--seed", type=int, help="another seed than the shipped picture's")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in STYLES]
    if unknown:
        parser.error(f"unknown style {unknown[0]!r}; choose from {', '.join(STYLES)}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Paint and save the requested pictures."""
    options = _parse(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or STYLES:
        style = STYLES[name]
        width, height = _scaled(style, options.long_edge)
        seed = style.seed if options.seed is None else options.seed
        began = time.perf_counter()
        picture = paint(name, width, height, seed)
        path = options.output / f"{name}.jpg"
        save(picture, path, style.quality)
        spent = time.perf_counter() - began
        size = path.stat().st_size // 1024
        print(f"{path}: {width}x{height}, seed {seed}, {size} KiB, {spent:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
