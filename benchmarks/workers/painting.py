"""One picture painted by nstyle.stylize, with pictures and times on the way written to a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import nstyle
from benchmarks.processes import answer_jobs
from nstyle.errors import DivergedError
from nstyle.images.picture import Picture
from nstyle.optimize.records import Step


class Album:
    """A listener that keeps pictures at moments `spacing` times later each, and times of epochs.

    began: time.time() at the start of the process, from which all seconds count; first: seconds of
    painting until the first picture; spacing: above 1, or 0 to keep none. The time that keeping
    takes does not count.
    """

    def __init__(self, folder: Path, began: float, first: float, spacing: float) -> None:
        self._folder, self._began = folder, began
        self._next, self._spacing = first, spacing
        self._lost = 0.0
        self._ends: list[tuple[int, float]] = []  # scale, seconds at the end of an epoch
        self.startup = 0.0
        self.moments: list[dict[str, Any]] = []

    def seconds(self) -> float:
        """Since the process began, without what was lost by keeping pictures."""
        return time.time() - self._began - self._lost

    def __call__(self, step: Step) -> None:
        """Note the time of an epoch; keep its picture where it is time to."""
        now = self.seconds()
        if not self._ends:
            self.startup = now - step.seconds
        self._ends.append((step.scale, now))
        painted = now - self.startup
        if self._spacing and painted >= self._next:
            while self._next <= painted:
                self._next *= self._spacing
            self.keep(step.picture(), now, step.epoch)
            self._lost += self.seconds() - now

    def keep(self, picture: Picture, seconds: float, epoch: int) -> None:
        """One picture, as 16 bits."""
        path = self._folder / f"{len(self.moments):04d}.npy"
        np.save(path, picture.pixels)
        self.moments.append({"seconds": seconds, "epoch": epoch, "file": str(path)})

    def epoch_seconds(self) -> dict[int, list[float]]:
        """Scale -> seconds of its epochs; the first at a scale includes its preparation."""
        found: dict[int, list[float]] = {}
        last = self.startup
        for scale, end in self._ends:
            found.setdefault(scale, []).append(end - last)
            last = end
        return found


def paint(job: dict[str, Any]) -> dict[str, Any]:
    """startup and total seconds from the start of the process, seconds per epoch at the final
    size, epochs by scale, why it stopped, and the moments (seconds, epoch, file).
    """
    album = Album(Path(job["folder"]), job["began"], job["first"], job["spacing"])
    try:
        result = nstyle.stylize(
            job["content"], job["style"], preset=job["preset"], callback=album, **job["options"]
        )
    except DivergedError as error:
        result = error.result  # type: ignore[attr-defined]
    total = album.seconds()
    album.keep(result.picture, total, result.epochs)
    by_scale = album.epoch_seconds()
    return {
        "startup": album.startup,
        "total": total,
        "seconds_per_epoch": typical(by_scale[max(by_scale)]) if by_scale else None,
        "epochs": result.epochs,
        "epochs_by_scale": [len(epochs) for epochs in by_scale.values()],
        "stopped": result.stopped,
        "model": result.model,
        "width": result.picture.width,
        "height": result.picture.height,
        "moments": album.moments,
    }


def typical(epochs: Iterable[float]) -> float:
    """The median without the first epoch, if there are others."""
    first, *others = epochs
    return median(others or [first])


if __name__ == "__main__":
    job, send = answer_jobs()
    send(**paint(job))
