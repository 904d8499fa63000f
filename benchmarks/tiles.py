"""Large pictures in tiles: memory of the whole run, and time for each pixel beside that at once.

    python -m benchmarks.tiles

Each network paints the sample photo in a fresh process, small first, with a few epochs at each size
and only so much memory that seems to be free. The row of --reference is of a size that is seen at
once. The first look at the tiles is what exact sums over all of them cost; "seen" how many times
the picture's pixels the network sees in one look, because margins overlap. The exit code is 1 where
a pixel in tiles takes more than --most times that at once, or a run more memory than it was given.
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
from nstyle.optimize.planning import memory
from nstyle.system import runtime

MEMORY_GB = {"vgg16-slim": 4.0, "vgg19": 6.0}  # that the whole process may take
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
    gigabytes = given(words, model)
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


def given(words: argparse.Namespace, model: str) -> float:
    """GB that the whole process may take."""
    return words.memory or MEMORY_GB[model]


def sizes_of(long_edge: int) -> list[int]:
    """As many as are painted by default."""
    from nstyle.images.sizes import scale_sizes

    return [max(size) for size in scale_sizes((long_edge, long_edge), "auto", 2.0)]


def row_of(model: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What one size took."""
    width, height = facts["width"], facts["height"]
    megapixels = width * height / 1e6
    looks = facts["first_look"]
    return {
        "model": model,
        "edge": max(width, height),
        "size": f"{width}x{height}",
        "tiles": facts["tiles"],
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


def faults(rows: list[dict[str, Any]], most: float, gigabytes: float) -> list[str]:
    """A line for each limit that the rows of a network go beyond."""
    model, peak = rows[-1]["model"], rows[-1]["peak"]
    found = [
        f"{model} {row['size']}: a pixel takes {row['ratio']:.2f} times that at once, not {most:g}"
        for row in rows
        if row["tiles"] != "at once" and row["ratio"] > most
    ]
    if peak > gigabytes * 1e9:
        found.append(f"{model}: takes {memory.shown(peak)}, not {gigabytes:g} GB")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=reporting.words, default=list(MEMORY_GB))
    parser.add_argument("--long-edge", type=int, default=4096)
    parser.add_argument("--reference", type=int, default=1024, help="long edge, seen at once")
    parser.add_argument("--epochs", type=int, default=3, help="at each size")
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--memory", type=float, metavar="GB", help="instead of 4 and 6")
    parser.add_argument("--most", type=float, default=2.0, help="of at once, for a pixel in tiles")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument("--vgg19", metavar="FILE", help="weights; random ones serve as well")
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args(argv)
    if set(words.models) - set(MEMORY_GB):
        parser.error(f"--models: each must be one of {', '.join(MEMORY_GB)}")
    report = reporting.facts(words.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = {model: measure(words, model, folder) for model in words.models}
    rows = [row for each in found.values() for row in each]
    print(reporting.table(rows, COLUMNS))
    reporting.write_json(words.json, {**report, "rows": rows})
    bad = [
        fault
        for model, each in found.items()
        for fault in faults(each, words.most, given(words, model))
    ]
    print(*bad, sep="\n", end="\n" if bad else "")
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
