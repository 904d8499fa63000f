"""Flags from the fields of options, and back."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nstyle.errors import OptionError
from nstyle.images.image_paths import PICTURES
from nstyle.options import presets
from nstyle.options.field import AnyOptions, build
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.parse import flag
from nstyle.system.locations import sample

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
METAVARS = {int: "INT", float: "FLOAT"}  # all others are words

log = logging.getLogger("nstyle")


def add_painting(
    parser: argparse.ArgumentParser,
    defaults: Mapping[str, Any] | None = None,
    *,
    photo: bool = True,
) -> None:
    """The flags of everything that shapes a picture; defaults: what the help says instead."""
    about = {
        "--content-image": "photo (default: a sample)",
        "--style-image": "painting (default: a sample); may be repeated, see --style-blend",
        "--content-mask": "the photo's regions, one colour for each",
        "--style-mask": "where the style has them, in the same colours; one for each "
        "--style-image, or a colour such as #ff0000 for all of it",
        "--keep-mask": "white where the photo stays itself",
    }
    for name, text in about.items():
        if photo or name != "--content-image":
            action = "append" if name.startswith("--style") else "store"
            parser.add_argument(name, action=action, metavar="FILE", help=text)
    add_options(parser, defaults)


def add_options(parser: argparse.ArgumentParser, defaults: Mapping[str, Any] | None = None) -> None:
    """The same without the pictures."""
    known = ", ".join(presets.PRESETS)
    parser.add_argument("--preset", metavar="NAME", help=f"a known recipe: {known}")
    add_fields(parser, Options, defaults=defaults)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any field of Options"
    )


def typed_pictures(args: argparse.Namespace) -> dict[str, Any]:
    """Name of PICTURES -> path, or paths, as typed."""
    return {name: paths for name, paths in typed(args, PICTURES).items() if paths is not None}


def with_samples(pictures: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """The sample pictures for those that are not named; no photo for a texture of a given size."""
    whole = options.size is not None and all(options.size.edges)
    photo = {} if whole and not options.content_weight else {"content_image": sample(SAMPLE_PHOTO)}
    if photo and not options.content_weight and "content_image" not in pictures:
        log.info(
            "painting from the sample photo; --size WxH instead makes a texture, with no photo"
        )
    return {**photo, "style_image": [sample(SAMPLE_STYLE)], **pictures}


def files_of(pictures: Mapping[str, Any], options: Options) -> list[str | None]:
    """Every file that is read."""
    files: list[str | None] = [options.init, options.weights]
    for paths in pictures.values():
        files += [paths] if isinstance(paths, str) else paths
    return files


def add_fields(
    parser: argparse.ArgumentParser,
    cls: type,
    only: Collection[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """One flag per field that has one (of those in `only`); no default where it is not typed.

    defaults: what the help says instead of the field's.
    """
    for entry in dataclasses.fields(cls):
        if only is not None and entry.name not in only:
            continue
        facts, about = entry.metadata, entry.metadata["help"]
        flags = (flag(entry.name),) if facts["flags"] is None else facts["flags"]
        if not flags:
            continue
        value: dict[str, Any] = {"action": "store_true"}
        if facts["kind"] is not bool:
            default = (defaults or {}).get(entry.name, entry.default)
            if default not in (None, ()):
                about += f" (default: {default})"
            if facts["choices"]:
                about += f" [{', '.join(facts['choices'])}]"
            metavar = facts["metavar"] or METAVARS.get(facts["kind"], "WORD")
            value = {"action": "append" if facts["several"] else "store", "metavar": metavar}
        about = about.replace("%", "%%")
        parser.add_argument(*flags, dest=entry.name, help=about, default=argparse.SUPPRESS, **value)


def parse_set(assignments: Sequence[str]) -> dict[str, str]:
    """["momentum=0.8"] -> {"momentum": "0.8"}. Raises OptionError."""
    values = {}
    for each in assignments:
        name, equals, value = each.partition("=")
        if not equals:
            raise OptionError(f"--set {each!r}: expected NAME=VALUE, e.g. --set momentum=0.8")
        values[name.strip().replace("-", "_")] = value.strip()
    return values


def typed(args: argparse.Namespace, names: Collection[str]) -> dict[str, Any]:
    """The values of these names that the user typed."""
    return {name: value for name, value in vars(args).items() if name in names}


def typed_for(cls: type[AnyOptions], args: argparse.Namespace) -> AnyOptions:
    """Options of a class from what the user typed for its fields. Raises OptionError."""
    return build(cls, typed(args, field_names(cls)))


def field_names(cls: type) -> set[str]:
    """Of a dataclass."""
    return {entry.name for entry in dataclasses.fields(cls)}


def split_options(
    args: argparse.Namespace, ways: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The typed values for (Options, OutputOptions).

    ways: the fields of OutputOptions that the command has, None for all. Raises OptionError where
    --set names others.
    """
    delivered = field_names(OutputOptions)
    ways = delivered if ways is None else ways
    assigned = parse_set(getattr(args, "set", []))
    for name in assigned:
        if name in delivered and name not in ways:
            raise OptionError(f"--set {name}: means nothing to this command; leave it out")
    values = {**typed(args, {*field_names(Options), *ways}), **assigned}
    return values, {name: values.pop(name) for name in delivered & set(values)}
