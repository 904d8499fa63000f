"""`nstyle distill`: make a small network that sees as a complete VGG does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nstyle.cli.console import OK, configure_logging, say
from nstyle.cli.flags import add_fields, typed_for
from nstyle.networks.distill.options import DistillOptions

if TYPE_CHECKING:  # it loads MXNet
    from nstyle.networks.distill.run import DistillStep

LINE_STEPS = 10  # steps between two lines


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `distill`."""
    add_fields(parser, DistillOptions)


def work(args: argparse.Namespace) -> int:
    """Make the network; the exit code. Raises what `distill` refuses."""
    configure_logging()
    options = typed_for(DistillOptions, args)
    from nstyle.networks.distill.run import distill

    distill(options, listener=tell_step)
    say(f"{options.output}: written")
    return OK


def tell_step(step: DistillStep) -> None:
    """A line for every tenth step."""
    if step.step % LINE_STEPS == 0:
        errors = "  ".join(f"{tap} {at['variance']:.3f}" for tap, at in step.taps.items())
        say(f"step {step.step}: loss {step.loss:.3f}  {errors}  {step.seconds:.0f} s")
