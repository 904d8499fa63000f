"""Regions of photo and paintings paired by colour; weights at every size; soft edges."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from PIL import Image

from nstyle.errors import OptionError
from nstyle.images import masks, regions
from nstyle.images.picture import Picture

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


def refusal(*args, **kwargs) -> str:
    with pytest.raises(OptionError) as caught:
        regions.pair(*args, **kwargs)
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


def test_swapping_the_colours_of_the_style_mask_swaps_its_places():
    content = stripes(RED, RED, BLUE)
    straight = regions.pair(content, [stripes(RED, BLUE)])
    crossed = regions.pair(content, [stripes(BLUE, RED)])
    for one, other in zip(straight, reversed(crossed)):
        assert (one.styles[0] == other.styles[0]).all()
    for one, other in zip(straight, crossed):
        assert (one.content == other.content).all()


@pytest.mark.parametrize("jpeg", [False, True])
def test_weights_sum_to_one_at_every_pixel(jpeg):
    colours = [RED, GREEN, BLUE, BLACK, WHITE]
    mask = stripes(*colours, size=(200, 60), jpeg=jpeg)
    found = regions.pair(mask, [mask])
    assert len(found) == 5
    assert (sum(region.content for region in found) == 1).all()
    assert (sum(region.styles[0] for region in found) == 1).all()


def test_masks_that_differ_by_jpegs_noise_are_paired():
    colours = [(200, 40, 30), (30, 190, 60), (20, 40, 210)]
    found = regions.pair(
        stripes(*colours, size=(120, 90), jpeg=True), [stripes(*colours, size=(150, 60))]
    )
    for region in found:
        place = np.abs(np.array(colours) - region.colour).max(axis=1).argmin()
        assert np.abs(np.array(colours[place]) - region.colour).max() <= 4
        assert region.styles[0][:, 50 * place : 50 * place + 50].all()
        assert region.styles[0].sum() == 50 * 60
        assert region.content[:, 40 * place + 3 : 40 * place + 37].all()


def test_the_nearest_colour_is_meant():
    content = stripes((100, 0, 0), (140, 0, 0))
    style = stripes((128, 0, 0), (112, 0, 0), BLUE)
    found = {region.colour: region.styles[0] for region in regions.pair(content, [style])}
    assert found[(100, 0, 0)][0, 30] == 1 and found[(140, 0, 0)][0, 0] == 1


def test_a_shade_that_is_as_near_to_another_region_of_the_photo_is_not_taken_for_it():
    """20 levels would be near enough, were they not the distance of two regions of the photo."""
    content = stripes((100, 0, 0), (120, 0, 0))
    message = refusal(content, [stripes((120, 0, 0), BLUE)])
    assert "#640000" in message and "#780000" in message


def test_a_style_without_mask_serves_every_region():
    found = regions.pair(stripes(RED, BLUE), [None, stripes(RED, GREEN)])
    red, blue = sorted(found, key=lambda region: region.colour, reverse=True)
    assert red.styles[0] is None and blue.styles[0] is None
    assert red.styles[1].sum() == 30 * 48 and blue.styles[1].sum() == 0


def test_each_style_gives_what_it_has():
    found = regions.pair(stripes(RED, RED, BLUE), [masks.plain("#ff0000"), masks.plain("#0000ff")])
    red, blue = found
    assert red.styles[0].all() and not red.styles[1].any()
    assert blue.styles[1].all() and not blue.styles[0].any()


def test_a_region_that_no_style_has_is_refused_with_its_colour_and_what_there_is():
    message = refusal(
        stripes(RED, GREEN, BLUE),
        [stripes(RED, BLACK), masks.plain("#0000ff")],
        content_name="--content-mask photo.png",
        style_names=["sky.png", "#0000ff"],
    )
    assert message.startswith("--content-mask photo.png: #00ff00 ")
    assert "sky.png has #000000 #ff0000, #0000ff has #0000ff" in message


def test_without_names_masks_are_counted():
    message = refusal(stripes(RED, GREEN), [masks.plain("#ff0000")])
    assert "style mask 1 has #ff0000" in message


def test_no_style_at_all_is_refused():
    assert "there is none" in refusal(stripes(RED, GREEN), [])


def test_a_bad_style_mask_is_refused_by_its_name():
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    message = refusal(stripes(RED, GREEN), [None, Picture(noise)], style_names=["a", "b.jpg"])
    assert message.startswith("b.jpg: ")


def test_what_only_the_style_has_is_noted_and_left_unused(caplog):
    with caplog.at_level(logging.INFO, logger="nstyle"):
        found = regions.pair(
            stripes(RED, BLUE), [stripes(RED, BLUE, GREEN, BLACK)], style_names=["sky.png"]
        )
    assert len(found) == 2
    assert [record.name for record in caplog.records] == ["nstyle"]
    assert "sky.png: #000000 #00ff00" in caplog.text and "unused" in caplog.text
    assert sum(region.styles[0].sum() for region in found) == 30 * 48


def test_nothing_is_said_when_all_is_used(caplog):
    with caplog.at_level(logging.INFO, logger="nstyle"):
        regions.pair(stripes(RED, BLUE), [stripes(BLUE, RED)])
    assert caplog.text == ""


def test_a_mask_of_one_region_is_warned_of(caplog):
    regions.pair(masks.plain("#010101"), [None], content_name="labels.png")
    assert "labels.png: has only one region, #010101" in caplog.text


# ---- at_size ----

SIZES = [(1, 1), (7, 5), (13, 1), (31, 24), (32, 24), (33, 25), (64, 48), (101, 97)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("made", [shares, partition])
def test_weights_sum_to_one_at_every_size(made, size):
    found = [regions.at_size(each, size) for each in made(1, 5, (24, 32))]
    for each in found:
        assert each.dtype == np.float32 and each.shape == (size[1], size[0])
        assert each.min() >= 0 and each.max() <= 1
    assert np.abs(np.sum(found, axis=0) - 1).max() < 1e-5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_the_share_of_a_region_is_the_same_at_every_size(seed, size):
    for each in partition(seed, 3, (24, 32)):
        assert regions.at_size(each, size).mean() == pytest.approx(each.mean(), abs=1e-6)


def test_at_its_own_size_it_is_itself():
    weights = shares(1, 2, (9, 14))[0]
    assert np.abs(regions.at_size(weights, (14, 9)) - weights).max() < 1e-7


def test_whole_factors_are_means_of_blocks_and_repeats():
    weights = shares(2, 2, (24, 32))[0]
    blocks = weights.reshape(6, 4, 16, 2).mean(axis=(1, 3))
    assert np.abs(regions.at_size(weights, (16, 6)) - blocks).max() < 1e-6
    repeated = weights.repeat(3, axis=0).repeat(2, axis=1)
    assert np.abs(regions.at_size(weights, (64, 72)) - repeated).max() < 1e-6


def test_fractions_of_a_pixel_by_hand():
    weights = np.array([[1.0, 0.0, 0.0]], np.float32)
    assert np.allclose(regions.at_size(weights, (2, 1)), [[2 / 3, 0]], atol=1e-7)
    assert np.allclose(regions.at_size(weights, (4, 1)), [[1, 1 / 3, 0, 0]], atol=1e-7)
    assert np.allclose(regions.at_size(weights.T, (1, 2)), [[2 / 3], [0]], atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_fractions_of_a_pixel_agree_with_a_fine_grid(seed):
    chance = np.random.default_rng(seed)
    (height, width), (rows, columns) = chance.integers(1, 12, (2, 2))
    weights = chance.random((height, width)).astype(np.float32)
    fine = weights.repeat(rows, axis=0).repeat(columns, axis=1)
    expected = fine.reshape(rows, height, columns, width).mean(axis=(1, 3))
    assert np.abs(regions.at_size(weights, (columns, rows)) - expected).max() < 1e-6


def test_a_sharp_edge_becomes_soft_only_where_it_is():
    weights = np.zeros((30, 30), np.float32)
    weights[:, 14:] = 1
    found = regions.at_size(weights, (10, 10))
    assert (found[:, :4] == 0).all() and (found[:, 5:] == 1).all()
    assert np.allclose(found[:, 4], 1 / 3)


# ---- softened ----


@pytest.mark.parametrize("sigma", [0, 0.5, 3, 40])
@pytest.mark.parametrize("made", [shares, partition])
def test_soft_weights_sum_to_one(made, sigma):
    found = regions.softened(made(1, 4, (24, 32)), sigma)
    for each in found:
        assert each.dtype == np.float32 and each.shape == (24, 32)
        assert each.min() >= 0 and each.max() <= 1
    assert np.abs(np.sum(found, axis=0) - 1).max() < 1e-5


def test_sigma_zero_changes_nothing():
    weights = partition(1, 3, (24, 32))
    assert all((a == b).all() for a, b in zip(weights, regions.softened(weights, 0)))


def test_an_edge_becomes_the_integral_of_a_gaussian():
    from scipy.special import ndtr

    edge = np.zeros((5, 80), np.float32)
    edge[:, 40:] = 1
    left, right = regions.softened([1 - edge, edge], 4.0)
    expected = ndtr((np.arange(80) - 39.5) / 4)
    assert np.abs(right - expected).max() < 2e-3
    assert np.abs(left - expected[::-1]).max() < 2e-3


def test_the_border_of_the_picture_draws_nothing_in():
    weights = np.ones((20, 20), np.float32)
    assert np.abs(regions.softened([weights], 5)[0] - 1).max() < 1e-6


def test_places_of_no_region_stay_of_no_region():
    place = np.zeros((20, 60), np.float32)
    place[:, :20] = 1
    found = regions.softened([place, np.zeros_like(place)], 2)
    assert (found[0][:, 35:] == 0).all() and not found[1].any()
