"""`nstyle run`: paint a photo in the style of a painting."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nstyle import __version__, presets
from nstyle.commands.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.commands.flags import add_fields, split_options
from nstyle.delivery import Delivery
from nstyle.errors import DivergedError, ImageError, OptionError
from nstyle.options import Options

if TYPE_CHECKING:  # it loads numpy
    from nstyle.resuming import Checkpoint, Order

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
PICTURES = {"content_image": SAMPLE_PHOTO, "style_image": SAMPLE_STYLE}
HOUSE = Path(__file__).parents[1]


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    known = ", ".join(presets.PRESETS)
    parser.add_argument("--content-image", metavar="FILE", help="photo (default: a sample)")
    parser.add_argument("--style-image", metavar="FILE", help="painting (default: a sample)")
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

    order, begun = ordered(words)
    delivery, options = order.delivery, order.options
    content, style = (order.pictures[name] for name in PICTURES)
    check_overwriting(delivery, [content, style, options.init, options.weights])
    image.check_destination(delivery.path)
    saver = resuming.Saver(delivery.checkpoint, delivery.checkpoint_epochs, order, begun)
    metadata = transfer.describe(options, order.preset)
    after = len(begun.saved.history) if begun else 0
    with listening(delivery, metadata, after) as (listeners, trace):
        code = OK
        try:
            result = transfer.run(
                content, style, options, listeners=listeners, preset=order.preset, saver=saver
            )
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        if trace is not None:
            trace.finish(result)
    code = deliver(result, delivery, code, saver.newest)
    if code == OK and not delivery.keep_checkpoint:
        saver.remove()
    for path in (delivery.path, delivery.trace):
        if path:
            files.sweep_beside(path)
    return code


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
    samples = {name: sample(file) for name, file in PICTURES.items()}
    return resuming.Order({**samples, **pictures}, options, delivery, words.preset), None


def check_overwriting(delivery: Delivery, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or twice. Raises OptionError."""
    inputs = {os.path.realpath(path) for path in read if path}
    written = {"--output": delivery.path, "--trace": delivery.trace}
    for flag, path in {**written, "the checkpoint": delivery.checkpoint}.items():
        if path and os.path.realpath(path) in inputs:
            raise OptionError(f"{flag}: {path} is one of the inputs; give another file")
    others = {delivery.checkpoint: "checkpoint", delivery.resume: "checkpoint"}
    for path, name in {**others, delivery.path: "output"}.items():
        if path and delivery.trace and os.path.realpath(delivery.trace) == os.path.realpath(path):
            raise OptionError(f"--trace: {delivery.trace} is the {name}, too; give another file")


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
        why = {
            "eps": "converged",
            "max-epochs": "reached --max-num-epochs",
            "minimum": "no step lowers the loss any more",
            "diverged": "diverged; this is the last good picture",
            "interrupted": f"interrupted{going_on}",
        }
        say(
            f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, "
            f"{why.get(result.stopped, result.stopped)}"
        )
    return INTERRUPTED if result.stopped == "interrupted" else code
