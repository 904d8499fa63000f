"""`nstyle run`: paint a photo in the style of a painting."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nstyle import __version__, presets
from nstyle.commands.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.commands.flags import add_fields, split_options
from nstyle.delivery import Delivery
from nstyle.errors import DivergedError, ImageError, OptionError
from nstyle.options import Options
from nstyle.syntax import parse_size

if TYPE_CHECKING:  # it loads numpy
    from nstyle.resuming import Checkpoint, Order

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
PICTURES = ("content_image", "style_image", "content_mask", "style_mask", "keep_mask")
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
    from nstyle import files, image, resuming, transfer
    from nstyle.masking import Masks

    order, begun = ordered(words)
    delivery, options, given = order.delivery, order.options, order.pictures
    content, styles = given.get("content_image"), given["style_image"]
    masks = Masks(given.get("content_mask"), given.get("style_mask", ()), given.get("keep_mask"))
    check_overwriting(delivery, [content, *styles, *masks.files, options.init, options.weights])
    image.check_destination(delivery.path)
    saver = resuming.Saver(delivery.checkpoint, delivery.checkpoint_epochs, order, begun)
    metadata = transfer.describe(options, order.preset)
    page = report_for(delivery, content, styles, options)
    after = len(begun.saved.history) if begun else 0
    with listening(delivery, metadata, after) as (listeners, trace):
        listeners += [page] if page else []
        code = OK
        try:
            result = transfer.run(
                content,
                styles,
                options,
                masks=masks,
                listeners=listeners,
                preset=order.preset,
                saver=saver,
            )
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        if trace is not None:
            trace.finish(result)
    code = deliver(result, delivery, code, saver.newest)
    if page is not None:
        page.finish(result)
    if code == OK and not delivery.keep_checkpoint:
        saver.remove()
    for path in (delivery.path, delivery.trace):
        if path:
            files.sweep_beside(path)
    return code


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


def ordered(words: argparse.Namespace) -> tuple[Order, Checkpoint | None]:
    """(what was asked for, the checkpoint to go on with or None).

    Raises what nstyle refuses.
    """
    from nstyle import resuming

    typed, ways = split_options(words)
    pictures = {name: getattr(words, name) for name in PICTURES}
    pictures = {name: path for name, path in pictures.items() if path is not None}
    begun = None if ways.get("resume") is None else resuming.read(ways["resume"])
    if begun is not None:
        order = resuming.again(begun, pictures, typed, ways, words.preset)
        configure_logging(quiet=order.delivery.quiet, verbose=order.delivery.verbose)
        return order, begun
    delivery = presets.delivery(ways, words.preset)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    options = presets.resolve(typed, words.preset)
    pictures = {**samples_for(pictures, options), **pictures}
    return resuming.Order(pictures, options, delivery, words.preset), None


def samples_for(pictures: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """The sample pictures, for those that are not named; no photo for a texture of a given size."""
    whole = options.size is not None and all(parse_size(options.size))
    photo = {} if whole and not options.content_weight else {"content_image": sample(SAMPLE_PHOTO)}
    return {**photo, "style_image": [sample(SAMPLE_STYLE)]}


def check_overwriting(delivery: Delivery, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or twice to the same. Raises OptionError."""
    taken = {os.path.realpath(path): "one of the inputs" for path in read if path}
    if delivery.resume:
        taken[os.path.realpath(delivery.resume)] = "the checkpoint"
    written = {
        "--output": delivery.path,
        "--trace": delivery.trace,
        "--report": delivery.page,
        "the checkpoint": delivery.checkpoint,
    }
    for flag, path in written.items():
        if not path:
            continue
        place = os.path.realpath(path)
        same = delivery.resume and flag == "the checkpoint" and taken.get(place) == flag
        if place in taken and not same:
            raise OptionError(f"{flag}: {path} is {taken[place]}; give another file")
        taken[place] = f"the {flag.strip('-')}, too"


@contextlib.contextmanager
def listening(
    delivery: Delivery, metadata: dict[str, Any], after: int
) -> Iterator[tuple[list[Any], Any]]:
    """(listeners, the trace or None), closed afterwards. after: the epoch that is gone on from."""
    from nstyle import callbacks

    with contextlib.ExitStack() as stack:
        listeners: list[Any] = []
        trace = None
        if delivery.trace:
            trace = stack.enter_context(contextlib.closing(callbacks.Trace(delivery.trace, after)))
            listeners.append(trace)
        listeners.append(callbacks.Snapshots(delivery.path, delivery.save_epochs, metadata))
        if not delivery.quiet:
            kind = callbacks.Bar if sys.stderr.isatty() else callbacks.Lines
            shown = stack.enter_context(contextlib.closing(kind()))
            listeners.append(shown)
        yield listeners, trace


def deliver(result: Any, delivery: Delivery, code: int, checkpoint: str | None) -> int:
    """Write the picture, say where, and how to go on if there is a checkpoint; the exit code."""
    going_on = f"; to go on: --resume {shlex.quote(checkpoint)}" if checkpoint else ""
    try:
        result.save(delivery.path)
    except ImageError as error:
        say(f"error: {error}{going_on}")
        return FAILED
    if not delivery.quiet:
        why = f"interrupted{going_on}" if result.stopped == "interrupted" else result.why
        say(f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, {why}")
    return INTERRUPTED if result.stopped == "interrupted" else code
