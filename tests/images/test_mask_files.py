"""The mask pictures of a run: which there must be, and what they say. Whole runs: test_gallery."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.errors import ImageError, OptionError
from nstyle.images.regions import LONG_EDGE, Masks, only_styles, read_masks

LIMIT = 10**8


def mask(width: int, height: int) -> np.ndarray:
    """Left red, right blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0], pixels[:, width // 2 :, 2] = 255, 255
    return pixels


def test_without_masks_there_are_no_regions_and_nothing_is_kept():
    assert read_masks(Masks(), 2, LIMIT) == ([], None)


def test_regions_come_with_their_places_in_each_style():
    regions, keep = read_masks(Masks(mask(40, 30), [mask(20, 20), "#0000ff"]), 2, LIMIT)
    assert keep is None
    assert sorted(region.colour for region in regions) == [(0, 0, 255), (255, 0, 0)]
    blue = next(region for region in regions if region.colour == (0, 0, 255))
    assert blue.content.shape == (30, 40) and blue.content.mean() == 0.5
    first, second = blue.styles
    assert first.shape == (20, 20) and first.mean() == 0.5
    assert (second == 1).all()
    red = next(region for region in regions if region.colour == (255, 0, 0))
    assert not red.styles[1].any()  # all of the second painting is blue


def test_styles_that_are_not_used_are_left_out():
    regions, _ = read_masks(Masks(mask(40, 30), [mask(20, 20), "#0000ff"]), 2, LIMIT)
    (kept,) = only_styles(regions[0], [1]).styles
    assert kept is regions[0].styles[1]


def test_what_is_kept_is_white():
    grey = np.zeros((30, 40), np.uint8)
    grey[:, 20:] = 255
    regions, keep = read_masks(Masks(keep=grey), 1, LIMIT)
    assert regions == [] and keep.shape == (30, 40)
    assert (keep[:, 20:] == 1).all() and not keep[:, :20].any()


def test_large_masks_are_made_smaller():
    regions, _ = read_masks(Masks(mask(3 * LONG_EDGE, 64), ["#ff0000", "#0000ff"]), 2, LIMIT)
    assert regions[0].content.shape == (21, LONG_EDGE)
    assert set(np.unique(regions[0].content)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (Masks(styles=["#ff0000"]), "needs --content-mask"),
        (Masks(mask(40, 30)), "needs a --style-mask for each"),
        (Masks(mask(40, 30), ["#ff0000", "#ff0000"]), "--style-mask: 2 given, --style-image: 1"),
        (Masks(mask(40, 30), ["#12"]), "#12"),
    ],
)
def test_what_makes_no_sense_is_refused(masks, said):
    with pytest.raises(OptionError, match=said):
        read_masks(masks, 1, LIMIT)


@pytest.mark.parametrize(
    ("flag", "masks"),
    [
        ("--content-mask", Masks("none.png", ["#ff0000"])),
        ("--style-mask", Masks(mask(40, 30), ["none.png"])),
        ("--keep-mask", Masks(keep="none.png")),
    ],
)
def test_a_file_that_is_not_there_is_named_with_its_flag(flag, masks):
    with pytest.raises(ImageError, match=f"{flag}: none.png"):
        read_masks(masks, 1, LIMIT)
