"""Regions of the photo and where each is in the paintings; weights at any size, soft edges."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import ImageError, OptionError
from nstyle.images import image_file, masks
from nstyle.images.masks import CodedMask, Colour, shown
from nstyle.images.picture import Picture, resize

STRETCHED = 0.05  # of the aspect: more is not rounding
LONG_EDGE = 1024  # larger masks take long to look through, and edges become soft anyway
TOLERANCE = 32  # levels by which the colour of one region may differ between two masks

log = logging.getLogger("nstyle")


@dataclass(frozen=True)
class Masks:
    """Mask pictures, as anything `image_file.read` takes: see `regions` and `masks`.

    styles: one for each painting, or a colour such as "#ff0000" where all of it is one region.
    """

    content: Any = None
    styles: Sequence[Any] = ()
    keep: Any = None


def given(pictures: Mapping[str, Any]) -> Masks:
    """The masks among pictures by the names of their flags."""
    content, keep = (pictures.get(f"{name}_mask") for name in ("content", "keep"))
    return Masks(content, pictures.get("style_mask", ()), keep)


def check_masks(masks: Masks, styles: int) -> None:
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
    pictures: Masks, styles: int, max_pixels: int
) -> tuple[list[Region], np.ndarray | None]:
    """(regions, where the photo is kept) for so many styles. Raises ImageError, OptionError."""

    def read(mask: Any, flag: str) -> Picture:
        try:
            picture = image_file.read(mask, max_pixels=max_pixels)
        except ImageError as error:
            raise ImageError(f"{flag}: {error}") from error
        shrink = LONG_EDGE / max(picture.size)
        if shrink >= 1:
            return picture
        width, height = (max(1, round(edge * shrink)) for edge in picture.size)
        return resize(picture, width, height, method="nearest")

    keep = None if pictures.keep is None else masks.keep(read(pictures.keep, "--keep-mask"))
    check_masks(pictures, styles)
    if pictures.content is None:
        return [], keep
    style_masks = [
        masks.plain(mask) if str(mask).startswith("#") else read(mask, "--style-mask")
        for mask in pictures.styles
    ]
    return pair(read(pictures.content, "--content-mask"), style_masks), keep


def only_styles(region: Region, used: Sequence[int]) -> Region:
    """The region without the styles that are not used. Raises OptionError where none is left."""
    styles = [region.styles[index] for index in used]
    if not any(weights.any() for weights in styles):
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


@dataclass(frozen=True, eq=False)
class Region:
    """A region of the photo and what it takes its style from.

    content: weights 0..1 (H, W), float32, of the content mask's size. styles: for each painting the
    same of its mask's size, all 0 where its mask has not this region.
    """

    colour: Colour
    content: np.ndarray
    styles: list[np.ndarray]


def pair(content_mask: Picture, style_masks: Sequence[Picture]) -> list[Region]:
    """The regions of the photo, the largest first, each with its places in the paintings.

    style_masks: one for each painting. Regions belong together when their colours are the nearest,
    within TOLERANCE levels and half the distance to the next region of the photo. What only a style
    mask has is left unused, with a note in the log. Raises OptionError as `masks.decode`, and for a
    region of the photo that no style mask has.
    """
    ours = masks.decode(content_mask, "the content mask")
    theirs = [
        masks.decode(mask, f"style mask {number}") for number, mask in enumerate(style_masks, 1)
    ]
    if len(ours.colours) == 1:
        log.warning("%s: has only one region, %s", ours.name, shown(*ours.colours))
    partners = [_partners(ours, style) for style in theirs]
    _check_paired(ours, theirs, partners)
    content = _weights(ours, range(len(ours.colours)))
    styles = [_weights(style, indices) for style, indices in zip(theirs, partners)]
    return [
        Region(colour, content[index], [weights[index] for weights in styles])
        for index, colour in enumerate(ours.colours)
    ]


def _partners(ours: CodedMask, style: CodedMask) -> list[int]:
    """For each of our regions the index of the style's that is meant; -1: it has not this one."""
    own = np.array(ours.colours)
    apart = np.abs(own[:, None] - own).max(axis=2) + 999 * np.eye(len(own), dtype=int)
    reach = np.minimum(TOLERANCE, apart.min(axis=1) / 2)
    distances = np.abs(own[:, None] - np.array(style.colours)).max(axis=2)
    return np.where(distances.min(axis=1) <= reach, distances.argmin(axis=1), -1).tolist()


def _check_paired(
    ours: CodedMask, theirs: Sequence[CodedMask], partners: Sequence[list[int]]
) -> None:
    """Refuse regions of the photo that are nowhere else; note those of styles that are unused."""
    for style, indices in zip(theirs, partners):
        unused = [colour for index, colour in enumerate(style.colours) if index not in indices]
        if unused:
            log.info("%s: %s is not in %s, left unused", style.name, shown(*unused), ours.name)
    lonely = [colour for colour, *indices in zip(ours.colours, *partners) if max(indices) < 0]
    if lonely:
        colours = ", ".join(f"{style.name} has {shown(*style.colours)}" for style in theirs)
        raise OptionError(f"{ours.name}: {shown(*lonely)} is in no style mask; {colours}")


def _weights(mask: CodedMask, indices: Sequence[int]) -> list[np.ndarray]:
    """For each region 1 where a pixel belongs to it, else 0; all 0 for -1."""
    labels = masks.labels(mask.pixels, mask.colours)
    return [(labels == index).astype(np.float32) for index in indices]


def at_size(weights: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Weights (H, W) at another size (width, height), float32 (h, w), larger or smaller.

    Each is the mean over what its pixel covers, to the fraction of a pixel; so edges become soft,
    and weights that sum to 1 over the regions still do.
    """
    rows = _means(weights.astype(np.float64), size[1])
    return np.clip(_means(rows.T, size[0]).T, 0, 1).astype(np.float32)


def _means(values: np.ndarray, count: int) -> np.ndarray:
    """Means over `count` equal spans of the rows of (N, M), (count, M)."""
    edges = np.linspace(0, len(values), count + 1)
    whole = np.minimum(edges.astype(np.intp), len(values) - 1)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    up_to = sums[whole] + (edges - whole)[:, None] * values[whole]
    return np.diff(up_to, axis=0) * (count / len(values))


def softened(weights: Sequence[np.ndarray], sigma: float) -> list[np.ndarray]:
    """The weights (H, W) of all regions with Gaussian edges, sigma in pixels; float32, 0..1.

    What they sum to at a pixel is smoothed as they are, so that 1 everywhere stays 1.
    """
    from scipy import ndimage

    wide = [each.astype(float) for each in weights]
    smooth = [ndimage.gaussian_filter(each, sigma, mode="nearest") for each in wide]
    return [np.clip(each, 0, 1).astype(np.float32) for each in smooth]
