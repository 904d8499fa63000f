"""A batch: one process with all cores against a process for each core, from start to end.

    python -m benchmarks.batch [--photos 4] [--max-long-edge 256] [--epochs 30]

paints copies of the sample photo, each a little different, in two styles, and prints seconds.
Loading counts: a batch begins with it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting
from benchmarks.processes import clean_environment
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize
from nstyle.system import runtime
from nstyle.system.locations import sample

STYLES = ("cubist.jpg", "stained_glass.jpg")
COLUMNS: list[reporting.Column] = [
    ("arrangement", "arrangement", str),
    ("seconds", "seconds", reporting.seconds),
    ("each", "per picture", reporting.seconds),
]


def write_photos(folder: Path, count: int, long_edge: int) -> None:
    """Pictures of the same size, none like another."""
    photo = image_file.read(sample("coffee.jpg"))
    scale = long_edge / max(photo.size)
    small = resize(photo, *(round(edge * scale) for edge in photo.size))
    for number in range(count):
        pixels = small.pixels.copy()
        pixels[number] = 0
        image_file.write(Picture(pixels), folder / f"photo{number}.png")


def arrangements(cores: int) -> list[tuple[int, int]]:
    """(processes, threads of each)."""
    return list(dict.fromkeys([(1, cores), (cores, 1)]))


def measure(folder: Path, workers: int, threads: int, words: list[str]) -> float:
    """Seconds of a whole batch."""
    styles = [word for name in STYLES for word in ("--style-image", sample(name))]
    place = folder / f"out{workers}x{threads}"
    began = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "nstyle", "batch", "--content-image", str(folder), *styles),
            *("--workers", str(workers), "--threads", str(threads), *words),
            *("--output-dir", str(place), "--quiet"),
        ],
        env=clean_environment(),
        check=True,
    )
    return time.perf_counter() - began


def compare(photos: int, long_edge: int, epochs: int) -> list[dict[str, Any]]:
    """A row for each arrangement."""
    words = ["--max-num-epochs", str(epochs), "--stop-eps", "0", "--gpu", "-1"]
    words += ["--max-long-edge", str(long_edge), "--model", "vgg16-slim"]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        write_photos(Path(name), photos, long_edge)
        for workers, threads in arrangements(runtime.usable_cores()):
            seconds = measure(Path(name), workers, threads, words)
            shown = f"{workers} x {threads} threads"
            each = seconds / (photos * len(STYLES))
            rows.append({"arrangement": shown, "seconds": seconds, "each": each})
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=4)
    parser.add_argument("--max-long-edge", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args(argv)
    rows = compare(words.photos, words.max_long_edge, words.epochs)
    print(reporting.table(rows, COLUMNS))
    reporting.write_json(words.json, {**reporting.facts(runtime.usable_cores()), "rows": rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
