"""Pieces of HTML. No text is trusted: all of it is escaped here."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from nstyle.images import codecs


@dataclass(frozen=True)
class Embedded:
    """address: a data: URI; width and height in pixels."""

    address: str
    width: int
    height: int

    @property
    def ratio(self) -> float:
        """Width by height."""
        return self.width / self.height


def shrunk(picture: Image.Image, long_edge: int) -> Image.Image:
    """The picture with its long edge at most so many pixels."""
    factor = long_edge / max(picture.size)
    if factor >= 1:
        return picture
    width, height = (max(1, round(edge * factor)) for edge in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def embed(picture: Image.Image, long_edge: int, quality: int = 88) -> Embedded:
    """The picture as WebP, its long edge at most so many pixels. quality: 1..100."""
    smaller = shrunk(picture, long_edge)
    data = base64.b64encode(codecs.saved(smaller, "WEBP", quality=quality)).decode("ascii")
    return Embedded(f"data:image/webp;base64,{data}", *smaller.size)


def safe(text: Any) -> str:
    """Text inside HTML, also inside a quoted attribute."""
    return html.escape(str(text))


def section(heading: str, content: str) -> str:
    """A heading and what is below it; nothing where there is nothing."""
    return f"<section><h2>{safe(heading)}</h2>\n{content}</section>" if content else ""


def note(text: str) -> str:
    """A line instead of something that is not there."""
    return f'<p class="none">{safe(text)}</p>\n'


def img(picture: Embedded, alt: str) -> str:
    """An <img> that holds its picture."""
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{picture.address}" alt="{safe(alt)}" {size}>'


def figure(label: str, picture: Embedded) -> str:
    """A picture with its label."""
    return (
        f'<figure style="--ratio:{picture.ratio:.4f}">{img(picture, label)}'
        f"<figcaption>{safe(label)}</figcaption></figure>\n"
    )


def card(caption: str, content: str, kind: str = "") -> str:
    """A chart with its caption."""
    caption = f"<figcaption>{safe(caption)}</figcaption>"
    return f'<figure class="chart {kind}">{caption}{content}</figure>\n'


def table(kind: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that may be scrolled where it is too wide."""
    top = "".join(f"<th>{safe(word)}</th>" for word in head)
    lines = ("".join(f"<td>{safe(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return (
        f'<div class="table {kind}"><table><thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n"
    )
