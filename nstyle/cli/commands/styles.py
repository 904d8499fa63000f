"""`nstyle styles`: the ready styles, and a sheet of them on one's own photos."""

from __future__ import annotations

import argparse
import json
from typing import Any

from nstyle.cli.console import OK, configure_logging, say
from nstyle.errors import OptionError
from nstyle.system.files import refuse_overwriting

EDGE, COLUMNS, QUALITY = 320, 5, 85  # of the sheet


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `styles`."""
    parser.add_argument("photos", nargs="*", metavar="PHOTO", help="to paint in all of them")
    parser.add_argument("--output", metavar="FILE", help="the sheet")
    parser.add_argument("--json", action="store_true", help="the list as JSON")
    parser.add_argument(
        "--max-long-edge", type=int, default=EDGE, metavar="PX",
        help=f"of each picture on the sheet (default: {EDGE})",
    )  # fmt: skip


def work(args: argparse.Namespace) -> int:
    """List or paint them; the exit code. Raises what nstyle refuses."""
    configure_logging()
    if args.photos or args.output:
        paint(args)
    else:
        rows = listed()
        print(json.dumps(rows, indent=2) if args.json else "\n".join(map(as_text, rows)))
    return OK


def listed() -> list[dict[str, str]]:
    """name, title and credit of each."""
    from nstyle.feedforward.ready_styles import shelf

    return [
        {"name": style.name, "title": style.title, "credit": style.credit}
        for style in shelf().values()
    ]


def as_text(row: dict[str, str]) -> str:
    """A line for people."""
    return f"{row['name']:<18} {row['title']} ({row['credit']})"


def paint(args: argparse.Namespace) -> None:
    """The sheet: each photo in all styles."""
    from nstyle.feedforward.apply import Instant
    from nstyle.feedforward.ready_styles import shelf
    from nstyle.images import contact_sheet, image_file, image_paths

    if not (args.photos and args.output):
        raise OptionError("PHOTO, --output: a sheet needs both; give e.g. --output sheet.jpg a.jpg")
    photos = image_paths.find(args.photos)
    refuse_overwriting([("--output", args.output)], photos)
    image_file.check_destination(args.output)
    painted: dict[str, Any] = {}
    base = None
    for photo in photos:
        for name in shelf():
            edge = {"max_long_edge": args.max_long_edge}
            base = base.restyled(name, **edge) if base else Instant(name, **edge)
            label = name if len(photos) == 1 else f"{image_paths.bare(photo)}\n{name}"
            painted[label] = base.paint(base.gather(photo)).picture
    image_file.write(contact_sheet.captioned(painted, COLUMNS), args.output, quality=QUALITY)
    say(f"{args.output}: {len(painted)} pictures; one of them large:")
    say(f"    nstyle paint --style {next(iter(shelf()))} {photos[0]}")
