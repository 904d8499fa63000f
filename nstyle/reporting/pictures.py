"""Pictures inside a page: made smaller, compressed, written as data: addresses."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image


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
    smaller, buffer = shrunk(picture, long_edge), io.BytesIO()
    smaller.save(buffer, "WEBP", quality=quality)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Embedded(f"data:image/webp;base64,{data}", *smaller.size)
