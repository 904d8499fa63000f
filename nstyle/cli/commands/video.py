"""`nstyle video`: a film painted frame by frame, without flicker."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nstyle.cli import flags
from nstyle.cli.console import FAILED, INTERRUPTED, OK, Pace, configure_logging, say
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError
from nstyle.options.field import build
from nstyle.options.output import OutputOptions
from nstyle.system.files import refuse_overwriting
from nstyle.system.locations import sample
from nstyle.video.options import OPTIMISE, FilmOptions

if TYPE_CHECKING:  # it loads numpy
    from nstyle.video.run import FilmStep

TALK = ("quiet", "verbose")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `video`."""
    flags.add_fields(parser, FilmOptions, defaults={"method": OPTIMISE})
    flags.add_painting(parser, photo=False)
    flags.add_fields(parser, OutputOptions, TALK)


def work(args: argparse.Namespace) -> int:
    """Paint a film; the exit code. Raises what nstyle refuses."""
    options = flags.typed_for(FilmOptions, args)
    typed, ways = flags.split_options(args, TALK)
    delivery = build(OutputOptions, ways)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    from nstyle.feedforward import ready_styles
    from nstyle.images import regions
    from nstyle.video.run import VideoPainter

    pictures = flags.typed_pictures(args)
    samples = None if options.network else [sample(flags.SAMPLE_STYLE)]
    styles = pictures.get("style_image", samples)
    if options.style:
        if "style_image" in pictures or "style_blend" in typed:
            raise OptionError("--style: has no place beside --style-image, --style-blend")
        styles, blend = ready_styles.parsed(options.style)
        typed.update({"style_blend": blend} if blend else {})
    read = [options.content_video, options.network, *pictures.get("style_image", [])]
    read += [pictures.get(name) for name in ("content_mask", "keep_mask")]
    read += pictures.get("style_mask", [])
    refuse_overwriting([("--output", options.output)], read)
    film = VideoPainter(options, styles, typed, preset=args.preset, masks=regions.given(pictures))
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
        more = f"; frames kept: {film.done}, the same command goes on" if film.done else ""
        say(f"error: {error}{more}")
        return FAILED
    if not delivery.quiet:
        say(f"{options.output}: {film.frames} frames in {lines.seconds:.0f} s")
    return OK


class Lines:
    """A line for the first frame, and then every ten seconds; seconds: spent so far."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._pace = Pace()

    def __call__(self, step: FilmStep) -> None:
        """A line, if it is time for one."""
        self.seconds += step.seconds
        if self._pace.due(end=step.number == step.frames):
            say(line(step))


def line(step: FilmStep) -> str:
    """A line about a frame."""
    from nstyle.optimize.callbacks.progress import time_left

    instead = f"broken, the {'next' if step.anew else 'last'} one is shown"
    how = instead if step.broken else "a new shot" if step.anew else ""
    epochs = f"{step.epochs} epochs" if step.epochs else ""
    about = ", ".join(filter(None, (how, epochs, f"{step.seconds:.1f} s", time_left(step.left))))
    return f"frame {step.number} of {step.frames}: {about}"
