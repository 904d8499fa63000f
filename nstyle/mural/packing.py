"""Statistics, and gradients of these, as they travel: of a symmetric matrix one triangle."""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from nstyle.backend import nd

# One triangle of (C, C), row by row; (C, 1) or None.
Packed = tuple[np.ndarray, Optional[np.ndarray]]


def packed(second: Any, mean: Any) -> Packed:
    """second: (C, C), symmetric; mean: (C, 1) or None; of the device."""
    matrix = second.asnumpy()
    return matrix[np.triu_indices(len(matrix))], None if mean is None else mean.asnumpy()


def unpacked(found: Packed, device: Any) -> tuple[Any, Any]:
    """(second, mean) again."""
    triangle, mean = found
    channels = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    matrix = np.empty((channels, channels), triangle.dtype)
    rows, columns = np.triu_indices(channels)
    matrix[rows, columns] = matrix[columns, rows] = triangle
    there = {"ctx": device, "dtype": triangle.dtype}
    return nd.array(matrix, **there), None if mean is None else nd.array(mean, **there)


def added(one: Packed, other: Packed) -> Packed:
    """The sum of both."""
    mean = None if one[1] is None or other[1] is None else one[1] + other[1]
    return one[0] + other[0], mean
