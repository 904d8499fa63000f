"""Pictures one can choose: uploads, samples, ready styles, and networks trained for one style."""

from __future__ import annotations

import functools
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
    """A picture, or a style that is painted in one pass alone: a network's, or a ready one.

    id: what the page calls it; name: for people; path: its file (of a network: the network's);
    small: the copy for previews; typed: what stands for it in a command line; network: whether it
    is for one pass alone; ready: whether it is a ready style.
    """

    id: str
    name: str
    path: str
    small: str
    width: int
    height: int
    typed: str
    network: bool = False
    ready: bool = False

    def as_json(self) -> dict[str, Any]:
        """Facts for the page, without paths."""
        names = ("id", "name", "width", "height", "network", "ready")
        return {name: getattr(self, name) for name in names}

    @property
    def asked(self) -> dict[str, str]:
        """What Instant is told of it: network, or style."""
        if self.network and not self.ready:
            return {"network": self.path}
        return {"style": self.typed if self.ready else self.small}


class Library:
    """Pictures for everyone: sample photos and styles, ready styles, networks of a folder."""

    def __init__(self, networks: Path) -> None:
        self._folder = networks
        self._known: dict[Version, tuple[Source, bytes] | None] = {}

    def photos(self) -> list[Source]:
        """Samples to try it with."""
        return self._sources(map(locations.sample, PHOTOS), "photo")

    def styles(self) -> list[Source]:
        """Sample paintings, ready styles, then the trained networks that are there now."""
        samples = self._sources(map(locations.sample, STYLES), "style")
        samples += [source for source, _ in ready().values()]
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
        if id in ready():
            return ready()[id][1]
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


@functools.cache
def ready() -> dict[str, tuple[Source, bytes]]:
    """Ready styles with their thumbnails in JPEG, by id; without those of the samples, which can be
    painted by optimisation, too.
    """
    from nstyle.feedforward import ready_styles
    from nstyle.images import codecs

    samples = {os.path.splitext(name)[0].replace("_", "-") for name in STYLES}
    found: dict[str, tuple[Source, bytes]] = {}
    for name, style in ready_styles.shelf().items():
        if name in samples:
            continue
        knobs: dict[str, Any] = {"network": True, "ready": True}
        path, title = str(locations.READY_STYLES), name.replace("-", " ")
        source = Source(f"ready-{name}", title, path, path, *style.thumbnail.size, name, **knobs)
        found[source.id] = source, codecs.saved(style.thumbnail.to_pil(), "JPEG", quality=85)
    return found


def version(path: str) -> Version:
    """Facts that change with the file: (path, time in nanoseconds, bytes); the name of a ready
    style stays what it is. Raises OSError.
    """
    if not os.path.isabs(path):
        return path, 0, 0
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
