"""Words -> options -> stylize -> file; errors -> one line and an exit code. No defaults here."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from nstyle import __version__, commands
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError
from nstyle.options import Delivery, Options, build

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


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


def add_fields(parser: argparse.ArgumentParser, cls: type) -> None:
    """One flag per field that has one; what is not typed does not appear in the result."""
    for entry in dataclasses.fields(cls):
        facts = entry.metadata
        flags = facts["flags"]
        if flags is None:
            flags = ("--" + entry.name.replace("_", "-"),)
        if not flags:
            continue
        about = facts["help"]
        if facts["kind"] is bool:
            parser.add_argument(*flags, dest=entry.name, action="store_true", help=about,
                                default=argparse.SUPPRESS)  # fmt: skip
            continue
        if entry.default is not None:
            about += f" (default: {entry.default})"
        if facts["choices"]:
            about += f" [{', '.join(facts['choices'])}]"
        parser.add_argument(
            *flags,
            dest=entry.name,
            metavar=facts["metavar"] or facts["kind"].__name__.upper().replace("STR", "WORD"),
            help=about.replace("%", "%%"),
            default=argparse.SUPPRESS,
        )


def add_run(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    parser.add_argument("--content-image", metavar="FILE", help="photo (default: a sample)")
    parser.add_argument("--style-image", metavar="FILE", help="painting (default: a sample)")
    parser.add_argument("--preset", metavar="NAME", help="a known recipe: mxnet")
    add_fields(parser, Options)
    add_fields(parser, Delivery)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any field of Options"
    )
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")


def parse_set(words: Sequence[str]) -> dict[str, str]:
    """["momentum=0.8"] -> {"momentum": "0.8"}. Raises OptionError."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise OptionError(f"--set {word!r}: expected NAME=VALUE, e.g. --set momentum=0.8")
        values[name.strip().replace("-", "_")] = value.strip()
    return values


def split_options(words: argparse.Namespace) -> tuple[dict[str, Any], Delivery]:
    """(what the user typed for Options, Delivery). Raises OptionError."""
    names = {entry.name for cls in (Options, Delivery) for entry in dataclasses.fields(cls)}
    typed = {key: value for key, value in vars(words).items() if key in names}
    typed.update(parse_set(words.set))
    mine = {entry.name for entry in dataclasses.fields(Delivery)} & set(typed)
    delivery = build(Delivery, {key: typed.pop(key) for key in mine})
    return typed, delivery


def sample(name: str) -> str:
    """Path of a sample picture, in the installed package or in a checkout."""
    installed = Path(__file__).parent / "samples" / name
    return str(installed if installed.is_file() else Path(__file__).parents[1] / "input" / name)


def run(words: argparse.Namespace) -> int:
    """`nstyle run`: paint one picture; the exit code."""
    from nstyle import image, presets, transfer

    typed, delivery = split_options(words)
    options = presets.resolve(typed, words.preset)
    configure_logging(delivery)
    content = sample(SAMPLE_PHOTO) if words.content_image is None else words.content_image
    style = sample(SAMPLE_STYLE) if words.style_image is None else words.style_image
    check_overwriting(delivery, [content, style, options.init, options.weights])
    image.check_destination(delivery.path)
    metadata = transfer.describe(options, words.preset)
    with listening(options, delivery, metadata) as (listeners, trace):
        code = OK
        try:
            result = transfer.run(content, style, options, listeners=listeners, preset=words.preset)
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        if trace is not None:
            trace.finish(result)
    return deliver(result, delivery, code)


def check_overwriting(delivery: Delivery, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read. Raises OptionError."""
    inputs = {os.path.realpath(path): path for path in read if path}
    for flag, path in (("--output", delivery.path), ("--trace", delivery.trace)):
        if path and os.path.realpath(path) in inputs:
            raise OptionError(f"{flag}: {path} is one of the inputs; give another file")
    if delivery.trace and os.path.realpath(delivery.trace) == os.path.realpath(delivery.path):
        raise OptionError(f"--trace: {delivery.trace} is the output, too; give another file")


@contextlib.contextmanager
def listening(
    options: Options, delivery: Delivery, metadata: dict[str, Any]
) -> Iterator[tuple[list[Any], Any]]:
    """(listeners, the trace or None), closed afterwards."""
    from nstyle import callbacks

    with contextlib.ExitStack() as stack:
        listeners: list[Any] = []
        trace = None
        if delivery.trace:
            trace = stack.enter_context(contextlib.closing(callbacks.Trace(delivery.trace)))
            listeners.append(trace)
        listeners.append(callbacks.Snapshots(delivery.path, delivery.save_epochs, metadata))
        if not delivery.quiet:
            kind = callbacks.Bar if sys.stderr.isatty() else callbacks.Lines
            shown = stack.enter_context(contextlib.closing(kind(options.max_num_epochs)))
            listeners.append(shown)
        yield listeners, trace


def deliver(result: Any, delivery: Delivery, code: int) -> int:
    """Write the picture, say where; the exit code."""
    try:
        result.save(delivery.path)
    except ImageError as error:
        say(f"error: {error}")
        return FAILED
    if not delivery.quiet:
        why = {
            "eps": "converged",
            "max-epochs": "reached --max-num-epochs",
            "diverged": "diverged; this is the last good picture",
        }
        say(
            f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, "
            f"{why.get(result.stopped, result.stopped)}"
        )
    return INTERRUPTED if result.stopped == "interrupted" else code


def configure_logging(delivery: Delivery) -> None:
    """What the library logs, as plain lines on stderr."""
    level = logging.WARNING if delivery.quiet else logging.INFO
    logger = logging.getLogger("nstyle")
    logger.setLevel(logging.DEBUG if delivery.verbose else level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)


def say(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr, flush=True)


COMMANDS = {
    "run": (add_run, run, "paint a photo in the style of a painting"),
    "distill": (
        commands.add_distill,
        commands.run_distill,
        "train a small network to see as VGG-19 sees",
    ),
}


def build_parser(argv: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """The parser of `nstyle`, and those of its commands by name.

    Only the command that is named in argv gets its flags, as some load MXNet to know them.
    """
    parser = Parser(prog="nstyle", description="Neural style transfer.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, (add, _, about) in COMMANDS.items():
        parsers[name] = choices.add_parser(name, help=about, description=about, allow_abbrev=False)
        if name in argv[:1]:
            add(parsers[name])
    return parser, parsers


def guarded(work: Any, words: argparse.Namespace, program: str) -> int:
    """Run a command; what nstyle refuses becomes one line and exit code 2. Bugs pass through."""
    try:
        return int(work(words))
    except NStyleError as error:
        say(f"{program}: error: {error}")
        return REFUSED
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `nstyle`; the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    parser, parsers = build_parser(argv)
    words, rest = parser.parse_known_args(argv)
    if rest:  # argparse would let the outer parser report it, which does not know the flags
        parsers[words.command].error("unrecognized arguments: " + " ".join(rest))
    return guarded(COMMANDS[words.command][1], words, "nstyle")


def main_run(argv: Sequence[str] | None = None) -> int:
    """`python run.py`: the same as `nstyle run`."""
    parser = Parser(prog="run.py", description=COMMANDS["run"][2], allow_abbrev=False)
    add_run(parser)
    return guarded(run, parser.parse_args(argv), "run.py")
