"""Flags from the fields of options, and back."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nstyle.delivery import Delivery
from nstyle.errors import OptionError
from nstyle.fields import AnyOptions, build
from nstyle.options import Options


def add_fields(
    parser: argparse.ArgumentParser,
    cls: type,
    only: Collection[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """One flag per field that has one (of those named in `only`).

    What is not typed does not appear in the result. defaults: what the help shall say instead.
    """
    for entry in dataclasses.fields(cls):
        if only is not None and entry.name not in only:
            continue
        facts = entry.metadata
        flags = facts["flags"]
        if flags is None:
            flags = ("--" + entry.name.replace("_", "-"),)
        if not flags:
            continue
        about = facts["help"]
        if facts["kind"] is bool:
            parser.add_argument(*flags, dest=entry.name, action="store_true", help=about,
                                default=argparse.SUPPRESS)  # fmt: skip
            continue
        default = (defaults or {}).get(entry.name, entry.default)
        if default not in (None, ()):
            about += f" (default: {default})"
        if facts["choices"]:
            about += f" [{', '.join(facts['choices'])}]"
        parser.add_argument(
            *flags,
            dest=entry.name,
            action="append" if facts["several"] else "store",
            metavar=facts["metavar"] or facts["kind"].__name__.upper().replace("STR", "WORD"),
            help=about.replace("%", "%%"),
            default=argparse.SUPPRESS,
        )


def parse_set(words: Sequence[str]) -> dict[str, str]:
    """["momentum=0.8"] -> {"momentum": "0.8"}. Raises OptionError."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise OptionError(f"--set {word!r}: expected NAME=VALUE, e.g. --set momentum=0.8")
        values[name.strip().replace("-", "_")] = value.strip()
    return values


def typed_for(cls: type[AnyOptions], words: argparse.Namespace) -> AnyOptions:
    """Options of a class from what the user typed for its fields. Raises OptionError."""
    names = {entry.name for entry in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return build(cls, {key: value for key, value in vars(words).items() if key in names})


def split_options(
    words: argparse.Namespace, without: Collection[str] = (), ways: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the user typed for (Options, Delivery). without: names that mean something else here.

    ways: the fields of Delivery that the command has, None for all. Raises OptionError for others.
    """
    delivered = {entry.name for entry in dataclasses.fields(Delivery)}
    names = {entry.name for cls in (Options, Delivery) for entry in dataclasses.fields(cls)}
    names -= set(without)
    typed = {key: value for key, value in vars(words).items() if key in names}
    also = parse_set(getattr(words, "set", []))
    for name in also:
        if name in delivered and ways is not None and name not in ways:
            raise OptionError(f"--set {name}: means nothing to this command; leave it out")
    typed.update(also)
    delivery = {key: typed.pop(key) for key in delivered & set(typed)}
    return typed, delivery
