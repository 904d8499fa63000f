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


def find(words: Sequence[str]) -> list[str]:
    """The files that are meant, each once, in the order of the words.

    A word is a file, a folder (the pictures in it, by name; not those in folders below) or a
    pattern such as "holiday/*.jpg". Raises OptionError for a folder or pattern without a picture;
    a file that is not there is named when it is read.
    """
    found: dict[str, str] = {}
    for word in words:
        for path in meant(word):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def meant(word: str) -> list[str]:
    """Of one word. Raises OptionError."""
    if os.path.isdir(word):
        inside = [path for path in Path(word).iterdir() if path.suffix.lower() in EXTENSIONS]
        if not inside:
            raise OptionError(f"{word}: a folder without a picture ({' '.join(EXTENSIONS)})")
        return sorted(map(str, inside))
    if os.path.exists(word) or not glob.has_magic(word):
        return [word]
    matching = sorted(path for path in glob.glob(word) if os.path.isfile(path))
    if not matching:
        raise OptionError(f"{word}: no file matches; give files, folders or patterns")
    return matching


def names(paths: Sequence[str], style: str, extension: str) -> list[str]:
    """{content}_{style} for each, with a number where a name would come twice.

    extension: with its dot.
    """
    return unique([f"{bare(path)}_{style}{extension}" for path in paths])


def unique(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The same names with a number before the extension where one would come twice.

    taken: names that others have.
    """
    used = {name.lower() for name in taken}  # some file systems take capitals for the same
    given = []
    for name in names:
        stem, extension = os.path.splitext(name)
        number = 1
        while name.lower() in used:
            number += 1
            name = f"{stem}_{number}{extension}"
        used.add(name.lower())
        given.append(name)
    return given


def bare(path: str) -> str:
    """The name of a file without folder and extension."""
    return os.path.splitext(os.path.basename(path))[0]
