"""Reads masks: which pixels belong to which colour, or how much of the photo stays.

A colour-coded mask paints each region in one plain colour. Files are rarely that plain: edges are
smoothed, and JPEG adds noise. So a region is a colour that fills flat areas, and what is no flat
area belongs to the one beside it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nstyle.errors import OptionError
from nstyle.images import codecs
from nstyle.images.color import LUMA
from nstyle.images.picture import Picture

log = logging.getLogger("nstyle")

Colour = tuple[int, int, int]

MAX_REGIONS = 16
LEAST_SHARE = 0.005  # of the pixels, for a region
EXACT = 0.99  # of the pixels in such colours, and nothing is smoothed
SURVEYED = 512  # pixels of an edge that are looked at to find the colours
NOISE = 12  # levels between neighbours in a flat area, and between the shades of one colour
SPREAD = 24  # levels around a region's colour that are still this region
CORE = 8  # levels within which a flat area's pixels mostly are, or it is a soft edge
PLAIN = 9  # pixels without a border of such a colour, or it is none that anybody meant
LEAST_COVERED = 0.45  # of the pixels, within CORE of the regions' colours, or it is a photo


@dataclass(frozen=True, eq=False)
class CodedMask:
    """`pixels` uint8 HxWx3, and the `colours` of its regions, the largest first; its `name`."""

    name: str
    pixels: np.ndarray
    colours: list[Colour]


def plain(colour: str) -> Picture:
    """A mask of one region, for "#rrggbb". Raises OptionError."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise OptionError(f"--style-mask: {colour!r} is no colour; give #rrggbb, e.g. #ff0000")
    return Picture(np.full((16, 16, 3), tuple(bytes.fromhex(colour[1:])), np.uint8))


def shown(*colours: Colour) -> str:
    """(255, 0, 0), (0, 0, 255) -> #ff0000 #0000ff."""
    return " ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours)


def decode(mask: Picture, name: str) -> CodedMask:
    """A colour-coded mask with its regions, the largest first, then by value.

    What is more than half transparent is black. A region has at least about 0.5 % of the pixels and
    is more than two pixels wide. The colours of a smoothed or noisy mask must differ by more than
    SPREAD levels in some channel, those of a mask with nothing but its colours by more than NOISE.
    Soft edges should be narrower than a twentieth of the width. Raises OptionError, naming the
    mask, for more than MAX_REGIONS, and for what is a photo rather than a mask.
    """
    pixels = codecs.rescale(mask.pixels, 8)
    if mask.alpha is not None:
        hidden = codecs.rescale(mask.alpha, 8) < 128
        pixels = np.where(hidden[..., None], np.uint8(0), pixels)
    steps = [-(-edge // SURVEYED) for edge in pixels.shape[:2]]
    sample = pixels[:: steps[0], :: steps[1]]
    colours = _exact_colours(sample) or _flat_colours(sample)
    if len(colours) > MAX_REGIONS:
        raise OptionError(
            f"{name}: has {len(colours)} regions, allowed are {MAX_REGIONS}; "
            "paint what belongs together in one colour"
        )
    near = [_difference(sample, colour) <= CORE for colour in colours]
    covered = np.mean(np.any(near, axis=0)) if near else 0.0
    if covered < LEAST_COVERED:
        raise OptionError(
            f"{name}: is a photo rather than a mask, only {covered:.0%} of it is in plain colours "
            f"({len(colours)} of them); paint each region in one plain colour"
        )
    lost = _too_small(sample, colours)
    if lost:
        least = f"a region has at least {100 * LEAST_SHARE:g} % of the pixels"
        log.warning("%s: %s is too small, it goes to its neighbours; %s", name, shown(*lost), least)
    areas = np.bincount(labels(sample, colours).ravel(), minlength=len(colours))
    largest_first = [colour for _, colour in sorted(zip((-areas).tolist(), colours))]
    return CodedMask(name, pixels, largest_first)


def _too_small(pixels: np.ndarray, colours: Sequence[Colour]) -> list[Colour]:
    """Plain colours that are none of the regions', by value."""
    found, _, counts = _distinct(pixels[_local_range(pixels) == 0])
    far = np.min([_difference(found, colour) for colour in colours], axis=0) > SPREAD
    return _tuples(found[far & (counts >= PLAIN)])


def _exact_colours(pixels: np.ndarray) -> list[Colour]:
    """All colours that are not rare, if they are nearly everything and nothing is smoothed."""
    colours, _, counts = _distinct(pixels)
    common = counts >= LEAST_SHARE * counts.sum()
    flat = set(_tuples(_distinct(pixels[_local_range(pixels) == 0])[0]))
    chosen = _tuples(colours[common])
    # JPEG and WEBP make several shades of one plain colour.
    noisy = any(np.sum(_difference(colours[common], one) <= NOISE) > 1 for one in chosen)
    covered = counts[common].sum() / counts.sum()
    return [] if noisy or covered < EXACT or not flat.issuperset(chosen) else chosen


def _flat_colours(pixels: np.ndarray) -> list[Colour]:
    """The modes of the colours in flat areas, each with what is within SPREAD of it.

    Unless half of its pixels are within CORE of it, and a quarter of their neighbours, it is the
    middle of a soft edge, or of a photo.
    """
    from scipy import ndimage

    smoothed = ndimage.median_filter(pixels, (5, 5, 1), mode="nearest")  # takes JPEG's ringing away
    ranges = _local_range(smoothed)
    everything, _, all_counts = _distinct(smoothed)
    colours, indices, counts = _distinct(smoothed[ranges <= NOISE])
    calm = np.bincount(indices, ranges[ranges <= NOISE] <= CORE, len(colours))
    least, chosen = LEAST_SHARE * all_counts.sum(), []
    while counts.sum() >= least / 5:
        mode = colours[counts.argmax()]
        distance = _difference(colours, mode)
        near = distance <= SPREAD
        flat = counts[near].sum()
        is_plain = counts[distance <= CORE].sum() >= flat / 2 and calm[near].sum() >= flat / 4
        area = all_counts[_difference(everything, mode) <= SPREAD].sum()
        if is_plain and flat >= least / 5 and area >= least:
            chosen.append(mode)
        colours, counts, calm = colours[~near], counts[~near], calm[~near]
    return _tuples(chosen)


def _distinct(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct colours (K, 3) by value, each pixel's index among them, how often each is there."""
    packed = pixels.reshape(-1, 3).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    values, indices, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colours = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
    return colours.astype(np.int32), indices.reshape(pixels.shape[:-1]), counts


def _tuples(colours: np.ndarray | Sequence[np.ndarray]) -> list[Colour]:
    return [(int(red), int(green), int(blue)) for red, green, blue in colours]


def _difference(colours: np.ndarray, colour: Sequence[int] | np.ndarray) -> np.ndarray:
    """Largest difference over the channels, in levels."""
    return np.abs(colours.astype(np.int32) - np.asarray(colour)).max(axis=-1)


def _local_range(pixels: np.ndarray) -> np.ndarray:
    """Largest difference within 3x3 pixels, over the channels, (H, W)."""
    from scipy import ndimage

    window = (3, 3, 1)
    highest = ndimage.maximum_filter(pixels, window, mode="nearest")
    return (highest - ndimage.minimum_filter(pixels, window, mode="nearest")).max(axis=2)


def labels(pixels: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """The index of each pixel's region among the colours, (H, W), int8.

    By colour; but a smoothed edge between black and white is not the grey region: where 5x5 pixels
    do not agree, the nearest that do decide, unless the pixel has just that colour.
    """
    from scipy import ndimage

    shades, indices, _ = _distinct(pixels)
    squares = np.stack([np.square(shades - colour).sum(axis=1) for colour in np.array(colours)])
    nearest = squares.argmin(axis=0).astype(np.int8)[indices]
    highest = ndimage.maximum_filter(nearest, 5, mode="nearest")
    unanimous = highest == ndimage.minimum_filter(nearest, 5, mode="nearest")
    unsure = ~unanimous & (squares.min(axis=0) > 0)[indices]
    source = ndimage.distance_transform_edt(unsure, return_distances=False, return_indices=True)
    return nearest[tuple(source)]


def keep(mask: Picture) -> np.ndarray:
    """Share of the photo kept, float32 (H, W): 1 where the mask is white, 0 where it is black.

    Grey (Rec. 709 luma) times alpha; of a mask that has one colour only and is transparent in
    places, alpha alone counts.
    """
    grey = np.clip(mask.floats() @ LUMA, 0, 1)
    if mask.alpha is None:
        return grey.astype(np.float32)
    alpha = mask.alpha / np.iinfo(mask.alpha.dtype).max
    one_colour = bool((mask.pixels == mask.pixels[0, 0]).all())
    if one_colour and alpha.min() < alpha.max():
        grey = np.ones_like(grey)
    return (grey * alpha).astype(np.float32)
