"""Finds photos from files, folders and patterns; names their results."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from nstyle.errors import OptionError

# What pictures a run is given, by the names of their flags.
PICTURES = ("content_image", "style_image", "content_mask", "style_mask", "keep_mask")
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".heif")


def find(sources: Sequence[str]) -> list[str]:
    """The files that are meant, each once, in the order of the sources.

    A source is a file, a folder (the pictures in it, by name; not those in folders below) or a
    pattern such as "holiday/*.jpg". Raises OptionError for a folder or pattern without a picture;
    a file that is not there is named when it is read.
    """
    paths = [path for source in sources for path in _files_of(source)]
    by_place: dict[str, str] = {}
    for path in paths:
        by_place.setdefault(os.path.realpath(path), path)
    return list(by_place.values())


def _files_of(source: str) -> list[str]:
    if os.path.isdir(source):
        inside = [path for path in Path(source).iterdir() if path.suffix.lower() in EXTENSIONS]
        if not inside:
            raise OptionError(f"{source}: a folder without a picture ({' '.join(EXTENSIONS)})")
        return sorted(map(str, inside))
    if os.path.exists(source) or not glob.has_magic(source):
        return [source]
    matching = sorted(path for path in glob.glob(source) if os.path.isfile(path))
    if not matching:
        raise OptionError(f"{source}: no file matches; give files, folders or patterns")
    return matching


def names(paths: Sequence[str], style: str, extension: str) -> list[str]:
    """{content}_{style}.ext for each, with a number where a name would come twice."""
    return unique([f"{bare(path)}_{style}{extension}" for path in paths])


def unique(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The same names with a number before the extension where one would come twice.

    taken: names that others have.
    """
    used = {name.lower() for name in taken}  # some file systems take capitals for the same
    numbers: dict[str, int] = {}  # of a name, the last that was given
    result = []
    for name in names:
        stem, extension = os.path.splitext(name)
        key = name.lower()
        while name.lower() in used:
            numbers[key] = numbers.get(key, 1) + 1
            name = f"{stem}_{numbers[key]}{extension}"
        used.add(name.lower())
        result.append(name)
    return result


def bare(path: str) -> str:
    """The name of a file without folder and extension."""
    return os.path.splitext(os.path.basename(path))[0]
