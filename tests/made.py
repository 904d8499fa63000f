"""Steps and results made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import tiny

from nstyle.images.picture import Picture
from nstyle.optimize.records import Result, Step

METADATA = {"nstyle": "1.2.3", "version": "1.2.3", "options": {"lr": 0.1, "seed": 0}}


def a_picture(alpha: np.ndarray | None = None) -> Picture:
    """Of 16 bits, as results are; no value is a whole number of 8 bit steps."""
    pixels = tiny.picture(3).astype(np.uint16) * 257 ^ 1
    return Picture(pixels, alpha)


def a_step(epoch: int = 1, **changes: Any) -> Step:
    """A step whose picture can be read."""
    values: dict[str, Any] = {
        "epoch": epoch, "scale": 1, "width": 40, "height": 32, "loss": 2.5,
        "terms": {"content:relu4_2": 2.0, "tv": 0.5}, "eps": 0.01, "seconds": 0.25,
        "read": a_picture,
    }  # fmt: skip
    return Step(**{**values, **changes})


def a_result(**changes: Any) -> Result:
    """Of two epochs."""
    values: dict[str, Any] = {
        "picture": a_picture(), "history": [a_step(1).without_picture(), a_step(2)],
        "stopped": "eps", "seconds": 1.5, "model": "vgg16-slim", "metadata": METADATA,
    }  # fmt: skip
    return Result(**{**values, **changes})
