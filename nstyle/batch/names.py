"""What results are called: a pattern filled in, no name twice, none outside of their folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from string import Formatter
from typing import Any

from nstyle.errors import OptionError
from nstyle.options import Options
from nstyle.photos import bare, unique
from nstyle.syntax import nearest

TEXTURE = "texture"  # {content} where there is no photo
KNOWN = ("content", "style", "preset", *(entry.name for entry in dataclasses.fields(Options)))


def check_pattern(pattern: str) -> None:
    """Refuse what is no pattern. Raises OptionError."""
    try:
        fields = [field for _, field, _, _ in Formatter().parse(pattern) if field is not None]
    except ValueError as error:
        raise OptionError(f"--name {pattern!r}: {error}; write e.g. {{content}}.png") from error
    for field in fields:
        if field not in KNOWN:
            raise OptionError(f"--name {pattern!r}: {{{field}}} is none of {nearest(field, KNOWN)}")


def filled(pattern: str, pictures: Mapping[str, Any], options: Options, preset: str | None) -> str:
    """The pattern for one job. Raises OptionError."""
    content = pictures.get("content_image")
    values = {
        **dataclasses.asdict(options),
        "content": TEXTURE if content is None else bare(content),
        "style": "+".join(map(bare, pictures["style_image"])),
        "preset": preset or "",
    }
    plain = {
        key: value.replace("/", "_").replace(os.sep, "_") if isinstance(value, str) else value
        for key, value in values.items()
    }
    try:
        name = pattern.format(**plain)
    except (ValueError, LookupError, TypeError) as error:
        raise OptionError(f"--name {pattern!r}: {error}") from error
    return checked(name, "--name")


def checked(name: str, option: str) -> str:
    """The name as a path inside the folder of results. Raises OptionError."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise OptionError(f"{option} {name!r}: is no file inside --output-dir; leave out / and ..")
    return str(path)


def assigned(wanted: Sequence[str], given: Mapping[int, str]) -> list[str]:
    """The names of all jobs: those given by the user as they are, the others numbered if need be.

    wanted: from the pattern; given: by the number of the job. Raises OptionError where the user
    gave one twice.
    """
    own: dict[str, int] = {}
    for number, name in given.items():
        if own.setdefault(name.lower(), number) != number:
            raise OptionError(f"output: {name} is given to two jobs; give each its own")
    rest = iter(unique([w for n, w in enumerate(wanted) if n not in given], given.values()))
    return [given[number] if number in given else next(rest) for number in range(len(wanted))]
