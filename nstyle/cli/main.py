"""The door: words -> the command that is named; errors -> one line and an exit code."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import resource
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from nstyle import __version__
from nstyle.cli.console import (
    FAILED,
    INTERRUPTED,
    OK,
    REFUSED,
    Unprinted,
    open_streams,
    put,
    say,
)
from nstyle.errors import NStyleError, OptionError
from nstyle.options.parse import nearest
from nstyle.system.interrupts import Interruption, ends_as_ctrl_c

# module of nstyle.cli.commands -> what it does
COMMANDS = {
    "run": "paint a photo in the style of a painting",
    "paint": "paint photos in one pass, in any style, at once",
    "styles": "list the ready styles, or paint a sheet of them",
    "batch": "paint many photos in many styles",
    "mural": "paint one large picture on many machines",
    "video": "paint a film, frame by frame, without flicker",
    "studio": "open a page for painting, on this machine",
    "sheet": "paint a small sheet of settings before the long run",
    "presets": "list the known recipes for --preset",
    "models": "list the networks that are installed",
    "download": "fetch the weights of VGG-19 or VGG-16",
    "score": "tell how far pictures are from photo and painting",
    "train": "train a network that paints in one pass",
    "distill": "make a small network that sees as a complete VGG does",
}


OPEN_FILES = 64  # fewer are not enough for processes and networks
NO_MEMORY = ("Resource temporarily unavailable", "bad_alloc", "allocate")


class Parser(argparse.ArgumentParser):
    """argparse whose refusals are one line, with the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = (message[len(prefix) :].split() or ["''"])[0]
            flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
            message = f"unknown: {word}{self._hint(word.split('=')[0], flags)}"
        self.exit(REFUSED, f"{self.prog}: error: {message}\n")

    def _hint(self, word: str, flags: Sequence[str]) -> str:
        if not word.startswith("-") and "--content-image" in flags:
            return f"; did you mean --content-image {shlex.quote(word)}?"
        # What was shortened comes before what looks alike; images before their masks.
        longer = sorted(
            (flag for flag in flags if flag.startswith(f"{word}-")),
            key=lambda flag: not flag.endswith("-image"),
        )
        near = longer or difflib.get_close_matches(word, flags, n=1)
        return f"; did you mean {near[0]}?" if near else f"; see {self.prog} --help"

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse ignores where nothing can be printed. Raises Unprinted."""
        (say if file is sys.stderr else put)(message.rstrip("\n"))


def module_of(command: str) -> Any:
    """The command's module, with add(parser) and work(args)."""
    return import_module(f"nstyle.cli.commands.{command}")


def build_parser(named: str | None) -> tuple[Parser, dict[str, Parser]]:
    """The parser of `nstyle`, and those of its commands by name; only the named one has flags."""
    parser = Parser(prog="nstyle", description="Neural style transfer.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, about in COMMANDS.items():
        parsers[name] = choices.add_parser(name, help=about, description=about, allow_abbrev=False)
        if name == named:
            module_of(name).add(parsers[name])
    return parser, parsers


def guarded(work: Callable[[], int], program: str) -> int:
    """Run a command; what nstyle refuses becomes one line and exit code 2. Bugs pass through."""
    open_streams()
    with ends_as_ctrl_c(), Interruption() as interruption:
        try:
            check_machine()
            return work()
        except Unprinted as error:
            if not str(error):
                return OK
            say(f"{program}: error: stdout cannot be written ({error})")
            return FAILED
        except (Exception, KeyboardInterrupt) as error:
            # Ctrl-C while numpy or MXNet is imported ends as another error.
            if interruption.came or isinstance(error, KeyboardInterrupt):
                say("interrupted")
                return INTERRUPTED
            lacking = None if isinstance(error, NStyleError) else lack(error)
            if not (lacking or isinstance(error, NStyleError)):
                raise
            say(f"{program}: error: {lacking or error}")
            return FAILED if lacking else REFUSED


def lack(error: BaseException) -> str | None:
    """What to do about an error that a limit of the shell causes, or None for others."""
    number = getattr(error, "errno", None)
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many open files; allow more with: ulimit -n 1024"
    full = type(error).__name__ == "MXNetError" and any(word in str(error) for word in NO_MEMORY)
    if full or isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "out of memory; give a smaller --max-long-edge, or allow more with: ulimit -v"
    return None


def check_machine() -> None:
    """Refuse where nearly nothing can be done. Raises OptionError."""
    try:
        os.getcwd()
    except OSError as error:
        why = f"the working folder is gone ({error.strerror}); cd to another"
        raise OptionError(why) from error
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < OPEN_FILES:
        raise OptionError(f"the shell allows {most} open files; allow more with: ulimit -n 1024")


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `nstyle`; the exit code."""
    return guarded(partial(work, sys.argv[1:] if argv is None else argv), "nstyle")


def work(argv: Sequence[str]) -> int:
    """The command that is named, and its exit code."""
    named = next((word for word in argv if not word.startswith("-")), None)
    parser, parsers = build_parser(named)
    if named is not None and named not in COMMANDS:
        parser.error(f"COMMAND: {named!r} is none of {nearest(named, COMMANDS)}")
    args, rest = parser.parse_known_args(argv)
    if rest:  # argparse would let the outer parser report it, which does not know the flags
        parsers[args.command].error("unrecognized arguments: " + " ".join(rest))
    return int(module_of(args.command).work(args))


def main_run(argv: Sequence[str] | None = None) -> int:
    """`python run.py`: the same as `nstyle run`."""
    return guarded(partial(work_run, argv), "run.py")


def work_run(argv: Sequence[str] | None) -> int:
    """The same for it."""
    run = module_of("run")
    parser = Parser(prog="run.py", description=COMMANDS["run"], allow_abbrev=False)
    run.add(parser)
    return int(run.work(parser.parse_args(argv)))
