"""Fields that know all about themselves: type, default, limits, help, flags; and their checking."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

from nstyle.errors import OptionError
from nstyle.options.parse import brief, convert, flag, nearest, ranged

AnyOptions = TypeVar("AnyOptions")

# Of options that are paths: a result may depend on what a file holds, never on where it lies.
FILE: dict[str, Any] = {"metavar": "FILE", "shapes": False}
FOLDERS: dict[str, Any] = {"kind": str, "metavar": "DIR", "shapes": False, "several": True}


def option(
    default: Any,
    help: str,
    *,
    kind: type | None = None,
    low: float = 0,
    high: float = 10**9,
    choices: tuple[str, ...] = (),
    flags: tuple[str, ...] | None = None,
    metavar: str | None = None,
    shapes: bool = True,
    several: bool = False,
    uses: str = "studio",
) -> Any:
    """A dataclass field that knows all about itself.

    kind: of its value; None = the default's, str where that is None. low, high: of a number; a
    float may be 0 or at least parse.TINY.
    flags: names on the command line; None = `--name-with-dashes`, () = only by --set.
    shapes: False for what cannot change the picture (it is then not written into results).
    several: its flag may be repeated, its value is a tuple. uses: of Options, what else than `run`
    takes the option: paint, train, score, studio, preview (of the studio).
    """
    facts = {
        "help": help,
        "kind": kind or (str if default is None else type(default)),
        "low": low,
        "high": high,
        "choices": choices,
        "flags": flags,
        "metavar": metavar,
        "optional": default is None,
        "shapes": shapes,
        "several": several,
        "uses": tuple(uses.split()),
    }
    return field(default=default, metadata=facts)


def used_by(cls: type, command: str) -> tuple[str, ...]:
    """Names of the fields that a command takes, in order."""
    fields = dataclasses.fields(cls)
    return tuple(entry.name for entry in fields if command in entry.metadata["uses"])


def shown(entry: dataclasses.Field[Any]) -> str:
    """The field as the user types it: --stop-eps, or momentum for --set."""
    flags = entry.metadata["flags"]
    if flags is None:
        return flag(entry.name)
    return flags[0] if flags else entry.name


def as_typed(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """{"stop_eps": 0.1} -> {"--stop-eps": 0.1}, of those that are fields of cls."""
    fields = dataclasses.fields(cls)
    return {shown(entry): values[entry.name] for entry in fields if entry.name in values}


def check_fields(options: Any) -> None:
    """Type, limits and choices of every field; numbers are converted where nothing is lost."""
    for entry in dataclasses.fields(options):
        value = getattr(options, entry.name)
        if value is None and entry.metadata["optional"]:
            continue
        if entry.metadata["several"]:
            several = [value] if isinstance(value, (str, os.PathLike)) else value
            value = tuple(check_value(entry, each) for each in several)
        else:
            value = check_value(entry, value)
        object.__setattr__(options, entry.name, value)


def check_value(entry: dataclasses.Field[Any], value: Any) -> Any:
    """The value in the field's type. Raises OptionError."""
    facts, name = entry.metadata, shown(entry)
    if facts["kind"] in (int, float):
        return ranged(facts["kind"], value, name, facts["low"], facts["high"])
    value = convert(facts["kind"], value, name)
    if facts["choices"] and value not in facts["choices"]:
        raise OptionError(f"{name}: {brief(value)} is none of {nearest(value, facts['choices'])}")
    return value


def build(cls: type[AnyOptions], values: Mapping[str, Any]) -> AnyOptions:
    """Options from a mapping. Raises OptionError for an unknown name, with the nearest."""
    known = [entry.name for entry in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
            raise OptionError(f"no option {name!r}{hint}")
    return cls(**values)


def as_words(cls: type, values: Mapping[str, Any]) -> list[str]:
    """{"lr": "0.2", "momentum": 0.5} -> ["--lr", "0.2", "--set", "momentum=0.5"]."""
    facts = {entry.name: entry.metadata for entry in dataclasses.fields(cls)}
    line = []
    for name, value in values.items():
        switch = facts[name]["kind"] is bool
        if facts[name]["flags"] == () or (switch and value is not True):
            line += ["--set", f"{name}={value}"]
        else:
            line += [flag(name)] if switch else [flag(name), str(value)]
    return line


def with_absolute_paths(options: Any) -> dict[str, Any]:
    """The fields of Options or OutputOptions as JSON can hold them, paths from the root."""
    values = dataclasses.asdict(options)
    for entry in dataclasses.fields(options):
        if entry.metadata["metavar"] in ("FILE", "DIR") and values[entry.name] is not None:
            values[entry.name] = absolute(values[entry.name])
    return values


def absolute(paths: Any) -> Any:
    """A path, or several, from the root."""
    if not isinstance(paths, str):
        return [absolute(path) for path in paths]
    return paths if paths.startswith("#") else os.path.abspath(paths)  # a colour for a mask
