"""Kills runs at random moments, lets them go on, and compares them with runs never stopped.

    python -m tests.kill [N] [--seed S]

Every finished run must have the same picture, snapshots and steps to the last bit, and after every
kill no file may be half written. Not in the suite, which kills two (test_kill.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from nstyle.optimize import checkpoint

CHECKOUT = Path(__file__).parents[1]
OUTPUT, TRACE, CHECKPOINT = "out.png", "t.jsonl", "out.png.ckpt.npz"
EVERY = 3  # epochs between two checkpoints
USUAL = [
    "--content-image", str(CHECKOUT / "input" / "coffee.jpg"),
    "--style-image", str(CHECKOUT / "input" / "cubist.jpg"),
    "--output", OUTPUT, "--trace", TRACE, "--quiet", "--threads", "1", "--gpu", "-1",
    "--save-epochs", "10", "--checkpoint-epochs", str(EVERY),
]  # fmt: skip
SMALL = ["--max-long-edge", "112", "--model", "vgg16-slim", "--max-num-epochs", "60"]
SETTINGS = {
    "sgd, three sizes": ["--scales", "3", "--stop-eps", "0"],
    "sgd until it converges": ["--scales", "2", "--stop-eps", "0.02"],
    "nag, two sizes": ["--optimizer", "nag", "--scales", "2"],
    "adam, noise": ["--optimizer", "adam", "--init", "noise", "--stop-eps", "0"],
    "lbfgs, two sizes": ["--optimizer", "lbfgs", "--scales", "2", "--stop-eps", "0"],
    "lbfgs, one size": ["--optimizer", "lbfgs", "--scales", "1"],
    "two styles, masks, colours": [
        "--style-image", str(CHECKOUT / "input" / "stained_glass.jpg"),
        "--content-mask", str(CHECKOUT / "docs" / "gallery" / "cup_mask.png"),
        "--style-mask", "#ff0000", "--style-mask", "#0000ff", "--colors", "content",
        "--keep-mask", str(CHECKOUT / "docs" / "gallery" / "face_mask.png"),
        "--style-loss", "wasserstein", "--scales", "2",
    ],
    "style alone": ["--content-weight", "0", "--size", "112x80", "--stop-eps", "0"],
}  # fmt: skip
LONGEST = 300  # seconds that a run may take


def start(folder: Path, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """`nstyle run` in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "nstyle", "run", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait; fails where the run does."""
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err.decode()


def epochs_in(folder: Path) -> int:
    """The newest epoch in the trace, 0 where there is none."""
    path = folder / TRACE
    whole = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line).get("epoch", 0) for line in whole if line.endswith(b"\n")]
    return max(found, default=0)


def kill_after(
    folder: Path, words: Sequence[str], epoch: int, delay: float, before: int = 0
) -> bool:
    """Start a run, kill it `delay` seconds after an epoch; False where it had ended before that.

    before: the epoch up to which lines of an earlier run may be in the trace.
    """
    process = start(folder, words)
    try:
        end = time.monotonic() + LONGEST
        while epoch and process.poll() is None and not before < epochs_in(folder) >= epoch:
            before = min(before, epochs_in(folder))
            assert time.monotonic() < end, "the epoch did not come"
            time.sleep(0.001)
        time.sleep(delay)
        killed = process.poll() is None
        process.kill()
        _, err = process.communicate()
        assert killed or process.returncode == 0, err.decode()
        return killed
    finally:
        process.kill()


def check_after_kill(folder: Path) -> None:
    """Every file that has its name can be read to its end, and few epochs are lost."""
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    done = 0
    if (folder / CHECKPOINT).exists():
        done = len(checkpoint.read(str(folder / CHECKPOINT)).saved.history)
    elif (folder / OUTPUT).exists():
        return  # it was finished
    lost = epochs_in(folder) - done
    assert lost <= EVERY, f"{lost} epochs are lost"


def outcome(folder: Path) -> dict[str, Any]:
    """What a finished run left: files by name, the trace without times."""
    *steps, last = [json.loads(line) for line in (folder / TRACE).read_text().splitlines()]
    timeless = [{k: v for k, v in s.items() if k not in ("seconds", "left")} for s in steps]
    found: dict[str, Any] = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != TRACE
    }
    return {**found, TRACE: [timeless, last["stopped"], last["epochs"]]}


def check_same(folder: Path, whole: dict[str, Any]) -> None:
    """Fails where a run left anything else than the one never stopped."""
    found = outcome(folder)
    assert sorted(found) == sorted(whole), f"{sorted(found)} instead of {sorted(whole)}"
    different = [name for name in whole if found[name] != whole[name]]
    assert not different, f"other bytes in {different}"


def go_on(folder: Path, words: Sequence[str]) -> list[str]:
    """How to go on after a kill: from the checkpoint, or anew where it came before the first."""
    return ["--resume", CHECKPOINT] if (folder / CHECKPOINT).exists() else list(words)


def moment(epochs: int, sizes: Sequence[int], chance: random.Random) -> tuple[int, float]:
    """(epoch, seconds after it) to kill at: anywhere, often where a size ends or the run begins."""
    kind = chance.random()
    if kind < 0.1:
        return 0, chance.uniform(0.0, 2.5)  # while it loads, or in the first epochs
    if kind < 0.35:
        return chance.choice(sizes), chance.uniform(0.0, 0.15)
    return chance.randint(1, epochs), chance.uniform(0.0, 0.03)


def trial(folder: Path, words: Sequence[str], whole: dict[str, Any], chance: random.Random) -> str:
    """One run, killed once or more often, then finished and compared; where it was killed."""
    steps = whole[TRACE][0]
    sizes = [a["epoch"] for a, b in zip(steps, [*steps[1:], {}]) if a["scale"] != b.get("scale")]
    told = []
    again = list(words)
    while True:
        before = epochs_in(folder)
        epoch, delay = moment(len(steps), sizes, chance)
        if not kill_after(folder, again, epoch, delay, before):
            break
        check_after_kill(folder)
        told.append(str(epochs_in(folder)))
        again = go_on(folder, words)
        if chance.random() < 0.7:
            finish(start(folder, again))
            break
    check_same(folder, whole)
    return ", ".join(told)


def main() -> int:
    """The exit code: 0 where all came out the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", metavar="N", nargs="?", type=int, default=30, help="runs to kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    words = parser.parse_args()
    chance, killed, kills = random.Random(words.seed), 0, 0
    print(f"seed {words.seed}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        wholes: dict[str, Any] = {}
        while killed < words.count:
            name = list(SETTINGS)[killed % len(SETTINGS)]
            command = [*USUAL, *SMALL, *SETTINGS[name]]
            if name not in wholes:
                Path(root, name).mkdir()
                finish(start(Path(root, name), command))
                wholes[name] = outcome(Path(root, name))
            with tempfile.TemporaryDirectory(dir=root) as folder:
                told = trial(Path(folder), command, wholes[name], chance)
            if told:
                killed, kills = killed + 1, kills + len(told.split(", "))
                print(f"{killed}: {name}: killed after epoch {told}: same bytes", flush=True)
    print(f"{killed} runs, killed {kills} times, all ended in the bytes of runs never stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
