"""`nstyle run`: paint a photo in the style of a painting."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nstyle import __version__, presets
from nstyle.commands.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.commands.flags import add_fields, split_options
from nstyle.delivery import Delivery
from nstyle.errors import DivergedError, ImageError, OptionError
from nstyle.options import Options

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
HOUSE = Path(__file__).parents[1]


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    add_painting(parser)
    add_fields(parser, Delivery)
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")


def add_painting(
    parser: argparse.ArgumentParser, defaults: Mapping[str, Any] | None = None
) -> None:
    """The flags of everything that shapes a picture; defaults: what the help says instead."""
    known = ", ".join(presets.PRESETS)
    parser.add_argument("--content-image", metavar="FILE", help="photo (default: a sample)")
    parser.add_argument("--style-image", metavar="FILE", help="painting (default: a sample)")
    parser.add_argument("--preset", metavar="NAME", help=f"a known recipe: {known}")
    add_fields(parser, Options, defaults=defaults)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any field of Options"
    )


def pictures(words: argparse.Namespace) -> tuple[str, str]:
    """(photo, painting) as typed, or the samples."""
    content = sample(SAMPLE_PHOTO) if words.content_image is None else words.content_image
    style = sample(SAMPLE_STYLE) if words.style_image is None else words.style_image
    return content, style


def sample(name: str) -> str:
    """Path of a sample picture, in the installed package or in a checkout."""
    installed = HOUSE / "samples" / name
    return str(installed if installed.is_file() else HOUSE.parent / "input" / name)


def work(words: argparse.Namespace) -> int:
    """Paint one picture; the exit code. Raises what nstyle refuses."""
    from nstyle import image, transfer

    typed, ways = split_options(words)
    delivery = presets.delivery(ways, words.preset)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    options = presets.resolve(typed, words.preset)
    content, style = pictures(words)
    check_overwriting(delivery, [content, style, options.init, options.weights])
    image.check_destination(delivery.path)
    film = filming(delivery, content, options)
    metadata = transfer.describe(options, words.preset)
    with listening(delivery, metadata) as (listeners, trace):
        listeners += [film] if film is not None else []
        code = OK
        try:
            result = transfer.run(content, style, options, listeners=listeners, preset=words.preset)
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        if trace is not None:
            trace.finish(result)
    code = deliver(result, delivery, code)
    if film is not None:  # after the picture, which matters more where a disk is nearly full
        film.finish(result)
    return code


def check_overwriting(delivery: Delivery, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or twice to one file. Raises OptionError."""
    taken = {os.path.realpath(path): "one of the inputs" for path in read if path}
    written = {name: getattr(delivery, name) for name in ("trace", "timelapse")}
    for name, path in {"output": delivery.path, **written}.items():
        if not path:
            continue
        place = os.path.realpath(path)
        if place in taken:
            raise OptionError(f"--{name}: {path} is {taken[place]}; give another file")
        taken[place] = f"the {name}, too"


def filming(delivery: Delivery, content: str, options: Options) -> Any:
    """The listener that makes a film, if one is asked for. Raises OptionError."""
    if delivery.timelapse is None:
        return None
    from nstyle import image, timelapse

    photo = functools.partial(image.read, content, max_pixels=options.max_pixels)
    again = os.path.isfile(content)  # a pipe is read only once
    return timelapse.Timelapse(delivery.timelapse, photo if again else None)


@contextlib.contextmanager
def listening(delivery: Delivery, metadata: dict[str, Any]) -> Iterator[tuple[list[Any], Any]]:
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
            shown = stack.enter_context(contextlib.closing(kind()))
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
            "minimum": "no step lowers the loss any more",
            "diverged": "diverged; this is the last good picture",
        }
        say(
            f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, "
            f"{why.get(result.stopped, result.stopped)}"
        )
    return INTERRUPTED if result.stopped == "interrupted" else code
