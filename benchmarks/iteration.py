"""Seconds per iteration: loss, gradient of the picture, one step of the optimiser.

    python -m benchmarks.iteration --json iteration.json
    python -m benchmarks.iteration --only ours,torch --models vgg19 --sizes 512

This project beside the same in plain PyTorch (pip install '.[bench]') and beside the way MXNet's
example iterates. Every contestant is a process of its own that is kept alive; they take turns, so
that whatever else runs on the machine disturbs them alike, and the best round of each counts. All
contestants of one size are in memory at a time: about 2 GB each for vgg19 at 1024.

Threads that wait sleep, in nstyle and (--wait-policy) in the others but `example`: where they spin,
small pictures take PyTorch a hundred times as long when the machine has other work to do.
On a machine that does nothing else, measure with --wait-policy active, too.

The network is a VGG-19 of random weights, unless a file is given; vgg16-slim is the built-in one.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import reporting, scene
from benchmarks.processes import Job, Worker, WorkerError
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.errors import NStyleError
from nstyle.system import runtime

SIZES, MODELS = [256, 512, 1024], ["vgg19", "vgg16-slim"]
BASELINE = "torch-float32"
PASSIVE, ACTIVE = "passive", "active"
TOLERANCE = 1e-3  # relative difference of the losses of those that compute the same in float32
# Threads that wait spin for up to 0.2 s; they shall sleep before the next one's turn.
PAUSE = 0.3


@dataclass(frozen=True)
class Contestant:
    """module: of benchmarks.workers; same: it computes the common loss in float32.

    job: what its worker is told beyond the common job; precision: of nstyle; environment: it is
    given the number of threads and --wait-policy there (nstyle sets both by itself).
    """

    module: str
    about: str
    same: bool = False
    job: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    environment: bool = True


# Name -> words of its job.
PYTORCH = {
    "float32": ("float32", "contiguous"),
    "channels-last": ("float32", "channels_last"),
    "compiled": ("float32", "channels_last", "compiled"),
    "bfloat16": ("bfloat16", "channels_last"),
    "compiled-bfloat16": ("bfloat16", "channels_last", "compiled"),
}


def pytorch(precision: str, layout: str, compiled: str = "") -> Contestant:
    """PyTorch in one of its modes: bfloat16 by autocast, compiled by torch.compile."""
    low = precision == "bfloat16"
    job = {"layout": layout, "bfloat16": low, "compiled": bool(compiled)}
    about = ", ".join(filter(None, ["PyTorch", precision, layout, compiled]))
    return Contestant("pytorch", about, same=not low, job=job)


CONTESTANTS = {
    "ours-float32": Contestant("ours", "nstyle, float32", same=True, environment=False),
    "ours-bfloat16": Contestant(
        "ours", "nstyle, bfloat16", precision="bfloat16", environment=False
    ),
    **{f"torch-{name}": pytorch(*words) for name, words in PYTORCH.items()},
    "example": Contestant("example", "MXNet's example, MXNet as it comes", environment=False),
    "example-threads": Contestant("example", "MXNet's example, all threads"),
}
COLUMNS: list[reporting.Column] = [
    ("model", "model", str),
    ("size", "size", str),
    ("contestant", "contestant", str),
    ("seconds", "s/iteration", reporting.seconds),
    ("ratio", "ratio", lambda ratio: f"{ratio:.2f}"),
    ("peak_memory_bytes", "peak MB", reporting.megabytes),
    ("loss", "loss at the start", reporting.general),
    ("note", "", str),
]


def chosen(only: Sequence[str]) -> dict[str, Contestant]:
    """Contestants whose names begin with one of the words; all for none. Exits for an unknown."""
    for word in only:
        if not any(name.startswith(word) for name in CONTESTANTS):
            raise SystemExit(f"--only: {word!r} begins none of {', '.join(CONTESTANTS)}")
    wanted = tuple(only) or ("",)
    return {name: one for name, one in CONTESTANTS.items() if name.startswith(wanted)}


def reason_against(contestant: Contestant) -> str:
    """Why it cannot run here, or ""."""
    if contestant.module == "pytorch" and importlib.util.find_spec("torch") is None:
        return "not available: PyTorch is not installed (pip install '.[bench]')"
    if contestant.precision != "float32" and not scene.has_precision():
        return "not available: this nstyle has no option `precision`"
    if contestant.precision == "bfloat16" and not runtime.bfloat16_works():
        return "not available: this CPU has no AVX-512"
    return ""


def start(contestant: Contestant, job: Job, wait_policy: str) -> Worker:
    """Its process, getting ready."""
    options = scene.with_precision(job["options"], contestant.precision)
    settings = {"OMP_NUM_THREADS": str(options["threads"]), "OMP_WAIT_POLICY": wait_policy}
    settings = settings if contestant.environment else {}
    return Worker(contestant.module, {**job, **contestant.job, "options": options}, **settings)


def compare(
    contestants: Mapping[str, Contestant],
    job: Job,
    *,
    rounds: int,
    iterations: int,
    wait_policy: str = PASSIVE,
) -> dict[str, dict[str, Any]]:
    """Results by name: loss, next_loss (a step later), rounds (seconds per iteration of each),
    seconds (of the best), peak_memory_bytes; or missing: why there are none.
    """
    results = {name: {"missing": reason_against(one)} for name, one in contestants.items()}
    with contextlib.ExitStack() as stack:
        workers = {
            name: stack.enter_context(contextlib.closing(start(one, job, wait_policy)))
            for name, one in contestants.items()
            if not results[name]["missing"]
        }
        take_turns(workers, results, rounds, iterations)
    for result in results.values():
        if result.get("rounds"):
            result["seconds"] = min(result["rounds"])
    return results


def take_turns(
    workers: Mapping[str, Worker],
    results: Mapping[str, dict[str, Any]],
    rounds: int,
    iterations: int,
) -> None:
    """Fill the results; who begins changes from round to round, and who fails drops out."""
    names = list(workers)
    for number in range(-1, rounds):
        for name in names[number % len(names) :] + names[: number % len(names)] if names else []:
            result, worker = results[name], workers[name]
            if result["missing"]:
                continue
            try:
                answer = worker.answer() if number < 0 else worker.run(iterations)
            except WorkerError as error:
                result["missing"] = f"failed: {error}"
                continue
            if number < 0:
                result.update(answer, rounds=[])
                continue
            result["rounds"].append(answer["seconds"] / iterations)
            result["peak_memory_bytes"] = answer["peak_memory_bytes"]
            time.sleep(PAUSE)


def disagreement(results: Mapping[str, dict[str, Any]]) -> float:
    """Largest relative difference between those that compute the same, before and after a step."""
    same = [
        result
        for name, result in results.items()
        if CONTESTANTS[name].same and not result["missing"]
    ]
    differences = [0.0]
    for key in ("loss", "next_loss"):
        losses = [result[key] for result in same]
        if losses:
            differences.append((max(losses) - min(losses)) / abs(min(losses)))
    return max(differences)


def with_ratios(results: Mapping[str, dict[str, Any]], wanted: str) -> str:
    """Set each result's ratio to the baseline; its name: the wanted one, else the first there."""
    timed = [name for name, result in results.items() if not result["missing"]]
    baseline = wanted if wanted in timed else next(iter(timed), "")
    for name in timed:
        results[name]["ratio"] = results[name]["seconds"] / results[baseline]["seconds"]
    return baseline


def against_best(results: Mapping[str, dict[str, Any]]) -> str:
    """nstyle's seconds over those of PyTorch's best mode, in each precision that both have."""
    parts = []
    for precision in ("float32", "bfloat16"):
        modes = [f"torch-{name}" for name, words in PYTORCH.items() if words[0] == precision]
        timed = {name: results[name]["seconds"] for name in modes
                 if "seconds" in results.get(name, {})}  # fmt: skip
        ours = results.get(f"ours-{precision}", {}).get("seconds")
        if timed and ours:
            best = min(timed, key=lambda name: timed[name])
            parts.append(f"{precision}: {ours / timed[best]:.2f} of {best}")
    return "; ".join(parts)


def compare_at(words: argparse.Namespace, model: str, edge: int, path: str | None) -> list[Any]:
    """Rows of the table for one network and size."""
    size = scene.size_of(edge)
    settings = scene.options_for(model, path, words.threads)
    with tempfile.TemporaryDirectory() as folder:
        job = scene.make_job(Path(folder), settings, words.content, words.style, size)
        results = compare(
            chosen(words.only),
            job,
            rounds=words.rounds,
            iterations=words.iterations,
            wait_policy=words.wait_policy,
        )
    baseline, difference = with_ratios(results, words.baseline), disagreement(results)
    common = {"model": model, "size": "x".join(map(str, size)), "baseline": baseline}
    rows = [
        {**common, "contestant": name, **result, "note": result["missing"]}
        for name, result in results.items()
    ]
    print(reporting.table(rows, COLUMNS))
    print(f"ratio: time / {baseline}'s; the float32 losses differ by {difference:.1e}", flush=True)
    print(f"nstyle {against_best(results)}\n", flush=True)
    return [{**row, "losses_agree": difference <= TOLERANCE} for row in rows]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    first, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(CONTESTANTS)
    parser.add_argument("--sizes", type=reporting.numbers, default=SIZES, help="long edges, px")
    parser.add_argument("--models", type=reporting.words, default=MODELS)
    parser.add_argument("--only", type=reporting.words, default=[], help=f"beginnings of {names}")
    parser.add_argument("--baseline", choices=CONTESTANTS, default=BASELINE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=3, help="of each contestant per round")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument(
        "--wait-policy", choices=(PASSIVE, ACTIVE), default=PASSIVE, help="of PyTorch's threads"
    )
    parser.add_argument("--weights", metavar="FILE", help="a VGG-19 instead of random weights")
    parser.add_argument("--content", default=sample(SAMPLE_PHOTO), metavar="FILE")
    parser.add_argument("--style", default=sample(SAMPLE_STYLE), metavar="FILE")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    words = parser.parse_args(arguments)
    chosen(words.only)
    if set(words.models) - set(MODELS):
        parser.error(f"--models: each must be one of {', '.join(MODELS)}")
    if min(words.rounds, words.iterations, words.threads) < 1:
        parser.error("--rounds, --iterations, --threads: must be at least 1")
    return words


def measured(words: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of all networks and sizes. Raises what nstyle refuses."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = words.weights
        if "vgg19" in words.models and path is None:
            path = scene.write_random_vgg19(Path(folder) / "vgg19.npz")
        for model in words.models:
            for edge in words.sizes:
                rows += compare_at(words, model, edge, path if model == "vgg19" else None)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 1 where a contestant failed or the losses disagree."""
    words = parse(arguments)
    try:
        rows = measured(words)
    except NStyleError as error:
        raise SystemExit(f"error: {error}") from error
    facts = {**reporting.facts(words.threads), "wait_policy": words.wait_policy}
    report = {"facts": facts, "iterations": words.iterations}
    reporting.write_json(words.json, {**report, "rows": rows})
    failed = [row for row in rows if row["missing"].startswith("failed")]
    return int(bool(failed) or not all(row["losses_agree"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
