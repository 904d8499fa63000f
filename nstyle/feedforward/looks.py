"""A painting as AdaIN sees it: deviation and mean of each channel, at each depth. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import targets
from nstyle.backend import autograd, nd
from nstyle.feedforward import TAPS
from nstyle.styles import STYLE_LOSSES
from nstyle.views import View

FLOOR = 1e-5  # of variances, MXNet's least
Look = list[Any]  # (1, 2C) for each of TAPS: deviations, then means


def look(taps: Mapping[str, Any]) -> Look:
    """Of taps (1, C, h, w) by name."""
    return [statistics(taps[tap]) for tap in TAPS]


def look_through(view: View, weight: np.ndarray | None = None) -> Look:
    """Of a view of TAPS, in tiles for instance, where weight, (H, W) of any size, is above 0.

    Of all of it where weight is None, or next to nothing.
    """
    measure = STYLE_LOSSES["mean-std"]
    found: dict[str, Any] = {}
    if weight is not None:
        found = targets.measured(view, measure, {tap: (tap, weight) for tap in TAPS})
    left = {tap: (tap, None) for tap in TAPS if found.get(tap) is None}
    found.update(targets.measured(view, measure, left))
    pairs = [found[tap] for tap in TAPS]
    return [nd.concat(deviation, mean, dim=0).reshape((1, -1)) for mean, deviation in pairs]


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
