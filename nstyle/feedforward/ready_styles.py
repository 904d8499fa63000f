"""Ready styles: numbers of the any-style network's normalisations, learned with it, in one file.

Dumoulin et al., arXiv:1610.07629: one network paints all of them. Pure numpy. They mean
something for the network they were learned with alone.
"""

from __future__ import annotations

import csv
import functools
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nstyle.errors import CheckpointError, OptionError, WeightsError
from nstyle.feedforward.network_file import decoded, encoded
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize
from nstyle.networks.training.checkpoint import half
from nstyle.options.parse import nearest
from nstyle.system import checkpoint_file, checksums, locations
from nstyle.system.files import opened

KIND = "ready styles"
EXTENSION = ".ready.params"  # of the file beside a network's
READY = "ready"  # name of their numbers among the arrays of a training
LONG_EDGE = 512  # px, of a painting that is learned


class ReadyRow(NamedTuple):
    """A row of a list of paintings: title: what it is; credit: whose; file: its path."""

    name: str
    title: str
    credit: str
    file: str


@dataclass(frozen=True)
class ReadyStyle:
    """numbers: float32 (K,), see ImageNetwork; title: what it is after; credit: whose."""

    name: str
    title: str
    credit: str
    numbers: np.ndarray
    thumbnail: Picture


def read_list(path: str) -> list[ReadyRow]:
    """Rows of a CSV list with the columns of ReadyRow, files relative to its folder.

    Raises OptionError.
    """
    columns = ", ".join(ReadyRow._fields)
    try:
        with opened(path) as file:
            found = list(csv.DictReader(io.StringIO(file.read().decode("utf-8"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"--ready: {path} cannot be read ({error})") from error
    if not found or any(not row.get(name) for row in found for name in ReadyRow._fields):
        raise OptionError(f"--ready: {path} is no CSV list with the columns {columns}")
    rows = [ReadyRow(*(row[name] for name in ReadyRow._fields)) for row in found]
    if len({row.name for row in rows}) < len(rows):
        raise OptionError(f"--ready: {path} has a name twice; give each its own")
    folder = os.path.dirname(path)
    return [row._replace(file=os.path.join(folder, row.file)) for row in rows]


def sized(painting: Picture) -> Picture:
    """The painting as it is where a photo of usual size is painted."""
    factor = min(1.0, LONG_EDGE / max(painting.size))
    width, height = (max(image_file.MIN_EDGE, round(edge * factor)) for edge in painting.size)
    return resize(painting, width, height)


def write(path: str, styles: Mapping[str, ReadyStyle], network: str) -> None:
    """Write atomically, in float16. network: the any-style file they are for. Raises OSError."""
    facts = {
        "network": checksums.of_file(network),
        "styles": {
            name: {
                "title": style.title,
                "credit": style.credit,
                "thumbnail": encoded(style.thumbnail),
            }
            for name, style in styles.items()
        },
    }
    numbers = {name: half(path, style.numbers) for name, style in styles.items()}
    checkpoint_file.write(path, KIND, facts, {"styles": numbers})


@functools.cache
def shelf() -> Mapping[str, ReadyStyle]:
    """Those in the package, by name. Raises WeightsError."""
    return read(str(locations.READY_STYLES), str(locations.ANY_STYLE))


def beside(network: str) -> Mapping[str, ReadyStyle]:
    """Those that were learned with a network, by name; none where they are not beside its file.

    Raises WeightsError.
    """
    if os.path.realpath(network) == os.path.realpath(locations.ANY_STYLE):
        return shelf()
    path = os.path.splitext(network)[0] + EXTENSION
    return read(path, network) if os.path.isfile(path) else {}


def read(path: str, network: str) -> Mapping[str, ReadyStyle]:
    """Those of a file, by name; network: the any-style file they are for. Raises WeightsError."""
    try:
        facts, groups = checkpoint_file.read(path, KIND, {})
    except CheckpointError as error:
        raise WeightsError(str(error)) from error
    if facts["network"] != checksums.of_file(network):
        raise WeightsError(f"{path}: is for another network; give both files of one training")
    return {
        name: ReadyStyle(
            name,
            about["title"],
            about["credit"],
            groups["styles"][name].astype(np.float32),
            decoded(about["thumbnail"]),
        )
        for name, about in facts["styles"].items()
    }


def find(name: str) -> ReadyStyle:
    """The style of this name. Raises OptionError naming near ones, WeightsError."""
    styles = shelf()
    if name not in styles:
        raise OptionError(f"--style: {name!r} is none of {nearest(name, tuple(styles))}")
    return styles[name]


def parsed(text: str) -> tuple[list[str], str | None]:
    """Words such as "great-wave:2,ink" -> names, and --style-blend. Raises OptionError."""
    pairs = [word.strip().partition(":") for word in text.split(",")]
    names = [find(name.strip()).name for name, _, _ in pairs]
    shares = [share.strip() if colon else "1" for _, colon, share in pairs]
    return names, ",".join(shares) if len(names) > 1 else None
