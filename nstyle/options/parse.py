"""Parses what users type: numbers, layers with weights, sizes. Knows no option by name."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from typing import Any

from nstyle.errors import OptionError

INITS = ("content", "noise", "instant")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # of times
SMALLEST_TILE = 64  # px, without its margins


def flag(name: str) -> str:
    """stop_eps -> --stop-eps."""
    return "--" + name.replace("_", "-")


def convert(kind: type, value: Any, name: str) -> Any:
    """`value` (often a word typed by the user) as str, bool, int or float, or OptionError."""
    if kind is str:
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
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


def parse_layers(text: str, name: str) -> dict[str, float]:
    """ "relu1_1:0.5,relu3_1" -> {"relu1_1": 0.5, "relu3_1": 1.0}; weight 0 leaves a layer out.

    Raises OptionError.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        layer, colon, weight = (piece.strip() for piece in part.partition(":"))
        if not layer or (colon and not weight):
            raise OptionError(f"{flag(name)}: {part!r} is not LAYER or LAYER:WEIGHT")
        number = convert(float, weight or 1.0, f"{flag(name)}, weight of {layer}")
        if not (math.isfinite(number) and number >= 0):
            raise OptionError(f"{flag(name)}: weight {weight} of {layer} is not at least 0")
        if layer in layers:
            raise OptionError(f"{flag(name)}: {layer} is named twice")
        layers[layer] = number
    if not any(layers.values()):
        raise OptionError(f"{flag(name)}: {text!r} names no layer; a layer is e.g. relu4_2")
    return {layer: number for layer, number in layers.items() if number}


def noise_share(init: str) -> float | None:
    """Share of noise that `--init` asks for, or None for a picture file. Raises OptionError."""
    word, colon, share = init.partition(":")
    if word not in INITS or (word != "noise" and colon):
        return None
    if not colon:
        return 1.0 if word == "noise" else 0.0
    number = convert(float, share, "--init noise")
    if not 0 <= number <= 1:
        raise OptionError(f"--init: the share of noise {share} is out of range; allowed is 0 to 1")
    return float(number)


def parse_blend(text: str) -> list[float]:
    """ "3,1,1" -> [3.0, 1.0, 1.0]. Raises OptionError."""
    weights = [convert(float, word.strip(), "--style-blend") for word in text.split(",")]
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        raise OptionError(
            f"--style-blend: {text!r}: each number must be at least 0 and one above; e.g. 3,1,1"
        )
    return weights


def parse_size(text: str) -> tuple[int | None, int | None]:
    """640x480 -> (640, 480), x400 -> (None, 400), 600x -> (600, None). Raises OptionError."""
    words = text.lower().replace("×", "x").split("x")
    edges = [word.strip() for word in words]
    usual = all(not edge or (edge.isascii() and edge.isdigit()) for edge in edges)
    if len(edges) != 2 or not usual or not any(edges):
        raise OptionError(f"--size: {text!r} is not WxH, xH or Wx; e.g. 640x480 or x400")
    width, height = (int(edge) if edge else None for edge in edges)
    for edge in (width, height):
        if edge is not None and not 16 <= edge <= 65000:
            raise OptionError(f"--size: {edge} is out of range; allowed is from 16 to 65000")
    return width, height
