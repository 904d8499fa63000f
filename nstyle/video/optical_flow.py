"""Optical flow: moves the last frame's pixels to the present one, and tells where it is reliable.

Ruder, Dosovitskiy & Brox, "Artistic style transfer for videos" (arXiv:1604.08610), section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from nstyle.errors import OptionError
from nstyle.images.color import LUMA
from nstyle.images.picture import Picture
from nstyle.system import extras


def require() -> Any:
    """OpenCV. Raises OptionError, naming the extra, where it cannot be imported."""
    try:
        import cv2
    except ImportError as error:  # also where a library of the desktop's build is missing
        raise OptionError(
            f"to follow motion in films run: {extras.advice('video')} (OpenCV: {error})"
        ) from None
    return cv2


class Flow:
    """Dense inverse search (Kroeger et al., arXiv:1603.03590)."""

    def __init__(self) -> None:
        cv2 = require()
        # Its stripes depend on the number of threads, and so would the film.
        cv2.setNumThreads(1)
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._search.setFinestScale(0)  # of all pixels, not of every second

    def __call__(self, here: np.ndarray, there: np.ndarray) -> np.ndarray:
        """Place of each pixel of `here` in `there`: float32 (H, W, 2), right and down, from where
        it is. here, there: uint8 (H, W), luminance.
        """
        return np.asarray(self._search.calc(here, there, None))


# Their equations 5 and 6.
RELATIVE, ABSOLUTE = 0.01, 0.5
EDGE_RELATIVE, EDGE_ABSOLUTE = 0.01, 0.002
# Not in the paper: what has another colour than where it comes from is not the same thing, or is
# lit otherwise. Of 1; differences of the mean around a pixel, so that grain does not count.
ALIKE, AROUND = 0.08, 5
SOFT = 1.0  # px: believing ends softly, or its edge would be seen

FindFlow = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class FlowLink:
    """From a frame back to the one before: motion (H, W, 2), right and down; trust (H, W), 0..1."""

    motion: np.ndarray
    trust: np.ndarray

    def moved(self, picture: Picture) -> Picture:
        """A picture of the frame before, moved to where its parts are now; 16 bits."""
        return Picture.from_floats(np.clip(warped(picture.floats(), self.motion), 0, 1))


def linked(now: Picture, before: Picture, find: FindFlow) -> FlowLink:
    """The flow between a frame and the last one, of one size. find: see flow.Flow."""
    here, there = luminance(now), luminance(before)
    back, forth = find(here, there), find(there, here)
    trust = believed(back, forth) & same(now.floats(), warped(before.floats(), back, order=1))
    return FlowLink(back, ndimage.gaussian_filter(trust.astype(np.float32), SOFT) * trust)


def luminance(picture: Picture) -> np.ndarray:
    """uint8 (H, W)."""
    return np.asarray(picture.floats() @ LUMA.astype(np.float32) * 255 + 0.5).astype(np.uint8)


def warped(values: np.ndarray, motion: np.ndarray, order: int = 3) -> np.ndarray:
    """values (H, W, C) fetched from where motion (H, W, 2) points, float32; order: of the spline.

    A cubic one, which stays sharp where frame after frame is moved. Beyond the border it repeats.
    """
    y, x = np.mgrid[0 : motion.shape[0], 0 : motion.shape[1]].astype(np.float32)
    places = [y + motion[..., 1], x + motion[..., 0]]
    planes = [
        ndimage.map_coordinates(plane, places, np.float32, order=order, mode="nearest")
        for plane in np.moveaxis(values.astype(np.float32), 2, 0)
    ]
    return np.stack(planes, axis=2)


def believed(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Mask of reliable backward flow, bool (H, W): not disoccluded, no boundary, from inside.

    back: from this frame to the one before; forth: the other way; (H, W, 2).
    """
    returned = warped(forth, back, order=1)
    apart, lengths = length(back + returned), length(back) + length(returned)
    found = apart <= RELATIVE * lengths + ABSOLUTE
    slopes = sum(length(np.stack(np.gradient(back[..., axis]), axis=2)) for axis in (0, 1))
    found &= slopes <= EDGE_RELATIVE * length(back) + EDGE_ABSOLUTE
    return found & inside(back)


def length(vectors: np.ndarray) -> np.ndarray:
    """Squared, of (H, W, 2)."""
    return np.asarray(np.square(vectors).sum(axis=2))


def inside(motion: np.ndarray) -> np.ndarray:
    """Mask of flow that points inside the picture."""
    height, width = motion.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    x, y = x + motion[..., 0], y + motion[..., 1]
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def same(now: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Mask where two pictures, (H, W, 3) in 0..1, have about the same colours."""
    around = ndimage.uniform_filter(now - moved, (AROUND, AROUND, 0))
    return np.asarray(np.abs(around).max(axis=2) <= ALIKE)
