"""Pictures one can choose: uploads, samples, and networks that were trained for one style."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nstyle.errors import NStyleError
from nstyle.system import locations

PHOTOS = ("coffee.jpg", "astronaut.jpg", "chelsea.jpg", "rocket.jpg")
STYLES = (
    "cubist.jpg", "stained_glass.jpg", "woodcut_wave.jpg", "starry_flow.jpg", "pointillist.jpg",
)  # fmt: skip
THUMBNAIL = 640  # px, long edge on the shelf and, of a photo, behind the slider
Version = tuple[str, int, int]
LONGEST_NAME, LONGEST_EXTENSION = 80, 8  # letters


@dataclass(frozen=True)
class Source:
    """A picture, or the style of a network.

    id: what the page calls it; name: for people; path: its file (of a network: the network's);
    small: the copy for previews; typed: what stands for it in a command line.
    """

    id: str
    name: str
    path: str
    small: str
    width: int
    height: int
    typed: str
    network: bool = False

    def as_json(self) -> dict[str, Any]:
        """Facts for the page, without paths."""
        names = ("id", "name", "width", "height", "network")
        return {name: getattr(self, name) for name in names}


class Library:
    """Pictures for everyone: sample photos and styles, trained networks of a folder."""

    def __init__(self, networks: Path) -> None:
        self._folder = networks
        self._known: dict[Version, tuple[Source, bytes] | None] = {}

    def photos(self) -> list[Source]:
        """Samples to try it with."""
        return self._sources(map(locations.sample, PHOTOS), "photo")

    def styles(self) -> list[Source]:
        """Sample paintings, then the trained networks that are there now."""
        samples = self._sources(map(locations.sample, STYLES), "style")
        try:
            files = sorted(path for path in self._folder.iterdir() if path.suffix == ".params")
        except OSError:
            return samples
        return samples + self._sources(map(str, files), "network")

    def find(self, id: str) -> Source | None:
        """The one with this id."""
        return next((each for each in [*self.photos(), *self.styles()] if each.id == id), None)

    def thumbnail(self, id: str) -> bytes | None:
        """JPEG."""
        source = self.find(id)
        entry = source and self._entry(source.path, source.id.split("-")[0])
        return entry[1] if entry else None

    def _sources(self, paths: Iterable[str], kind: str) -> list[Source]:
        entries = [self._entry(path, kind) for path in paths]
        return [entry[0] for entry in entries if entry is not None]

    def _entry(self, path: str, kind: str) -> tuple[Source, bytes] | None:
        """Read once; None for a file that is gone, or no network with a style of its own."""
        try:
            key = version(path)
        except OSError:  # deleted meanwhile, or a link that leads nowhere
            return None
        if key not in self._known:
            try:
                self._known[key] = _read(path, kind)
            except (NStyleError, OSError, ValueError, KeyError, TypeError):
                self._known[key] = None
        return self._known[key]


def version(path: str) -> Version:
    """Facts that change with the file: (path, time in nanoseconds, bytes). Raises OSError."""
    facts = os.stat(path)
    return path, facts.st_mtime_ns, facts.st_size


def _read(path: str, kind: str) -> tuple[Source, bytes] | None:
    from PIL import Image

    from nstyle.feedforward import network_file
    from nstyle.images import codecs
    from nstyle.optimize.callbacks.report.html import shrunk

    name, network = os.path.basename(path), kind == "network"
    if network:
        file = network_file.read(path)
        if file.network == network_file.ANY_STYLE:
            return None
        if file.thumbnail is None:
            picture = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "#888")
        else:
            picture = file.thumbnail.to_pil().convert("RGB")
    else:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    stem = os.path.splitext(name)[0]
    typed = name if network else os.path.join("input", name)  # the folder is nobody's business
    id, (width, height) = f"{kind}-{stem}", picture.size
    source = Source(id, stem.replace("_", " "), path, path, width, height, typed, network)
    return source, codecs.saved(shrunk(picture, THUMBNAIL), "JPEG", quality=85)


def clean_name(name: str) -> str:
    """Name of an upload: no folders, nothing invisible, not long, never empty."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if letter.isprintable()).strip(" .")
    stem, extension = os.path.splitext(name)
    if len(extension) > LONGEST_EXTENSION:
        stem, extension = name, ""
    return (stem[: LONGEST_NAME - len(extension)] + extension) or "picture"
