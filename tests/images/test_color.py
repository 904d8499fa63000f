"""Colours apart from paint: matching, luminance, chroma."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.errors import ImageError
from nstyle.images import color
from nstyle.images.picture import Picture

DTYPES = (np.uint8, np.uint16)
LUMA = (0.2126, 0.7152, 0.0722)


def coloured(seed: int, size=(40, 32), dtype=np.uint8, alpha: bool = False) -> Picture:
    """A picture whose colours lie well inside the range, with correlated channels."""
    chance = np.random.default_rng(seed)
    axes = np.linalg.qr(chance.normal(size=(3, 3)))[0] * chance.uniform(0.03, 0.06, 3)
    values = chance.uniform(-1.7, 1.7, (size[1], size[0], 3)) @ axes.T + chance.uniform(0.4, 0.6, 3)
    mask = chance.uniform(0, 1, values.shape[:2]) if alpha else None
    return Picture.from_floats(values, mask, np.dtype(dtype).itemsize * 8)


def flat(*colour: int, size=(20, 16)) -> Picture:
    return Picture(np.full((size[1], size[0], 3), colour, np.uint8))


def statistics(picture: Picture, weights=None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance by numpy's own formulas, in 0..1."""
    values = picture.floats().astype(np.float64).reshape(-1, 3)
    weights = None if weights is None else weights.reshape(-1)
    return np.average(values, axis=0, weights=weights), np.cov(values.T, ddof=0, aweights=weights)


def luma(picture: Picture) -> np.ndarray:
    return picture.floats().astype(np.float64) @ LUMA


def chroma(picture: Picture, weights=LUMA) -> np.ndarray:
    """Cb and Cr, -0.5..0.5, of gamma-encoded values."""
    values = picture.floats().astype(np.float64)
    y = values @ weights
    blue, red = 2 * (1 - weights[2]), 2 * (1 - weights[0])
    return np.stack([(values[..., 2] - y) / blue, (values[..., 0] - y) / red], axis=2)


# ---- match ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(5))
def test_mean_and_covariance_become_those_of_the_photo(seed, dtype):
    style, photo = coloured(seed, (30, 50), dtype), coloured(seed + 100, (41, 23))
    found = color.match(style, photo)
    assert found.size == style.size and found.pixels.dtype == np.uint16
    for one, other in zip(statistics(found), statistics(photo)):
        assert np.abs(one - other).max() < 2e-3 * np.abs(other).max()


def test_a_picture_matched_to_itself_stays():
    picture = coloured(1)
    found = color.match(picture, picture)
    assert np.abs(found.floats() - picture.floats()).max() < 1e-4


def test_two_axes_by_hand():
    """Red deviates by 0.1 and green by 0.2, blue not at all; in the photo 0.2, 0.1 and 0.1."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T.reshape(2, 4, 3)
    style = Picture.from_floats(0.5 + signs * [0.1, 0.2, 0.0])
    photo = Picture.from_floats(0.4 + signs * [0.2, 0.1, 0.1])
    found = color.match(style, photo).floats()
    assert np.abs(found - (0.4 + signs * [0.2, 0.1, 0.0])).max() < 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_shades_of_the_style_are_needed_to_take_them_from_a_colourful_photo(dtype):
    grey = np.repeat(coloured(1, dtype=dtype).pixels[..., :1], 3, axis=2)
    photo = coloured(2)
    found = color.match(Picture(grey), photo)
    mean, covariance = statistics(found)
    wanted_mean, wanted = statistics(photo)
    assert np.abs(mean - wanted_mean).max() < 1e-3
    # It has one axis, so it varies along one, and not by more than the photo does.
    variances = np.linalg.eigvalsh(covariance)
    assert np.abs(variances[:2]).max() < 1e-8
    assert 0.1 * np.trace(wanted) < variances[2] < 1.01 * np.linalg.eigvalsh(wanted)[2]


def test_rounding_noise_of_a_grey_style_does_not_become_colour():
    chance = np.random.default_rng(3)
    grey = chance.integers(60, 200, (64, 64, 1)) + chance.integers(0, 2, (64, 64, 3))
    photo = coloured(4)
    clean = color.match(Picture(np.repeat(grey[..., :1], 3, axis=2).astype(np.uint8)), photo)
    found = color.match(Picture(grey.astype(np.uint8)), photo)
    assert np.abs(found.floats() - clean.floats()).max() < 6 / 255


@pytest.mark.parametrize("level", [0.5, 1, 2, 4, 8, 16])
def test_what_hardly_varies_is_never_given_more_than_the_photos_deviation(level):
    noise = np.random.default_rng(5).normal(0, level * 257, (64, 64, 3))
    style = Picture(np.rint(30000 + noise).astype(np.uint16))
    photo = coloured(6)
    deviation = np.sqrt(np.linalg.eigvalsh(statistics(color.match(style, photo))[1]))
    wanted = np.sqrt(np.linalg.eigvalsh(statistics(photo)[1]))
    share = deviation / wanted
    expected = min(1.0, (level / 255 / color.LEAST_DEVIATION) ** 2)
    assert np.abs(share - expected).max() < 0.1


def test_a_flat_style_becomes_the_photos_mean():
    photo = coloured(7)
    found = color.match(flat(200, 30, 90), photo)
    assert (found.pixels == found.pixels[0, 0]).all()
    assert np.abs(found.floats()[0, 0] - statistics(photo)[0]).max() < 1e-4


def test_a_flat_photo_makes_the_style_flat():
    found = color.match(coloured(8), flat(200, 30, 90))
    assert np.abs(found.floats() * 255 - [200, 30, 90]).max() < 0.01


@pytest.mark.parametrize("photo", [flat(255, 255, 255), flat(0, 0, 0), coloured(9)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_one_pixel_and_one_line_are_enough(photo, shape):
    style = Picture(np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8))
    for one, other in ((style, photo), (photo, style), (style, style)):
        found = color.match(one, other)  # a NaN would be refused
        assert found.size == one.size


def test_what_leaves_the_range_is_clipped_and_not_wrapped_around():
    chance = np.random.default_rng(2)
    spots = chance.random((64, 64)) < 0.02
    style = Picture(np.repeat(np.where(spots, 255, 100)[..., None], 3, axis=2).astype(np.uint8))
    photo = Picture(np.repeat(chance.integers(0, 256, (64, 64, 1)), 3, axis=2).astype(np.uint8))
    found = color.match(style, photo).floats()
    assert (found[spots] == 1).all() and found[~spots].max() < 0.6


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_styles_own_alpha_is_kept(dtype):
    style = coloured(10, dtype=dtype, alpha=True)
    found = color.match(style, coloured(11, alpha=True))
    scale = 257 if dtype == np.uint8 else 1
    assert (found.alpha == style.alpha.astype(np.uint16) * scale).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_count_by_their_alpha(dtype):
    style, photo = coloured(12, dtype=dtype, alpha=True), coloured(13, dtype=dtype, alpha=True)
    found = color.match(style, photo)
    for one, other in zip(statistics(found, style.alpha), statistics(photo, photo.alpha)):
        assert np.abs(one - other).max() < 2e-3 * np.abs(other).max()


def test_what_cannot_be_seen_does_not_count_at_all():
    style, photo = coloured(14), coloured(15)

    def framed(picture: Picture) -> Picture:
        wide = np.pad(picture.pixels, ((0, 0), (0, 30), (0, 0)))
        alpha = np.zeros(wide.shape[:2], np.uint8)
        alpha[:, : picture.width] = 255
        return Picture(wide, alpha)

    found = color.match(framed(style), framed(photo)).pixels[:, : style.width]
    assert (found == color.match(style, photo).pixels).all()


def test_a_picture_that_is_all_transparent_counts_as_if_it_were_not():
    style, photo = coloured(16), coloured(17)
    hidden = Picture(style.pixels, np.zeros(style.pixels.shape[:2], np.uint8))
    assert (color.match(hidden, photo).pixels == color.match(style, photo).pixels).all()


def test_blocks_of_pixels_add_up(monkeypatch):
    style, photo = coloured(18, alpha=True), coloured(19)
    whole = color.match(style, photo).pixels.astype(np.int64)
    monkeypatch.setattr(color, "BLOCK", 7)
    assert np.abs(color.match(style, photo).pixels - whole).max() <= 1


# ---- luminance ----


@pytest.mark.parametrize("dtype", DTYPES)
def test_luminance_is_grey_and_weighs_the_channels(dtype):
    picture = coloured(1, dtype=dtype, alpha=True)
    grey = color.luminance(picture)
    assert grey.pixels.dtype == np.uint16
    assert (grey.pixels == grey.pixels[..., :1]).all()
    assert np.abs(grey.floats()[..., 0] - luma(picture)).max() < 1e-5
    assert np.abs(grey.alpha / 65535 - picture.alpha / np.iinfo(dtype).max).max() == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_luminance_of_a_grey_picture_is_itself(dtype):
    top = np.iinfo(dtype).max
    values = np.linspace(0, top, 256).astype(dtype).reshape(16, 16, 1)
    grey = color.luminance(Picture(np.repeat(values, 3, axis=2)))
    assert (grey.pixels[..., 0].astype(int) == values[..., 0].astype(int) * (65535 // top)).all()


@pytest.mark.parametrize(
    ("colour", "share"), [((255, 0, 0), 0.2126), ((0, 255, 0), 0.7152), ((0, 0, 255), 0.0722)]
)
def test_luminance_of_pure_colours(colour, share):
    grey = color.luminance(flat(*colour)).pixels
    assert (grey == round(share * 65535)).all()


# ---- matched_luminance ----


@pytest.mark.parametrize("seed", range(5))
def test_the_grey_style_gets_mean_and_deviation_of_the_photos_luminance(seed):
    style, photo = coloured(seed), coloured(seed + 50, (25, 60), np.uint16)
    found = color.matched_luminance(style, photo)
    assert (found.pixels == found.pixels[..., :1]).all() and found.pixels.dtype == np.uint16
    values = found.floats()[..., 0].astype(np.float64)
    assert values.mean() == pytest.approx(luma(photo).mean(), abs=1e-4)
    assert values.std() == pytest.approx(luma(photo).std(), rel=2e-3)
    # It is the style's luminance, moved and stretched.
    fit = np.corrcoef(values.ravel(), luma(style).ravel())
    assert fit[0, 1] > 0.9999


def test_flat_and_single_pixels_have_a_matched_luminance():
    photo = coloured(1)
    one = Picture(np.array([[[9, 200, 30]]], np.uint8))
    for style in (flat(255, 0, 0), one):
        found = color.matched_luminance(style, photo).floats()
        assert np.abs(found - luma(photo).mean()).max() < 1e-4
    for dull in (flat(255, 0, 0), one):
        found = color.matched_luminance(photo, dull).floats()
        assert np.abs(found - luma(dull)[0, 0]).max() < 1e-4


def test_the_alpha_of_the_style_is_kept_in_grey():
    style = coloured(3, dtype=np.uint16, alpha=True)
    assert (color.matched_luminance(style, coloured(4)).alpha == style.alpha).all()


# ---- with_chroma_of ----


def wild(seed: int, dtype, alpha: bool = False) -> Picture:
    """Colours from everywhere, the corners of the cube too."""
    chance = np.random.default_rng(seed)
    values = chance.random((32, 40, 3))
    values[:8] = np.rint(values[:8])
    values[8:12] = values[8:12, :, :1]
    mask = chance.random((32, 40)) if alpha else None
    return Picture.from_floats(values, mask, np.dtype(dtype).itemsize * 8)


@pytest.mark.parametrize("photo_type", DTYPES)
@pytest.mark.parametrize("painted_type", DTYPES)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weights", [LUMA, (0.299, 0.587, 0.114)], ids=["709", "601"])
def test_chroma_is_the_photos_at_every_pixel(seed, painted_type, photo_type, weights):
    painted, photo = wild(seed, painted_type), wild(seed + 10, photo_type)
    found = color.with_chroma_of(painted, photo)
    assert np.abs(chroma(found, weights) - chroma(photo, weights)).max() < 1e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(5))
def test_luminance_is_the_paintings_as_far_as_the_chroma_allows(seed, dtype):
    painted, photo = wild(seed, dtype), wild(seed + 10, dtype)
    step = 1 / np.iinfo(dtype).max
    values = photo.floats().astype(np.float64)
    darkest, lightest = luma(photo) - values.min(axis=2), luma(photo) + 1 - values.max(axis=2)
    wanted = np.clip(luma(painted), darkest, lightest)
    found = luma(color.with_chroma_of(painted, photo))
    assert np.abs(found - wanted).max() < 0.51 * step
    assert (found != wanted).any() and (np.abs(wanted - luma(painted)) > 0.1).any()


def test_where_the_colours_are_muted_the_luminance_is_the_paintings():
    painted, photo = coloured(1), coloured(2)
    found = color.with_chroma_of(painted, photo)
    assert np.abs(luma(found) - luma(painted)).max() < 0.51 / 255


def test_a_pure_colour_stays_as_it_is():
    for corner in ((255, 0, 0), (0, 255, 255), (255, 0, 255)):
        found = color.with_chroma_of(wild(1, np.uint8), flat(*corner, size=(40, 32)))
        assert (found.pixels == corner).all()


def test_a_grey_photo_makes_the_painting_grey():
    painted = wild(1, np.uint16)
    found = color.with_chroma_of(painted, flat(90, 90, 90, size=(40, 32)))
    assert (found.pixels == found.pixels[..., :1]).all()
    assert np.abs(luma(found) - luma(painted)).max() < 0.51 / 65535


def test_a_photo_painted_as_itself_stays():
    photo = wild(1, np.uint8)
    assert (color.with_chroma_of(photo, photo).pixels == photo.pixels).all()


@pytest.mark.parametrize(
    ("painted_type", "photo_type", "expected"),
    [
        (np.uint8, np.uint8, np.uint8),
        (np.uint16, np.uint8, np.uint16),
        (np.uint8, np.uint16, np.uint16),
        (np.uint16, np.uint16, np.uint16),
    ],
)
def test_sixteen_bits_are_kept_and_so_is_the_paintings_alpha(painted_type, photo_type, expected):
    painted, photo = wild(1, painted_type, alpha=True), wild(2, photo_type, alpha=True)
    found = color.with_chroma_of(painted, photo)
    assert found.pixels.dtype == found.alpha.dtype == expected
    scale = np.iinfo(expected).max // np.iinfo(painted_type).max
    assert (found.alpha == painted.alpha.astype(int) * scale).all()
    assert color.with_chroma_of(wild(1, painted_type), photo).alpha is None


def test_sixteen_bits_are_more_than_eight():
    painted = Picture(np.full((16, 16, 3), 30_001, np.uint16))
    found = color.with_chroma_of(painted, flat(90, 80, 70, size=(16, 16)))
    assert np.abs(luma(found) - 30_001 / 65535).max() < 0.51 / 65535


def test_two_sizes_are_refused():
    with pytest.raises(ImageError, match="20x16 and the photo 16x20") as caught:
        color.with_chroma_of(flat(1, 2, 3), flat(1, 2, 3, size=(16, 20)))
    assert "\n" not in str(caught.value)


# ---- what is common ----


def test_the_given_pictures_are_not_changed():
    one, other = coloured(1, alpha=True), coloured(2, alpha=True)
    before = [each.copy() for p in (one, other) for each in (p.pixels, p.alpha)]
    color.match(one, other)
    color.luminance(one)
    color.matched_luminance(one, other)
    color.with_chroma_of(one, other)
    after = [each for p in (one, other) for each in (p.pixels, p.alpha)]
    assert all((a == b).all() for a, b in zip(before, after))


def test_the_sample_pictures_of_the_tests_are_recoloured_too():
    style, photo = Picture(tiny.picture(1)), Picture(tiny.picture(2))
    found, wanted = statistics(color.match(style, photo)), statistics(photo)
    assert np.abs(found[0] - wanted[0]).max() < 0.02  # some of it is clipped


@pytest.mark.parametrize("rows", [1, 7, 32])
def test_chroma_comes_back_strip_by_strip(rows, monkeypatch):
    painted, photo = wild(1, np.uint16, alpha=True), wild(2, np.uint8)
    whole = color.with_chroma_of(painted, photo)
    monkeypatch.setattr(color.codecs, "ROWS", rows)
    found = color.with_chroma_of(painted, photo)
    assert np.array_equal(found.pixels, whole.pixels) and found.pixels.dtype == np.uint16
    assert np.array_equal(found.alpha, painted.alpha)
