"""Listeners of a run: progress, snapshots, trace, report, film; overwriting is refused."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nstyle.cli.console import say
from nstyle.errors import ImageError
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.system.files import elsewhere, refuse_overwriting

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
    resumed = {delivery.resume: "the checkpoint"} if delivery.resume else None
    refuse_overwriting(written.items(), read, known=resumed)


def save(path: str, write: Callable[[str], Any], more: str = "") -> bool:
    """Have a result written; whether it is at `path`. If not, it is kept elsewhere, and said."""
    try:
        write(path)
    except ImageError as error:
        place = elsewhere(path, write)
        kept = f"; it is kept as {place}" if place else ""
        say(f"error: {error}{kept}{more}")
        return False
    return True


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
    """Listeners that write when all is over: report, film. Raises ImageError, OptionError.

    after: the epoch that is gone on from; its film stays, another is written: film_from0030.gif.
    """
    from nstyle.images import image_file

    read = functools.partial(image_file.read, max_pixels=options.max_pixels)
    content, styles = pictures.get("content_image"), pictures["style_image"]
    again = content is not None and os.path.isfile(content)  # a pipe is read only once
    listeners: list[Any] = []
    if delivery.timelapse is not None:
        from nstyle.optimize.callbacks import timelapse

        path = delivery.timelapse
        if after and os.path.exists(path):
            stem, extension = os.path.splitext(path)
            path = f"{stem}_from{after + 1:04d}{extension}"
            log.info("the film goes on in %s", path)
        photo = None if after or not again else functools.partial(read, content)
        listeners.append(timelapse.Timelapse(path, photo))
    if delivery.page is not None:
        from nstyle.optimize.callbacks.report import listener as report

        def named(path: Any) -> tuple[str, Any]:
            return os.path.basename(path), read(path)

        paintings = [named(style) for style in styles if os.path.isfile(style)]
        page = report.Report(
            delivery.page, photo=named(content) if again else None, styles=paintings
        )
        listeners.insert(0, page)
    return listeners
