"""How near the built-in network's paintings are to those of a complete VGG.

    python -m benchmarks.fidelity --teacher vgg16.params --output fidelity.jpg --json fidelity.json

Pairs of photo and painting, each painted by both networks with the same options, and judged by the
complete one: style is the mean over the five style layers of the squared Gram error over the
squared norm of the painting's Gram matrix, as a share of what the photo itself has; content is the
squared error at relu4_2 as a share of what the painting has, stretched to the photo's size. So
the photo is at (1, 0), the painting near (0, 1). Sheet: photo, painting, built-in, teacher.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import nstyle
from benchmarks import reporting
from benchmarks.networks import paste_grid, small, thumbnail
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize
from nstyle.optimize import evaluation, inputs
from nstyle.options.options import Options
from nstyle.system import locations

# Each photo twice, each painting once at least.
PAIRS = [
    ("coffee", "cubist"),
    ("coffee", "starry_flow"),
    ("chelsea", "woodcut_wave"),
    ("chelsea", "pointillist"),
    ("astronaut", "stained_glass"),
    ("astronaut", "cubist"),
    ("rocket", "starry_flow"),
    ("rocket", "stained_glass"),
]
BUILT_IN, TEACHER = "built-in", "teacher"


@dataclass(frozen=True)
class Distances:
    """See the module."""

    style: float
    content: float


class Judge:
    """A complete VGG that looks at paintings of one photo in one style."""

    def __init__(self, teacher: str, photo: Picture, style: str) -> None:
        self._options = Options(weights=teacher, pooling="avg", gpu=-1)
        self._photo, self._style = photo, style
        stretched = resize(image_file.read(style), *photo.size)
        own, other = self._scores([photo, stretched])
        self._style_unit, self._content_unit = own.style, other.content

    def _scores(self, pictures: Sequence[Any]) -> list[evaluation.Score]:
        return list(evaluation.score(pictures, self._photo, self._style, self._options))

    def __call__(self, picture: Picture) -> Distances:
        """Of a picture of the photo's size."""
        (found,) = self._scores([picture])
        return Distances(found.style / self._style_unit, found.content / self._content_unit)


def photo_at(path: str, long_edge: int) -> Picture:
    """The photo as it will be painted."""
    photo = image_file.read(path)
    return resize(photo, *inputs.result_size(photo.size, Options(max_long_edge=long_edge)))


def paint(
    photo: Picture, style: str, weights: str | None, preset: str | None, words: argparse.Namespace
) -> Any:
    """(result, seconds of the call)."""
    chosen: dict[str, Any] = {"max_long_edge": words.edge}
    chosen.update(word.split("=", 1) for word in words.set)
    chosen.update({"weights": weights} if weights else {"model": locations.DEFAULT})
    start = time.perf_counter()
    result = nstyle.stylize(photo, style, preset=preset, **chosen)
    return result, time.perf_counter() - start


def sample(name: str) -> str:
    """A picture of the project by its name, or the path itself."""
    inside = Path(__file__).parents[1] / "input" / f"{name}.jpg"
    return str(inside) if inside.is_file() else name


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Ratios of the built-in network's means to the teacher's."""
    kinds = ("style", "content", "seconds")
    both = {
        who: {kind: float(np.mean([row[f"{who} {kind}"] for row in rows])) for kind in kinds}
        for who in (BUILT_IN, TEACHER)
    }
    return {kind: both[BUILT_IN][kind] / both[TEACHER][kind] for kind in kinds}


def columns() -> list[reporting.Column]:
    """Of the table."""
    shown = [("style", "{:.3f}".format), ("content", "{:.3f}".format), ("seconds", "{:.1f}".format)]
    named = [(who, kind, show) for who in (BUILT_IN, TEACHER) for kind, show in shown]
    names = [("pair", "pair", str), ("preset", "preset", str)]
    return [*names, *((f"{w} {k}", f"{w} {k}", show) for w, k, show in named)]


def main() -> None:
    """Paint all, print the table, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, help="a complete VGG's weights")
    parser.add_argument(
        "--pair",
        nargs=2,
        action="append",
        metavar=("PHOTO", "STYLE"),
        help="files, or names in input/; may be repeated (default: eight)",
    )
    parser.add_argument("--edge", type=int, default=384, help="long edge (default: 384)")
    parser.add_argument("--preset", nargs="+", default=[None], help="each for all pairs")
    parser.add_argument("--weights", help="instead of the built-in network")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--output", help="sheet of the pictures")
    parser.add_argument("--json", help="write the figures to this file")
    words = parser.parse_args()
    rows, cells = [], []
    pairs = itertools.product(words.preset, words.pair or PAIRS)
    for preset, (photo_name, style_name) in pairs:
        photo, style = photo_at(sample(photo_name), words.edge), sample(style_name)
        judge = Judge(words.teacher, photo, style)
        row: dict[str, Any] = {
            "pair": f"{Path(photo_name).stem} x {Path(style_name).stem}",
            "preset": preset or "",
        }
        line = [small(photo, words.edge), thumbnail(style, words.edge)]
        for who, weights in ((BUILT_IN, words.weights), (TEACHER, words.teacher)):
            result, seconds = paint(photo, style, weights, preset, words)
            found = judge(resize(result.picture, *photo.size))  # recipes may choose their own
            row.update({f"{who} style": found.style, f"{who} content": found.content,
                        f"{who} seconds": seconds})  # fmt: skip
            line.append(small(result.picture, words.edge))
        rows.append(row)
        cells.append(line)
        print(reporting.table([row], columns()).splitlines()[-1], flush=True)
        if words.output:
            sheet: Image.Image = paste_grid(cells)
            sheet.save(words.output, quality=85)
    print(reporting.table(rows, columns()))
    ratios = means(rows)
    print("built-in / teacher: " + ", ".join(f"{kind} {of:.2f}" for kind, of in ratios.items()))
    reporting.write_json(words.json, {"rows": rows, "ratios": ratios})


if __name__ == "__main__":
    main()
