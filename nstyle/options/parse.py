"""Parses what users type: numbers and durations. Knows no option by name."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from typing import Any

from nstyle.errors import OptionError

TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # of times


def flag(name: str) -> str:
    """stop_eps -> --stop-eps."""
    return "--" + name.replace("_", "-")


def convert(kind: Any, value: Any, name: str) -> Any:
    """`value`, often typed, as str, bool, int, float or one of `words`. Raises OptionError."""
    if issubclass(kind, str):
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        return text if kind is str else kind(text, name)
    if kind is bool:
        text = str(value).lower()
        if text not in TRUE + FALSE:
            raise OptionError(f"{name}: {value!r} is neither true nor false")
        return text in TRUE
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise OptionError(f"{name}: {value!r} is not {what}") from None
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
