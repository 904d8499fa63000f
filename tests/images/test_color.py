"""Colours apart from paint: matching, luminance, chroma."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.errors import ImageError
from nstyle.images import codecs, color
from nstyle.images.picture import Picture

DTYPES = (np.uint8, np.uint16)
LUMA = (0.2126, 0.7152, 0.0722)


def bits(dtype) -> int:
    return 8 * np.dtype(dtype).itemsize


def coloured(seed: int, size=(40, 32), dtype=np.uint8, alpha: bool = False) -> Picture:
    """A picture whose colours lie well inside the range, with correlated channels."""
    chance = np.random.default_rng(seed)
    axes = np.linalg.qr(chance.normal(size=(3, 3)))[0] * chance.uniform(0.03, 0.06, 3)
    values = chance.uniform(-1.7, 1.7, (size[1], size[0], 3)) @ axes.T + chance.uniform(0.4, 0.6, 3)
    mask = chance.uniform(0, 1, values.shape[:2]) if alpha else None
    return Picture.from_floats(values, mask, bits(dtype))


def flat(*colour: int, size=(20, 16)) -> Picture:
    return Picture(np.full((size[1], size[0], 3), colour, np.uint8))


def statistics(picture: Picture, weights=None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance by numpy's own formulas, in 0..1."""
    values = picture.floats().astype(np.float64).reshape(-1, 3)
    weights = None if weights is None else weights.reshape(-1)
    return np.average(values, axis=0, weights=weights), np.cov(values.T, ddof=0, aweights=weights)


def luma(picture: Picture) -> np.ndarray:
    return picture.floats().astype(np.float64) @ LUMA


def chroma(picture: Picture, weights) -> np.ndarray:
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
    matched = color.match(style, photo)
    assert matched.size == style.size and matched.pixels.dtype == np.uint16
    for one, other in zip(statistics(matched), statistics(photo)):
        assert np.abs(one - other).max() < 2e-3 * np.abs(other).max()
    assert np.abs(color.match(style, style).floats() - style.floats()).max() < 1e-4


def test_two_axes_by_hand():
    """Red deviates by 0.1 and green by 0.2, blue not at all; in the photo 0.2, 0.1 and 0.1."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T.reshape(2, 4, 3)
    style = Picture.from_floats(0.5 + signs * [0.1, 0.2, 0.0])
    photo = Picture.from_floats(0.4 + signs * [0.2, 0.1, 0.1])
    matched = color.match(style, photo).floats()
    assert np.abs(matched - (0.4 + signs * [0.2, 0.1, 0.0])).max() < 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_grey_style_varies_along_one_axis_and_by_no_more_than_the_photo(dtype):
    grey = np.repeat(coloured(1, dtype=dtype).pixels[..., :1], 3, axis=2)
    photo = coloured(2)
    mean, covariance = statistics(color.match(Picture(grey), photo))
    photo_mean, photo_covariance = statistics(photo)
    assert np.abs(mean - photo_mean).max() < 1e-3
    variances = np.linalg.eigvalsh(covariance)
    assert np.abs(variances[:2]).max() < 1e-8
    assert variances[2] > 0.1 * np.trace(photo_covariance)
    assert variances[2] < 1.01 * np.linalg.eigvalsh(photo_covariance)[2]


@pytest.mark.parametrize("level", [0.5, 1, 2, 4, 8, 16])
def test_what_hardly_varies_is_never_given_more_than_the_photos_deviation(level):
    noise = np.random.default_rng(5).normal(0, level * 257, (64, 64, 3))
    style, photo = Picture(np.rint(30000 + noise).astype(np.uint16)), coloured(6)
    matched = np.linalg.eigvalsh(statistics(color.match(style, photo))[1])
    share = np.sqrt(matched / np.linalg.eigvalsh(statistics(photo)[1]))
    expected = min(1.0, (level / 255 / color.LEAST_DEVIATION) ** 2)
    assert np.abs(share - expected).max() < 0.1


def test_a_flat_style_becomes_the_photos_mean_and_a_flat_photo_makes_the_style_flat():
    photo, plain = coloured(7), flat(200, 30, 90)
    matched = color.match(plain, photo)
    assert (matched.pixels == matched.pixels[0, 0]).all()
    assert np.abs(matched.floats()[0, 0] - statistics(photo)[0]).max() < 1e-4
    assert np.abs(color.match(photo, plain).floats() * 255 - [200, 30, 90]).max() < 0.01


@pytest.mark.parametrize("photo", [flat(255, 255, 255), flat(0, 0, 0), coloured(9)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_one_pixel_and_one_line_are_enough(photo, shape):
    style = Picture(np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8))
    for one, other in ((style, photo), (photo, style), (style, style)):
        assert color.match(one, other).size == one.size  # a NaN would be refused


def test_what_leaves_the_range_is_clipped_and_not_wrapped_around():
    chance = np.random.default_rng(2)
    spots = chance.random((64, 64)) < 0.02
    style = Picture(np.repeat(np.where(spots, 255, 100)[..., None], 3, axis=2).astype(np.uint8))
    photo = Picture(np.repeat(chance.integers(0, 256, (64, 64, 1)), 3, axis=2).astype(np.uint8))
    matched = color.match(style, photo).floats()
    assert (matched[spots] == 1).all() and matched[~spots].max() < 0.6


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_count_by_their_alpha_and_the_styles_own_is_kept(dtype):
    style, photo = coloured(12, dtype=dtype, alpha=True), coloured(13, dtype=dtype, alpha=True)
    matched = color.match(style, photo)
    for one, other in zip(statistics(matched, style.alpha), statistics(photo, photo.alpha)):
        assert np.abs(one - other).max() < 2e-3 * np.abs(other).max()
    assert (matched.alpha == codecs.rescale(style.alpha, 16)).all()


def test_what_cannot_be_seen_does_not_count_unless_nothing_can():
    style, photo = coloured(14), coloured(15)

    def framed(picture: Picture) -> Picture:
        wide = np.pad(picture.pixels, ((0, 0), (0, 30), (0, 0)))
        alpha = np.zeros(wide.shape[:2], np.uint8)
        alpha[:, : picture.width] = 255
        return Picture(wide, alpha)

    expected = color.match(style, photo).pixels
    matched = color.match(framed(style), framed(photo)).pixels[:, : style.width]
    assert (matched == expected).all()
    hidden = Picture(style.pixels, np.zeros(style.pixels.shape[:2], np.uint8))
    assert (color.match(hidden, photo).pixels == expected).all()


# ---- luminance ----


@pytest.mark.parametrize("dtype", DTYPES)
def test_luminance_is_grey_and_weighs_the_channels(dtype):
    picture = coloured(1, dtype=dtype, alpha=True)
    grey = color.luminance(picture)
    assert grey.pixels.dtype == np.uint16
    assert (grey.pixels == grey.pixels[..., :1]).all()
    assert np.abs(grey.floats()[..., 0] - luma(picture)).max() < 1e-5
    assert (grey.alpha == codecs.rescale(picture.alpha, 16)).all()
    assert (color.luminance(grey).pixels == grey.pixels).all()


# ---- matched_luminance ----


@pytest.mark.parametrize("seed", range(5))
def test_the_grey_style_gets_mean_and_deviation_of_the_photos_luminance(seed):
    style, photo = coloured(seed, alpha=True), coloured(seed + 50, (25, 60), np.uint16)
    opaque = Picture(style.pixels)
    matched = color.matched_luminance(opaque, photo)
    assert (matched.pixels == matched.pixels[..., :1]).all() and matched.pixels.dtype == np.uint16
    values = matched.floats()[..., 0].astype(np.float64)
    assert values.mean() == pytest.approx(luma(photo).mean(), abs=1e-4)
    assert values.std() == pytest.approx(luma(photo).std(), rel=2e-3)
    # It is the style's luminance, moved and stretched.
    assert np.corrcoef(values.ravel(), luma(style).ravel())[0, 1] > 0.9999
    alpha = color.matched_luminance(style, photo).alpha
    assert (alpha == codecs.rescale(style.alpha, 16)).all()


@pytest.mark.parametrize("plain", [flat(255, 0, 0), flat(9, 200, 30, size=(1, 1))])
def test_flat_and_single_pixels_have_a_matched_luminance(plain):
    photo = coloured(1)
    matched = color.matched_luminance(plain, photo).floats()
    assert np.abs(matched - luma(photo).mean()).max() < 1e-4
    matched = color.matched_luminance(photo, plain).floats()
    assert np.abs(matched - luma(plain)[0, 0]).max() < 1e-4


# ---- with_chroma_of ----


def wild(seed: int, dtype, alpha: bool = False) -> Picture:
    """Colours from everywhere, the corners of the cube and greys too."""
    chance = np.random.default_rng(seed)
    values = chance.random((32, 40, 3))
    values[:8] = np.rint(values[:8])
    values[8:12] = values[8:12, :, :1]
    mask = chance.random((32, 40)) if alpha else None
    return Picture.from_floats(values, mask, bits(dtype))


@pytest.mark.parametrize("photo_type", DTYPES)
@pytest.mark.parametrize("painted_type", DTYPES)
@pytest.mark.parametrize("seed", range(5))
def test_chroma_is_the_photos_and_luminance_the_paintings_as_far_as_it_allows(
    seed, painted_type, photo_type
):
    painted, photo = wild(seed, painted_type), wild(seed + 10, photo_type)
    result = color.with_chroma_of(painted, photo)
    for weights in (LUMA, (0.299, 0.587, 0.114)):  # Rec. 709 and 601
        assert np.abs(chroma(result, weights) - chroma(photo, weights)).max() < 1e-6
    values = photo.floats().astype(np.float64)
    darkest, lightest = luma(photo) - values.min(axis=2), luma(photo) + 1 - values.max(axis=2)
    expected = np.clip(luma(painted), darkest, lightest)
    step = 1 / np.iinfo(result.pixels.dtype).max
    assert np.abs(luma(result) - expected).max() < 0.51 * step
    assert (np.abs(expected - luma(painted)) > 0.1).any()


@pytest.mark.parametrize("painted_type", DTYPES)
@pytest.mark.parametrize("photo_type", DTYPES)
def test_sixteen_bits_are_kept_and_so_is_the_paintings_alpha(painted_type, photo_type):
    painted, photo = wild(1, painted_type, alpha=True), wild(2, photo_type, alpha=True)
    result, expected = color.with_chroma_of(painted, photo), max(painted_type, photo_type, key=bits)
    assert result.pixels.dtype == result.alpha.dtype == expected
    assert (result.alpha == codecs.rescale(painted.alpha, bits(expected))).all()
    assert color.with_chroma_of(wild(1, painted_type), photo).alpha is None


def test_two_sizes_are_refused():
    with pytest.raises(ImageError, match="20x16 and the photo 16x20") as caught:
        color.with_chroma_of(flat(1, 2, 3), flat(1, 2, 3, size=(16, 20)))
    assert "\n" not in str(caught.value)


# ---- what is common ----


def test_the_arguments_are_not_changed():
    one, other = coloured(1, alpha=True), coloured(2, alpha=True)
    arrays = [array for picture in (one, other) for array in (picture.pixels, picture.alpha)]
    before = [array.copy() for array in arrays]
    color.luminance(one)
    for recolour in (color.match, color.matched_luminance, color.with_chroma_of):
        recolour(one, other)
    assert all(map(np.array_equal, arrays, before))


@pytest.mark.parametrize("size", [1, 7, 32])
def test_blocks_and_strips_add_up(size, monkeypatch):
    painted, photo = wild(1, np.uint16, alpha=True), wild(2, np.uint8)
    matched = color.match(painted, photo).pixels.astype(np.int64)
    recoloured = color.with_chroma_of(painted, photo).pixels
    monkeypatch.setattr(color, "BLOCK", size)
    monkeypatch.setattr(color.codecs, "ROWS", size)
    assert np.abs(color.match(painted, photo).pixels - matched).max() <= 1
    assert np.array_equal(color.with_chroma_of(painted, photo).pixels, recoloured)
