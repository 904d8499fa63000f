"""The loss of what a trained network paints, beside that of the optimisation it replaces.

    python -m benchmarks.taught --network my-style.params --style style.jpg --content A.jpg B.jpg

With --output a sheet of photos, what the network paints of them, and the optimisation.
Both are judged by `nstyle.evaluate` with default options at the same size; the optimisation runs
200 epochs with the built-in network and --scales 1.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from PIL import Image

import nstyle
from benchmarks.networks import paste_grid, small, thumbnail
from nstyle.images.picture import Picture

OPTIMISED = {"scales": 1, "stop_eps": 0, "model": "vgg19-slim"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint both ways and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", required=True)
    parser.add_argument("--style", required=True)
    parser.add_argument("--content", nargs="+", required=True)
    parser.add_argument("--edge", type=int, default=256, help="long edge, px")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--cell", type=int, default=240, help="long edge on the sheet, px")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--output")
    words = parser.parse_args(arguments)
    painter = nstyle.Instant(network=words.network, max_long_edge=words.edge)
    ratios, columns = [], [[thumbnail(words.style, words.cell), *2 * [blank(words.cell)]]]

    def loss(picture: Picture) -> float:
        return nstyle.evaluate(picture, content, words.style, model="vgg19-slim").loss

    for content in words.content:
        gathered = painter.gather(content)
        quick = painter.paint(gathered).picture
        slow = nstyle.stylize(
            content, words.style, max_long_edge=words.edge, max_num_epochs=words.epochs, **OPTIMISED
        ).picture
        losses = [loss(picture) for picture in (gathered.photo, quick, slow)]
        ratios.append(losses[1] / losses[2])
        said = f"photo {losses[0]:.1f}, one pass {losses[1]:.1f}, {words.epochs} epochs"
        print(f"{content}: {said} {losses[2]:.1f}, ratio {ratios[-1]:.2f}", flush=True)
        painted = [small(picture, words.cell) for picture in (quick, slow)]
        columns.append([thumbnail(content, words.cell), *painted])
    print(f"median of {len(ratios)}: {statistics.median(ratios):.2f}, worst {max(ratios):.2f}")
    if words.output:
        sheet = paste_grid(list(zip(*columns)))
        sheet.save(words.output, quality=words.quality, optimize=True)


def blank(edge: int) -> Image.Image:
    """An empty cell."""
    return Image.new("RGB", (edge, 1), "white")


if __name__ == "__main__":
    main()
