"""Listeners of a run: progress, snapshots, trace, report, film; overwriting is refused."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.system.files import refuse_overwriting

log = logging.getLogger("nstyle")


def check_overwriting(delivery: OutputOptions, read: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or twice to one file. Raises OptionError."""
    written = {
        "--output": delivery.path,
        "--trace": delivery.trace,
        "--timelapse": delivery.timelapse,
        "--report": delivery.page,
        "the checkpoint": delivery.checkpoint,
    }
    resumed = {delivery.resume: "the checkpoint"} if delivery.resume else {}
    refuse_overwriting(written.items(), read, known=resumed)


@contextlib.contextmanager
def listening(
    delivery: OutputOptions, metadata: dict[str, Any], after: int
) -> Iterator[tuple[list[Any], Any]]:
    """(listeners, the trace or None), closed afterwards. after: the epoch that is gone on from."""
    from nstyle.optimize.callbacks import progress

    with contextlib.ExitStack() as stack:
        listeners: list[Any] = []
        trace = None
        if delivery.trace:
            trace = stack.enter_context(contextlib.closing(progress.Trace(delivery.trace, after)))
            listeners.append(trace)
        listeners.append(progress.Snapshots(delivery.path, delivery.save_epochs, metadata))
        if not delivery.quiet:
            kind = progress.Bar if sys.stderr.isatty() else progress.Lines
            shown = stack.enter_context(contextlib.closing(kind()))
            listeners.append(shown)
        yield listeners, trace


def finishing(
    delivery: OutputOptions, pictures: Mapping[str, Any], options: Options, after: int
) -> list[Any]:
    """Listeners that write when all is over: report, film. after: the epoch that is gone on from.

    Raises ImageError, OptionError.
    """
    film = filming(delivery, pictures, options, after)
    made = [reporting(delivery, pictures, options), film]
    return [listener for listener in made if listener is not None]


def reporting(delivery: OutputOptions, pictures: Mapping[str, Any], options: Options) -> Any:
    """The listener that writes the report, or None. Raises ImageError."""
    if delivery.page is None:
        return None
    from nstyle.images import image_file
    from nstyle.optimize.callbacks.report import listener as report

    def named(path: Any) -> tuple[str, Any]:
        return os.path.basename(path), image_file.read(path, max_pixels=options.max_pixels)

    content, styles = pictures.get("content_image"), pictures["style_image"]
    again = content is not None and os.path.isfile(content)  # a pipe is read only once
    return report.Report(
        delivery.page,
        photo=named(content) if again else None,
        styles=[named(style) for style in styles if os.path.isfile(style)],
    )


def filming(
    delivery: OutputOptions, pictures: Mapping[str, Any], options: Options, after: int
) -> Any:
    """The listener that makes a film, or None. Raises OptionError.

    A run that goes on does not write over the film of its beginning: film_from0030.gif.
    """
    if delivery.timelapse is None:
        return None
    path = delivery.timelapse
    if after and os.path.exists(path):
        stem, extension = os.path.splitext(path)
        path = f"{stem}_from{after + 1:04d}{extension}"
        log.info("the film goes on in %s", path)
    from nstyle.images import image_file
    from nstyle.optimize.callbacks import timelapse

    content = pictures.get("content_image")
    again = content is not None and os.path.isfile(content)  # a pipe is read only once
    photo = functools.partial(image_file.read, content, max_pixels=options.max_pixels)
    return timelapse.Timelapse(path, photo if again and not after else None)
