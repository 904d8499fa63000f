"""`Studio`: the folder, the shelf, and the processes that work for one server."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from typing import Any

from nstyle.studio.job_queue import Painter
from nstyle.studio.library import Library
from nstyle.studio.options import Settings, private_folder
from nstyle.studio.storage import Store
from nstyle.studio.worker_pool import WorkerPool

log = logging.getLogger("nstyle")

HOUR = 3600.0  # seconds
SECONDS = 60.0  # after which a worker is taken to hang
# Requests that may wait for a worker; together fewer than the server's 40 threads, so that all else
# is answered meanwhile.
PREVIEWS, LOOKS, FRAMES = 20, 6, 6
EACH = 4  # of them of one browser; its page asks for one preview at a time


class Studio:
    """All but the web. Raises OSError where the folder cannot be made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        private_folder(settings.home)
        self.store, self.shelf = Store(settings), Library(settings.shelf)
        self.painter = Painter(settings)
        self.previews = WorkerPool("preview", seconds=SECONDS, waiting=PREVIEWS, each=EACH)
        self.live = WorkerPool("live", seconds=SECONDS, waiting=FRAMES, each=1)
        self._looker = WorkerPool("look", seconds=SECONDS, waiting=LOOKS, each=EACH)
        self._closed = threading.Event()

    def begin(self) -> None:
        """Tidy up what an earlier server left, and start to work."""
        self.store.tidy()
        for worker in (self._looker, self.previews, self.painter):
            worker.begin()
        threading.Thread(target=self._forget, daemon=True).start()

    def _forget(self) -> None:
        """Every hour, the uploads that nobody uses any more."""
        while not self._closed.wait(HOUR):
            try:
                self.store.forget_uploads()
            except OSError as error:
                log.warning("old uploads were not removed: %s", error)

    def look(self, request: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Check an upload of somebody. Raises Refused."""
        pixels, edge = self.settings.upload_megapixels * 1e6, self.settings.upload_long_edge
        return self._looker.ask({**request, "pixels": int(pixels), "edge": edge}, who)

    def warm(self) -> None:
        """Load the network of the previews; where that fails the first preview says why."""
        with contextlib.suppress(Exception):
            paths = {"photo": self.shelf.photos()[0].small, "style": self.shelf.styles()[0].small}
            self.previews.ask({**paths, "strength": 1.0, "options": {}})

    def close(self) -> None:
        """Interrupt the painting and end all processes."""
        self._closed.set()
        self.painter.close()
        self.previews.close()
        self.live.close()
        self._looker.close()
