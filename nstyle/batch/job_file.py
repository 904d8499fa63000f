"""Files of jobs: CSV or JSON lines, told apart by what is in them; a row is option -> value."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from nstyle.errors import OptionError

SEPARATORS = ",;\t"
SEVERAL = ("style_image", "style_mask")  # columns whose cells hold a;b


class Row(NamedTuple):
    """where: "jobs.csv, line 3", for messages."""

    where: str
    values: dict[str, Any]


def read(path: str) -> list[Row]:
    """All rows; empty cells and lines are left out. Raises OptionError, naming the line."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise OptionError(f"--jobs {path}: cannot be read ({reason})") from error
    lines = json_lines if text.lstrip().startswith("{") else csv_rows
    rows = [Row(f"{path}, line {number}", values) for number, values in lines(path, text)]
    if not rows:
        raise OptionError(f"--jobs {path}: holds no job; give a row for each, under a header")
    return rows


def json_lines(path: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, values) of each JSON object. Raises OptionError."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise OptionError(f"{path}, line {number}: is not JSON ({error})") from error
        if not isinstance(values, dict):
            raise OptionError(f"{path}, line {number}: is not {{...}}, a job's options by name")
        yield number, {name(key): value for key, value in values.items() if value is not None}


def csv_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, values) of each row under the header. Raises OptionError."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [name(cell) for cell in cells]
                check_header(names, f"{path}, line {reader.line_num}")
                continue
            if len(cells) > len(names):
                raise OptionError(
                    f"{path}, line {reader.line_num}: has {len(cells)} cells, the header "
                    f"{len(names)}; put what holds a {separator!r} in quotes"
                )
            filled = {key: cell.strip() for key, cell in zip(names, cells) if cell.strip()}
            yield reader.line_num, {key: value_of(key, cell) for key, cell in filled.items()}
    except csv.Error as error:
        raise OptionError(f"{path}, line {reader.line_num}: is not CSV ({error})") from error


def value_of(column: str, cell: str) -> Any:
    """The pictures of a cell that may hold several, as JSON would have them; else the cell."""
    if column not in SEVERAL:
        return cell
    return [part.strip() for part in cell.split(";") if part.strip()]


def check_header(names: list[str], where: str) -> None:
    """Refuse columns without a name, or with the same. Raises OptionError."""
    for each in names:
        if not each or names.count(each) > 1:
            raise OptionError(f"{where}: the column {each!r} has no name of its own")


def name(word: str) -> str:
    """Style-Image -> style_image, as the options are called."""
    return word.strip().lstrip("-").replace("-", "_").lower()
