"""`nstyle run`: paint a photo in the style of a painting."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nstyle import __version__, presets
from nstyle.commands.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.commands.flags import add_fields, split_options
from nstyle.delivery import Delivery
from nstyle.errors import DivergedError, ImageError, OptionError
from nstyle.options import Options
from nstyle.syntax import parse_size

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
HOUSE = Path(__file__).parents[1]


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    known = ", ".join(presets.PRESETS)
    parser.add_argument("--content-image", metavar="FILE", help="photo (default: a sample)")
    parser.add_argument(
        "--style-image",
        action="append",
        metavar="FILE",
        help="painting (default: a sample); may be repeated, see --style-blend",
    )
    parser.add_argument(
        "--content-mask", metavar="FILE", help="the photo's regions, one colour for each"
    )
    parser.add_argument(
        "--style-mask",
        action="append",
        default=[],
        metavar="FILE",
        help="where the style has them, in the same colours; one for each --style-image, or a "
        "colour such as #ff0000 for all of it",
    )
    parser.add_argument("--keep-mask", metavar="FILE", help="white where the photo stays itself")
    parser.add_argument("--preset", metavar="NAME", help=f"a known recipe: {known}")
    add_fields(parser, Options)
    add_fields(parser, Delivery)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any field of Options"
    )
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")


def sample(name: str) -> str:
    """Path of a sample picture, in the installed package or in a checkout."""
    installed = HOUSE / "samples" / name
    return str(installed if installed.is_file() else HOUSE.parent / "input" / name)


def work(words: argparse.Namespace) -> int:
    """Paint one picture; the exit code. Raises what nstyle refuses."""
    from nstyle import image, transfer
    from nstyle.masking import Masks

    typed, ways = split_options(words)
    delivery = presets.delivery(ways, words.preset)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    options = presets.resolve(typed, words.preset)
    content, styles = pictures_of(words, options)
    masks = Masks(words.content_mask, words.style_mask, words.keep_mask)
    files = [content, *styles, *masks.files, options.init, options.weights]
    check_overwriting(delivery, files)
    image.check_destination(delivery.path)
    metadata = transfer.describe(options, words.preset)
    page = report_for(delivery, content, styles, options)
    with listening(delivery, metadata) as (listeners, trace):
        listeners += [page] if page else []
        code = OK
        try:
            result = transfer.run(
                content, styles, options, masks=masks, listeners=listeners, preset=words.preset
            )
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        if trace is not None:
            trace.finish(result)
    code = deliver(result, delivery, code)
    if page is not None:
        page.finish(result)
    return code


def pictures_of(words: argparse.Namespace, options: Options) -> tuple[str | None, list[str]]:
    """Photo and styles, samples where none are named; no photo for a texture of a given size."""
    styles = words.style_image or [sample(SAMPLE_STYLE)]
    if words.content_image is not None:
        return words.content_image, styles
    whole = options.size is not None and all(parse_size(options.size))
    texture = not options.content_weight and whole
    return None if texture else sample(SAMPLE_PHOTO), styles


def report_for(
    delivery: Delivery, content: str | None, styles: Sequence[str], options: Options
) -> Any:
    """The listener that writes the report, or None without --report. Raises ImageError."""
    if delivery.page is None:
        return None
    from nstyle import image, report

    def named(path: str) -> tuple[str, Any]:
        return os.path.basename(path), image.read(path, max_pixels=options.max_pixels)

    return report.Report(
        delivery.page,
        photo=named(content) if content else None,
        styles=[named(style) for style in styles],
    )


def check_overwriting(delivery: Delivery, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or twice to the same. Raises OptionError."""
    taken = {os.path.realpath(path): "one of the inputs" for path in read if path}
    written = {"output": delivery.path, "trace": delivery.trace, "report": delivery.page}
    for flag, path in written.items():
        if not path:
            continue
        place = os.path.realpath(path)
        if place in taken:
            raise OptionError(f"--{flag}: {path} is {taken[place]}; give another file")
        taken[place] = f"the {flag}, too"


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
        say(f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, {result.why}")
    return INTERRUPTED if result.stopped == "interrupted" else code
