"""`nstyle train`: train a network that paints in one pass."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from nstyle.cli.console import FAILED, INTERRUPTED, OK, Pace, configure_logging, say
from nstyle.cli.flags import add_fields, typed, typed_for
from nstyle.errors import DivergedError
from nstyle.feedforward import ANY_STYLE, ONE_STYLE
from nstyle.feedforward.train.options import FIELDS, LOSS_OF, TrainOptions
from nstyle.options import presets
from nstyle.options.field import build
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions

if TYPE_CHECKING:  # it loads numpy
    from nstyle.feedforward.train.run import TrainStep

TALK = ("quiet", "verbose")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `train`."""
    add_fields(parser, TrainOptions)
    add_fields(parser, Options, FIELDS, {"model": presets.SLIM, **LOSS_OF[ONE_STYLE]})
    add_fields(parser, OutputOptions, TALK)


def work(args: argparse.Namespace) -> int:
    """Train; the exit code. Raises what nstyle refuses."""
    delivery = build(OutputOptions, typed(args, TALK))
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    training = typed_for(TrainOptions, args)
    loss = training.loss(typed(args, FIELDS))
    from nstyle.feedforward.train.run import train

    listeners = [] if delivery.quiet else [StepLines()]
    try:
        made = train(training, loss, listeners=listeners)
    except DivergedError as error:
        say(f"error: {error}")
        return FAILED
    if not made.finished:
        where = "" if made.saved == made.steps else f" from step {made.saved}"
        lost = "no checkpoint could be written, so it is lost"
        elsewhere = made.checkpoint != training.saved
        place = f" --checkpoint {shlex.quote(made.checkpoint)}" if elsewhere else ""
        how = f"to go on{where}: the same command with --resume{place}" if made.saved else lost
        say(f"interrupted after step {made.steps}; {how}")
        return INTERRUPTED
    if not delivery.quiet:
        spent = f"{made.steps} steps in {made.seconds:.0f} s, loss {made.loss:.4f}"
        style = ["--style-image", "any.jpg"] if training.network == ANY_STYLE else []
        command = ["nstyle", "paint", "--network", training.output, *style, "photo.jpg"]
        say(f"{training.output}: {spent}; to paint with it:\n    {shlex.join(command)}")
    return FAILED if made.lost else OK


class StepLines:
    """A line for the first step, and then every ten seconds with the means since the last."""

    def __init__(self) -> None:
        self._since: list[TrainStep] = []
        self._pace = Pace()

    def __call__(self, step: TrainStep) -> None:
        """A line, if it is time for one."""
        self._since.append(step)
        if self._pace.due(end=step.left <= 0):
            say(line(self._since))
            self._since = []


def line(steps: list[TrainStep]) -> str:
    """A line about these steps."""
    from nstyle.optimize.callbacks.progress import time_left

    last = steps[-1]
    loss = sum(step.loss for step in steps) / len(steps)
    means = {
        kind: sum(step.terms[kind] for step in steps) / len(steps) for kind in sorted(last.terms)
    }
    parts = ", ".join(f"{kind} {value:.4f}" for kind, value in means.items())
    spent = f"{last.seconds:.0f} s, {time_left(last.left)}"
    return f"step {last.step}: loss {loss:.4f} ({parts}), {spent}"
