"""Where each second of one run goes, from the start of the process to the file.

    python -m benchmarks.phases --edge 512 --repeat 3

Each run is a process of its own; the fastest one counts. At each size the targets of style and
content are taken, then the first epoch compiles what it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting
from benchmarks.processes import CHECKOUT, clean_environment
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample

COLUMNS: list[reporting.Column] = [
    ("phase", "phase", str),
    ("seconds", "seconds", "{:.2f}".format),
    ("share", "of all", "{:.0%}".format),
]


class Clock:
    """Seconds by phase, in order. began: of the process, as time.time() has it."""

    def __init__(self, began: float) -> None:
        self.phases: dict[str, float] = {}
        self._last = began

    def mark(self, phase: str) -> None:
        """What has passed since the last mark belongs to this phase."""
        now = time.time()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self._last
        self._last = now


def measure(words: argparse.Namespace) -> dict[str, float]:
    """Paint in this process."""
    clock = Clock(words.began)
    from nstyle import api
    from nstyle.images import image_file
    from nstyle.optimize import inputs
    from nstyle.options import presets
    from nstyle.system import runtime

    clock.mark("Python and nstyle")
    options = presets.resolve({"max_long_edge": words.edge}, words.preset)
    gathered = inputs.gather(words.content, words.style, options)
    clock.mark("reading the pictures")
    runtime.prepare(None)
    from nstyle.optimize import problem

    clock.mark("loading MXNet")
    seen: set[int] = set()

    def build(setup: Any, smaller: Any) -> Any:
        clock.mark("loading the network" if not seen else "enlarging")
        objective = problem.build(setup, smaller)
        clock.mark(f"{smaller.photo.width} px: targets")
        return objective

    def listener(step: Any) -> None:
        which = "other epochs" if step.scale in seen else "first epoch"
        seen.add(step.scale)
        clock.mark(f"{step.width} px: {which}")

    result = api.paint(gathered, options, listeners=[listener], build=build)
    clock.mark("finishing")
    with tempfile.TemporaryDirectory() as folder:
        image_file.write(result.picture, os.path.join(folder, "picture.jpg"))
    clock.mark("writing")
    return clock.phases


def in_a_process(arguments: Sequence[str]) -> dict[str, float]:
    """Phases of a fresh process."""
    words = [sys.executable, "-m", "benchmarks.phases", *arguments, "--began", str(time.time())]
    knobs: dict[str, Any] = {"cwd": CHECKOUT, "env": clean_environment(), "check": True}
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **knobs)
    phases: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return phases


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--content", default=sample(SAMPLE_PHOTO), metavar="FILE")
    parser.add_argument("--style", default=sample(SAMPLE_STYLE), metavar="FILE")
    parser.add_argument("--edge", type=int, default=512, help="long edge, px")
    parser.add_argument("--preset")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write the seconds there, too")
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    words = parser.parse_args(arguments)
    if words.began:
        print(json.dumps(measure(words)))
        return
    given = list(sys.argv[1:] if arguments is None else arguments)
    best = min(
        (in_a_process(given) for _ in range(words.repeat)), key=lambda run: sum(run.values())
    )
    whole = sum(best.values())
    rows = [
        {"phase": phase, "seconds": value, "share": value / whole} for phase, value in best.items()
    ]
    rows.append({"phase": "all", "seconds": whole, "share": 1.0})
    print(reporting.table(rows, COLUMNS))
    reporting.write_json(words.json and str(Path(words.json)), {"phases": best})


if __name__ == "__main__":
    main()
