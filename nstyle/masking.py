"""The mask pictures of a run: which there must be, and what they say."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import image
from nstyle.errors import ImageError, OptionError
from nstyle.masks import keep as kept
from nstyle.masks import plain as plain_colour
from nstyle.masks import shown
from nstyle.picture import Picture, resize
from nstyle.regions import Region, pair

log = logging.getLogger("nstyle")

STRETCHED = 0.05  # of the aspect: more is not rounding
LONG_EDGE = 1024  # larger masks take long to look through, and edges become soft anyway


@dataclass(frozen=True)
class Masks:
    """Mask pictures, as anything `image.read` takes: see `regions` and `masks`.

    styles: one for each painting, or a colour such as "#ff0000" where all of it is one region.
    """

    content: Any = None
    styles: Sequence[Any] = ()
    keep: Any = None


def given(pictures: Mapping[str, Any]) -> Masks:
    """The masks among pictures by the names of their flags."""
    content, keep = (pictures.get(f"{name}_mask") for name in ("content", "keep"))
    return Masks(content, pictures.get("style_mask", ()), keep)


def check(masks: Masks, styles: int) -> None:
    """Refuse masks that do not go together, or with so many styles. Raises OptionError."""
    if masks.content is None:
        if masks.styles:
            raise OptionError("--style-mask: needs --content-mask, which says where its parts go")
        return
    if not masks.styles:
        raise OptionError(
            "--content-mask: needs a --style-mask for each --style-image (a picture, or a colour "
            "such as #ff0000 for all of it)"
        )
    if len(masks.styles) != styles:
        raise OptionError(
            f"--style-mask: {len(masks.styles)} given, --style-image: {styles}; give one for each"
        )


def read_masks(
    masks: Masks, styles: int, max_pixels: int
) -> tuple[list[Region], np.ndarray | None]:
    """(regions, where the photo is kept) for so many styles. Raises ImageError, OptionError."""

    def read(mask: Any, flag: str) -> Picture:
        try:
            picture = image.read(mask, max_pixels=max_pixels)
        except ImageError as error:
            raise ImageError(f"{flag}: {error}") from error
        shrink = LONG_EDGE / max(picture.size)
        if shrink >= 1:
            return picture
        width, height = (max(1, round(edge * shrink)) for edge in picture.size)
        return resize(picture, width, height, method="nearest")

    keep = None if masks.keep is None else kept(read(masks.keep, "--keep-mask"))
    check(masks, styles)
    if masks.content is None:
        return [], keep
    codes = [
        plain_colour(mask) if str(mask).startswith("#") else read(mask, "--style-mask")
        for mask in masks.styles
    ]
    content = read(masks.content, "--content-mask")
    names = [f"style mask {number}" for number in range(1, styles + 1)]
    return pair(content, codes, content_name="the content mask", style_names=names), keep


def only_styles(region: Region, used: Sequence[int]) -> Region:
    """The region without the styles that are not used. Raises OptionError where none is left."""
    styles = [region.styles[index] for index in used]
    if not any(weights is None or weights.any() for weights in styles):
        raise OptionError(
            f"--style-blend: region {shown(region.colour)} has only styles with a share of 0"
        )
    return dataclasses.replace(region, styles=styles)


def warn_of_aspects(
    regions: Sequence[Region], keep: np.ndarray | None, photo: tuple[int, int]
) -> None:
    """Say which masks are stretched, being of another shape than the photo, (width, height)."""
    content = regions[0].content if regions else None
    for flag, mask in (("--content-mask", content), ("--keep-mask", keep)):
        if mask is None:
            continue
        height, width = mask.shape
        if abs(width / height / (photo[0] / photo[1]) - 1) > STRETCHED:
            log.warning("%s: is %dx%d, the photo %dx%d: stretched", flag, width, height, *photo)
