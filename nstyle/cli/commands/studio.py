"""`nstyle studio`: a page for painting, on this machine."""

from __future__ import annotations

import argparse

from nstyle.cli.console import OK, configure_logging, say
from nstyle.cli.flags import add_fields, typed_for
from nstyle.studio.options import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `studio`."""
    add_fields(parser, Settings)


def work(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; the exit code. Raises what nstyle refuses."""
    from nstyle.studio import server

    configure_logging()
    settings = typed_for(Settings, args)
    listening = server.bound(settings)
    with listening:
        app = server.application(settings)
        say(f"the studio is open at {server.address(settings, listening)}; Ctrl-C closes it")
        say(f"it keeps its pictures in {settings.home}")
        server.serve(app, listening)
    say("the studio is closed")
    return OK
