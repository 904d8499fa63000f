"""A batch's promise: 20 photos x 3 styles, three of them unreadable, a worker killed on the way.

    python -m benchmarks.many

Three of the photos cannot be read. The batch runs plain and on `--dask local:2`; each time a worker
that paints is killed. Prints what came of it, and how long a second start takes; the exit code is 1
where a result is missing, an error is not named, the bytes differ or the second start is slow.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import reporting
from benchmarks.batch import write_photos
from benchmarks.processes import clean_environment
from nstyle.system import runtime
from nstyle.system.locations import sample

STYLES = ("cubist.jpg", "stained_glass.jpg", "woodcut_wave.jpg")
GOOD = 17
BROKEN = {"empty.png": b"", "text.jpg": b"no picture at all", "torn.png": b"\x89PNG\r\n\x1a\n\0\0"}
EARLY = 8  # results that are there when the worker is killed
SECOND_START = 2.0  # seconds
WAYS = {"plain": ["--workers", "2"], "local:2": ["--dask", "local:2"]}
COLUMNS: list[reporting.Column] = [
    ("way", "way", str),
    ("good", "results", str),
    ("errors", "errors named", str),
    ("killed", "workers killed", str),
    ("seconds", "seconds", reporting.seconds),
    ("again", "second start", reporting.seconds),
]


def command(photos: Path, output: Path, words: Sequence[str]) -> list[str]:
    """A batch of all of them."""
    styles = [word for name in STYLES for word in ("--style-image", sample(name))]
    return [
        *(sys.executable, "-m", "nstyle", "batch", "--content-image", str(photos), *styles),
        *("--output-dir", str(output), "--threads", "1", "--gpu", "-1", "--model", "vgg16-slim"),
        *("--max-long-edge", "128", "--max-num-epochs", "20", "--stop-eps", "0", "--quiet"),
        *words,
    ]


def descendants(pid: int) -> Iterator[int]:
    """Processes started by this one, and by those."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [*map(int, task.read_text().split())]
        except OSError:  # ended meanwhile
            continue
        for child in children:
            yield child
            yield from descendants(child)


def painting(pid: int) -> list[int]:
    """Those of its workers that have loaded MXNet."""
    found = []
    for child in descendants(pid):
        try:
            loaded = "libmxnet" in Path(f"/proc/{child}/maps").read_text()
        except OSError:  # ended meanwhile
            continue
        if loaded:
            found.append(child)
    return found


def run(words: list[str], output: Path) -> tuple[float, int]:
    """(seconds, workers killed) of a batch one of whose workers is killed in the middle."""
    began, killed = time.perf_counter(), 0
    process = subprocess.Popen(words, env=clean_environment(), stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if not killed and len(list(output.glob("*_*.*"))) >= EARLY:
            for pid in painting(process.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.05)
    return time.perf_counter() - began, killed


def again(words: list[str]) -> float:
    """Seconds of a second start."""
    began = time.perf_counter()
    subprocess.run(words, env=clean_environment(), stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def results(output: Path) -> tuple[dict[str, str], list[str]]:
    """(hash by name of the pictures, names of what could not be read), by the manifest."""
    lines = map(json.loads, (output / "manifest.jsonl").read_text().splitlines())
    last = {line["output"]: line for line in lines}
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in output.iterdir()
        if path.suffix in (".jpg", ".png")
    }
    return hashes, [name for name, line in last.items() if line.get("error")]


def compare(folder: Path) -> tuple[list[dict[str, object]], bool]:
    """(a row for each way, whether the bytes are the same)."""
    photos = folder / "photos"
    photos.mkdir()
    write_photos(photos, GOOD, 128)
    for name, data in BROKEN.items():
        (photos / name).write_bytes(data)
    rows, seen = [], []
    for way, words in WAYS.items():
        output = folder / way.replace(":", "")
        words = command(photos, output, words)
        seconds, killed = run(words, output)
        second = again(words)
        good, errors = results(output)
        seen.append(good)
        rows.append({"way": way, "good": len(good), "errors": len(errors), "killed": killed,
                     "seconds": seconds, "again": second})  # fmt: skip
    return rows, seen[0] == seen[1]


def kept(row: dict[str, object]) -> bool:
    """Whether a way did all of it."""
    counts = (row["good"], row["errors"], row["killed"])
    promised = (GOOD * len(STYLES), len(BROKEN) * len(STYLES), 1)
    return counts == promised and row["again"] < SECOND_START  # type: ignore[operator]


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", metavar="FILE")
    words = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        rows, same = compare(Path(name))
    print(reporting.table(rows, COLUMNS))
    print("the same bytes both ways" if same else "the bytes differ")
    facts = reporting.facts(runtime.usable_cores())
    reporting.write_json(words.json, {**facts, "rows": rows, "same": same})
    return 0 if same and all(map(kept, rows)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
