"""Time to quality: how long until a picture is as good as another recipe's.

    python -m benchmarks.picture --json picture.json
    python -m benchmarks.picture --only default,fast --sizes 768,1536 --repeat 3

One photo and painting, one network, several recipes, each in a fresh process: MXNet's example,
L-BFGS at one size, the defaults, the preset `fast` where there is one, and PyTorch's L-BFGS (pip
install '.[bench]'): 200 evaluations of the same loss, from the photo, at one size. Pictures are
kept at moments that lie ever further apart (the time this takes does not count) and judged
afterwards by one evaluator: the loss of the default options at the full size. Noise is not removed,
so that the optimiser's own picture is judged. Seconds count from the start of the process. "until"
is the first kept picture that is as good as the last one of MXNet's example, of the faster of
PyTorch's, or of the defaults x 1.05.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import reporting, scene
from benchmarks.processes import CHECKOUT, WorkerError, ask, clean_environment
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.errors import NStyleError
from nstyle.images import image_file, sizes
from nstyle.images.picture import resize
from nstyle.optimize import inputs
from nstyle.options import presets
from nstyle.options.options import MODELS, Options
from nstyle.system import runtime

CLOSE = 1.05  # times the default's final loss counts as reached
EXAMPLE, DEFAULT, FAST, PYTORCH = "mxnet", "default", "fast", "torch"
EVALUATIONS = 200  # of the loss by PyTorch's L-BFGS


@dataclass(frozen=True)
class Recipe:
    """A preset's name or None, and options beyond those all recipes share.

    pytorch: whether PyTorch paints it in its place, and what its worker is told beside the job.
    """

    preset: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    pytorch: Mapping[str, Any] = field(default_factory=dict)


def pytorch(precision: str) -> Recipe:
    """PyTorch in channels_last, its faster layout."""
    job = {"layout": "channels_last", "bfloat16": precision == "bfloat16", "compiled": False}
    return Recipe(pytorch={**job, "evaluations": EVALUATIONS})


RECIPES = {
    EXAMPLE: Recipe("mxnet"),
    "lbfgs": Recipe(options={"optimizer": "lbfgs", "scales": 1}),
    DEFAULT: Recipe(),
    **({FAST: Recipe(FAST)} if FAST in presets.PRESETS else {}),
    **{f"{PYTORCH}-{precision}": pytorch(precision) for precision in ("float32", "bfloat16")},
}
COLUMNS: list[reporting.Column] = [
    ("recipe", "recipe", str),
    ("startup", "start-up s", reporting.seconds),
    ("seconds_per_epoch", "s/epoch", reporting.seconds),
    ("epochs", "epochs", str),
    ("stopped", "stopped by", str),
    ("total", "total s", reporting.seconds),
    ("loss", "final loss", reporting.general),
    ("until_example", f"s until {EXAMPLE}", reporting.seconds),
    ("until_default", f"s until {DEFAULT}", reporting.seconds),
    ("until_pytorch", f"s until {PYTORCH}", reporting.seconds),
    ("of_pytorch", f"of {PYTORCH}'s", reporting.general),
    ("peak_memory_bytes", "peak MB", reporting.megabytes),
]
SIZE_COLUMNS: list[reporting.Column] = [
    ("recipe", "recipe", str),
    ("size", "size", str),
    ("startup", "start-up s", reporting.seconds),
    ("seconds_per_epoch", "s/epoch", reporting.seconds),
    ("epochs", "epochs", str),
    ("total", "total s", reporting.seconds),
    ("seconds_per_megapixel", "s/megapixel", reporting.seconds),
    ("peak_memory_bytes", "peak MB", reporting.megabytes),
]


@dataclass(frozen=True)
class Bench:
    """What all runs share. folder: for files; photo: at the size painted; options: of all runs;
    weights: the network's file.
    """

    words: argparse.Namespace
    folder: Path
    photo: str
    size: tuple[int, int]
    options: Mapping[str, Any]
    weights: str

    def job(self, recipe: Recipe, *, keeps: bool) -> dict[str, Any]:
        """Of a worker, with a folder of its own for the pictures it keeps."""
        if recipe.pytorch:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            options = {**self.options, "weights": self.weights}
            shared = scene.make_job(folder, options, self.photo, self.words.style, self.size)
            return {**shared, **recipe.pytorch, "folder": str(folder)}
        return {
            "content": self.photo,
            "style": self.words.style,
            "preset": recipe.preset,
            "options": {**self.options, **recipe.options},
            "folder": tempfile.mkdtemp(dir=self.folder),
            "first": self.words.first,
            "spacing": self.words.spacing if keeps else 0,
        }


def prepare(words: argparse.Namespace, folder: Path, edge: int, *, enlarge: bool) -> Bench:
    """The photo brought to size once, so that all recipes have the same; the network found once.

    Raises what nstyle refuses.
    """
    typed = {"model": words.model, "weights": words.weights}
    model, weights = inputs.find_weights(Options(**typed))
    photo = image_file.read(words.content)
    size = sizes.result_size(photo.size, edge, enlarge)
    path = folder / f"photo{edge}.png"
    image_file.write(resize(photo, *size), path)
    options = {
        **typed,
        "model": model,
        "max_long_edge": max(size),
        "remove_noise": 0.0,
        "threads": words.threads,
    }
    if words.max_num_epochs is not None:
        options["max_num_epochs"] = words.max_num_epochs
    return Bench(words, folder, str(path), size, options, str(weights))


def paint(bench: Bench, recipe: Recipe) -> dict[str, Any]:
    """One run. Raises WorkerError."""
    job = bench.job(recipe, keeps=True)
    if not recipe.pytorch:
        return ask("painting", job)
    # Threads that wait sleep, as nstyle's do.
    threads = {"OMP_NUM_THREADS": str(bench.words.threads), "OMP_WAIT_POLICY": "passive"}
    return ask("pytorch_picture", job, **threads)


def painted(bench: Bench, names: Sequence[str]) -> list[dict[str, Any]]:
    """The fastest run of each recipe, with the totals of all, and the loss at every moment.

    Recipes take turns. Raises WorkerError.
    """
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(bench.words.repeat):
        for name in names:
            runs[name].append(paint(bench, RECIPES[name]))
            total = runs[name][-1]["total"]
            tell(f"{name}, run {number + 1} of {bench.words.repeat}: {total:.1f} s")
    rows = []
    for name, done in runs.items():
        best = min(done, key=lambda run: run["total"])
        rows.append({"recipe": name, **best, "totals": [run["total"] for run in done]})
    judge(bench, rows)
    return rows


def judge(bench: Bench, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the moments' files by their losses; set the final loss. Raises WorkerError."""
    moments = [moment for row in rows for moment in row["moments"]]
    shared = {name: bench.options[name] for name in ("model", "weights", "threads")}
    answer = ask(
        "judging",
        {
            "content": bench.photo,
            "style": bench.words.style,
            "size": bench.size,
            "options": scene.with_precision(shared, "float32"),
            "files": [moment["file"] for moment in moments],
        },
    )
    for moment, loss in zip(moments, answer["losses"]):
        del moment["file"]
        moment["loss"] = loss
    for row in rows:
        row["loss"] = row["moments"][-1]["loss"]


def seconds_until(moments: Sequence[Mapping[str, Any]], loss: float) -> float | None:
    """When the loss was first seen to be as low, or None."""
    return next((moment["seconds"] for moment in moments if moment["loss"] <= loss), None)


def compare_times(rows: Sequence[dict[str, Any]]) -> None:
    """Set until_example, until_default and until_pytorch where those recipes were run; of_pytorch:
    the last as a share of PyTorch's own seconds.
    """
    final = {row["recipe"]: row["loss"] for row in rows}
    theirs = [row for row in rows if RECIPES[row["recipe"]].pytorch]
    best = min(theirs, key=lambda row: row["total"], default={"total": math.inf, "loss": -math.inf})
    for row in rows:
        for key, recipe, factor in (
            ("until_example", EXAMPLE, 1.0),
            ("until_default", DEFAULT, CLOSE),
        ):
            goal = factor * final.get(recipe, -math.inf)
            row[key] = seconds_until(row["moments"], goal)
        reached = row["until_pytorch"] = seconds_until(row["moments"], best["loss"])
        row["of_pytorch"] = None if reached is None else reached / best["total"]


def at_sizes(words: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """The fastest run of the defaults (and `fast`) at each of --sizes. Raises WorkerError."""
    rows = []
    for edge in words.sizes:
        bench = prepare(words, folder, edge, enlarge=True)
        for name in [name for name in (DEFAULT, FAST) if name in words.only]:
            job = bench.job(RECIPES[name], keeps=False)
            best = min(
                (ask("painting", job) for _ in range(words.repeat)), key=lambda run: run["total"]
            )
            del best["moments"]
            width, height = bench.size
            rate = best["total"] / (width * height / 1e6)
            size = f"{width}x{height}"
            rows.append({"recipe": name, "size": size, **best, "seconds_per_megapixel": rate})
            tell(f"{name} at {size}: {best['total']:.1f} s")
    return rows


def command_seconds(bench: Bench) -> float:
    """From the start of `python run.py` to its end, when the picture is in its file."""
    settings = {
        "--content-image": bench.words.content,
        "--style-image": bench.words.style,
        "--max-long-edge": str(bench.words.max_long_edge),
        "--model": bench.options["model"],
        "--weights": bench.words.weights,
        "--threads": str(bench.words.threads),
        "--max-num-epochs": bench.words.max_num_epochs and str(bench.words.max_num_epochs),
        "--output": str(bench.folder / "out.jpg"),
    }
    typed = [word for pair in settings.items() if pair[1] is not None for word in pair]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, str(CHECKOUT / "run.py"), *typed, "--quiet"],
        env=clean_environment(),
        check=True,
    )
    return time.perf_counter() - began


def contestants() -> list[str]:
    """PyTorch's recipes, where it is installed; in bfloat16 where the CPU is fast in it."""
    if importlib.util.find_spec("torch") is None:
        return []
    precisions = ["float32", *["bfloat16"] * runtime.bfloat16_is_fast()]
    return [f"{PYTORCH}-{precision}" for precision in precisions]


def tell(line: str) -> None:
    """Progress, apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    first, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(RECIPES)
    usual = [name for name in RECIPES if not name.startswith(PYTORCH)] + contestants()
    parser.add_argument("--content", default=sample(SAMPLE_PHOTO), metavar="FILE")
    parser.add_argument("--style", default=sample(SAMPLE_STYLE), metavar="FILE")
    parser.add_argument("--max-long-edge", type=int, default=512, metavar="PX")
    parser.add_argument("--model", choices=MODELS, default="auto", help="of all recipes")
    parser.add_argument("--weights", metavar="FILE", help="of all recipes")
    parser.add_argument("--only", type=reporting.words, default=usual, help=f"of {known}")
    parser.add_argument(
        "--sizes", type=reporting.numbers, default=[], help="also s/megapixel at these long edges"
    )
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the fastest counts")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument(
        "--max-num-epochs", type=int, metavar="N", help="instead of the recipes' own, for a try"
    )
    parser.add_argument(
        "--first", type=float, default=0.25, help="seconds of painting until the first picture"
    )
    parser.add_argument(
        "--spacing", type=float, default=1.15, help="each is kept after so many times as long"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    words = parser.parse_args(arguments)
    if set(words.only) - set(RECIPES):
        parser.error(f"--only: each must be one of {known}")
    if words.spacing <= 1 or words.first <= 0 or words.repeat < 1:
        parser.error("--spacing must be above 1, --first above 0, --repeat at least 1")
    return words


def measured(words: argparse.Namespace) -> dict[str, Any]:
    """The report. Raises what nstyle refuses, WorkerError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = prepare(words, folder, words.max_long_edge, enlarge=False)
        rows = painted(bench, words.only)
        compare_times(rows)
        return {
            "facts": reporting.facts(words.threads),
            "pictures": [Path(words.content).name, Path(words.style).name],
            "size": bench.size,
            "model": bench.options["model"],
            "rows": rows,
            "command_seconds": [command_seconds(bench) for _ in range(words.repeat)],
            "sizes": at_sizes(words, folder),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report."""
    words = parse(arguments)
    try:
        report = measured(words)
    except (NStyleError, WorkerError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"error: {error}") from error
    size = "x".join(map(str, report["size"]))
    print(f"{report['model']}, {size}, {words.threads} threads\n")
    print(reporting.table(report["rows"], COLUMNS))
    print(f"\npython run.py, from start to file: {min(report['command_seconds']):.2f} s")
    if report["sizes"]:
        print(f"\n{reporting.table(report['sizes'], SIZE_COLUMNS)}")
    reporting.write_json(words.json, report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
