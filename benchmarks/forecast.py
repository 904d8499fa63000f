"""How well the time left was known: traces of runs against what came.

    python run.py --trace a.jsonl
    python -m benchmarks.forecast a.jsonl

After which share of the epochs (from the tenth on, so long as more than a second was left) the time
left that was told lay within 25 % of what the run still took.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

NEAR = 0.25
FROM_EPOCH = 10
LEAST = 1.0  # seconds: below nobody cares


def shares(path: str) -> tuple[int, float, float]:
    """(epochs looked at, share of them within NEAR, median of told / come - 1)."""
    lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "epoch" in line]
    left, errors = 0.0, []
    for step in reversed(steps):
        if step["epoch"] >= FROM_EPOCH and left > LEAST and step["left"] is not None:
            errors.append(step["left"] / left - 1)
        left += step["seconds"]
    errors.sort()
    near = sum(abs(error) <= NEAR for error in errors) / len(errors)
    return len(errors), near, errors[len(errors) // 2]


def main() -> None:
    """The door."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", nargs="+", metavar="TRACE")
    for path in parser.parse_args().traces:
        count, near, middle = shares(path)
        print(f"{path}: {count} epochs, {near:.0%} within {NEAR:.0%}, median error {middle:+.0%}")


if __name__ == "__main__":
    main()
