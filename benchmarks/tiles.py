"""Large pictures in tiles: memory of the whole run, and time for each pixel beside that at once.

    python -m benchmarks.tiles

Each network paints the sample photo in a fresh process, small first, with a few epochs at each size
and only so much memory that seems to be free. The row of --reference is of a size that is seen at
once. The first look at the tiles is what exact sums over all of them cost; "seen" how many times
the picture's pixels the network sees in one look, because margins overlap.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting, scene
from benchmarks.processes import ask
from nstyle import memory, runtime
from nstyle.commands.pictures import SAMPLE_PHOTO, SAMPLE_STYLE, sample

MEMORY_GB = {"vgg19-slim": 3.0, "vgg19": 6.0}  # that the whole process may take
COLUMNS: list[reporting.Column] = [
    ("model", "network", str),
    ("size", "size", str),
    ("tiles", "tiles", str),
    ("seen", "seen", lambda value: f"{value:.2f}"),
    ("per_megapixel", "s/MP per epoch", reporting.seconds),
    ("ratio", "of at once", lambda value: f"{value:.2f}"),
    ("again", "of it first looks", lambda value: f"{value:.2f}"),
    ("peak", "peak MB of all", reporting.megabytes),
]


def measure(words: argparse.Namespace, model: str, folder: str) -> list[dict[str, Any]]:
    """A row for each size of a run, smallest first."""
    gigabytes = words.memory or MEMORY_GB[model]
    weights = words.vgg19 or scene.write_random_vgg19(Path(folder, "vgg19.npz"))
    options = {
        "model": model,
        "weights": weights if model == "vgg19" else None,
        "max_long_edge": words.long_edge,
        "enlarge": True,
        "gpu": -1,
        "threads": words.threads,
        "tile": words.tile,
        "stop_eps": 0,
        "max_num_epochs": words.epochs * len(sizes_of(words.long_edge)),
    }
    job = {
        "content": sample(SAMPLE_PHOTO),
        "style": sample(SAMPLE_STYLE),
        "output": str(Path(folder, "painted.png")),
        "options": options,
        "free": max(1, int(gigabytes * 1e9) - memory.BASE),
    }
    found = ask("tiling", job)
    rows = [row_of(model, facts) for facts in found["sizes"]]
    return compared(rows, words.reference, found["peak_memory_bytes"])


def sizes_of(long_edge: int) -> list[int]:
    """As many as are painted by default."""
    from nstyle.pyramid import scale_sizes

    return [max(size) for size in scale_sizes((long_edge, long_edge), "auto", 2.0)]


def row_of(model: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What one size took."""
    width, height = facts["width"], facts["height"]
    megapixels = width * height / 1e6
    edges = facts["edges"] and "{} of {}x{}".format(facts["tiles"], *facts["edges"])
    looks = facts["first_look"]
    return {
        "model": model,
        "edge": max(width, height),
        "size": f"{width}x{height}",
        "tiles": edges or "at once",
        "seen": facts["seen"],
        "per_megapixel": facts["seconds"] / megapixels,
        "again": looks and looks / facts["seconds"],
    }


def compared(rows: list[dict[str, Any]], reference: int, peak: int) -> list[dict[str, Any]]:
    """The rows with the time of a pixel relative to the size nearest to `reference`."""
    base = min(rows, key=lambda row: abs(row["edge"] - reference))
    for row in rows:
        row["ratio"] = row["per_megapixel"] / base["per_megapixel"]
    rows[-1]["peak"] = peak
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=reporting.words, default=list(MEMORY_GB))
    parser.add_argument("--long-edge", type=int, default=4096)
    parser.add_argument("--reference", type=int, default=1024, help="long edge, seen at once")
    parser.add_argument("--epochs", type=int, default=3, help="at each size")
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--memory", type=float, metavar="GB", help="instead of 3 and 6")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument("--vgg19", metavar="FILE", help="weights; random ones serve as well")
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args(argv)
    if set(words.models) - set(MEMORY_GB):
        parser.error(f"--models: each must be one of {', '.join(MEMORY_GB)}")
    report = reporting.facts(words.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for model in words.models for row in measure(words, model, folder)]
    print(reporting.table(rows, COLUMNS))
    reporting.write_json(words.json, {**report, "rows": rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
