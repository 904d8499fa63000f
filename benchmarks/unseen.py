"""Photos in styles by one pass: a contact sheet, and how far each is from its style.

    python -m benchmarks.unseen --content A.jpg B.jpg --style S.jpg T.jpg --output sheet.jpg

The distance is that of `nstyle score` (mean over the layers of ||G - A||^2 / ||A||^2), over the
photo's own; both are printed for every pair, and their median.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from PIL import Image

import nstyle
from benchmarks.networks import paste_grid, small, thumbnail
from nstyle.feedforward.apply import options_of
from nstyle.optimize.evaluation import score


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint, judge, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--content", nargs="+", required=True)
    parser.add_argument("--style", nargs="+", required=True)
    parser.add_argument("--edge", type=int, default=512, help="long edge that is painted, px")
    parser.add_argument("--cell", type=int, default=240, help="long edge on the sheet, px")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--output")
    words = parser.parse_args(arguments)
    cell = words.cell
    rows = [[Image.new("RGB", (cell, cell), "white")]]
    rows[0] += [thumbnail(style, cell) for style in words.style]
    rows += [[thumbnail(content, cell)] for content in words.content]
    options, ratios = options_of({}), []
    for style in words.style:
        painter = nstyle.Instant(style, max_long_edge=words.edge)
        for row, content in zip(rows[1:], words.content):
            gathered = painter.gather(content)
            picture = painter.paint(gathered).picture
            here, own = score([picture, gathered.photo], content, style, options)
            ratios.append(here.style / own.style)
            print(f"{content} {style}: style {here.style:.3f} of {own.style:.3f} = "
                  f"{ratios[-1]:.3f}, content {here.content:.3f}", flush=True)  # fmt: skip
            row.append(small(picture, cell))
    print(f"median of {len(ratios)}: {statistics.median(ratios):.3f}")
    if words.output:
        paste_grid(rows).save(words.output, quality=words.quality, optimize=True)


if __name__ == "__main__":
    main()
