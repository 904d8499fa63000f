"""`nstyle paint`: photos painted in one pass, in any style or by a trained network."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, add_fields, sample, split_options
from nstyle.errors import NStyleError, OptionError
from nstyle.options.options import Options
from nstyle.options.parse import nearest
from nstyle.system.files import refuse_overwriting

if TYPE_CHECKING:  # it loads numpy
    from nstyle.feedforward.apply import Instant

FORMATS = ("jpg", "png", "webp", "tiff")
OUTPUT_DIR = "output"


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `paint`."""
    from nstyle.feedforward.apply import FIELDS, LONG_EDGE

    parser.add_argument(
        "photos", nargs="*", metavar="PHOTO", help="files, folders, patterns (default: a sample)"
    )
    parser.add_argument(
        "--style-image", action="append", metavar="FILE",
        help="painting (default: a sample); may be repeated, see --style-blend",
    )  # fmt: skip
    parser.add_argument("--network", metavar="FILE", help="a network of nstyle train instead")
    parser.add_argument(
        "--strength", default="1", metavar="FLOAT", help="how much style, 0 to 1 (default: 1)"
    )
    parser.add_argument(
        "--output-dir", default=OUTPUT_DIR, metavar="DIR",
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
    photos = image_paths.find(args.photos or [sample(SAMPLE_PHOTO)])
    styles = args.style_image or (None if args.network else [sample(SAMPLE_STYLE)])
    painter = Instant(styles, network=args.network, strength=args.strength, **typed)
    style = "+".join(map(image_paths.bare, styles or [args.network]))
    names = image_paths.names(photos, style, f".{args.format}")
    places = [os.path.join(args.output_dir, name) for name in names]
    written = [("--output-dir", place) for place in places]
    read = [*photos, *(styles or []), args.network]
    refuse_overwriting(written, read, advice="give another folder")
    image_file.check_destination(places[0])
    os.makedirs(args.output_dir, exist_ok=True)
    try:
        bad = paint(painter, photos, places, quiet=args.quiet)
    except KeyboardInterrupt:
        say("interrupted; the photos that were finished are written")
        return INTERRUPTED
    if bad:
        say(f"{bad} of {len(photos)} photos could not be painted")
    return FAILED if bad else OK


def paint(painter: Instant, photos: Sequence[str], places: Sequence[str], *, quiet: bool) -> int:
    """Paint one after another; how many could not be. Of a single photo the error is raised."""
    bad = 0
    for photo, place in zip(photos, places):
        try:
            result = painter.paint(painter.gather(photo))
            result.save(place)
        except NStyleError as error:
            if len(photos) == 1:
                raise
            bad += 1
            say(f"error: {error}" if photo in str(error) else f"error: {photo}: {error}")
            continue
        if not quiet:
            say(f"{place}: {result.seconds:.1f} s")
    return bad
