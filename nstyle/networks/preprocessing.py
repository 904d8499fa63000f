"""The only place that knows means, channel order, range and layout.

A network file expects its input in one of a few conventions. They all differ from this house's
array (RGB, 0..255 minus the convention's mean, float32 1x3xHxW) by a factor per channel and an
order of channels, which `fold` moves into the first kernel. So the picture lives in one space,
in grey levels, whatever the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from nstyle.images.picture import Picture

CAFFE_MEAN = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Preprocessing:
    """The input convention of weights: (pixel 0..255 - mean) / deviation, in `order`."""

    name: str
    mean: tuple[float, float, float]  # RGB, 0..255
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)  # RGB, 0..255
    order: str = "rgb"

    def __str__(self) -> str:
        plain = self.deviation == (1.0, 1.0, 1.0)
        span = "0..255 minus a mean" if plain else "0..1 with a mean and deviation"
        return f"{self.order.upper()}, {span} ({self.name})"

    def without_mean(self) -> Preprocessing:
        """The same convention for recipes that feed plain 0..255 pixels."""
        return replace(self, mean=(0.0, 0.0, 0.0))


def in_bgr(convention: Preprocessing) -> Preprocessing:
    """The same convention with the channels in the other order."""
    return replace(convention, name=f"{convention.name}-bgr", order="bgr")


CAFFE = Preprocessing("caffe", CAFFE_MEAN)
CAFFE_BGR = in_bgr(CAFFE)
# 0..1 with ImageNet's mean and deviation, as GluonCV and torchvision train; here times 255.
TORCHVISION = Preprocessing(
    "torchvision",
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    deviation=(0.229 * 255, 0.224 * 255, 0.225 * 255),
)


def fold(convention: Preprocessing, kernel: np.ndarray) -> np.ndarray:
    """First kernel (OIHW, I=3) in its convention -> the kernel for this house's arrays.

    Exact at the border too: zero padding means "mean colour" in both, since only factors move.
    """
    if convention.order == "bgr":
        kernel = kernel[:, ::-1]
    factors = np.asarray(convention.deviation, kernel.dtype).reshape(1, 3, 1, 1)
    return np.ascontiguousarray(kernel / factors)


def to_array(picture: Picture, convention: Preprocessing, pixel_range: float = 255.0) -> np.ndarray:
    """Picture -> float32 1x3xHxW, pixels 0..pixel_range minus the convention's mean."""
    return from_floats(picture.floats(), convention, pixel_range)


def from_floats(values: np.ndarray, convention: Preprocessing, pixel_range: float) -> np.ndarray:
    """HxWx3 floats, usually 0..1, -> float32 1x3xHxW as `to_array`."""
    shifted = values * np.float32(pixel_range)
    shifted -= np.asarray(convention.mean, np.float32)
    return np.ascontiguousarray(shifted.transpose(2, 0, 1)[np.newaxis], np.float32)


def limits(convention: Preprocessing, pixel_range: float) -> tuple[np.ndarray, np.ndarray]:
    """Black and white as float32 (1, 3, 1, 1)."""
    mean = np.asarray(convention.mean, np.float32).reshape(1, 3, 1, 1)
    return -mean, np.float32(pixel_range) - mean


def to_floats(
    array: np.ndarray, convention: Preprocessing, pixel_range: float = 255.0
) -> np.ndarray:
    """float32 1x3xHxW -> HxWx3 float32, clipped to 0..1."""
    values = array[0].transpose(1, 2, 0) + np.asarray(convention.mean, np.float32)
    values /= np.float32(pixel_range)
    return np.clip(values, 0.0, 1.0, out=values)


def resized(array: np.ndarray, width: int, height: int, *, overshoots: bool = True) -> np.ndarray:
    """float32 1x3xHxW at another size: bicubic, or bilinear where values must not overshoot."""
    method = Image.Resampling.BICUBIC if overshoots else Image.Resampling.BILINEAR
    planes = [Image.fromarray(plane).resize((width, height), method) for plane in array[0]]
    return np.stack([np.asarray(plane) for plane in planes])[np.newaxis]
