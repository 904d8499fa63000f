"""A few things of a run whose length nobody knows, evenly spread over it."""

from __future__ import annotations

from typing import Any


class Thinned:
    """Keeps at most `most` items: those of every epoch, then of every second, fourth, ..."""

    def __init__(self, most: int) -> None:
        self._most, self._gap = most, 1
        self._items: dict[int, Any] = {}

    def wants(self, epoch: int) -> bool:
        """Whether the item of this epoch would be kept for now; epochs count from 1."""
        return (epoch - 1) % self._gap == 0

    def add(self, epoch: int, item: Any) -> None:
        """Keep the item of an epoch that is wanted; earlier ones may make room."""
        self._items[epoch] = item
        while len(self._items) > self._most:
            self._gap *= 2
            self._items = {at: kept for at, kept in self._items.items() if self.wants(at)}

    def before(self, epoch: int) -> dict[int, Any]:
        """Epoch -> item, without those nearer to `epoch`, the end, than half a gap."""
        return {at: item for at, item in self._items.items() if epoch - at > self._gap / 2}
