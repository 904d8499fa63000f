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

from nstyle.cli import flags
from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.outputs import check_overwriting, save
from nstyle.errors import DivergedError, NStyleError, OptionError
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
MOST = 100  # pictures
QUALITY = 85  # of JPEG and WEBP: a sheet is to be looked at once


@dataclass(frozen=True)
class Axis:
    """An option and its values, as words, along the rows or columns."""

    name: str
    values: tuple[str, ...]

    def labels(self) -> list[str]:
        """One of two lines for each value."""
        return [f"{flag(self.name)[2:]}\n{value}" for value in self.values]


@dataclass(frozen=True)
class Cell:
    """One small picture: what differs from the others, and all that it needs."""

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
    flags.add_painting(parser, SMALL)
    flags.add_fields(parser, OutputOptions, WAYS, {"output": OUTPUT})


def work(args: argparse.Namespace) -> int:
    """Paint the sheet; the exit code. Raises what nstyle refuses."""
    from nstyle.images import contact_sheet, image_file

    typed, ways = flags.split_options(args, ways=WAYS)
    delivery = build(OutputOptions, {"output": OUTPUT, **ways})
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    axes = parse_axes(args, typed)
    small = {**SMALL, **typed}
    usual = presets.resolve(small, args.preset)  # logs what a preset runs on: once is enough
    configure_logging(quiet=True, verbose=delivery.verbose)
    pictures = flags.with_samples(flags.typed_pictures(args), usual)
    paths = shown_beside(pictures)
    beside = {n: image_file.read(path, max_pixels=usual.max_pixels) for n, path in paths.items()}
    cells = gather(axes, small, args.preset, pictures, beside)
    read = [path for cell in cells for path in flags.files_of(pictures, cell.options)]
    check_overwriting(delivery, read)
    image_file.check_destination(delivery.path)
    tell = (lambda line: None) if delivery.quiet else say
    painted, code = paint(cells, args.preset, tell)
    rows, columns = (axis.labels() for axis in axes)
    numbers = iter(range(len(cells)))
    grid = [[painted.get(next(numbers)) for _ in columns] for _ in rows]
    sheet = contact_sheet.contact_sheet(grid, rows, columns, beside)
    if not save(delivery.path, lambda path: image_file.write(sheet, path, quality=QUALITY)):
        return FAILED
    tell(f"{delivery.path}: {len(painted)} of {len(cells)} pictures; to paint the last one large:")
    tell(f"    {command(args, typed, cells[max(painted)])}")
    return code


def shown_beside(pictures: Mapping[str, Any]) -> dict[str, str]:
    """Name -> path of the photo, if there is one, and of the paintings."""
    content, styles = pictures.get("content_image"), pictures["style_image"]
    photo = {} if content is None else {"photo": content}
    if len(styles) == 1:
        return {**photo, "style": styles[0]}
    return {**photo, **{f"style {number}": path for number, path in enumerate(styles, 1)}}


def parse_axes(args: argparse.Namespace, typed: Collection[str]) -> tuple[Axis, Axis]:
    """(rows, columns). Raises OptionError, also for an option that is typed as well."""
    axes = parse_axis("--rows", args.rows), parse_axis("--columns", args.columns)
    if axes[0].name == axes[1].name:
        raise OptionError(f"--rows, --columns: both are {flag(axes[0].name)}; give two options")
    for where, axis in zip(("--rows", "--columns"), axes):
        if axis.name in typed:
            along = f"{where} {flag(axis.name)[2:]}={','.join(axis.values)}"
            raise OptionError(
                f"{flag(axis.name)}: varies along the sheet, {along}; give it there only"
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
    from nstyle.images import regions
    from nstyle.optimize import inputs

    rows, columns = axes
    masks, photo = regions.given(pictures), read.get("photo")
    styles = [picture for name, picture in read.items() if name != "photo"]
    cells = []
    for values in product(rows.values, columns.values):
        changes = dict(zip((rows.name, columns.name), values))
        options = presets.resolve({**typed, **changes}, preset)
        gathered = inputs.gather(photo, styles, options, masks=masks)
        cells.append(Cell(changes, options, gathered))
    return cells


def paint(
    cells: Sequence[Cell], preset: str | None, tell: Callable[[str], None]
) -> tuple[dict[int, Any], int]:
    """({number of the cell: picture}, exit code); Ctrl-C ends it with those that are finished."""
    from nstyle import api

    painted: dict[int, Any] = {}
    began = time.perf_counter()
    for number, cell in enumerate(cells, 1):
        try:
            result = api.paint(cell.inputs, cell.options, preset=preset)
            if result.stopped == "interrupted":  # half a picture would be taken for a whole one
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            if not painted:
                raise
            return painted, INTERRUPTED
        except DivergedError as error:  # with the last good picture
            result = error.result  # type: ignore[attr-defined]
        except NStyleError as error:
            if not painted:  # it will be the same with all
                raise
            say(f"error: {cell.shown()}: {error}")
            continue
        painted[number - 1] = result.picture
        left = (time.perf_counter() - began) / number * (len(cells) - number)
        how = "diverged" if result.stopped == "diverged" else f"{result.epochs} epochs"
        tell(f"{number} of {len(cells)}: {cell.shown()}: {how}, about {left:.0f} s left")
    return painted, OK


def command(args: argparse.Namespace, typed: Mapping[str, Any], cell: Cell) -> str:
    """The command line that paints a cell's picture large."""
    line = ["nstyle", "run"]
    for name, paths in {**flags.typed_pictures(args), "preset": args.preset}.items():
        for path in [paths] if isinstance(paths, str) else paths or []:
            line += [flag(name), path]
    # The size of a texture says that it is one.
    of_the_sheet = set(SMALL) if cell.inputs.texture else {*SMALL, "size"}
    large = {name: value for name, value in typed.items() if name not in of_the_sheet}
    return shlex.join([*line, *as_words(Options, {**large, **cell.changes})])
