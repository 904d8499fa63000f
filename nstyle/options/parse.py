"""Parses what users type: numbers and durations. Knows no option by name."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterable
from typing import Any

from nstyle.errors import OptionError

TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # of times
LONGEST = 80  # characters of a value that a message shows
# What is nearer to 0 is lost in float32, or becomes infinite where something is divided by it.
TINY = 1e-12


def flag(name: str) -> str:
    """stop_eps -> --stop-eps."""
    return "--" + name.replace("_", "-")


def brief(value: object, write: Callable[[Any], str] = repr) -> str:
    """The value as messages show it: in one short line, whatever it is."""
    try:
        text = " ".join(write(value).split())
    except (ValueError, RecursionError):  # Python writes whole numbers of at most 4300 digits
        return f"what is too long to be shown ({type(value).__name__})"
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}... ({len(text)} characters)"


def convert(kind: Any, value: Any, name: str) -> Any:
    """`value`, often typed, as str, bool, int, float or one of `words`. Raises OptionError."""
    if issubclass(kind, str):
        if isinstance(value, (tuple, list)) and hasattr(kind, "between"):
            value = kind.between.join("" if each is None else str(each) for each in value)
        text = os.fsdecode(value) if isinstance(value, os.PathLike) else plain(value, name)
        return text if kind is str else kind(text, name)
    if kind is bool:
        text = plain(value, name).lower()
        if text not in TRUE + FALSE:
            raise OptionError(f"{name}: {brief(value)} is neither true nor false")
        return text in TRUE
    what = "a whole number" if kind is int else "a number"
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError) as error:
        if kind is float and isinstance(error, OverflowError):
            return math.inf  # a whole number that no float can hold
        raise OptionError(f"{name}: {brief(value)} is not {what}") from None
    # What is no word must not lose its fraction: 16.5, numpy's 16.5, Decimal("16.5").
    if kind is int and not isinstance(value, str) and number != value:
        raise OptionError(f"{name}: {brief(value)} is not {what}")
    return number


def plain(value: object, name: str) -> str:
    """The value as text. Raises OptionError where it has none."""
    try:
        return str(value)
    except ValueError:
        raise OptionError(f"{name}: {brief(value)} cannot be") from None


def ranged(kind: Any, value: Any, name: str, low: float, high: float) -> Any:
    """`value` as int or float within limits, and 0 or at least TINY. Raises OptionError."""
    number = convert(kind, value, name)
    if low <= number <= high and (number == 0 or abs(number) >= TINY):
        return number
    shown = brief(number if isinstance(number, int) or math.isfinite(number) else value)
    why = "too near to 0" if low <= number <= high else "out of range"
    least, most = (f"{each:g}" if isinstance(each, float) else str(each) for each in (low, high))
    raise OptionError(f"{name}: {shown} is {why}; allowed is from {least} to {most}")


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
        raise OptionError(f"{name}: {brief(text)} is no time; give e.g. 20m, 90s or 1.5h")
    return seconds
