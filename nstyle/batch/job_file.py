"""Files of jobs: CSV or JSON lines, told apart by what is in them; a row is option -> value."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from nstyle.errors import OptionError
from nstyle.system.files import opened

SEPARATORS = ",;\t"
SEVERAL = {"style_image", "style_mask"}  # columns whose cells hold a;b


def read(path: str) -> list[tuple[str, dict[str, Any]]]:
    """All rows as (place, values), the place being "jobs.csv, line 3", for messages.

    Empty cells and lines are left out. Raises OptionError, naming the line.
    """
    try:
        with opened(path) as file:
            text = file.read().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise OptionError(f"--jobs {path}: cannot be read ({reason})") from error
    lines = json_lines if text.lstrip().startswith("{") else csv_rows
    rows = [(f"{path}, line {number}", values) for number, values in lines(path, text)]
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
        except (ValueError, RecursionError) as error:
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
                for each, count in Counter(names).items():
                    if not each or count > 1:
                        where = f"{path}, line {reader.line_num}"
                        raise OptionError(f"{where}: the column {each!r} has no name of its own")
                continue
            if len(cells) > len(names):
                raise OptionError(
                    f"{path}, line {reader.line_num}: has {len(cells)} cells, the header "
                    f"{len(names)}; put what holds a {separator!r} in quotes"
                )
            values: dict[str, Any] = {n: c.strip() for n, c in zip(names, cells) if c.strip()}
            for key in values.keys() & SEVERAL:  # as JSON would have them
                values[key] = [part.strip() for part in values[key].split(";") if part.strip()]
            yield reader.line_num, values
    except csv.Error as error:
        raise OptionError(f"{path}, line {reader.line_num}: is not CSV ({error})") from error


def name(text: str) -> str:
    """Style-Image -> style_image, as the options are called."""
    return text.strip().lstrip("-").replace("-", "_").lower()
