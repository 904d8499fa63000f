"""`Report`: a listener that leaves one HTML page about the run, with all its pictures inside."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from PIL import Image

from nstyle.errors import ImageError
from nstyle.images.picture import Picture
from nstyle.optimize.callbacks.report import page
from nstyle.optimize.callbacks.report.html import Embedded, embed, shrunk
from nstyle.optimize.callbacks.report.page import Gallery
from nstyle.optimize.records import Result, Step
from nstyle.system.files import atomic_write, check_place

log = logging.getLogger("nstyle")

LARGE, MIDDLE, SMALL = 1600, 480, 320  # long edges in pixels: compared, side by side, snapshots
SNAPSHOTS = 12

Named = tuple[str, Picture]


class Thinned:
    """Keeps at most `most` items: those of every epoch, then of every second, fourth, ..."""

    def __init__(self, most: int) -> None:
        self._most, self._gap = most, 1
        self._items: dict[int, Any] = {}

    def wants(self, epoch: int) -> bool:
        """Whether the item of this epoch would be kept for now; epochs count from 1."""
        return (epoch - 1) % self._gap == 0

    def add(self, epoch: int, item: Any) -> None:
        """Keep the item of an epoch that is wanted; earlier ones may make room."""
        self._items[epoch] = item
        while len(self._items) > self._most:
            self._gap *= 2
            self._items = {at: each for at, each in self._items.items() if self.wants(at)}

    def before(self, epoch: int) -> dict[int, Any]:
        """Epoch -> item, without those nearer to `epoch`, the end, than half a gap."""
        return {at: item for at, item in self._items.items() if epoch - at > self._gap / 2}


class Report:
    """Writes the page at `path` when the run is over.

    photo, styles: (name, picture); photo is None where there was none. Raises ImageError at once
    where the page could not be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, photo: Named | None, styles: Sequence[Named]
    ) -> None:
        self.path = os.fspath(path)
        try:
            check_place(self.path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ImageError(f"--report: {self.path} cannot be written ({reason})") from error
        self._title = title(photo[0] if photo else None, [name for name, _ in styles])
        self._photo = photo and (photo[0], shrunk(photo[1].to_pil(), LARGE))
        self._styles = [(name, embed(style.to_pil(), MIDDLE)) for name, style in styles]
        self._snapshots = Thinned(SNAPSHOTS - 1)

    def __call__(self, step: Step) -> None:
        """Keep the picture of an epoch now and then."""
        if self._snapshots.wants(step.epoch):
            self._snapshots.add(step.epoch, thumbnail(step.picture()))

    def finish(self, result: Result) -> bool:
        """Write the page; whether it could be."""
        text = page.render(self._title, result, self._gallery(result))
        data = text.encode("utf-8", "replace")  # names of files may hold bytes that are no UTF-8
        try:
            atomic_write(self.path, lambda file: file.write(data))
        except OSError as error:  # the picture matters more
            log.warning("%s: the report is not written (%s)", self.path, error.strerror)
            return False
        log.info("%s: the report", self.path)
        return True

    def _gallery(self, result: Result) -> Gallery:
        picture = result.picture.to_pil()
        large, photo = embed(picture, LARGE), None
        strip = [*self._styles, ("result", embed(picture, MIDDLE))]
        if self._photo is not None:
            name, whole = self._photo
            strip.insert(0, (name, embed(whole, MIDDLE)))
            same = whole.resize((large.width, large.height), Image.Resampling.LANCZOS)
            photo = embed(same, LARGE)
        last = result.history[-1].epoch if result.history else 0
        shots = [(f"epoch {at}", shot) for at, shot in self._snapshots.before(last).items()]
        shots += [("result", thumbnail(result.picture))] if shots else []
        return Gallery(large, photo, strip, shots)


def thumbnail(picture: Picture) -> Embedded:
    """A small picture for the row of snapshots."""
    return embed(picture.to_pil(), SMALL, 80)


def title(photo: str | None, styles: Sequence[str]) -> str:
    """The title: photo.jpg in the style of a.jpg, b.jpg and c.jpg."""
    *others, last = styles or ["nothing"]
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{photo} in the style of {listed}" if photo else f"Texture of {listed}"
