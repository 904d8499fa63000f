"""`nstyle mural`: paint one picture, its parts on the workers of a Dask cluster."""

from __future__ import annotations

import argparse
import shlex

from nstyle.cli.commands import run
from nstyle.cli.console import FAILED, say
from nstyle.cli.flags import add_fields, typed_for
from nstyle.distributed.options import Settings, check


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `mural`: those of `run`, and where."""
    add_fields(parser, Settings)
    run.add(parser)


def work(args: argparse.Namespace) -> int:
    """Paint one picture; the exit code. Raises what nstyle refuses."""
    settings = typed_for(Settings, args)
    order, begun = run.ordered(args)
    check(order.options)
    from nstyle.distributed.actors import Gone
    from nstyle.distributed.run import Mural

    mural = Mural(settings, order.delivery.checkpoint_epochs)
    try:
        code = run.carried_out(order, begun, mural.run)
    except Gone as error:
        saved = mural.saver.newest if mural.saver else None
        how = f"; to go on: --resume {shlex.quote(saved)}" if saved else ""
        say(f"error: {error}{how}")
        return FAILED
    if not order.delivery.quiet:
        say(mural.summary())
    return code
