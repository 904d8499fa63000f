"""`nstyle video`: a film painted frame by frame, without flicker."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.flags import (
    SAMPLE_STYLE,
    add_fields,
    add_painting,
    masks_of,
    sample,
    split_options,
    typed_for,
    typed_pictures,
)
from nstyle.errors import DivergedError, ImageError, NStyleError
from nstyle.options.field import build
from nstyle.options.output import OutputOptions
from nstyle.system.files import refuse_overwriting
from nstyle.video.options import OPTIMISE, FilmOptions

if TYPE_CHECKING:  # it loads numpy
    from nstyle.video.run import FilmStep

TALK = ("quiet", "verbose")
SECONDS = 10  # between two lines


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `video`."""
    add_fields(parser, FilmOptions, defaults={"method": OPTIMISE})
    add_painting(parser, without=("content_image",))
    add_fields(parser, OutputOptions, TALK)


def work(words: argparse.Namespace) -> int:
    """Paint a film; the exit code. Raises what nstyle refuses."""
    options = typed_for(FilmOptions, words)
    names = [entry.name for entry in dataclasses.fields(FilmOptions)]
    typed, ways = split_options(words, without=names, ways=TALK)
    delivery = build(OutputOptions, ways)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    from nstyle.video.run import VideoPainter

    pictures = typed_pictures(words)
    styles = pictures.get("style_image") or (None if options.network else [sample(SAMPLE_STYLE)])
    check_overwriting(options, pictures, styles or [])
    film = VideoPainter(options, styles, typed, preset=words.preset, masks=masks_of(pictures))
    lines = Lines()
    try:
        film.paint((lambda step: None) if delivery.quiet else lines)
    except KeyboardInterrupt:
        say(f"interrupted after frame {film.done} of {film.frames}; to go on: the same command")
        return INTERRUPTED
    except DivergedError as error:  # so it would again
        say(f"error: {error}")
        return FAILED
    except OSError as error:
        if isinstance(error, NStyleError) and not isinstance(error, ImageError):
            raise  # such as damaged weights
        kept = f"; frames kept: {film.done}, the same command goes on" if film.done else ""
        say(f"error: {error}{kept}")
        return FAILED
    if not delivery.quiet:
        say(f"{options.output}: {film.frames} frames in {lines.seconds:.0f} s")
    return OK


def check_overwriting(options: FilmOptions, pictures: Any, styles: Any) -> None:
    """Refuse to write over a file that is read. Raises OptionError."""
    read = [options.content_video, options.network, *styles]
    read += [pictures.get(name) for name in ("content_mask", "keep_mask")]
    read += pictures.get("style_mask", [])
    refuse_overwriting([("--output", options.output)], read)


class Lines:
    """A line for the first frame, and then every ten seconds; seconds: spent so far."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = 0.0

    def __call__(self, step: FilmStep) -> None:
        """A line, if it is time for one."""
        self.seconds += step.seconds
        due = time.monotonic() - self._last >= SECONDS
        if due or step.number == step.frames:
            say(line(step))
            self._last = time.monotonic()


def line(step: FilmStep) -> str:
    """A line about a frame."""
    from nstyle.optimize.callbacks.progress import time_left

    instead = f"broken, the {'next' if step.anew else 'last'} one is shown"
    how = instead if step.broken else "a new shot" if step.anew else ""
    epochs = f"{step.epochs} epochs" if step.epochs else ""
    about = ", ".join(filter(None, (how, epochs, f"{step.seconds:.1f} s", time_left(step.left))))
    return f"frame {step.number} of {step.frames}: {about}"
