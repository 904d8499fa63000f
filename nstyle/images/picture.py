"""`Picture`, the pixels that go from room to room, and its resizing; nothing of files."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images import codecs

RESIZE_METHODS = ("nearest", "bilinear", "bicubic", "lanczos", "bilinear-plain")
# Half a step of an 8 bit alpha: below it nobody sees the colour, and dividing by it is noise.
INVISIBLE = 0.5 / 255


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """sRGB `pixels` HxWx3 and `alpha` HxW (None: opaque), both uint8 or both uint16.

    Raises ImageError when the arrays are anything else.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or dtype not in (np.uint8, np.uint16):
            raise ImageError(f"pixels must be HxWx3 uint8 or uint16, not {shape} {dtype}")
        alpha = self.alpha
        if alpha is not None and (alpha.shape != shape[:2] or alpha.dtype != dtype):
            raise ImageError(
                f"alpha must be {shape[:2]} {dtype} like the pixels, "
                f"not {alpha.shape} {alpha.dtype}"
            )

    def __repr__(self) -> str:
        alpha = "" if self.alpha is None else " with alpha"
        return f"<Picture {self.width}x{self.height} {self.pixels.dtype}{alpha}>"

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, the order of pillow."""
        return self.width, self.height

    def to_pil(self) -> Image.Image:
        """An 8 bit pillow image, RGB, or RGBA when there is alpha."""
        pixels = codecs.rescale(self.pixels, 8)
        if self.alpha is None:
            return Image.fromarray(pixels)
        return Image.fromarray(np.dstack([pixels, codecs.rescale(self.alpha, 8)]))

    def floats(self) -> np.ndarray:
        """The pixels as float32 HxWx3 in 0..1."""
        return as_floats(self.pixels)

    @classmethod
    def from_floats(
        cls, array: np.ndarray, alpha: np.ndarray | None = None, bits: int = 16
    ) -> Picture:
        """Round floats HxWx3, clipped to 0..1, to `bits` (8 or 16).

        `alpha` HxW: floats in 0..1, uint8 or uint16. Raises ImageError on NaN.
        """
        if np.isnan(array).any():
            raise ImageError("the pixels hold NaN, which is no colour")
        alpha = None if alpha is None else codecs.rescale(alpha, bits)
        return cls(codecs.rescale(array, bits), alpha)


def as_floats(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 -> float32 in 0..1."""
    values = pixels.astype(np.float32)
    values /= np.float32(np.iinfo(pixels.dtype).max)
    return values


def from_array(array: np.ndarray) -> Picture:
    """A Picture with its own copy of an array of the kinds that `image_file.read` takes.

    Raises ImageError on anything else.
    """
    bits = _check_array(array)
    planes = codecs.rescale(array.reshape(*array.shape[:2], -1), bits)
    channels = planes.shape[2]
    colours = planes[..., :3] if channels > 2 else np.repeat(planes[..., :1], 3, axis=2)
    alpha = planes[..., -1].copy() if channels in (2, 4) else None
    opaque = alpha is None or (alpha == 2**bits - 1).all()
    return Picture(colours.copy(), None if opaque else alpha)


def _check_array(array: np.ndarray) -> int:
    """Refuse what is no picture, else give the bits that keep its values."""
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in (1, 2, 3, 4) or array.size == 0:
        raise ImageError(
            f"a picture array is HxW, HxWx2 (grey, alpha), HxWx3 or HxWx4, not {array.shape}"
        )
    if array.dtype.kind not in "bf" and array.dtype.str[1:] not in ("u1", "u2"):
        raise ImageError(
            f"a picture array is uint8, uint16, bool or floats in 0..1, not {array.dtype}"
        )
    low, high = array.min(), array.max()
    # A little beyond is what interpolation and float32 leave behind.
    if array.dtype.kind == "f" and not (low >= -1e-4 and high <= 1 + 1e-4):
        raise ImageError(
            f"floats in a picture array are in 0..1, not {low:g}..{high:g}; "
            "divide them or give uint8 or uint16"
        )
    return 8 if array.dtype.itemsize == 1 else 16


def resize(picture: Picture, width: int, height: int, *, method: str = "lanczos") -> Picture:
    """The picture at another size in pixels; at the same size the same object.

    "nearest", "bilinear", "bicubic" and "lanczos" are pillow's, which smooth when shrinking, and
    keep the depth; "bilinear-plain" does not smooth and gives uint16. Colours count by their
    alpha, so that what cannot be seen does not bleed. Raises OptionError.
    """
    if method not in RESIZE_METHODS:
        near = difflib.get_close_matches(method, RESIZE_METHODS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"resize method {method!r} is none of {', '.join(RESIZE_METHODS)}{hint}")
    if width < 1 or height < 1:
        raise OptionError(f"a picture cannot be resized to {width}x{height} pixels")
    if (width, height) == picture.size:
        return picture
    bits = 16 if method == "bilinear-plain" else picture.pixels.dtype.itemsize * 8
    if picture.alpha is None:
        # One after the other: a channel of 200 million pixels takes 0.8 GB as floats.
        channels = (as_floats(picture.pixels[..., [channel]]) for channel in range(3))
        planes = [_resample(channel, width, height, method) for channel in channels]
        return Picture.from_floats(np.concatenate(planes, axis=2), bits=bits)
    colours = picture.floats()
    plain = _resample(colours, width, height, method)
    weights = picture.alpha[..., None] / np.float32(np.iinfo(picture.alpha.dtype).max)
    alpha = _resample(weights, width, height, method)
    if method != "nearest":
        weighted = _resample(colours * weights, width, height, method)
        visible = alpha > INVISIBLE
        plain = np.where(visible, weighted / np.where(visible, alpha, 1), plain)
    return Picture.from_floats(plain, alpha[..., 0], bits)


def visibility(picture: Picture) -> np.ndarray | None:
    """How much of each pixel is seen, float32 HxW in 0..1.

    None where all of it is, and where nothing is, which nobody means.
    """
    if picture.alpha is None:
        return None
    weights = picture.alpha / np.float32(np.iinfo(picture.alpha.dtype).max)
    return weights if weights.max() > INVISIBLE > weights.min() else None


def filled(picture: Picture) -> Picture:
    """The picture with the nearest seen colour wherever nobody sees one, so that what lies hidden
    under alpha 0, often black, has no influence. Where all is seen the same object.
    """
    weights = visibility(picture)
    if weights is None:
        return picture
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(
        weights <= INVISIBLE, return_distances=False, return_indices=True
    )
    return Picture(picture.pixels[tuple(nearest)], picture.alpha)


def _resample(planes: np.ndarray, width: int, height: int, method: str) -> np.ndarray:
    """Floats HxWxC at another size; single planes because pillow's only float mode has one."""
    if method == "bilinear-plain":
        from skimage.transform import resize as skimage_resize

        return skimage_resize(planes, (height, width), order=1, mode="reflect", anti_aliasing=False)
    filter_ = Image.Resampling[method.upper()]
    channels = np.moveaxis(planes.astype(np.float32), 2, 0)
    resized = [Image.fromarray(channel).resize((width, height), filter_) for channel in channels]
    return np.stack([np.asarray(channel) for channel in resized], axis=2)
