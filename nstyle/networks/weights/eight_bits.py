"""Kernels in 8 bits: integers, and a factor for each output channel. Pure numpy."""

from __future__ import annotations

import numpy as np

LARGEST = 127  # of the integers


def packed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (channels, ...) -> int8 of the same shape, float32 factors (channels,)."""
    largest = np.abs(values).reshape(len(values), -1).max(axis=1)
    factors = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
    return np.rint(values / spread(factors, values)).astype(np.int8), factors


def unpacked(integers: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The other way, float32."""
    return integers.astype(np.float32) * spread(factors, integers)


def spread(factors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Factors as what values (channels, ...) are multiplied with."""
    return factors.reshape((-1, *[1] * (values.ndim - 1)))
