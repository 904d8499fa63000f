"""`nstyle paint`: photos painted in one pass, in any style or by a trained network."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, put, say
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, add_fields, sample, split_options
from nstyle.errors import NStyleError, OptionError
from nstyle.options.options import Options
from nstyle.options.parse import nearest
from nstyle.system.files import refuse_overwriting

if TYPE_CHECKING:  # it loads numpy
    from nstyle.feedforward.apply import Instant

FORMATS = ("jpg", "png", "webp", "tiff")
OUTPUT_DIR = "output"
PIPE = "-"  # stdin, stdout


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `paint`."""
    from nstyle.feedforward.apply import FIELDS, LONG_EDGE

    parser.add_argument(
        "photos", nargs="*", metavar="PHOTO",
        help="files, folders, patterns; - reads one from stdin (default: a sample)",
    )  # fmt: skip
    parser.add_argument(
        "--style-image", action="append", metavar="FILE",
        help="painting (default: a sample); may be repeated, see --style-blend",
    )  # fmt: skip
    parser.add_argument(
        "--style", metavar="NAME[:SHARE],...", help="ready styles instead, see nstyle styles"
    )
    parser.add_argument("--network", metavar="FILE", help="a network of nstyle train instead")
    parser.add_argument(
        "--strength", default="1", metavar="FLOAT", help="how much style, 0 to 1 (default: 1)"
    )
    parser.add_argument(
        "--learn", metavar="TIME",
        help="learn the painting first, for so long, e.g. 20s; kept for the next time",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="of a single photo; - writes to stdout, see --format"
    )
    parser.add_argument(
        "--output-dir", metavar="DIR",
        help=f"gets a picture per photo, {{content}}_{{style}}.jpg (default: {OUTPUT_DIR})",
    )  # fmt: skip
    parser.add_argument(
        "--format", default="jpg", metavar="WORD", help=f"of the results: {', '.join(FORMATS)}"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    add_fields(parser, Options, FIELDS, {"max_long_edge": LONG_EDGE})


def work(args: argparse.Namespace) -> int:
    """Paint all photos; the exit code. Raises what nstyle refuses."""
    from nstyle.feedforward.apply import Instant
    from nstyle.images import image_file, image_paths

    configure_logging(quiet=args.quiet)
    if args.format not in FORMATS:
        raise OptionError(f"--format: {args.format!r} is none of {nearest(args.format, FORMATS)}")
    typed, _ = split_options(args)
    piped = args.photos == [PIPE]
    photos = [PIPE] if piped else image_paths.find(args.photos or [sample(SAMPLE_PHOTO)])
    styles = chosen_styles(args, typed)
    painter = Instant(
        styles, network=args.network, strength=args.strength, learn=args.learn, **typed
    )
    places = destinations(args, photos, styles or [args.network])
    if places != [PIPE]:
        name = "--output" if args.output else "--output-dir"
        read = [*photos, *(styles or []), args.network]
        refuse_overwriting([(name, place) for place in places], read, advice="give another place")
        image_file.check_destination(places[0])  # makes its folder
    try:
        bad = paint(painter, photos, places, args)
    except KeyboardInterrupt:
        say("interrupted; the photos that were finished are written")
        return INTERRUPTED
    if bad:
        say(f"{bad} of {len(photos)} photos could not be painted")
    return FAILED if bad else OK


def destinations(
    args: argparse.Namespace, photos: Sequence[str], styles: Sequence[str]
) -> list[str]:
    """A path for each photo, or PIPE for stdout. Raises OptionError."""
    from nstyle.images import image_paths

    if args.output:
        if len(photos) > 1 or args.output_dir:
            raise OptionError("--output: is for one photo; give --output-dir for several")
        return [args.output]
    named = ["stdin" if photo == PIPE else photo for photo in photos]
    style = "+".join(map(image_paths.bare, styles))
    names = image_paths.names(named, style, f".{args.format}")
    return [os.path.join(args.output_dir or OUTPUT_DIR, name) for name in names]


def chosen_styles(args: argparse.Namespace, typed: dict[str, object]) -> list[str] | None:
    """Files or names of ready styles, whose shares go into `typed`; None for a network's own."""
    if not args.style:
        return args.style_image or (None if args.network else [sample(SAMPLE_STYLE)])
    from nstyle.feedforward.ready_styles import parsed

    if args.style_image or args.network or "style_blend" in typed:
        raise OptionError("--style: has no place beside --style-image, --style-blend, --network")
    names, blend = parsed(args.style)
    if blend:
        typed["style_blend"] = blend
    return names


def paint(
    painter: Instant, photos: Sequence[str], places: Sequence[str], args: argparse.Namespace
) -> int:
    """Paint one after another; how many could not be. Of a single photo the error is raised."""
    bad = 0
    for photo, place in zip(photos, places):
        try:
            content = sys.stdin.buffer.read() if photo == PIPE else photo
            result = painter.paint(painter.gather(content))
            if place == PIPE:
                stream = io.BytesIO()
                result.save(stream, args.format)
                put(stream.getvalue())
            else:
                result.save(place)
        except NStyleError as error:
            if len(photos) == 1:
                raise
            bad += 1
            say(f"error: {error}" if photo in str(error) else f"error: {photo}: {error}")
            continue
        if not args.quiet and place != PIPE:
            say(f"{place}: {result.seconds:.1f} s")
    return bad
