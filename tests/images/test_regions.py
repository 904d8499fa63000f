"""Regions of photo and paintings paired by colour; weights at every size; soft edges."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images import masks, regions
from nstyle.images.picture import Picture
from nstyle.images.regions import Masks, read_masks

LIMIT = 10**8  # pixels
RED, GREEN, BLUE, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def stripes(*colours, size=(60, 48), jpeg: bool = False) -> Picture:
    """Columns of equal width, one for each colour."""
    where = np.arange(size[0]) * len(colours) // size[0]
    pixels = np.tile(np.array(colours, np.uint8)[where], (size[1], 1, 1))
    if jpeg:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
        pixels = np.array(Image.open(buffer))
    return Picture(pixels)


def shares(seed: int, count: int, shape: tuple[int, int]) -> list[np.ndarray]:
    """Weights of `count` regions that sum to 1 at every pixel, float32."""
    values = np.random.default_rng(seed).random((count, *shape)) ** 8
    return list((values / values.sum(axis=0)).astype(np.float32))


def partition(seed: int, count: int, shape: tuple[int, int]) -> list[np.ndarray]:
    """The same, each 0 or 1."""
    labels = np.random.default_rng(seed).integers(0, count, shape)
    return [(labels == index).astype(np.float32) for index in range(count)]


def check_weights(weights: list[np.ndarray], shape: tuple[int, int]) -> None:
    """float32 in 0..1 that sum to 1 at every pixel."""
    for each in weights:
        assert each.dtype == np.float32 and each.shape == shape
        assert each.min() >= 0 and each.max() <= 1
    assert np.abs(np.sum(weights, axis=0) - 1).max() < 1e-5


def refusal(*masks) -> str:
    with pytest.raises(OptionError) as caught:
        regions.pair(*masks)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- pair ----


def test_regions_are_found_where_they_are_drawn_in_photo_and_style():
    content = stripes(RED, RED, BLUE, size=(60, 48))
    style = stripes(BLUE, BLUE, BLUE, RED, size=(80, 20))
    red, blue = regions.pair(content, [style])
    assert (red.colour, blue.colour) == (RED, BLUE)
    for region in (red, blue):
        assert region.content.shape == (48, 60) and region.content.dtype == np.float32
        assert region.styles[0].shape == (20, 80) and region.styles[0].dtype == np.float32
        assert (region.content == (content.pixels == region.colour).all(axis=2)).all()
        assert (region.styles[0] == (style.pixels == region.colour).all(axis=2)).all()
    assert red.content.sum() == 48 * 40 and red.styles[0].sum() == 20 * 20


@pytest.mark.parametrize("jpeg", [False, True])
def test_weights_sum_to_one_at_every_pixel(jpeg):
    mask = stripes(RED, GREEN, BLUE, BLACK, WHITE, size=(200, 60), jpeg=jpeg)
    pairs = regions.pair(mask, [mask])
    assert len(pairs) == 5
    assert (sum(region.content for region in pairs) == 1).all()
    assert (sum(region.styles[0] for region in pairs) == 1).all()


def test_masks_that_differ_by_jpegs_noise_are_paired():
    colours = [(200, 40, 30), (30, 190, 60), (20, 40, 210)]
    content, style = stripes(*colours, size=(120, 90), jpeg=True), stripes(*colours, size=(150, 60))
    for region in regions.pair(content, [style]):
        place = np.abs(np.array(colours) - region.colour).max(axis=1).argmin()
        assert np.abs(np.array(colours[place]) - region.colour).max() <= 4
        assert region.styles[0][:, 50 * place : 50 * place + 50].all()
        assert region.styles[0].sum() == 50 * 60
        assert region.content[:, 40 * place + 3 : 40 * place + 37].all()


def test_the_nearest_colour_is_meant():
    content = stripes((100, 0, 0), (140, 0, 0))
    style = stripes((128, 0, 0), (112, 0, 0), BLUE)
    places = {region.colour: region.styles[0] for region in regions.pair(content, [style])}
    assert places[(100, 0, 0)][0, 30] == 1 and places[(140, 0, 0)][0, 0] == 1


def test_a_shade_that_is_as_near_to_another_region_of_the_photo_is_not_taken_for_it():
    """20 levels would be near enough, were they not the distance of two regions of the photo."""
    content = stripes((100, 0, 0), (120, 0, 0))
    message = refusal(content, [stripes((120, 0, 0), BLUE)])
    assert "#640000" in message and "#780000" in message


def test_each_style_gives_what_it_has():
    plain = [masks.plain("#ff0000"), masks.plain("#0000ff")]
    red, blue = regions.pair(stripes(RED, RED, BLUE), plain)
    assert red.styles[0].all() and not red.styles[1].any()
    assert blue.styles[1].all() and not blue.styles[0].any()
    assert regions.only_styles(blue, [1]).styles == [blue.styles[1]]
    with pytest.raises(OptionError, match="region #0000ff has only styles with a share of 0"):
        regions.only_styles(blue, [0])


def test_a_region_that_no_style_has_is_refused_with_its_colour_and_what_there_is():
    styles = [stripes(RED, BLACK), masks.plain("#0000ff")]
    assert refusal(stripes(RED, GREEN, BLUE), styles) == (
        "the content mask: #00ff00 is in no style mask; "
        "style mask 1 has #000000 #ff0000, style mask 2 has #0000ff"
    )


def test_a_bad_style_mask_is_refused_by_its_name():
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    message = refusal(stripes(RED, GREEN), [stripes(RED, GREEN), Picture(noise)])
    assert message.startswith("style mask 2: ")


def test_what_only_the_style_has_is_noted_and_left_unused(caplog):
    caplog.set_level(logging.INFO, logger="nstyle")
    regions.pair(stripes(RED, BLUE), [stripes(BLUE, RED)])
    assert caplog.text == ""
    pairs = regions.pair(stripes(RED, BLUE), [stripes(RED, BLUE, GREEN, BLACK)])
    assert [record.name for record in caplog.records] == ["nstyle"]
    assert "style mask 1: #000000 #00ff00" in caplog.text and "unused" in caplog.text
    assert sum(region.styles[0].sum() for region in pairs) == 30 * 48


def test_a_mask_of_one_region_is_warned_of(caplog):
    regions.pair(masks.plain("#010101"), [masks.plain("#010101")])
    assert "the content mask: has only one region, #010101" in caplog.text


# ---- read_masks ----


def mask(width: int, height: int) -> np.ndarray:
    """Left red, right blue."""
    return stripes(RED, BLUE, size=(width, height)).pixels


def test_without_masks_there_are_no_regions_and_nothing_is_kept():
    assert read_masks(Masks(), 2, LIMIT) == ([], None)


def test_regions_come_with_their_places_in_each_style():
    pairs, keep = read_masks(Masks(mask(40, 30), [mask(20, 20), "#0000ff"]), 2, LIMIT)
    assert keep is None
    places = {region.colour: region for region in pairs}
    assert places.keys() == {RED, BLUE}
    assert places[BLUE].content.shape == (30, 40) and places[BLUE].content.mean() == 0.5
    first, second = places[BLUE].styles
    assert first.shape == (20, 20) and first.mean() == 0.5
    assert (second == 1).all() and not places[RED].styles[1].any()


def test_what_is_kept_is_white():
    grey = np.zeros((30, 40), np.uint8)
    grey[:, 20:] = 255
    pairs, keep = read_masks(Masks(keep=grey), 1, LIMIT)
    assert pairs == [] and keep.shape == (30, 40)
    assert (keep[:, 20:] == 1).all() and not keep[:, :20].any()


def test_large_masks_are_made_smaller():
    large = mask(3 * regions.LONG_EDGE, 64)
    pairs, _ = read_masks(Masks(large, ["#ff0000", "#0000ff"]), 2, LIMIT)
    assert pairs[0].content.shape == (21, regions.LONG_EDGE)
    assert set(np.unique(pairs[0].content)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("pictures", "error", "text"),
    [
        (Masks(styles=["#ff0000"]), OptionError, "needs --content-mask"),
        (Masks(mask(40, 30)), OptionError, "needs a --style-mask for each"),
        (Masks(mask(40, 30), ["#ff0000", "#ff0000"]), OptionError, "2 given, --style-image: 1"),
        (Masks(mask(40, 30), ["#12"]), OptionError, "#12"),
        (Masks("none.png", ["#ff0000"]), ImageError, "--content-mask: none.png"),
        (Masks(mask(40, 30), ["none.png"]), ImageError, "--style-mask: none.png"),
        (Masks(keep="none.png"), ImageError, "--keep-mask: none.png"),
    ],
)
def test_what_makes_no_sense_or_is_absent_is_refused_by_its_flag(pictures, error, text):
    with pytest.raises(error, match=text):
        read_masks(pictures, 1, LIMIT)


# ---- at_size ----

SIZES = [(1, 1), (7, 5), (13, 1), (31, 24), (32, 24), (33, 25), (64, 48), (101, 97)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("made", [shares, partition])
def test_weights_sum_to_one_and_a_regions_share_stays_at_every_size(made, size):
    weights = made(1, 5, (24, 32))
    resized = [regions.at_size(each, size) for each in weights]
    check_weights(resized, (size[1], size[0]))
    for before, after in zip(weights, resized):
        assert after.mean() == pytest.approx(before.mean(), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_fractions_of_a_pixel_agree_with_a_fine_grid(seed):
    chance = np.random.default_rng(seed)
    (height, width), (rows, columns) = chance.integers(1, 12, (2, 2))
    weights = chance.random((height, width)).astype(np.float32)
    fine = weights.repeat(rows, axis=0).repeat(columns, axis=1)
    expected = fine.reshape(rows, height, columns, width).mean(axis=(1, 3))
    assert np.abs(regions.at_size(weights, (columns, rows)) - expected).max() < 1e-6
    assert np.abs(regions.at_size(weights, (width, height)) - weights).max() < 1e-7


# ---- softened ----


@pytest.mark.parametrize("sigma", [0, 0.5, 3, 40])
@pytest.mark.parametrize("made", [shares, partition])
def test_soft_weights_sum_to_one_and_sigma_zero_changes_nothing(made, sigma):
    weights = made(1, 4, (24, 32))
    softened = regions.softened(weights, sigma)
    check_weights(softened, (24, 32))
    assert np.array_equal(softened, weights) == (sigma == 0)


def test_an_edge_becomes_the_integral_of_a_gaussian():
    from scipy.special import ndtr

    edge = np.zeros((5, 80), np.float32)
    edge[:, 40:] = 1
    left, right = regions.softened([1 - edge, edge], 4.0)
    expected = ndtr((np.arange(80) - 39.5) / 4)
    assert np.abs(right - expected).max() < 2e-3
    assert np.abs(left - expected[::-1]).max() < 2e-3
