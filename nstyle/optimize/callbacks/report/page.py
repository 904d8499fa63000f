"""The page about a run as text: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from nstyle.optimize.callbacks.report import html
from nstyle.optimize.callbacks.report.charts import Curve, chart, number
from nstyle.optimize.records import Result, Step
from nstyle.options.field import shown
from nstyle.options.options import Options, shaping

HERE = Path(__file__).parent
MOST_ENLARGED = 3  # CSS pixels for a pixel
COLOURS = 8  # of page.css

# What is said about a picture, and the picture.
Labelled = tuple[str, html.Embedded]
Sizes = Sequence[Sequence[Step]]  # the steps at each size


@dataclass(frozen=True)
class Gallery:
    """The pictures of a page. photo: None, or of the result's size."""

    result: html.Embedded
    photo: html.Embedded | None
    strip: Sequence[Labelled]
    snapshots: Sequence[Labelled]


def render(title: str, result: Result, gallery: Gallery) -> str:
    """The whole page."""
    steps, chosen = result.history, result.metadata.get("options", {})
    sizes = by_size(steps)
    curves = html.note("The run ended before its first epoch.")
    if steps:
        curves = losses(steps, sizes) + changes(steps, sizes, chosen.get("stop_eps") or None)
    return Template(asset("page.html")).substitute(
        title=html.safe(title),
        style=asset("page.css") + "\n" + asset("compare.css"),
        script=asset("page.js"),
        summary=html.safe(summary(result)),
        pictures=compare(gallery) + row("strip", gallery.strip),
        snapshots=html.section("On the way", row("shots", gallery.snapshots)),
        charts=html.section("Losses", curves),
        times=html.section("Times", times(sizes)),
        options=html.section("Options", option_table(chosen)),
        version=html.safe(result.metadata.get("version", "")),
    )


def asset(name: str) -> str:
    """A file that lies beside this one."""
    return (HERE / name).read_text(encoding="utf-8").strip()


def summary(result: Result) -> str:
    """Size, epochs, seconds, network, preset, why it stopped: one line."""
    width, height = result.picture.size
    epochs = f"{counted(result.epochs)} in {duration(result.seconds)}"
    preset = f"preset {result.metadata['preset']}" if result.metadata.get("preset") else ""
    facts = f"{width}×{height}", epochs, result.model, preset, result.why
    return " · ".join(filter(None, facts))


def compare(gallery: Gallery) -> str:
    """Photo and result behind a slider; the result alone where there was no photo."""
    result = gallery.result
    room = f"--ratio:{result.ratio:.4f};max-width:{MOST_ENLARGED * result.width}px"
    if gallery.photo is None:
        return f'<div class="alone" style="{room}">{html.img(result, "result")}</div>\n'
    sides = {"photo": gallery.photo, "result": result}
    layers = (
        f'<div class="side {name}">{html.img(picture, name)}<span>{name}</span></div>\n'
        for name, picture in sides.items()
    )
    return (
        f'<div class="compare" style="{room}">\n{"".join(layers)}'
        '<input type="range" id="compare" min="0" max="100" value="50">\n'
        '<div class="handle"></div>\n</div>\n'
        '<label class="hint" for="compare">Drag, or use the arrow keys, to compare photo and '
        "result</label>\n"
    )


def row(kind: str, pictures: Sequence[Labelled]) -> str:
    """Pictures with labels, side by side; nothing where there are none."""
    figures = "".join(html.figure(*labelled) for labelled in pictures)
    return f'<div class="{kind}">\n{figures}</div>\n' if figures else ""


def option_table(chosen: Mapping[str, Any]) -> str:
    """Those that differ with their defaults, then all of them, folded."""
    plain = Options()  # some defaults depend on the optimiser
    same = Options(optimizer=chosen.get("optimizer", plain.optimizer))
    usual = {**shaping(same), "optimizer": plain.optimizer}
    names = {entry.name: shown(entry) for entry in fields(Options)}
    rows = {
        name: [names.get(name, name), typed(value), typed(usual.get(name))]
        for name, value in chosen.items()
    }
    other = [row for name, row in rows.items() if chosen[name] != usual.get(name)]
    every = html.table("options", ["option", "value"], [row[:2] for row in rows.values()])
    folded = f"<details><summary>All {len(rows)} options</summary>\n{every}</details>\n"
    if not other:
        return html.note("All as they are by default.") + folded
    return html.table("options", ["option", "value", "default"], other) + folded


def typed(value: Any) -> str:
    """A value as one would type it, or a dash."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)


def losses(history: Sequence[Step], sizes: Sizes) -> str:
    """The curve of each term and of their sum, with a legend."""
    names = dict.fromkeys(name for step in history for name in step.terms)
    curves = [
        Curve(
            name.replace(":", " "),
            [step.terms.get(name, 0.0) for step in history],
            f"c{index % COLOURS}" + (" again" if index >= COLOURS else ""),
        )
        for index, name in enumerate(names)
    ]
    curves.append(Curve("total", [step.loss for step in history], "total"))
    first, last = (number(step.loss) for step in (history[0], history[-1]))
    about = f"Loss per epoch, {counted(len(history))}: in total from {first} to {last}"
    starts = [(steps[0].epoch, size_of(steps[0])) for steps in sizes]
    drawn = chart(curves, [step.epoch for step in history], about=about, sizes=starts)
    entries = (
        f'<li><i class="{curve.look}"></i>{html.safe(curve.name)} '
        f"<b>{number(curve.values[-1])}</b></li>"
        for curve in curves
    )
    legend = f'<ul class="legend">{"".join(entries)}</ul>'
    return html.card("Loss of each term per epoch, log scale", drawn + legend)


def changes(history: Sequence[Step], sizes: Sizes, stop: float | None) -> str:
    """The curve of eps, with a line at `stop`, below which a size ends."""
    curve = Curve("eps", [step.eps for step in history], "c0")
    about = f"Relative change of the picture per epoch, at the end {number(history[-1].eps)}"
    starts = [(steps[0].epoch, "") for steps in sizes]
    epochs = [step.epoch for step in history]
    drawn = chart([curve], epochs, about=about, sizes=starts, stop=stop)
    return html.card("Relative change of the picture per epoch (eps), log scale", drawn, "small")


def times(sizes: Sizes) -> str:
    """Epochs and seconds of each size."""
    rows = []
    for steps in sizes:
        seconds = sum(step.seconds for step in steps)
        pace = f"{number(seconds / len(steps), 2)} s"
        loss = number(steps[-1].loss)
        rows.append([size_of(steps[0]), str(len(steps)), duration(seconds), pace, loss])
    head = ["size", "epochs", "time", "per epoch", "last loss"]
    return html.table("times", head, rows) if rows else ""


def by_size(history: Sequence[Step]) -> Sizes:
    """The steps at each size."""
    groups = groupby(history, lambda step: (step.scale, step.width, step.height))
    return [list(steps) for _, steps in groups]


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
