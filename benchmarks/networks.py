"""The same pictures painted by several weights files, side by side in one contact sheet.

python -m benchmarks.networks --weights a.params b.params --content C... --style S... --output OUT

Rows are photo and style pairs, columns the weights files; with --rebuild the columns hold the photo
rebuilt from noise by the content layer alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from PIL import Image

import nstyle
from nstyle.images.picture import Picture

GAP = 6
REBUILD = {
    "style_weight": 0,
    "init": "noise",
    "optimizer": "lbfgs",
    "scales": 1,
    "clamp": False,
    "stop_eps": 0,
    "max_num_epochs": 300,
    "remove_noise": 0,
}


def paste_grid(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pictures in rows and columns on white; a column is as wide as its widest, rows alike."""
    widths = [max(row[i].width for row in rows) for i in range(len(rows[0]))]
    heights = [max(cell.height for cell in row) for row in rows]
    size = (sum(widths) + GAP * (len(widths) - 1), sum(heights) + GAP * (len(heights) - 1))
    sheet = Image.new("RGB", size, "white")
    top = 0
    for row, height in zip(rows, heights):
        left = 0
        for cell, width in zip(row, widths):
            sheet.paste(cell, (left, top))
            left += width + GAP
        top += height + GAP
    return sheet


def thumbnail(path: str, edge: int) -> Image.Image:
    """The picture in a file with at most that long edge."""
    image = Image.open(path).convert("RGB")
    image.thumbnail((edge, edge))
    return image


def small(picture: Picture, edge: int) -> Image.Image:
    """The picture with at most that long edge."""
    image = picture.to_pil().convert("RGB")
    image.thumbnail((edge, edge))
    return image


def painted(words: argparse.Namespace, content: str, style: str, weights: str) -> Image.Image:
    """One picture of the sheet."""
    settings: dict[str, Any] = {"max_long_edge": words.edge}
    if words.rebuild:
        settings.update(REBUILD)
    if weights != "built-in":
        settings["weights"] = weights
    return nstyle.stylize(content, style, **settings).image


def main() -> None:
    """Paint all, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", nargs="+", default=["built-in"], help="files, or built-in")
    parser.add_argument("--content", nargs="+", required=True)
    parser.add_argument("--style", nargs="+", required=True)
    parser.add_argument("--edge", type=int, default=320)
    parser.add_argument("--rebuild", action="store_true", help="from the content layer alone")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--output", required=True)
    words = parser.parse_args()
    rows = []
    for content in words.content:
        for style in words.style:
            cells = [painted(words, content, style, weights) for weights in words.weights]
            shown = [content] if words.rebuild else [content, style]
            rows.append([thumbnail(path, words.edge) for path in shown] + cells)
            paste_grid(rows).save(words.output, quality=words.quality)
            print(f"{content} {style}", flush=True)


if __name__ == "__main__":
    main()
