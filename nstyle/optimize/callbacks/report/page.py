"""The page about a run as text: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from nstyle.optimize.callbacks.report import curves as history
from nstyle.optimize.callbacks.report import option_table
from nstyle.optimize.callbacks.report.html import Embedded, figure, img, safe, section
from nstyle.optimize.records import Result

HERE = Path(__file__).parent
MOST_ENLARGED = 3  # CSS pixels for a pixel

# What is said about a picture, and the picture.
Labelled = tuple[str, Embedded]


@dataclass(frozen=True)
class Gallery:
    """The pictures of a page. photo: None, or of the result's size."""

    result: Embedded
    photo: Embedded | None
    strip: Sequence[Labelled]
    snapshots: Sequence[Labelled]


def render(title: str, result: Result, gallery: Gallery) -> str:
    """The whole page."""
    steps, chosen = result.history, result.metadata.get("options", {})
    curves = history.losses(steps) + history.changes(steps, chosen.get("stop_eps") or None)
    return Template(asset("page.html")).substitute(
        title=safe(title),
        style=asset("page.css") + "\n" + asset("compare.css"),
        script=asset("page.js"),
        summary=safe(summary(result)),
        pictures=compare(gallery) + row("strip", gallery.strip),
        snapshots=section("On the way", row("shots", gallery.snapshots)),
        charts=section("Losses", curves),
        times=section("Times", history.times(steps)),
        options=section("Options", option_table.options(chosen)),
        version=safe(result.metadata.get("version", "")),
    )


def asset(name: str) -> str:
    """A file that lies beside this one."""
    return (HERE / name).read_text(encoding="utf-8").strip()


def summary(result: Result) -> str:
    """Size, epochs, seconds, network, preset, why it stopped: one line."""
    width, height = result.picture.size
    preset = result.metadata.get("preset")
    words = [
        f"{width}×{height}",
        f"{history.counted(result.epochs)} in {history.duration(result.seconds)}",
        result.model,
        *([f"preset {preset}"] if preset else []),
        result.why,
    ]
    return " · ".join(words)


def compare(gallery: Gallery) -> str:
    """Photo and result behind a slider; the result alone where there was no photo."""
    result = gallery.result
    room = f"--ratio:{result.ratio:.4f};max-width:{MOST_ENLARGED * result.width}px"
    if gallery.photo is None:
        return f'<div class="alone" style="{room}">{img(result, "result")}</div>\n'
    sides = {"photo": gallery.photo, "result": result}
    layers = (
        f'<div class="side {name}">{img(picture, name)}<span>{name}</span></div>\n'
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
    figures = "".join(figure(*labelled) for labelled in pictures)
    return f'<div class="{kind}">\n{figures}</div>\n' if figures else ""
