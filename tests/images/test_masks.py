"""What a mask says, however its file was made."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tiny
from PIL import Image, ImageDraw, ImageFilter

from nstyle.errors import OptionError
from nstyle.images import masks
from nstyle.images.picture import Picture

RED, GREEN, BLUE, BLACK, GREY, WHITE = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (128, 128, 128), (255, 255, 255),
)  # fmt: skip
ORANGE, PURPLE = (200, 100, 0), (128, 0, 128)
ALL = (RED, GREEN, BLUE, BLACK, GREY, WHITE, ORANGE, PURPLE)
FINE = 4  # pixels of the drawing to one of the mask


def drawing(seed: int, colours, size=(320, 240)) -> np.ndarray:
    """Discs and polygons, one for each colour but the first, FINE times as large as `size`."""
    chance = np.random.default_rng(seed)
    width, height = size[0] * FINE, size[1] * FINE
    image = Image.new("RGB", (width, height), colours[0])
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate(colours[1:]):
        x = width * (index + chance.uniform(0.4, 0.6)) / (len(colours) - 1)
        y, radius = height * chance.uniform(0.4, 0.6), height * chance.uniform(0.15, 0.25)
        angles = np.sort(chance.uniform(0, 0.5, 6)) + np.arange(6)
        corners = [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]
        if chance.random() < 0.5:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
        else:
            draw.polygon(corners, fill=colour)
    return np.asarray(image)


def hard(seed: int, colours, size=(320, 240)) -> np.ndarray:
    """The drawing without smoothing, uint8 HxWx3."""
    return drawing(seed, colours, size)[FINE // 2 :: FINE, FINE // 2 :: FINE].copy()


def smooth(seed: int, colours, size=(320, 240)) -> Image.Image:
    """The same with anti-aliased edges."""
    return Image.fromarray(drawing(seed, colours, size)).resize(size, Image.Resampling.BOX)


def saved(image: Image.Image, kind: str, **extras) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, kind, **extras)
    return Picture(np.array(Image.open(buffer).convert("RGB")))


def by_area(pixels: np.ndarray) -> list[tuple[int, ...]]:
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [tuple(colour) for colour in colours[order].tolist()]


def same(colours, expected, levels=0) -> bool:
    """The same colours, each but for some levels, in any order."""
    near = [[max(abs(a - b) for a, b in zip(c, e)) <= levels for e in expected] for c in colours]
    return len(colours) == len(expected) and bool((np.sum(near, axis=0) == 1).all())


def colours_of(mask: Picture, name: str = "the mask") -> list[masks.Colour]:
    return masks.decode(mask, name).colours


def regions_of(mask: masks.CodedMask) -> np.ndarray:
    """Each pixel in the colour of its region."""
    return np.array(mask.colours)[masks.labels(mask.pixels, mask.colours)]


def some(seed: int) -> list[tuple[int, int, int]]:
    """Two to six colours."""
    chance = np.random.default_rng(seed)
    return [ALL[i] for i in chance.permutation(len(ALL))[: chance.integers(2, 7)]]


def refusal(call, *args) -> str:
    with pytest.raises(OptionError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- regions of a mask without smoothing ----


@pytest.mark.parametrize("seed", range(8))
def test_a_plain_mask_has_its_colours_the_largest_first_and_each_pixel_one(seed):
    pixels = hard(seed, some(seed))
    mask = masks.decode(Picture(pixels), "the mask")
    assert mask.colours == by_area(pixels)
    assert (regions_of(mask) == pixels).all()


def test_equal_areas_are_ordered_by_value():
    pixels = np.repeat(np.array([GREEN, BLACK, RED, BLUE], np.uint8), 8, axis=0)
    mask = Picture(np.repeat(pixels[:, None], 24, axis=1))
    assert colours_of(mask) == [BLACK, BLUE, GREEN, RED]


def test_sixteen_bits_are_the_same_mask():
    pixels = hard(1, (RED, GREEN, GREY))
    deep = masks.decode(Picture(pixels.astype(np.uint16) * 257), "the mask")
    assert deep.colours == colours_of(Picture(pixels))
    assert deep.pixels.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_transparent_is_black_whatever_lies_below(dtype):
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(1).integers(0, top + 1, (40, 60, 3)).astype(dtype)
    alpha = np.full((40, 60), 0.4 * top, dtype)
    pixels[10:30, 10:50], alpha[10:30, 10:50] = (top, 0, 0), 0.6 * top
    assert colours_of(Picture(pixels, alpha)) == [BLACK, RED]


def test_colours_near_each_other_are_told_apart_in_a_plain_mask():
    pixels = np.zeros((40, 60, 3), np.uint8)
    for index in range(4):
        pixels[:, 15 * index : 15 * index + 15] = (0, 60 + 20 * index, 100)
    assert len(colours_of(Picture(pixels))) == 4


def test_a_region_of_half_a_percent_counts_and_stray_pixels_do_not():
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[20:28, 20:28] = RED
    pixels[50, 50:60] = GREEN
    mask = masks.decode(Picture(pixels), "the mask")
    assert mask.colours == [WHITE, RED]
    is_red = (regions_of(mask) == RED).all(axis=2)
    assert (is_red == (pixels == RED).all(axis=2)).all()


def test_a_region_with_grain_counts_beside_plain_ones():
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[:50] = RED
    pixels[40:60, 40:60] = np.random.default_rng(1).integers(98, 103, (20, 20, 3))
    assert same(colours_of(Picture(pixels)), [RED, WHITE, (100, 100, 100)], 3)


def test_a_spot_under_half_a_percent_is_no_region_of_a_smoothed_mask():
    for edge, count in ((7, 1), (12, 2)):
        pixels = np.array(smooth(1, (WHITE, RED, GREEN, GREY), (160, 120)))
        pixels[:edge, :edge] = BLUE  # 0.26 % and 0.75 % of the pixels
        assert len(colours_of(Picture(pixels))) == count + 3


def test_a_plain_spot_that_is_too_small_is_told_of(caplog):
    pixels = np.full((192, 192, 3), 255, np.uint8)
    pixels[:, :96] = RED
    pixels[20:29, 20:29] = GREEN
    pixels[100, 100:103] = BLUE  # a stray line
    mask = masks.decode(Picture(pixels), "the content mask")
    assert same(mask.colours, [RED, WHITE])
    (said,) = (record.getMessage() for record in caplog.records)
    assert said.startswith("the content mask: #00ff00 is too small") and "0.5 %" in said


def test_nothing_is_said_of_smoothed_and_lossy_masks(caplog):
    colours_of(Picture(np.array(smooth(1, (WHITE, RED, GREEN), (160, 120)))))
    colours_of(saved(Image.fromarray(hard(1, (WHITE, RED, GREEN))), "JPEG", quality=80))
    assert not caplog.records


def test_a_large_mask_is_looked_at_in_steps():
    pixels = np.full((2000, 40, 3), 255, np.uint8)
    pixels[:900] = RED
    assert colours_of(Picture(pixels)) == [WHITE, RED]


# ---- files as they are ----


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(120, 90), (320, 240), (600, 450)])
def test_smoothed_edges_and_jpeg_leave_the_same_regions(seed, size):
    colours = some(seed)
    image = smooth(seed, colours, size)
    lossy = [saved(image, kind, quality=75) for kind in ("JPEG", "WEBP")]
    for mask in (Picture(np.asarray(image)), *lossy):
        assert same(colours_of(mask), colours, 6)


@pytest.mark.parametrize("seed", range(5))
def test_soft_edges_are_no_regions_also_where_a_mask_was_blown_up_and_saved(seed):
    colours = some(seed)
    large = smooth(seed, colours, (120, 90)).resize((480, 360), Image.Resampling.BICUBIC)
    assert same(colours_of(saved(large, "JPEG", quality=75)), colours, 6)
    blurred = smooth(seed, colours).filter(ImageFilter.GaussianBlur(7))
    assert same(colours_of(Picture(np.asarray(blurred))), colours, 6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("quality", [50, 75, 90])
def test_pixels_of_a_jpeg_belong_to_what_was_drawn(seed, quality):
    colours = some(seed)
    drawn = hard(seed, colours)
    mask = masks.decode(saved(smooth(seed, colours), "JPEG", quality=quality), "the mask")
    wrong = np.abs(regions_of(mask).astype(int) - drawn).max(axis=2) > 16
    edges = np.zeros(wrong.shape, bool)
    edges[1:] |= (drawn[1:] != drawn[:-1]).any(axis=2)
    edges[:, 1:] |= (drawn[:, 1:] != drawn[:, :-1]).any(axis=2)
    assert wrong.sum() < 0.35 * edges.sum()


def test_the_edge_of_black_and_white_is_no_part_of_the_grey_region():
    pixels = np.zeros((90, 120, 3), np.uint8)
    pixels[:, 40:80], pixels[:, 80:] = 255, 128
    pixels[:, 40] = 121  # half covered by either
    mask = masks.decode(Picture(pixels), "the mask")
    assert set(mask.colours) == {BLACK, WHITE, GREY}
    regions = regions_of(mask)
    assert (regions[:, :40] == 0).all() and (regions[:, 41:80] == 255).all()
    assert (regions[:, 80:] == 128).all() and not (regions[:, 40] == 128).any()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("colour", ALL)
def test_a_plain_colour_in_a_lossy_file_is_one_region(kind, colour):
    for size in ((64, 48), (160, 120)):
        mask = saved(Image.new("RGB", size, colour), kind, quality=75)
        assert same(colours_of(mask), [colour], 3)


@pytest.mark.parametrize("edge", [32, 33, 36, 41])
def test_two_halves_in_a_jpeg_are_two_regions_wherever_its_blocks_are(edge):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :edge], pixels[:, edge:] = (200, 50, 50), (50, 50, 200)
    mask = saved(Image.fromarray(pixels), "JPEG", quality=75)
    assert same(colours_of(mask), [(200, 50, 50), (50, 50, 200)], 4)


# ---- what is refused ----


def test_more_than_sixteen_regions_are_refused_naming_mask_and_count():
    pixels = np.zeros((68, 68, 3), np.uint8)
    for index in range(17):
        pixels[4 * index : 4 * index + 4] = (15 * index, 255 - 15 * index, 40)
    message = refusal(colours_of, Picture(pixels), "mask.png")
    assert message.startswith("mask.png: ") and " 17 " in message and "16" in message
    assert len(colours_of(Picture(pixels[:64]))) == 16


def test_a_photo_and_a_ramp_are_refused_naming_the_mask():
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (40, 1))[..., None], 3, axis=2)
    for pixels in (*(tiny.picture(seed, (90, 70)) for seed in range(3)), ramp):
        message = refusal(colours_of, Picture(pixels), "cat.jpg")
        assert message.startswith("cat.jpg: is a photo")


def test_a_plain_colour_is_a_mask_of_one_region_and_is_shown_as_it_is_typed():
    mask = masks.plain("#Ff8000")
    assert min(mask.size) >= 16 and (mask.pixels == (255, 128, 0)).all()
    assert colours_of(mask) == [(255, 128, 0)]
    assert masks.shown(RED, (1, 171, 0)) == "#ff0000 #01ab00"


@pytest.mark.parametrize(
    "word", ["#ff000", "ff0000", "#ff00000", "#gg0000", "red", "", "#ff0000\n"]
)
def test_what_is_no_colour_is_refused(word):
    assert "#rrggbb" in refusal(masks.plain, word)


# ---- keep ----


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_white_is_kept_and_black_is_not(dtype, top):
    levels = np.array([0, top // 5, top], dtype).reshape(1, 3, 1)
    kept = masks.keep(Picture(np.repeat(levels, 3, axis=2)))
    assert kept.dtype == np.float32 and kept.shape == (1, 3)
    assert kept[0, 0] == 0 and kept[0, 2] == 1
    assert kept[0, 1] == pytest.approx(0.2, abs=1e-6)


def test_colours_count_by_their_luminance():
    kept = masks.keep(Picture(np.array([[RED, GREEN, BLUE]], np.uint8)))
    assert np.allclose(kept, [[0.2126, 0.7152, 0.0722]], atol=1e-6)


@pytest.mark.parametrize("colour", [BLACK, WHITE, RED])
def test_a_mask_of_one_colour_is_its_alpha_unless_that_is_everywhere_the_same(colour):
    alpha = np.random.default_rng(1).integers(0, 256, (16, 20)).astype(np.uint8)
    pixels = np.full((16, 20, 3), colour, np.uint8)
    kept = masks.keep(Picture(pixels, alpha))
    assert np.abs(kept * 255 - alpha).max() < 1e-4 and kept.dtype == np.float32
    even = Picture(pixels, np.full((16, 20), 128, np.uint8))
    assert np.allclose(masks.keep(even), masks.keep(Picture(pixels)) * 128 / 255)


def test_grey_counts_by_its_alpha():
    grey, alpha = np.random.default_rng(1).integers(0, 256, (2, 16, 20)).astype(np.uint8)
    kept = masks.keep(Picture(np.repeat(grey[..., None], 3, axis=2), alpha))
    assert np.abs(kept - grey / 255 * (alpha / 255)).max() < 1e-6
