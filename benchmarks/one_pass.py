"""Seconds per picture of the painting networks, beside the same networks in plain PyTorch.

    python -m benchmarks.one_pass --networks any-style my-style.params

A picture is a photo on the host that becomes a painted one on the host; networks are loaded and the
style has been looked at before. Every contestant is a process of its own that is kept alive; they
take turns, and the best round of each counts. PyTorch: pip install '.[bench]'.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import reporting
from benchmarks.iteration import ACTIVE, PASSIVE
from benchmarks.processes import Worker
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.feedforward import apply, network_file
from nstyle.images import image_file
from nstyle.images.picture import resize
from nstyle.networks import preprocessing
from nstyle.system import locations, runtime

ANY_STYLE = "any-style"  # the one in the package
TOLERANCE = 0.5  # levels of 255, at any pixel: the same 8-bit picture but for rounding
# name -> (module of benchmarks.workers, more of its job)
CONTESTANTS = {
    "nstyle": ("one_pass", {}),
    "torch": ("one_pass_pytorch", {"layout": "contiguous"}),
    "torch-channels-last": ("one_pass_pytorch", {"layout": "channels_last"}),
}
COLUMNS: list[reporting.Column] = [
    ("network", "network", str),
    ("size", "size", str),
    ("contestant", "contestant", str),
    ("seconds", "s/picture", reporting.seconds),
    ("ratio", "ratio", lambda ratio: f"{ratio:.2f}"),
    ("peak_memory_bytes", "peak MB", reporting.megabytes),
    ("difference", "differs", reporting.general),
]


def prepare(folder: Path, words: argparse.Namespace) -> dict[str, Any]:
    """The common job; its arrays are files in the folder."""
    job: dict[str, Any] = {"threads": words.threads}
    for name, path in (("photo", words.content), ("style", words.style)):
        picture = image_file.read(path)
        scale = words.size / max(picture.size)
        picture = resize(picture, *(round(edge * scale) for edge in picture.size))
        if name == "photo":
            job["size"] = "x".join(map(str, picture.size))
        job[name] = str(folder / f"{name}.npy")
        np.save(job[name], preprocessing.to_array(picture, preprocessing.CAFFE))
    return job


def compare(job: Mapping[str, Any], words: argparse.Namespace) -> list[dict[str, Any]]:
    """A row per contestant."""
    settings = {"OMP_NUM_THREADS": str(words.threads), "OMP_WAIT_POLICY": words.wait_policy}
    job = {**job, "numbers": numbers_of(job)}
    there = importlib.util.find_spec("torch") is not None
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, (module, more) in CONTESTANTS.items():
            if module == "one_pass" or there:
                worker = Worker(module, {**job, **more, "painted": painted(job, name)}, **settings)
                workers[name] = stack.enter_context(contextlib.closing(worker))
        rows = {name: worker.answer() for name, worker in workers.items()}
        pictures = {name: np.load(painted(job, name)) for name in workers}
        for _ in range(words.rounds):
            for name, worker in workers.items():
                answer, row = worker.run(words.pictures), rows[name]
                seconds = answer["seconds"] / words.pictures
                row["seconds"] = min(seconds, row.get("seconds", seconds))
                row["peak_memory_bytes"] = answer["peak_memory_bytes"]
    best = min((row["seconds"] for name, row in rows.items() if name != "nstyle"), default=None)
    for name, row in rows.items():
        row["ratio"] = row["seconds"] / best if best else None
        row["difference"] = difference(pictures[name], pictures["nstyle"])
    return [{"contestant": name, "size": job["size"], **row} for name, row in rows.items()]


def numbers_of(job: Mapping[str, Any]) -> str:
    """Where the numbers of the style are: a network's own, or what is predicted."""
    file, path = network_file.read(job["network"]), f"{job['style']}.numbers.npy"
    if file.network == network_file.ANY_STYLE:
        numbers = apply.load(file, -1).look(np.load(job["style"])).asnumpy()
    else:
        numbers = file.arrays["style"]
    np.save(path, numbers)
    return path


def painted(job: Mapping[str, Any], contestant: str) -> str:
    """Where a contestant leaves its picture."""
    return f"{job['photo']}.{contestant}.npy"


def difference(picture: np.ndarray, other: np.ndarray) -> float:
    """The largest of any pixel, in levels; infinite for pictures of different size."""
    if picture.shape != other.shape:
        return float("inf")
    return float(np.abs(picture - other).max())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    first, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=[ANY_STYLE], metavar="FILE")
    parser.add_argument("--size", type=int, default=512, help="long edge, px")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--pictures", type=int, default=3, help="of each contestant per round")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument("--wait-policy", choices=(PASSIVE, ACTIVE), default=PASSIVE)
    parser.add_argument("--content", default=sample(SAMPLE_PHOTO), metavar="FILE")
    parser.add_argument("--style", default=sample(SAMPLE_STYLE), metavar="FILE")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 1 where the contestants paint different pictures."""
    words = parse(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        job = prepare(Path(folder), words)
        for network in words.networks:
            path = str(locations.ANY_STYLE) if network == ANY_STYLE else network
            found = compare({**job, "network": path}, words)
            rows += [{"network": Path(network).stem, **row} for row in found]
    print(reporting.table(rows, COLUMNS))
    print("ratio: time / that of the faster PyTorch; differs: from nstyle's, levels of 255 at most")
    reporting.write_json(words.json, {"facts": reporting.facts(words.threads), "rows": rows})
    return int(not agree(rows))


def agree(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all contestants painted the same as nstyle."""
    return all(row["difference"] <= TOLERANCE for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
