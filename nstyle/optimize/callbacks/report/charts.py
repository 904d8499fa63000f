"""Curves as inline SVG: pure functions from numbers to text.

A chart stretches with the page, its text and strokes do not: everything is placed in percent, and
the curves lie in an inner SVG that is stretched to the same box.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

MOST_POINTS = 500  # of a curve; a screen shows no more
MOST_DECADES = 7.0
MARGIN = 0.04  # of the height, above and below the curves
NARROWEST = 20.0  # percent of the width that the label of a size needs
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Curve:
    """values: one per epoch, those not above 0 leave a gap; look: its CSS classes."""

    name: str
    values: Sequence[float]
    look: str


@dataclass(frozen=True)
class Plane:
    """Positions of epochs and values, in percent of the box. low, high: powers of ten."""

    first: int
    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        """From the left; a single epoch in the middle."""
        if self.first == self.last:
            return 50.0
        return 100 * (epoch - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        """From the top."""
        return 100 * (self.high - math.log10(value)) / (self.high - self.low)


def chart(
    curves: Sequence[Curve],
    epochs: Sequence[int],
    *,
    about: str,
    sizes: Sequence[tuple[int, str]] = (),
    stop: float | None = None,
) -> str:
    """Curves over epochs on a log scale, as an SVG element without a size of its own.

    epochs: at least one, ascending. about: what a screen reader says. sizes: (first epoch, label)
    of each, where curves begin anew. stop: a line at this value, above 0.
    """
    values = [value for curve in curves for value in curve.values]
    low, high = log_range([*values, stop] if stop else values)
    plane = Plane(epochs[0], epochs[-1], low, high)
    parts = [
        *(across(plane.y(tick), number(tick, 6)) for tick in log_ticks(low, high)),
        *(below(plane.x(tick), f"{tick:g}") for tick in even_ticks(epochs[0], epochs[-1], 1.0)),
        *size_marks(sizes, plane),
        stop_line(plane.y(stop), number(stop)) if stop else "",
        '<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">',
        *(path(curve, epochs, plane, {epoch for epoch, _ in sizes}) for curve in curves),
        "</svg>",
    ]
    return f'<svg class="plot" role="img" aria-label="{html.escape(about)}">{"".join(parts)}</svg>'


def shows(value: float) -> bool:
    """Whether a log scale has a place for the value."""
    return value > 0 and math.isfinite(value)


def log_range(values: Iterable[float]) -> tuple[float, float]:
    """(lowest, highest) power of ten of a chart for these values."""
    powers = [math.log10(value) for value in values if shows(value)] or [0.0]
    high = max(powers)
    low = max(min(powers), high - MOST_DECADES)
    margin = max(MARGIN * (high - low), 0.01)
    return low - margin, high + margin


def log_ticks(low: float, high: float) -> list[float]:
    """Round values between two powers of ten: 1, 10; or 1, 2, 5; or even steps."""
    for factors in ((1,), (1, 2, 5)):
        powers = range(math.floor(low), math.ceil(high) + 1)
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(inside) >= 3:
            return inside
    return even_ticks(10**low, 10**high, 0.0)


def even_ticks(low: float, high: float, least: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, at most seven. least: smallest step."""
    if low == high:
        return [low]
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(least, min(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))
    return [step * count for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def number(value: float, digits: int = 3) -> str:
    """For people: 0.005, 26.4, 3.2·10⁻⁵."""
    if value == 0 or not math.isfinite(value) or 1e-3 <= abs(value) < 1e5:
        return f"{float(f'{value:.{digits}g}'):g}"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    ten = "10" + str(int(power)).translate(SUPERSCRIPTS)
    return ten if float(mantissa) == 1 else f"{float(mantissa):g}·{ten}"


def path(curve: Curve, epochs: Sequence[int], plane: Plane, starts: Collection[int]) -> str:
    """The curve in the inner SVG, begun anew at `starts`; an epoch between two gaps is a dot."""
    moves, pen_down = [], False
    for index in chosen(epochs, starts):
        epoch, value = epochs[index], curve.values[index]
        if shows(value):
            joined = pen_down and epoch not in starts
            point = f"{plane.x(epoch):.2f} {plane.y(value):.2f}"
            moves.append(f"L{point}" if joined else f"M{point}h0")
        pen_down = shows(value)
    title = f"<title>{html.escape(curve.name)}</title>"
    return f'<path class="{curve.look}" d="{"".join(moves)}">{title}</path>'


def chosen(epochs: Sequence[int], starts: Collection[int]) -> list[int]:
    """Indices of the epochs to draw: evenly some, the last, and both sides of each start."""
    stride = -(-len(epochs) // MOST_POINTS)
    edges = {index for index, epoch in enumerate(epochs) if epoch in starts}
    before = {max(0, index - 1) for index in edges}
    return sorted({*range(0, len(epochs), stride), len(epochs) - 1} | edges | before)


def across(y: float, label: str) -> str:
    """A horizontal line and its number."""
    return (
        f'<line class="grid" x1="0" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>'
        f'<text x="-8" y="{y:.2f}%" dy=".32em" text-anchor="end">{label}</text>'
    )


def below(x: float, label: str) -> str:
    """The number of an epoch."""
    return f'<text x="{x:.2f}%" y="100%" dy="1.5em" text-anchor="middle">{label}</text>'


def size_marks(sizes: Sequence[tuple[int, str]], plane: Plane) -> list[str]:
    """A line where each size but the first begins, and its label where there is room."""
    starts = [plane.x(epoch) for epoch, _ in sizes]
    marks = [
        f'<line class="size" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>' for x in starts[1:]
    ]
    for (_, label), x, end in zip(sizes, starts, [*starts[1:], 100.0]):
        if end - x >= NARROWEST:
            marks.append(f'<text x="{x:.2f}%" y="0" dy="-.6em">{html.escape(label)}</text>')
    return marks


def stop_line(y: float, value: str) -> str:
    """Marks the eps at which the run stops."""
    return (
        f'<line class="stop" x1="0" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>'
        f'<text x="0" dx="6" y="{y:.2f}%" dy="-.5em">stop at {value}</text>'
    )
