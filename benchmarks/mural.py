"""A mural on this machine's workers: seconds and bytes per epoch, and how far from one process.

    python -m benchmarks.mural [--edge 2048] [--workers 1 2] [--epochs 12] [--kill]

paints a square of the sample photo at one size, first in one process, in tiles, then on so many
workers in the same tiles, one thread in each process; --kill kills one of the last run's workers in
the middle. Seconds and bytes per epoch are medians without the first two epochs; statistics, strips
and small are means, into which goes what is repeated after a kill. The largest difference to the
picture of one process is in parts of the range from black to white. What travels is counted as it
is pickled: to and fro, and between the workers once.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import signal
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import reporting
from nstyle import stylize
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.distributed.messages import EACH_EPOCH
from nstyle.distributed.options import Settings
from nstyle.distributed.run import Mural
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize
from nstyle.optimize.records import Result, Step
from nstyle.options.options import Options

WARM_UP = 2  # epochs that are not counted
COLUMNS: list[reporting.Column] = [
    ("what", "painted by", str),
    ("seconds", "s per epoch", reporting.seconds),
    ("speed", "speed", lambda value: f"{value:.2f}"),
    ("bytes", "bytes per epoch", lambda value: f"{value:.0f}"),
    *((kind, kind, lambda value: f"{value:.0f}") for kind in EACH_EPOCH),
    ("difference", "largest difference", lambda value: f"{value:.1e}"),
    ("killed", "killed", str),
]


def square(edge: int) -> Picture:
    """The middle of the sample photo, enlarged or reduced."""
    photo = image_file.read(sample(SAMPLE_PHOTO))
    side = min(photo.size)
    left, top = ((length - side) // 2 for length in photo.size)
    middle = photo.pixels[top : top + side, left : left + side]
    return resize(Picture(np.ascontiguousarray(middle)), edge, edge)


def options_of(words: argparse.Namespace) -> Options:
    """The same picture for all. As many threads, too, which decide how sums are rounded."""
    return Options(
        model=words.model,
        weights=words.weights,
        max_long_edge=words.edge,
        scales=1,
        stop_eps=0,
        max_num_epochs=words.epochs,
        tile=words.tile,
        precision=words.precision,
        gpu=-1,
        threads=words.threads,
    )


def killing(mural: Mural, epoch: int, killed: list[int]) -> Callable[[Step], None]:
    """A listener that kills a worker after that epoch."""

    def kill(step: Step) -> None:
        if step.epoch == epoch and mural.connection is not None:
            (_, pid), *_ = mural.connection.client.run(os.getpid).items()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    return kill


def paint(words: argparse.Namespace, photo: Picture, workers: int, kill: bool) -> dict[str, Any]:
    """A row, with its picture."""
    options = options_of(words)
    mural = Mural(Settings(dask=f"local:{workers}", parts=words.parts))
    killed: list[int] = []
    listeners = [killing(mural, words.epochs // 2, killed)] if kill else []
    result = mural.run(photo, sample(SAMPLE_STYLE), options, listeners=listeners)
    row = row_of(result, f"{workers} workers, {words.parts or workers} parts")
    each = statistics.median(step.sent for step in counted(result))
    kinds = {kind: mural.counted[kind] / mural.epochs for kind in EACH_EPOCH}
    about = {"workers": workers, "bytes": each, "killed": "one" if killed else None}
    return {**row, **about, **kinds}


def counted(result: Result) -> Sequence[Step]:
    """The epochs that tell of the rest."""
    return result.history[WARM_UP:] or result.history


def row_of(result: Result, what: str) -> dict[str, Any]:
    """What is known of every run."""
    seconds = statistics.median(step.seconds for step in counted(result))
    return {"what": what, "seconds": seconds, "picture": result.picture}


def compare(words: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for one process, and one for each number of workers."""
    photo = square(words.edge)
    alone = dataclasses.asdict(options_of(words))
    rows = [row_of(stylize(photo, sample(SAMPLE_STYLE), **alone), "1 process")]
    for workers in words.workers:
        last = workers == words.workers[-1]
        rows.append(paint(words, photo, workers, words.kill and last))
    reference = rows[0].pop("picture").floats()
    for row in rows[1:]:
        row["difference"] = float(np.abs(row.pop("picture").floats() - reference).max())
        row["speed"] = rows[1]["seconds"] / row["seconds"]
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code: 1 where a picture is another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edge", type=int, default=2048, help="px of the square")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--parts", type=int, help="default: one for each worker")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--kill", action="store_true", help="a worker of the last run")
    parser.add_argument("--model", default="vgg16-slim")
    parser.add_argument("--weights", metavar="FILE")
    parser.add_argument("--tile", default="512", help="px that a tile owns, for all runs")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = compare(words)
    print(reporting.table(rows, COLUMNS))
    about = {**reporting.facts(words.threads), "edge": words.edge, "tile": words.tile}
    reporting.write_json(words.json, {**about, "rows": rows})
    return int(any(row["difference"] > 1e-4 for row in rows[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
