"""`nstyle run`: paint a photo in the style of a painting."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nstyle import __version__
from nstyle.cli import flags
from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.outputs import check_overwriting, finishing, listening, save
from nstyle.errors import DivergedError
from nstyle.options import presets
from nstyle.options.output import OutputOptions
from nstyle.system.checkpoint_path import same

if TYPE_CHECKING:  # it loads numpy
    from nstyle.optimize.checkpoint import Checkpoint, RunRequest
    from nstyle.optimize.records import Result


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    flags.add_painting(parser)
    flags.add_fields(parser, OutputOptions)
    parser.add_argument("--version", action="version", version=f"nstyle {__version__}")


def work(args: argparse.Namespace) -> int:
    """Paint one picture; the exit code. Raises what nstyle refuses."""
    order, begun = ordered(args)
    from nstyle import api

    return carried_out(order, begun, api.run)


def carried_out(order: RunRequest, begun: Checkpoint | None, paint: Callable[..., Result]) -> int:
    """Paint and leave behind what is requested; the exit code. paint: api.run, or a stand-in."""
    from nstyle import api
    from nstyle.images import image_file, regions
    from nstyle.optimize import checkpoint as resuming
    from nstyle.system import files

    delivery, options, pictures = order.delivery, order.options, order.pictures
    check_overwriting(delivery, flags.files_of(pictures, options))
    image_file.check_destination(delivery.path)
    place = place_of(delivery, begun)
    saver = resuming.Saver(place, delivery.checkpoint_epochs, order, begun)
    metadata = api.describe(options, order.preset)
    after = len(begun.saved.history) if begun else 0
    late = finishing(delivery, pictures, options, after)
    with listening(delivery, metadata, after) as (listeners, trace):
        code = OK
        try:
            result = paint(
                pictures.get("content_image"),
                pictures["style_image"],
                options,
                masks=regions.given(pictures),
                listeners=[*listeners, *late],
                preset=order.preset,
                saver=saver,
            )
        except DivergedError as error:
            result, code = error.result, FAILED  # type: ignore[attr-defined]
            say(f"error: {error}")
        complete = trace is None or trace.finish(result)
    code = deliver(result, delivery, code, saver.newest)
    for listener in late:  # after the picture, which matters more where a disk is nearly full
        complete = listener.finish(result) and complete
    code = code if complete else code or FAILED
    if code == OK and not delivery.keep_checkpoint:
        saver.remove()
    written = delivery.path, delivery.trace, delivery.page, delivery.timelapse
    for path in filter(None, written):
        files.sweep_beside(path)
    return code


def ordered(args: argparse.Namespace) -> tuple[RunRequest, Checkpoint | None]:
    """(the request, the checkpoint to go on with or None). Raises what nstyle refuses."""
    from nstyle.optimize import checkpoint as resuming

    typed, ways = flags.split_options(args)
    pictures = flags.typed_pictures(args)
    begun = None if ways.get("resume") is None else resuming.read(ways["resume"])
    if begun is not None:
        order = resuming.again(begun, pictures, typed, ways, args.preset)
        configure_logging(quiet=order.delivery.quiet, verbose=order.delivery.verbose)
        return order, begun
    delivery = presets.delivery(ways, args.preset)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    options = presets.resolve(typed, args.preset)
    pictures = flags.with_samples(pictures, options)
    return resuming.RunRequest(pictures, options, delivery, args.preset), None


def deliver(result: Any, delivery: OutputOptions, code: int, checkpoint: str | None) -> int:
    """Write the picture, say where, and how to go on if there is a checkpoint; the exit code."""
    going_on = f"; to go on: --resume {shlex.quote(checkpoint)}" if checkpoint else ""
    if not save(delivery.path, result.save, going_on):
        return FAILED
    if not delivery.quiet:
        why = f"interrupted{going_on}" if result.stopped == "interrupted" else result.why
        say(f"{delivery.path}: {result.epochs} epochs in {result.seconds:.1f} s, {why}")
    return INTERRUPTED if result.stopped == "interrupted" else code


def place_of(delivery: OutputOptions, begun: Checkpoint | None) -> str:
    """Path of a run's checkpoint; the old name is kept by one that goes on with its own."""
    if begun is None or not same(begun.path, delivery.old_checkpoint):
        return delivery.checkpoint
    own = same(begun.order.delivery.path, delivery.path)
    return begun.path if own else delivery.checkpoint
