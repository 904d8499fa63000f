"""Optical flow by OpenCV, an optional dependency that only this module imports."""

from __future__ import annotations

from typing import Any

import numpy as np

from nstyle.errors import OptionError


def require() -> Any:
    """OpenCV. Raises OptionError, naming the extra, where it cannot be imported."""
    try:
        import cv2
    except ImportError as error:  # also where a library of the desktop's build is missing
        raise OptionError(
            f'to follow motion in films run: pip install "nstyle[video]" (OpenCV: {error})'
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
        """Where each pixel of `here` is in `there`: float32 (H, W, 2), right and down, from where
        it is. here, there: uint8 (H, W), luminance.
        """
        return np.asarray(self._search.calc(here, there, None))
