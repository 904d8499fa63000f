"""What settings of the optimisation cost and give: seconds, epochs per size, loss of the picture.

python -m benchmarks.settings ["momentum=0.9" "lr=0.2 stop_eps=0.01" ...] [--max-long-edge 512]

Each word is one setting beside the defaults, which are measured first; without words, a list of
alternatives. The loss is that of the finished picture, judged at full size by nstyle.evaluate with
the default options; noise removal is off.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import nstyle

SAMPLES = Path(__file__).parents[1] / "input"
PAIRS = (("coffee", "cubist"), ("chelsea", "woodcut_wave"))
ALTERNATIVES = (
    "clamp=false",
    "scales=1",
    "scales=3",
    "lr_sched_delay=1",
    "lr_sched_delay=3",
    "momentum=0.7",
    "momentum=0.9",
    "lr=0.05",
    "lr=0.2",
    "step_limit=1",
    "step_limit=8",
    "stop_eps=0.01",
    "optimizer=lbfgs scales=1",
    "optimizer=adam",
    "optimizer=nag",
)


def parse(extractor: str) -> dict[str, Any]:
    """ "lr=0.2 scales=1" -> {"lr": "0.2", "scales": "1"}."""
    return dict(word.split("=", 1) for word in extractor.split())


def measure(content: str, style: str, options: dict[str, Any]) -> tuple[float, list[int], float]:
    """Seconds of the whole call, epochs at each size, loss of the finished picture."""
    began = time.perf_counter()
    result = nstyle.stylize(content, style, remove_noise=0, **options)
    seconds = time.perf_counter() - began
    scales = [step.scale for step in result.history]
    epochs = [scales.count(scale) for scale in sorted(set(scales))]
    return seconds, epochs, nstyle.evaluate(result.picture, content, style).loss


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", help="NAME=VALUE ..., one word per setting")
    parser.add_argument("--max-long-edge", type=int, default=512)
    words = parser.parse_args()
    files = [tuple(str(SAMPLES / f"{name}.jpg") for name in pair) for pair in PAIRS]
    edge = {"max_long_edge": words.max_long_edge}
    measure(*files[0], {**edge, "max_num_epochs": 3})  # loading counts for nobody
    names = " | ".join(f"{content} + {style}" for content, style in PAIRS)
    print(f"| setting | {names} |\n|---|{'---|' * len(PAIRS)}")
    for setting in ["", *(words.settings or ALTERNATIVES)]:
        cells = []
        for content, style in files:
            seconds, epochs, loss = measure(content, style, {**edge, **parse(setting)})
            cells.append(f"{seconds:.1f} s, {'+'.join(map(str, epochs))} epochs, loss {loss:.1f}")
        print(f"| {setting or 'the defaults'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
