"""What paintings of a process share: loaded networks and style statistics."""

from __future__ import annotations

import collections
from collections.abc import Callable, Hashable
from typing import Any

NETWORKS, STYLES = 2, 32  # cached; statistics of VGG-19 take 2.4 MB for each region of a style


class LRUCache:
    """Values by key; where there are more than `most`, the one not used for longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: collections.OrderedDict[Hashable, Any] = collections.OrderedDict()

    def find(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of the key; made where there is none."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return self._values[key]


class PaintContext:
    """Caches for all paintings of a process, one after another.

    networks: loaded networks, with style statistics; first: by GPU, see api.first_guess.
    """

    def __init__(self) -> None:
        self.networks = LRUCache(NETWORKS)
        self.first: dict[Any, Any] = {}
