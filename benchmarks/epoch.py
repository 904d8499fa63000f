"""Seconds of one epoch with several networks, the same pictures and losses, alternating.

    python -m benchmarks.epoch vgg16=vgg16.params built-in=vgg16-slim

name=weights, a file or a network inside the package. An epoch is loss and gradient at full size
(512x341 for the sample photo), the best of several rounds. The ratio is to the first network.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks import reporting
from nstyle.optimize import inputs, problem
from nstyle.options.options import Options
from nstyle.system import locations
from nstyle.system.backend import device

COLUMNS = [
    ("network", "network", str),
    ("seconds", "seconds", "{:.3f}".format),
    ("ratio", "ratio", "{:.3f}".format),
]


def objective_of(weights: str, edge: int) -> tuple[Any, Any]:
    """The objective of the sample pictures with a network, and the photo's array."""
    inside = weights in locations.BUILT_IN
    network: dict[str, Any] = {"model": weights} if inside else {"weights": weights}
    options = Options(gpu=-1, max_long_edge=edge, precision="float32", **network)
    photo, style = locations.sample("coffee.jpg"), locations.sample("cubist.jpg")
    gathered = inputs.gather(photo, style, options)
    setup = problem.set_up(gathered, options, device(-1))
    objective = problem.build(setup, gathered)
    return objective, objective.load(setup.array(gathered.photo))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NAME=WEIGHTS")
    parser.add_argument("--edge", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--json")
    words = parser.parse_args()
    named = dict(word.split("=", 1) for word in words.networks)
    objectives = {name: objective_of(weights, words.edge) for name, weights in named.items()}
    best = dict.fromkeys(objectives, float("inf"))
    for turn in range(words.rounds + 1):
        for name, (objective, array) in objectives.items():
            start = time.perf_counter()
            objective(array)[1].wait_to_read()
            if turn:  # the first compiles
                best[name] = min(best[name], time.perf_counter() - start)
    first = next(iter(best.values()))
    rows = [{"network": n, "seconds": s, "ratio": s / first} for n, s in best.items()]
    print(reporting.table(rows, COLUMNS))
    reporting.write_json(words.json, {"rows": rows})


if __name__ == "__main__":
    main()
