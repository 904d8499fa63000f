"""Parses what users type: numbers and durations. Knows no option by name."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from typing import Any

from nstyle.errors import OptionError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # of times
SMALLEST_TILE = 64  # px, without its margins


def flag(name: str) -> str:
    """stop_eps -> --stop-eps."""
    return "--" + name.replace("_", "-")


def convert(kind: Any, value: Any, name: str) -> Any:
    """`value`, often a word typed by the user, as str, bool, int, float or one of `words`.

    Raises OptionError.
    """
    if issubclass(kind, str):
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        return text if kind is str else kind(text, name)
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if str(value).lower() not in words:
            raise OptionError(f"{name}: {value!r} is neither true nor false")
        return words[str(value).lower()]
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        wanted = "a whole number" if kind is int else "a number"
        raise OptionError(f"{name}: {value!r} is not {wanted}") from None
    # What is no word must not lose its fraction: 16.5, numpy's 16.5, Decimal("16.5").
    if kind is int and not isinstance(value, str) and number != value:
        raise OptionError(f"{name}: {value!r} is not a whole number")
    return number


def nearest(value: object, allowed: Iterable[str]) -> str:
    """ "a, b, c; did you mean b?" for error messages."""
    by_lower = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(str(value).lower(), by_lower, n=1)
    hint = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
    return ", ".join(by_lower.values()) + hint


def parse_duration(text: str, name: str) -> float:
    """20m, 90s, 1.5h -> seconds. Raises OptionError."""
    number, unit = text[:-1].strip(), text[-1:]
    try:
        seconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise OptionError(f"{name}: {text!r} is no time; give e.g. 20m, 90s or 1.5h")
    return seconds


def parse_gpu(value: int | str) -> int | str:
    """ "auto" or an index, -1 for the CPU. Raises OptionError."""
    if value == "auto":
        return value
    try:
        index = int(convert(int, value, "--gpu"))
    except OptionError:
        index = -2
    if index < -1:
        raise OptionError(f"--gpu: {value!r} is no GPU index; allowed is 0, 1, ..., -1 (CPU), auto")
    return index


def parse_scales(value: int | str) -> int | str:
    """ "auto" or how many sizes, 1 to 12. Raises OptionError."""
    if value == "auto":
        return value
    try:
        count = int(convert(int, value, "--scales"))
    except OptionError:
        count = 0
    if not 1 <= count <= 12:
        raise OptionError(f"--scales: {value!r} is no number of sizes; allowed is 1 to 12, or auto")
    return count


def parse_tile(value: int | str) -> int | str:
    """ "auto", "off" or how many pixels of each side a tile owns. Raises OptionError."""
    if value in ("auto", "off"):
        return value
    try:
        edge = int(convert(int, value, "--tile"))
    except OptionError:
        edge = 0
    if not SMALLEST_TILE <= edge <= 65000:
        raise OptionError(
            f"--tile: {value!r} is no size of a tile; allowed is auto, off, or from "
            f"{SMALLEST_TILE} to 65000 pixels"
        )
    return edge
