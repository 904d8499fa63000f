"""Memory: what was estimated and what was taken; and whether it grows.

    python -m benchmarks.memory
    python -m benchmarks.memory --growth

The first paints the sample photo in fresh processes with networks and sizes of several kinds. The
second paints 500 epochs of one picture, and 50 pictures of different sizes, each in one process,
and shows the memory held on the way.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting, scene
from benchmarks.processes import ask
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.system import runtime

EPOCHS = 6  # the peak lies in the first two of a size
EDGES = (128, 256, 512, 768, 1024, 1536)
VGG19_EDGES = (256, 512)
PICTURES, LONG_RUN = 50, 500
COLUMNS: list[reporting.Column] = [
    ("model", "network", str),
    ("options", "options", str),
    ("edge", "long edge", str),
    ("estimate", "estimate MB", reporting.megabytes),
    ("peak", "peak MB", reporting.megabytes),
    ("error", "error", lambda value: f"{100 * value:+.0f} %"),
]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"scales": 1},
    {"optimizer": "adam"},
    {"optimizer": "lbfgs"},
    {"rescale": "size"},
    {"style_scale": 2},
]
IN_TILES = {"vgg16-slim": (1536, 512), "vgg19": (768, 384)}  # long edge, --tile


def job(long_edges: Sequence[int], every: int, options: dict[str, Any]) -> dict[str, Any]:
    """For the worker."""
    pictures = {"content": sample(SAMPLE_PHOTO), "style": sample(SAMPLE_STYLE)}
    usual = {"gpu": -1, "enlarge": True, "max_num_epochs": EPOCHS, "stop_eps": 0}
    return {
        **pictures,
        "long_edges": list(long_edges),
        "every": every,
        "options": {**usual, **options},
    }


def compare(model: str, edge: int, options: dict[str, Any]) -> dict[str, Any]:
    """A row: estimate and peak of one painting."""
    found = ask("footprint", job([edge], 10**9, options))
    estimate, peak = found["estimate"], found["peak_memory_bytes"]
    shown = {name: value for name, value in options.items() if name not in ("model", "weights")}
    words = " ".join(f"{name}={value}" for name, value in shown.items())
    error = estimate / peak - 1
    about = {"model": model, "options": words, "edge": edge}
    return {**about, "estimate": estimate, "peak": peak, "error": error}


def comparisons(vgg19: str) -> list[dict[str, Any]]:
    """All rows; vgg19: a weights file."""
    slim = {"model": "vgg16-slim"}
    rows = [compare("vgg16-slim", edge, slim) for edge in EDGES]
    rows += [compare("vgg16-slim", 512, {**slim, **more}) for more in VARIANTS if more]
    full = {"model": "vgg19", "weights": vgg19}
    rows += [compare("vgg19", edge, full) for edge in VGG19_EDGES]
    if runtime.bfloat16_works():
        rows += [compare("vgg19", 512, {**full, "precision": "bfloat16"})]
    rows += [compare("vgg19", 512, {**full, "scales": 1})]
    for options in (slim, full):
        edge, tile = IN_TILES[options["model"]]
        rows += [compare(options["model"], edge, {**options, "tile": tile})]
    return rows


def growth() -> dict[str, Any]:
    """Bytes held after every 50 epochs of a long run, and after every picture of many."""
    slim = {"model": "vgg16-slim"}
    long_run = job([256], 50, {**slim, "max_num_epochs": LONG_RUN, "scales": 1})
    edges = [128 + 29 * (step * 17 % PICTURES) % 384 for step in range(PICTURES)]
    many = job(edges, 10**9, {**slim, "max_num_epochs": 4})
    return {
        "epochs": ask("footprint", long_run)["epochs"],
        "edges": edges,
        "pictures": ask("footprint", many)["pictures"],
    }


def main() -> None:
    """The door."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--growth", action="store_true", help="does it grow?")
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args()
    report: dict[str, Any] = reporting.facts(runtime.usable_cores())
    if words.growth:
        report["growth"] = found = growth()
        for name, every in (("epochs", 1), ("pictures", 5)):
            held = found[name][every - 1 :: every]
            print(f"{name}: MB held: " + " ".join(map(reporting.megabytes, held)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            report["rows"] = comparisons(scene.write_random_vgg19(Path(folder, "vgg19.npz")))
        print(reporting.table(report["rows"], COLUMNS))
    reporting.write_json(words.json, report)


if __name__ == "__main__":
    main()
