"""`nstyle distill`: train a small network to see as VGG-19 sees."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from nstyle.commands.console import OK, say

if TYPE_CHECKING:
    from nstyle.distill import DistillStep

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


def add(parser: argparse.ArgumentParser) -> None:
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


def work(words: argparse.Namespace) -> int:
    """Train the small network; the exit code. Raises what `distill` refuses."""
    from nstyle.distill import DistillOptions, distill

    typed = {key: value for key, value in vars(words).items() if key in DISTILL_HELP}
    for name in ("teachers", "pictures"):
        typed[name] = tuple(typed[name])
    options = DistillOptions(**typed)

    distill(options, listener=tell_step)
    say(f"{options.output}: written")
    return OK


def tell_step(step: DistillStep) -> None:
    """A line for every tenth step and for the last."""
    if step.step % 10 == 0 or step.step == step.steps:
        errors = "  ".join(f"{tap} {at['variance']:.3f}" for tap, at in step.taps.items())
        line = f"step {step.step}/{step.steps}: loss {step.loss:.3f}  {errors}"
        say(f"{line}  {step.seconds:.0f} s")
