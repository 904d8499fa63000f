"""Frames of a camera, painted one by one in a process of its own: steady, and never in the way.

Statistics move slowly, as in a film. What stands still is held: where a frame is as the one before,
the painting is, too, but for a part of what is new. No flow, which would take longer than painting.
"""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from nstyle.errors import ImageError
from nstyle.feedforward.apply import Instant
from nstyle.images import codecs
from nstyle.images.picture import Picture
from nstyle.optimize.context import LRUCache
from nstyle.studio.library import version
from nstyle.studio.requests import Refused
from nstyle.system import locations
from nstyle.video.by_network import SmoothedStatistics

NETWORKS, VIEWERS = 4, 8  # that are kept; of a viewer the last frame
LARGEST = 640  # px, long edge of a frame
HELD = 0.75  # of the painting before, where nothing moves
STILL = 12.0  # grey levels, to which a camera's noise changes a pixel that stands still
QUALITY = 82


class Live:
    """Paints the frames of several viewers, each with a style."""

    def __init__(self) -> None:
        self._networks, self._viewers = LRUCache(NETWORKS), LRUCache(VIEWERS)

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """request: viewer, frame (JPEG in base64), strength, and as Source.asked; busy:
        whether a painting is being made, which then gets as much time as a frame takes.
        """
        began = time.monotonic()
        frame = decoded(base64.b64decode(request["frame"]))
        source = request.get("network") or request["style"]
        key = request["viewer"], version(source), request["strength"]
        viewer = self._viewers.find(key, lambda: Viewer(self._painter(request)))
        painted = codecs.saved(viewer.paint(frame).to_pil(), "JPEG", quality=QUALITY)
        if request["busy"]:
            time.sleep(time.monotonic() - began)
        return {"jpeg": base64.b64encode(painted).decode("ascii")}

    def _painter(self, request: Mapping[str, Any]) -> Instant:
        """With this style; the networks stay loaded."""
        style, network = request.get("style"), request.get("network") or str(locations.ANY_STYLE)
        size = {"max_long_edge": LARGEST}
        base = self._networks.find(
            version(network), lambda: Instant(style, network=network, **size)
        )
        return base.restyled(style, strength=request["strength"], **size)


class Viewer:
    """One camera, painted by an Instant with one style."""

    def __init__(self, painter: Instant) -> None:
        self._painter = painter
        self._steady = SmoothedStatistics()
        self._gathered: Any = None  # style and sizes, with any frame of the present size
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # frame, painting

    def paint(self, frame: Picture) -> Picture:
        """The next frame."""
        seen = frame.floats()
        if self._last and self._last[0].shape != seen.shape:
            self._steady.cut()
            self._last = None
        if self._last is None:
            self._gathered = self._painter.gather(frame)  # resizes the style: once is enough
        gathered = replace(self._gathered, photo=frame)
        painted = self._painter.values(gathered, through=self._steady)
        if self._last:
            moved = np.abs(seen - self._last[0]).max(axis=2, keepdims=True) * (255 / STILL)
            painted = painted + HELD * np.exp(-np.square(moved)) * (self._last[1] - painted)
        self._last = seen, painted
        return Picture.from_floats(painted, bits=8)


def decoded(data: bytes) -> Picture:
    """A frame. Raises Refused."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if max(image.size) > LARGEST:
                size = f"{image.width}x{image.height}"
                raise Refused(f"a frame of {size} is too large; an edge may have {LARGEST}", 413)
            if math.prod(image.size) < 64**2:
                raise Refused("a frame needs 64x64 pixels at least")
            return Picture(np.asarray(image.convert("RGB")))
    except (OSError, ValueError, SyntaxError, ImageError) as error:
        raise Refused("a frame is no JPEG") from error
