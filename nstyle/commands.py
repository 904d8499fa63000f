"""The commands of `nstyle` beside `run`: words -> options -> one call; they may load MXNet."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

DISTILL_HELP = {
    "teachers": ("--teacher", "a VGG-19 .params file; repeat for several partial ones"),
    "pictures": ("--pictures", "a folder of pictures; repeat for several"),
    "output": ("--output", "the network, .params"),
    "heldout": ("--heldout", "list of pictures that are never trained on"),
    "start": ("--start", "a network to begin with instead of random values"),
    "width": ("--width", "multiplies all channels"),
    "steps": ("--steps", "steps in all"),
    "batch": ("--batch", "crops per step"),
    "crop": ("--crop", "their edge in pixels"),
    "rate": ("--rate", "Adam's learning rate at the beginning"),
    "seed": ("--seed", "of crops and random channels"),
    "checkpoint": ("--checkpoint", "file to go on from after an interruption"),
    "curve": ("--curve", "learning curve, JSON lines"),
    "save_steps": ("--save-steps", "steps between two checkpoints"),
}


def add_distill(parser: argparse.ArgumentParser) -> None:
    """One flag per field of DistillOptions that a user may type."""
    from nstyle.distill import DistillOptions

    for entry in dataclasses.fields(DistillOptions):
        if entry.name not in DISTILL_HELP:
            continue
        flag, about = DISTILL_HELP[entry.name]
        settings: dict[str, Any] = {"dest": entry.name, "default": argparse.SUPPRESS}
        if entry.name in ("teachers", "pictures"):
            parser.add_argument(flag, action="append", required=True, help=about, **settings)
            continue
        required = entry.default is dataclasses.MISSING
        if not required and entry.default is not None:
            settings["type"] = type(entry.default)
            about += f" (default: {entry.default})"
        parser.add_argument(flag, required=required, help=about, **settings)


def run_distill(words: argparse.Namespace) -> int:
    """`nstyle distill`: train the small network; the exit code."""
    from nstyle.distill import DistillOptions, DistillStep, distill

    typed = {key: value for key, value in vars(words).items() if key in DISTILL_HELP}
    for name in ("teachers", "pictures"):
        typed[name] = tuple(typed[name])
    options = DistillOptions(**typed)

    def say(step: DistillStep) -> None:
        if step.step % 10 == 0 or step.step == step.steps:
            errors = "  ".join(f"{tap} {at['variance']:.3f}" for tap, at in step.taps.items())
            line = f"step {step.step}/{step.steps}: loss {step.loss:.3f}  {errors}"
            print(f"{line}  {step.seconds:.0f} s", file=sys.stderr, flush=True)

    distill(options, listener=say)
    print(f"{options.output}: written", file=sys.stderr)
    return 0
