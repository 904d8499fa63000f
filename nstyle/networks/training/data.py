"""Training pictures: found, held out, decoded once into memory, cut into crops, recoloured.

A batch depends on nothing but the seed and its number, so a resumed training sees what an
unbroken one sees, and no random state needs saving.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images import image_file
from nstyle.images.image_paths import EXTENSIONS
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.system.files import opened

log = logging.getLogger("nstyle")

# A crop is cut from a window of this many times its edge at most, and then shrunk.
LARGEST_WINDOW = 2.0
# Recoloured: share of the pictures; stretch of chroma and of luminance; shift in grey levels.
SHARE, SATURATION, CONTRAST, SHIFT = 0.5, (0.4, 2.2), (0.7, 1.3), 40.0
NAMED = 5  # pictures left out of which the log tells why


def find(folders: Iterable[str], without: Callable[[str], bool] | None = None) -> list[Path]:
    """All picture files in the folders and below, sorted. without: true for those that are none.

    Raises OptionError for a folder that is none or that holds no picture.
    """
    pictures: set[Path] = set()
    for folder in folders:
        if not os.path.isdir(folder):
            what = "is a file, no folder" if os.path.exists(folder) else "no such folder"
            raise OptionError(f"{folder}: {what}; give folders of training pictures")
        paths = [path for path in Path(folder).rglob("*") if path.suffix.lower() in EXTENSIONS]
        paths = [path for path in paths if not (without and without(str(path)))]
        if not paths:
            raise OptionError(f"{folder}: holds no picture ({' '.join(EXTENSIONS)})")
        pictures.update(paths)
    return sorted(pictures)


def read_heldout(path: str) -> list[Path]:
    """The pictures listed in a text file, one path per line, relative to the file's own folder.

    Raises OptionError when the file or a picture named in it is absent.
    """
    try:
        with opened(path) as file:
            lines = file.read().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path}: the list of held-out pictures cannot be read") from error
    listed = [Path(path).parent / line.strip() for line in lines if line.strip()]
    for picture in listed:
        if not picture.is_file():
            raise OptionError(f"{path}: lists {picture}, which is not there")
    return listed


def split(
    folders: Iterable[str], heldout: str | None, without: Callable[[str], bool] | None = None
) -> tuple[list[Path], list[Path]]:
    """(training pictures, held-out pictures), which share no content, whatever its path.

    No picture is trained on twice. without: as for `find`. Raises OptionError when none is left.
    """
    kept_out = [] if heldout is None else read_heldout(heldout)
    by_content = {_content(path): path for path in reversed(find(folders, without))}
    for path in kept_out:
        by_content.pop(_content(path), None)
    training = sorted(by_content.values())
    if not training:
        raise OptionError(f"all pictures are listed in {heldout}: none is left to train on")
    return training, kept_out


def inside(paths: Iterable[Path], folders: Iterable[str]) -> list[Path]:
    """Those of the paths that lie in one of the folders or below."""
    places = [Path(folder).resolve() for folder in folders]
    return [path for path in paths if not set(places).isdisjoint(path.resolve().parents)]


def _content(path: Path) -> tuple[int, int]:
    """The same for a file, its copies and links: size and checksum."""
    try:
        with opened(path) as file:
            data = file.read()
    except OSError:  # `load` leaves it out and says so
        return -1, hash(path)
    return len(data), zlib.crc32(data)


def load(
    paths: Sequence[Path],
    short_edge: int | None = None,
    *,
    least: int = 1,
    max_pixels: int = 200_000_000,
    room: int | None = None,
) -> dict[Path, np.ndarray]:
    """Pictures as uint8 HxWx3, shrunk to `short_edge` px where larger.

    least: px that the short edge must have; max_pixels: that a file may have; room: bytes that all
    may take together, of which the first of the paths get theirs, one at least. Bad ones are left
    out. Logs how many were, and the first few by name. Raises ImageError when none is left.
    """
    loaded: dict[Path, np.ndarray] = {}
    refused, taken = [], 0
    for path in paths:
        try:
            picture = _read(path, short_edge, least, max_pixels)
        except ImageError as error:
            refused.append(str(error))
            continue
        taken += picture.nbytes
        if room is not None and taken > room and loaded:
            counts = len(loaded), len(paths), room // 10**6
            log.info("%d of %d pictures are used; they fill %d MB", *counts)
            break
        loaded[path] = picture
    if refused and loaded:
        named = "; ".join(refused[:NAMED])
        more = f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        log.warning("%d of %d pictures left out: %s%s", len(refused), len(paths), named, more)
    if not loaded:
        raise ImageError(f"none of the {len(paths)} pictures can be used; first: {refused[0]}")
    return loaded


def _read(path: Path, short_edge: int | None, least: int, max_pixels: int) -> np.ndarray:
    picture = image_file.read(path, max_pixels=max_pixels)
    if min(picture.size) < least:
        raise ImageError(
            f"{path}: {picture.width}x{picture.height} pixels is smaller than the crops of {least}"
        )
    image = picture.to_pil().convert("RGB")
    factor = short_edge / min(image.size) if short_edge else 1.0
    if factor < 1:
        width, height = (max(1, round(edge * factor)) for edge in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def some_of(paths: Sequence[Path], most: int, seed: int) -> list[Path]:
    """At most so many of the paths, drawn by the seed, in the order drawn; says so where fewer."""
    if len(paths) > most:
        log.info("%d of %d pictures are used", most, len(paths))
    places = np.random.default_rng([seed, 2]).permutation(len(paths))[:most]
    return [paths[place] for place in places]


def network_input(
    pictures: Sequence[np.ndarray], convention: preprocessing.Preprocessing = preprocessing.CAFFE
) -> np.ndarray:
    """uint8 HxWx3 of one size -> float32 (N, 3, H, W), 0..255 minus the convention's mean."""
    return np.concatenate([preprocessing.to_array(Picture(p), convention) for p in pictures])


@dataclass(frozen=True)
class Crops:
    """Batches of square crops: random place, scale and flip; every picture once per round.

    enlarged: how much a crop may be enlarged, 1 for not at all.
    """

    pictures: Sequence[np.ndarray]
    crop: int
    batch: int
    seed: int
    convention: preprocessing.Preprocessing = preprocessing.CAFFE
    enlarged: float = 1.0

    def __call__(self, number: int) -> np.ndarray:
        """float32 (batch, 3, crop, crop): the batch of this number, counted from 0."""
        chance = np.random.default_rng([self.seed, number])
        chosen = [self._choose(number * self.batch + i) for i in range(self.batch)]
        cut = [self._cut(self.pictures[i], chance) for i in chosen]
        return network_input(cut, self.convention)

    def _choose(self, place: int) -> int:
        turn, index = divmod(place, len(self.pictures))
        order = np.random.default_rng([self.seed, 1, turn]).permutation(len(self.pictures))
        return int(order[index])

    def _cut(self, picture: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        height, width = picture.shape[:2]
        largest = min(height, width, LARGEST_WINDOW * self.crop)
        edge = chance.uniform(min(self.crop / self.enlarged, largest), largest)
        left, top = chance.uniform(0, width - edge), chance.uniform(0, height - edge)
        window = (left, top, left + edge, top + edge)
        size = (self.crop, self.crop)
        cut = np.asarray(
            Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, box=window)
        )
        return cut[:, ::-1].copy() if chance.random() < 0.5 else cut


@dataclass(frozen=True)
class WholePictures:
    """Pictures by number, (1, 3, H, W), every one once per round.

    Each is shown in so many `versions`, at sizes of its own: its short edge is between `edge` px
    and twice that. `which` tells the same number for the same version, so that what was found out
    about one can be kept.
    """

    pictures: Sequence[np.ndarray]
    edge: int
    versions: int
    seed: int
    convention: preprocessing.Preprocessing = preprocessing.CAFFE

    def which(self, number: int) -> int:
        """Of the picture and version of a number, counted from 0."""
        turn, place = divmod(number, len(self.pictures))
        order = np.random.default_rng([self.seed, 1, turn]).permutation(len(self.pictures))
        return int(order[place]) + turn % self.versions * len(self.pictures)

    def __call__(self, which: int) -> np.ndarray:
        """float32 (1, 3, H, W)."""
        picture = self.pictures[which % len(self.pictures)]
        short, chance = min(picture.shape[:2]), np.random.default_rng([self.seed, which])
        factor = min(1.0, chance.uniform(self.edge, 2 * self.edge) / short)
        size = [max(1, round(edge * factor)) for edge in reversed(picture.shape[:2])]
        shrunk = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
        return network_input([np.asarray(shrunk)], self.convention)


@dataclass(frozen=True)
class Recoloured:
    """Pictures by number, (N, 3, H, W) in a convention's space, half of them in other colours, as
    networks shall learn more palettes than there are paintings: hue turned about the grey axis,
    chroma and luminance stretched, all shifted.
    """

    pictures: Callable[[int], np.ndarray]
    seed: int
    convention: preprocessing.Preprocessing = preprocessing.CAFFE

    def __call__(self, number: int) -> np.ndarray:
        """float32 (N, 3, H, W)."""
        values = self.pictures(number)
        chance = np.random.default_rng([self.seed, 3, number])
        if chance.random() >= SHARE:
            return values
        matrix = turned(chance.uniform(0, 2 * np.pi), chance.uniform(*SATURATION))
        matrix = (matrix * chance.uniform(*CONTRAST)).astype(np.float32)
        middle = values.mean(axis=(0, 2, 3), keepdims=True)
        changed = np.einsum("ij,njhw->nihw", matrix, values - middle)
        shift = chance.uniform(-SHIFT, SHIFT, (1, 3, 1, 1)).astype(np.float32)
        limits = preprocessing.limits(self.convention, 255.0)
        return np.ascontiguousarray(np.clip(changed + middle + shift, *limits), np.float32)


def turned(angle: float, saturation: float) -> np.ndarray:
    """The matrix (3, 3) that turns colours about the grey axis and stretches what is not grey."""
    grey = np.full((3, 3), 1 / 3)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return grey + saturation * (np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * axis)
