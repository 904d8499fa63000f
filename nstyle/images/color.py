"""Colours apart from paint: a style recoloured to a photo, luminance alone, chroma brought back."""

from __future__ import annotations

import numpy as np

from nstyle.errors import ImageError
from nstyle.images import codecs
from nstyle.images.picture import Picture

# Rec. 709, as sRGB has its primaries; Rec. 601, JPEG's, belongs to those of older television.
LUMA = np.array([0.2126, 0.7152, 0.0722])
# Four grey levels: what deviates less along an axis is rounding and JPEG, not colour.
LEAST_DEVIATION = 4 / 255
BLOCK = 2**20  # pixels that are float64 at a time


def match(picture: Picture, to: Picture) -> Picture:
    """The picture with the mean and covariance of the colours of `to`; 16 bits, its own alpha.

    x' = C_to^(1/2) C^(-1/2) (x - mean) + mean_to, clipped (Gatys et al. 2016, arXiv:1606.05897,
    with the symmetric roots). Unlike there, an axis along which the picture hardly varies is not
    stretched to the full deviation: it has only noise to give. Pixels count by their alpha.
    """
    mean, covariance = _moments(picture)
    new_mean, new_covariance = _moments(to)
    stretch = _root(new_covariance) @ _inverse_root(covariance)
    centred: np.ndarray = picture.floats() - mean.astype(np.float32)
    values = centred @ stretch.T.astype(np.float32) + new_mean.astype(np.float32)
    return Picture.from_floats(values, picture.alpha)


def luminance(picture: Picture) -> Picture:
    """The grey picture, three equal channels: Rec. 709 luma of the sRGB values; 16 bits."""
    grey = picture.floats() @ LUMA.astype(np.float32)
    return Picture.from_floats(np.repeat(grey[..., None], 3, axis=2), picture.alpha)


def matched_luminance(style: Picture, photo: Picture) -> Picture:
    """The grey style with mean and deviation of the photo's luminance; 16 bits (as `match`)."""
    # A last time, as the matrix of `match` is symmetric in the channels but for its last digit.
    return luminance(match(luminance(style), luminance(photo)))


def with_chroma_of(painted: Picture, photo: Picture) -> Picture:
    """The photo's chroma under the luminance of `painted`, whose alpha is kept; both of one size.

    The same amount is added to all channels of a pixel of the photo, so that every difference of
    two of them, and with these Cb and Cr, stays exactly as it was. The amount is what brings the
    luma (Rec. 709) to that of `painted`, as far as no channel leaves its range. 16 bits where
    either picture has them. Raises ImageError for pictures of two sizes.
    """
    if painted.size != photo.size:
        sizes = ["x".join(map(str, each.size)) for each in (painted, photo)]
        raise ImageError(f"the painted picture is {sizes[0]} and the photo {sizes[1]}; resize one")
    bits = 8 * max(painted.pixels.itemsize, photo.pixels.itemsize)
    pixels = np.empty(photo.pixels.shape, f"uint{bits}")
    for top in range(0, len(pixels), codecs.ROWS):
        rows = slice(top, top + codecs.ROWS)
        base = codecs.rescale(photo.pixels[rows], bits).astype(np.int32)
        change = Picture(painted.pixels[rows]).floats() - Picture(photo.pixels[rows]).floats()
        shift = np.rint(change @ LUMA.astype(np.float32) * (2**bits - 1)).astype(np.int32)
        shift = np.clip(shift, -base.min(axis=2), 2**bits - 1 - base.max(axis=2))
        pixels[rows] = base + shift[..., None]
    return Picture(pixels, None if painted.alpha is None else codecs.rescale(painted.alpha, bits))


def _moments(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of the colours in 0..1, float64; pixels count by alpha."""
    colours, alpha = picture.pixels.reshape(-1, 3), picture.alpha
    counts = np.broadcast_to(1, len(colours))
    if alpha is not None and alpha.any():  # else no pixel can be seen, and all count
        counts = alpha.ravel()
    sums = np.zeros((4, 4))
    for start in range(0, len(colours), BLOCK):
        part = slice(start, start + BLOCK)
        # With a leading 1 one product holds the count, the sums and the products.
        rows = np.insert(colours[part].astype(np.float64), 0, 1, axis=1)
        sums += (rows * counts[part, None]).T @ rows
    top = np.iinfo(colours.dtype).max
    mean = sums[0, 1:] / sums[0, 0]
    covariance = sums[1:, 1:] / sums[0, 0] - np.outer(mean, mean)
    return mean / top, covariance / top**2


def _root(covariance: np.ndarray) -> np.ndarray:
    variances, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(variances, 0)) @ axes.T


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    """1 / deviation along each axis; below LEAST_DEVIATION it falls to 0 with the deviation."""
    variances, axes = np.linalg.eigh(covariance)
    variances = np.maximum(variances, 0)
    return axes * (np.sqrt(variances) / np.maximum(variances, LEAST_DEVIATION**2)) @ axes.T
