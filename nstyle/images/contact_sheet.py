"""A contact sheet: pictures in rows and columns with labels, and others beside them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from nstyle.images.picture import Picture

PAPER, EMPTY = 255, 225  # grey levels
LONGEST_LINE = 24  # letters
BESIDE = 0.75  # width of the pictures beside the grid, in widths of a cell
SMALLEST_LETTERS, LETTERS_PER_WIDTH, BITMAP_SIZE = 14, 16, 8

Grid = Sequence[Sequence[Image.Image]]


def contact_sheet(
    pictures: Sequence[Sequence[Picture | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    beside: Mapping[str, Picture] | None = None,
) -> Picture:
    """All pictures on one, 8 bits, without transparency.

    pictures: a list for each row, None leaves its place empty; they may differ in size. rows,
    columns: labels of one or more lines, one for each row and column. beside: label -> picture, at
    the left of all, shrunk.
    """
    cells = [
        [None if each is None else each.to_pil().convert("RGB") for each in row] for row in pictures
    ]
    images = [cell for row in cells for cell in row if cell is not None]
    width = max((image.width for image in images), default=1)
    height = max((image.height for image in images), default=1)
    write = functools.partial(lettering, size=max(SMALLEST_LETTERS, width // LETTERS_PER_WIDTH))
    empty = Image.new("RGB", (width, height), (EMPTY,) * 3)
    body = [[write(label), *(cell or empty for cell in row)] for label, row in zip(rows, cells)]
    head = [write(label) for label in columns]
    gap = max(4, width // 32)
    grid = table([[write(""), *head], *body], gap)
    box = (max(1, round(BESIDE * width)), height)
    left = []
    for label, picture in (beside or {}).items():
        image = picture.to_pil().convert("RGB")
        image.thumbnail(box, Image.Resampling.LANCZOS)
        left += [[write(label)], [image]]
    sheet = table([[table(left, gap), grid]], gap) if left else grid
    return Picture(np.array(ImageOps.expand(sheet, gap, (PAPER,) * 3)))


def captioned(pictures: Mapping[str, Picture], columns: int) -> Picture:
    """Pictures in so many columns, each over its label; 8 bits, without transparency."""
    images = [picture.to_pil().convert("RGB") for picture in pictures.values()]
    width = max(image.width for image in images)
    size = max(SMALLEST_LETTERS, width // LETTERS_PER_WIDTH)
    cells = [
        table([[image], [lettering(label, size)]], gap=2) for label, image in zip(pictures, images)
    ]
    gap, empty = max(4, width // 32), Image.new("RGB", (1, 1), (PAPER,) * 3)
    cells += [empty] * (-len(cells) % columns)
    grid = [cells[begin : begin + columns] for begin in range(0, len(cells), columns)]
    return Picture(np.array(ImageOps.expand(table(grid, gap), gap, (PAPER,) * 3)))


def table(rows: Grid, gap: int) -> Image.Image:
    """Images in rows of equal length, each in the middle of its place."""
    widths = [max(cell.width for cell in column) for column in zip(*rows)]
    heights = [max(cell.height for cell in row) for row in rows]
    lefts = [0, *accumulate(width + gap for width in widths)]
    tops = [0, *accumulate(height + gap for height in heights)]
    paper = Image.new("RGB", (lefts[-1] - gap, tops[-1] - gap), (PAPER,) * 3)
    for row, top, height in zip(rows, tops, heights):
        for cell, left, width in zip(row, lefts, widths):
            paper.paste(cell, (left + (width - cell.width) // 2, top + (height - cell.height) // 2))
    return paper


def lettering(text: str, size: int) -> Image.Image:
    """Black on paper, as large as it needs to be; each line centred, shortened where it is long."""
    text = "\n".join(shortened(line) for line in text.splitlines())
    font: Any
    try:
        font, times = ImageFont.load_default(size), 1
    except (TypeError, ImportError, OSError):  # before pillow 10.1, or built without FreeType
        font, times = ImageFont.load_default(), max(1, round(size / BITMAP_SIZE))
    if not isinstance(font, ImageFont.FreeTypeFont):  # the bitmap has no others, and would raise
        text = text.encode("latin-1", "replace").decode("latin-1")
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=font)
    width, height = (max(1, math.ceil(edge)) for edge in box[2:])
    paper = Image.new("L", (width, height), PAPER)
    ImageDraw.Draw(paper).multiline_text((0, 0), text, fill=0, font=font, align="center")
    enlarged = paper.resize((width * times, height * times), Image.Resampling.NEAREST)
    return enlarged.convert("RGB")


def shortened(line: str) -> str:
    """The line, or its beginning and end, as the end of a path tells most."""
    if len(line) <= LONGEST_LINE:
        return line
    half = (LONGEST_LINE - 3) // 2
    return f"{line[:half]}...{line[-half:]}"
