"""A painting as AdaIN sees it: deviation and mean of each channel, at each depth. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nstyle.backend import nd
from nstyle.feedforward.decoder import TAPS

Look = list[Any]  # (1, 2C) for each of TAPS: deviations, then means


def look(taps: Mapping[str, Any]) -> Look:
    """Of taps (1, C, h, w) by name."""
    return [statistics(taps[tap]) for tap in TAPS]


def statistics(tap: Any) -> Any:
    """(1, C, h, w) -> (1, 2C)."""
    flat = tap.reshape((tap.shape[1], -1))
    mean = flat.mean(axis=1)
    variance = nd.maximum(nd.square(flat).mean(axis=1) - nd.square(mean), 0)
    return nd.concat(nd.sqrt(variance), mean, dim=0).reshape((1, -1))


def mixed(looks: Sequence[Look], shares: Sequence[float]) -> Look:
    """The weighted sum at each depth (AdaIN, arXiv:1703.06868, eq. 15)."""
    return [sum(part * share for part, share in zip(parts, shares)) for parts in zip(*looks)]
