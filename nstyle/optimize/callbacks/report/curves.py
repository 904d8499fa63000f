"""Curves of losses and eps, and times of each size, from the epochs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nstyle.optimize.callbacks.report.charts import Curve, chart, number
from nstyle.optimize.callbacks.report.html import card, note, safe, table
from nstyle.optimize.records import Step

COLOURS = 8  # of page.css


def losses(history: Sequence[Step]) -> str:
    """The curve of each term and of their sum, with a legend."""
    if not history:
        return note("The run ended before its first epoch.")
    names = dict.fromkeys(name for step in history for name in step.terms)
    curves = [
        Curve(name.replace(":", " "), [step.terms.get(name, 0.0) for step in history], look(index))
        for index, name in enumerate(names)
    ]
    curves.append(Curve("total", [step.loss for step in history], "total"))
    first, last = (number(step.loss) for step in (history[0], history[-1]))
    about = f"Loss per epoch, {counted(len(history))}: in total from {first} to {last}"
    sizes = [(steps[0].epoch, size_of(steps[0])) for steps in by_size(history)]
    drawn = chart(curves, epochs(history), about=about, sizes=sizes)
    return card("Loss of each term per epoch, log scale", drawn + legend(curves))


def changes(history: Sequence[Step], stop: float | None) -> str:
    """The curve of eps, with a line at `stop`, below which a size ends."""
    if not history:
        return ""
    curve = Curve("eps", [step.eps for step in history], "c0")
    about = f"Relative change of the picture per epoch, at the end {number(history[-1].eps)}"
    sizes = [(steps[0].epoch, "") for steps in by_size(history)]
    drawn = chart([curve], epochs(history), about=about, sizes=sizes, stop=stop)
    return card("Relative change of the picture per epoch (eps), log scale", drawn, "small")


def times(history: Sequence[Step]) -> str:
    """Epochs and seconds of each size."""
    rows = []
    for steps in by_size(history):
        seconds = sum(step.seconds for step in steps)
        pace = f"{number(seconds / len(steps), 2)} s"
        loss = number(steps[-1].loss)
        rows.append([size_of(steps[0]), str(len(steps)), duration(seconds), pace, loss])
    head = ["size", "epochs", "time", "per epoch", "last loss"]
    return table("times", head, rows) if rows else ""


def look(index: int) -> str:
    """CSS classes of the curve with this number."""
    return f"c{index % COLOURS}" + (" again" if index >= COLOURS else "")


def legend(curves: Sequence[Curve]) -> str:
    """Names and last values."""
    entries = (
        f'<li><i class="{curve.look}"></i>{safe(curve.name)} <b>{number(curve.values[-1])}</b></li>'
        for curve in curves
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def epochs(history: Sequence[Step]) -> list[int]:
    """Their numbers."""
    return [step.epoch for step in history]


def by_size(history: Sequence[Step]) -> list[list[Step]]:
    """The steps at each size."""
    sizes = groupby(history, lambda step: (step.scale, step.width, step.height))
    return [list(steps) for _, steps in sizes]


def size_of(step: Step) -> str:
    """512×341."""
    return f"{step.width}×{step.height}"


def counted(epochs: int) -> str:
    """1 epoch, 2 epochs."""
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def duration(seconds: float) -> str:
    """9.2 s, 12 min 34 s, 2 h 5 min."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
