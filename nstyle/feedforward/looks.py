"""A painting as AdaIN sees it: deviation and mean of each channel, at each depth. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import targets
from nstyle.backend import autograd, nd
from nstyle.feedforward import TAPS
from nstyle.styles import STYLE_LOSSES

FLOOR = 1e-5  # of variances, MXNet's least
Look = list[Any]  # (1, 2C) for each of TAPS: deviations, then means


def look(taps: Mapping[str, Any]) -> Look:
    """Of taps (1, C, h, w) by name."""
    return [statistics(taps[tap]) for tap in TAPS]


def look_within(taps: Mapping[str, Any], weight: np.ndarray) -> Look:
    """Of where weight, (H, W) of any size, is above 0; of all of it where that is next to nothing.

    taps: (1, C, h, w) by name.
    """
    return [within(taps[tap], weight) for tap in TAPS]


def within(tap: Any, weight: np.ndarray) -> Any:
    """(1, C, h, w) -> (1, 2C)."""
    found = targets.measure(tap, STYLE_LOSSES["mean-std"], weight)
    if found is None:
        return statistics(tap)
    mean, deviation = found
    return nd.concat(deviation, mean, dim=0).reshape((1, -1))


def statistics(tap: Any) -> Any:
    """(N, C, h, w) -> (1, 2C), over all N.

    By batch normalisation, which reads the network's own layout; sums would reorder it first.
    """
    ones, zeros = nd.ones(tap.shape[1], ctx=tap.context), nd.zeros(tap.shape[1], ctx=tap.context)
    with autograd.train_mode():
        _, mean, inverse = nd.BatchNorm(
            tap, ones, zeros, zeros.copy(), ones.copy(), eps=FLOOR, output_mean_var=True
        )
    deviation = nd.sqrt(nd.maximum(1 / nd.square(inverse) - FLOOR, 0))
    return nd.concat(deviation, mean, dim=0).reshape((1, -1))


def mixed(looks: Sequence[Look], shares: Sequence[float]) -> Look:
    """The weighted sum at each depth (AdaIN, arXiv:1703.06868, eq. 15)."""
    return [sum(part * share for part, share in zip(parts, shares)) for parts in zip(*looks)]
