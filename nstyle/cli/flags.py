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
from nstyle.system.locations import sample

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
METAVARS = {int: "INT", float: "FLOAT", bool: "BOOL"}  # all others are words

log = logging.getLogger("nstyle")


def add_painting(
    parser: argparse.ArgumentParser,
    defaults: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
) -> None:
    """The flags of everything that shapes a picture; defaults: what the help says instead.

    without: names of PICTURES that have none.
    """
    about = {
        "--content-image": "photo (default: a sample)",
        "--style-image": "painting (default: a sample); may be repeated, see --style-blend",
        "--content-mask": "the photo's regions, one colour for each",
        "--style-mask": "where the style has them, in the same colours; one for each "
        "--style-image, or a colour such as #ff0000 for all of it",
        "--keep-mask": "white where the photo stays itself",
    }
    for name, text in about.items():
        if name[2:].replace("-", "_") in without:
            continue
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


def typed_pictures(words: argparse.Namespace) -> dict[str, Any]:
    """Name of PICTURES -> path, or paths, as typed."""
    typed = {name: getattr(words, name, None) for name in PICTURES}
    return {name: paths for name, paths in typed.items() if paths is not None}


def with_samples(typed: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """The sample pictures for those that are not named; no photo for a texture of a given size."""
    whole = options.size is not None and all(options.size.edges)
    photo = {} if whole and not options.content_weight else {"content_image": sample(SAMPLE_PHOTO)}
    if photo and not options.content_weight and "content_image" not in typed:
        log.info(
            "painting from the sample photo; --size WxH instead makes a texture, with no photo"
        )
    return {**photo, "style_image": [sample(SAMPLE_STYLE)], **typed}


def masks_of(pictures: Mapping[str, Any]) -> Any:
    """The regions.Masks among them."""
    from nstyle.images import regions

    return regions.given(pictures)


def files_of(pictures: Mapping[str, Any], options: Options) -> list[str | None]:
    """Every file that is read."""
    found: list[str | None] = [options.init, options.weights]
    for paths in pictures.values():
        found += [paths] if isinstance(paths, str) else paths
    return found


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
            metavar=facts["metavar"] or METAVARS.get(facts["kind"], "WORD"),
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
    """The typed values for (Options, OutputOptions).

    without: names that mean something else here.

    ways: the fields of OutputOptions that the command has, None for all. Raises OptionError for
    others.
    """
    delivered = {entry.name for entry in dataclasses.fields(OutputOptions)}
    names = {entry.name for cls in (Options, OutputOptions) for entry in dataclasses.fields(cls)}
    names -= set(without)
    typed = {key: value for key, value in vars(words).items() if key in names}
    also = parse_set(getattr(words, "set", []))
    for name in also:
        if name in delivered and ways is not None and name not in ways:
            raise OptionError(f"--set {name}: means nothing to this command; leave it out")
    typed.update(also)
    delivery = {key: typed.pop(key) for key in delivered & set(typed)}
    return typed, delivery
