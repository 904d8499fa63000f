"""What paintings of one process share: networks that stay loaded, what styles look like to them."""

from __future__ import annotations

import collections
from collections.abc import Callable, Hashable
from typing import Any

from nstyle.optimize.planning import memory

NETWORKS, LOOKS = 2, 32  # kept; a look of VGG-19 at a style takes 2.4 MB for each region


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
    """One for all paintings of a process, one after another.

    share: bytes of memory that a painting may take, where other processes paint, too. first: by
    GPU, what painted the pictures of one pass to begin with (see api.first_guess). parts: see
    extractor.FeatureExtractor.
    """

    parts = 0

    def __init__(self, share: int | None = None) -> None:
        self.networks = LRUCache(NETWORKS)
        self.first: dict[Any, Any] = {}
        self.share = share

    def free(self) -> int | None:
        """Bytes there are for a painting, None where nobody knows.

        A share is all that counts: what others take meanwhile must not decide about tiles.
        """
        return memory.available() if self.share is None else self.share
