"""The door: words -> the command that is named; errors -> one line and an exit code."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from nstyle import __version__
from nstyle.cli.console import INTERRUPTED, OK, REFUSED, say
from nstyle.errors import NStyleError
from nstyle.options.parse import nearest

# name -> (module with add(parser) and work(words), what it does)
COMMANDS = {
    "run": ("nstyle.cli.commands.run", "paint a photo in the style of a painting"),
    "paint": ("nstyle.cli.commands.paint", "paint photos in one pass, in any style, at once"),
    "batch": ("nstyle.cli.commands.batch", "paint many photos in many styles"),
    "mural": ("nstyle.cli.commands.mural", "paint one large picture on many machines"),
    "video": ("nstyle.cli.commands.video", "paint a film, frame by frame, without flicker"),
    "studio": ("nstyle.cli.commands.studio", "open a page for painting, on this machine"),
    "sheet": ("nstyle.cli.commands.sheet", "paint a small sheet of settings before the long run"),
    "presets": ("nstyle.cli.commands.presets", "list the known recipes for --preset"),
    "models": ("nstyle.cli.commands.models", "list the networks that are installed"),
    "download": ("nstyle.cli.commands.download", "fetch the weights of VGG-19 or VGG-16"),
    "score": ("nstyle.cli.commands.score", "tell how far pictures are from photo and painting"),
    "train": ("nstyle.cli.commands.train", "train a network that paints in one pass"),
    "distill": (
        "nstyle.cli.commands.distill",
        "make a small network that sees as a complete VGG does",
    ),
}


class Parser(argparse.ArgumentParser):
    """argparse whose refusals are one line, with the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = (message[len(prefix) :].split() or ["''"])[0]
            flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
            near = difflib.get_close_matches(word.split("=")[0], flags, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; see {self.prog} --help"
            message = f"unknown: {word}{hint}"
        self.exit(REFUSED, f"{self.prog}: error: {message}\n")


def build_parser(named: str | None) -> tuple[Parser, dict[str, Parser]]:
    """The parser of `nstyle`, and those of its commands by name.

    Only the command that is named gets its flags, as only its module is imported.
    """
    parser = Parser(prog="nstyle", description="Neural style transfer.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, (module, about) in COMMANDS.items():
        parsers[name] = choices.add_parser(name, help=about, description=about, allow_abbrev=False)
        if name == named:
            import_module(module).add(parsers[name])
    return parser, parsers


def guarded(work: Any, words: argparse.Namespace, program: str) -> int:
    """Run a command; what nstyle refuses becomes one line and exit code 2. Bugs pass through."""
    try:
        code = int(work(words))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `nstyle presets | head`; what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except NStyleError as error:
        say(f"{program}: error: {error}")
        return REFUSED
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `nstyle`; the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    named = next((word for word in argv if not word.startswith("-")), None)
    parser, parsers = build_parser(named)
    if named is not None and named not in COMMANDS:
        parser.error(f"COMMAND: {named!r} is none of {nearest(named, COMMANDS)}")
    words, rest = parser.parse_known_args(argv)
    if rest:  # argparse would let the outer parser report it, which does not know the flags
        parsers[words.command].error("unrecognized arguments: " + " ".join(rest))
    return guarded(import_module(COMMANDS[words.command][0]).work, words, "nstyle")


def main_run(argv: Sequence[str] | None = None) -> int:
    """`python run.py`: the same as `nstyle run`."""
    module, about = COMMANDS["run"]
    run = import_module(module)
    parser = Parser(prog="run.py", description=about, allow_abbrev=False)
    run.add(parser)
    return guarded(run.work, parser.parse_args(argv), "run.py")
