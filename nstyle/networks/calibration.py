"""Factors between losses on VGG-16's layers and on those of the built-in network.

Recipes that do not divide by a layer's own size were balanced on VGG, which has more channels.
With these factors they weigh the same on the small one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nstyle.system.locations import PRETRAINED


@dataclass(frozen=True)
class LayerScale:
    """channels: VGG-16's; content, style: the sum of its squared features, and of its squared Gram
    matrices per position, over the small network's on the same pictures.
    """

    channels: int
    content: float = 1.0
    style: float = 1.0


def of(weights_path: str) -> dict[str, LayerScale]:
    """Layer name -> factors, for a file of the package that has them beside it; else empty."""
    path = Path(weights_path)
    table = path.with_suffix(".json")
    if path.parent.resolve() != PRETRAINED.resolve() or not table.is_file():
        return {}
    entries = json.loads(table.read_text(encoding="utf-8"))
    return {name: LayerScale(**values) for name, values in entries.items()}


def nearest(table: Mapping[str, LayerScale], name: str, *, channels: int) -> LayerScale:
    """The factors of a layer: of its ReLU, for a pooling layer of the one below.

    Factors of 1 where there is no table.
    """
    if not table:
        return LayerScale(channels)
    relu = name.replace("conv", "relu")
    if relu in table:
        return table[relu]
    return table[[other for other in table if other[4] <= relu[4]][-1]]
