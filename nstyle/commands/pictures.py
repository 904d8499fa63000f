"""The pictures and options of everything that paints: flags, and what was typed for them."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Collection, Mapping
from typing import Any

from nstyle import presets
from nstyle.commands.flags import add_fields
from nstyle.options import Options
from nstyle.photos import PICTURES
from nstyle.places import sample
from nstyle.syntax import parse_size

SAMPLE_PHOTO, SAMPLE_STYLE = "coffee.jpg", "cubist.jpg"
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
    whole = options.size is not None and all(parse_size(options.size))
    photo = {} if whole and not options.content_weight else {"content_image": sample(SAMPLE_PHOTO)}
    if photo and not options.content_weight and "content_image" not in typed:
        log.info(
            "painting from the sample photo; --size WxH instead makes a texture, with no photo"
        )
    return {**photo, "style_image": [sample(SAMPLE_STYLE)], **typed}


def masks_of(pictures: Mapping[str, Any]) -> Any:
    """The masking.Masks among them."""
    from nstyle import masking

    return masking.given(pictures)


def files_of(pictures: Mapping[str, Any], options: Options) -> list[str | None]:
    """Every file that is read."""
    found: list[str | None] = [options.init, options.weights]
    for paths in pictures.values():
        found += [paths] if isinstance(paths, str) else paths
    return found
