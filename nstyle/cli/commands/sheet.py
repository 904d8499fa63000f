"""`nstyle sheet`: small pictures of several settings on one sheet, before the long run."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.flags import (
    add_fields,
    add_painting,
    files_of,
    masks_of,
    split_options,
    typed_pictures,
    with_samples,
)
from nstyle.cli.outputs import check_overwriting
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError
from nstyle.images.image_paths import PICTURES
from nstyle.options import presets
from nstyle.options.field import as_words, build
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.parse import flag

OUTPUT = "output/sheet.jpg"
WAYS = ("output", "output_dir", "quiet", "verbose")
ROWS, COLUMNS = "content-weight=10,30,100", "style-scale=0.5,1,2"
# Small and soon over; what the user types about these is meant for the sheet, not for the long run.
SMALL = {"max_long_edge": 256, "stop_eps": 0.01, "max_num_epochs": 100}
OF_THE_SHEET = {*SMALL, "size"}
MOST = 100  # pictures
QUALITY = 85  # of JPEG and WEBP: a sheet is to be looked at once

Place = tuple[int, int]  # row, column


@dataclass(frozen=True)
class Axis:
    """An option and its values, as words, along the rows or columns."""

    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name.replace('_', '-')}={','.join(self.values)}"

    def labels(self) -> list[str]:
        """One of two lines for each value."""
        return [f"{self.name.replace('_', '-')}\n{value}" for value in self.values]


@dataclass(frozen=True)
class Cell:
    """One small picture: what differs from the others, and all that it needs."""

    place: Place
    changes: Mapping[str, str]
    options: Options
    inputs: Any

    def shown(self) -> str:
        """The flags that make it."""
        return shlex.join(as_words(Options, self.changes))


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `sheet`."""
    several = "any option and its values, with ; between those that hold a comma"
    for name, usual in (("--rows", ROWS), ("--columns", COLUMNS)):
        about = f"{several} (default: {usual})"
        parser.add_argument(name, metavar="NAME=V,V", default=usual, help=about)
    add_painting(parser, SMALL)
    add_fields(parser, OutputOptions, WAYS, {"output": OUTPUT})


def work(words: argparse.Namespace) -> int:
    """Paint the sheet; the exit code. Raises what nstyle refuses."""
    from nstyle.images import image_file

    typed, ways = split_options(words, ways=WAYS)
    delivery = build(OutputOptions, {"output": OUTPUT, **ways})
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    axes = parse_axes(words, typed)
    small = {**SMALL, **typed}
    usual = presets.resolve(small, words.preset)  # logs what a preset runs on: once is enough
    configure_logging(quiet=True, verbose=delivery.verbose)
    pictures = with_samples(typed_pictures(words), usual)
    beside = {
        name: image_file.read(path, max_pixels=usual.max_pixels)
        for name, path in shown_beside(pictures)
    }
    cells = gather(axes, small, words.preset, pictures, beside)
    check_overwriting(delivery, [path for c in cells for path in files_of(pictures, c.options)])
    image_file.check_destination(delivery.path)
    tell = (lambda line: None) if delivery.quiet else say
    painted, code = paint(cells, words.preset, tell)
    if not write(axes, painted, beside, delivery.path):
        return FAILED
    last = [cell for cell in cells if cell.place in painted][-1]
    tell(f"{delivery.path}: {len(painted)} of {len(cells)} pictures; to paint the last one large:")
    tell(f"    {command(words, typed, last)}")
    return code


def shown_beside(pictures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, path) of the photo, if there is one, and of the paintings."""
    content, styles = pictures.get("content_image"), pictures["style_image"]
    numbers = [""] if len(styles) == 1 else [f" {number}" for number in range(1, len(styles) + 1)]
    photo = [] if content is None else [("photo", content)]
    return [*photo, *((f"style{number}", path) for number, path in zip(numbers, styles))]


def parse_axes(words: argparse.Namespace, typed: Collection[str]) -> tuple[Axis, Axis]:
    """(rows, columns). Raises OptionError, also for an option that is typed as well."""
    axes = parse_axis("--rows", words.rows), parse_axis("--columns", words.columns)
    if axes[0].name == axes[1].name:
        raise OptionError(f"--rows, --columns: both are {flag(axes[0].name)}; give two options")
    for where, axis in zip(("--rows", "--columns"), axes):
        if axis.name in typed:
            raise OptionError(
                f"{flag(axis.name)}: varies along the sheet, {where} {axis}; give it there only"
            )
    count = len(axes[0].values) * len(axes[1].values)
    if count > MOST:
        raise OptionError(f"--rows, --columns: these are {count} pictures; at most {MOST} fit")
    return axes


def parse_axis(where: str, text: str) -> Axis:
    """ "content-weight=3,10" -> Axis("content_weight", ("3", "10")). Raises OptionError."""
    name, _, rest = text.partition("=")
    values = tuple(value.strip() for value in rest.split(";" if ";" in rest else ","))
    if not name.strip() or not all(values):
        raise OptionError(f"{where} {text!r}: expected NAME=VALUE,VALUE, e.g. {where} {ROWS}")
    name = name.strip().replace("-", "_")
    if name in (*PICTURES, "preset", *(entry.name for entry in dataclasses.fields(OutputOptions))):
        raise OptionError(f"{where} {text!r}: {flag(name)} cannot vary along a sheet")
    return Axis(name, values)


def gather(
    axes: tuple[Axis, Axis],
    typed: Mapping[str, Any],
    preset: str | None,
    pictures: Mapping[str, Any],
    read: Mapping[str, Any],
) -> list[Cell]:
    """Every cell, row by row, with all that is refused refused. read: see shown_beside."""
    from nstyle.optimize import inputs

    rows, columns = axes
    masks, photo = masks_of(pictures), read.get("photo")
    styles = [picture for name, picture in read.items() if name != "photo"]
    cells = []
    for (row, value), (column, other) in product(enumerate(rows.values), enumerate(columns.values)):
        changes = {rows.name: value, columns.name: other}
        options = presets.resolve({**typed, **changes}, preset)
        gathered = inputs.gather(photo, styles, options, masks=masks)
        cells.append(Cell((row, column), changes, options, gathered))
    return cells


def paint(
    cells: Sequence[Cell], preset: str | None, tell: Callable[[str], None]
) -> tuple[dict[Place, Any], int]:
    """({place: picture}, exit code); Ctrl-C ends it with those that are finished."""
    painted: dict[Place, Any] = {}
    began = time.perf_counter()
    for number, cell in enumerate(cells, 1):
        try:
            result = paint_one(cell, preset)
            if result.stopped == "interrupted":  # half a picture would be taken for a whole one
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            if not painted:
                raise
            return painted, INTERRUPTED
        except NStyleError as error:
            if not painted:  # it will be the same with all
                raise
            say(f"error: {cell.shown()}: {error}")
            continue
        painted[cell.place] = result.picture
        left = (time.perf_counter() - began) / number * (len(cells) - number)
        how = "diverged" if result.stopped == "diverged" else f"{result.epochs} epochs"
        tell(f"{number} of {len(cells)}: {cell.shown()}: {how}, about {left:.0f} s left")
    return painted, OK


def paint_one(cell: Cell, preset: str | None) -> Any:
    """Its Result; of a run that diverges the last good one."""
    from nstyle import api

    try:
        return api.paint(cell.inputs, cell.options, preset=preset)
    except DivergedError as error:
        return error.result  # type: ignore[attr-defined]


def write(
    axes: tuple[Axis, Axis], painted: Mapping[Place, Any], beside: Mapping[str, Any], path: str
) -> bool:
    """Write the sheet; whether that succeeded."""
    from nstyle.images import contact_sheet, image_file

    rows, columns = (axis.labels() for axis in axes)
    places = [[(row, column) for column in range(len(columns))] for row in range(len(rows))]
    grid = [[painted.get(place) for place in row] for row in places]
    try:
        image_file.write(
            contact_sheet.contact_sheet(grid, rows, columns, beside), path, quality=QUALITY
        )
    except ImageError as error:
        say(f"error: {error}")
        return False
    return True


def command(words: argparse.Namespace, typed: Mapping[str, Any], cell: Cell) -> str:
    """The command line that paints a cell's picture large."""
    line = ["nstyle", "run"]
    for name, paths in {**typed_pictures(words), "preset": words.preset}.items():
        for path in [paths] if isinstance(paths, str) else paths or []:
            line += [flag(name), path]
    # The size of a texture says that it is one.
    of_the_sheet = OF_THE_SHEET - ({"size"} if cell.inputs.texture else set())
    kept = {name: value for name, value in typed.items() if name not in of_the_sheet}
    return shlex.join([*line, *as_words(Options, {**kept, **cell.changes})])
