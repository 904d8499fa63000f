"""How much more VGG-19's layers hold than a small network's that was trained to see as it sees.

Recipes that do not divide by a layer's own size were balanced on VGG-19, whose activations are
much larger and whose channels are more. With these factors they weigh the same on the small one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nstyle import layers
from nstyle.places import PRETRAINED


@dataclass(frozen=True)
class Likeness:
    """channels: VGG-19's; content, style: its sum of squared features, of its squared Gram matrix
    per position, over the small network's on the same pictures.
    """

    channels: int
    content: float = 1.0
    style: float = 1.0


def of(weights_path: str) -> dict[str, Likeness]:
    """Layer name -> factors, for a file of the package that has them beside it; else empty."""
    path = Path(weights_path)
    table = path.with_suffix(".json")
    if path.parent.resolve() != PRETRAINED.resolve() or not table.is_file():
        return {}
    entries = json.loads(table.read_text(encoding="utf-8"))
    return {name: Likeness(**values) for name, values in entries.items()}


def nearest(table: Mapping[str, Likeness], name: str, *, channels: int) -> Likeness:
    """The factors of a layer, or of the nearest below it; factors of 1 where there are none."""
    order = [tap for tap in layers.taps(layers.BLOCKS["vgg19"]) if tap in table]
    if not order:
        return Likeness(channels)
    all_taps = layers.taps(layers.BLOCKS["vgg19"])
    below = [tap for tap in order if all_taps.index(tap) <= all_taps.index(name)]
    return table[below[-1] if below else order[0]]
