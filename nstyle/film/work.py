"""What is painted of a film so far: frames beside the output, and where the painting stands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import checkpoints, image
from nstyle.errors import CheckpointError, ImageError, OptionError
from nstyle.files import sweep_beside
from nstyle.picture import Picture
from nstyle.resuming import NAMES

KIND = "a film"
STATE = "state.npz"
HINT = "begin anew with --restart"


@dataclass(frozen=True)
class Stand:
    """After a frame: what the next one needs.

    done: frames that are finished; photo, painted: of the last that was painted, uint8 or uint16
    (H, W, 3); kept: arrays by name that its painter keeps from frame to frame.
    """

    done: int
    photo: np.ndarray
    painted: np.ndarray
    kept: Mapping[str, np.ndarray]


class Work:
    """The folder beside a film: out.mp4 -> out.mp4.frames, a .png for each frame."""

    def __init__(self, output: str, order: Mapping[str, Any]) -> None:
        """order: all that shapes the frames, by name; what JSON can hold, checksums of files."""
        self.folder = f"{output}.frames"
        self._state = os.path.join(self.folder, STATE)
        self._order = order

    def begun(self, *, restart: bool) -> Stand | None:
        """What to go on from; restart: nothing, what is there is removed.

        Raises OptionError for the frames of another film, CheckpointError for damaged ones.
        """
        if restart:
            self.remove()
        if not os.path.exists(self._state):
            return None
        try:
            facts, arrays = checkpoints.read(self._state, KIND)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {HINT}") from error
        self._check(facts["order"])
        stand = Stand(facts["done"], **arrays["pictures"], kept=arrays.get("kept", {}))
        for number in range(stand.done):
            if not os.path.exists(self.path(number)):
                raise CheckpointError(f"{self.path(number)}: is not there any more; {HINT}")
        return stand

    def _check(self, before: Mapping[str, Any]) -> None:
        for name in dict.fromkeys([*before, *self._order]):
            was, now = before.get(name), self._order.get(name)
            if was != now:
                checksums = len(str(was)) == checkpoints.CHECKSUM_LENGTH
                both = "" if checksums else f" ({was}, now {now})"
                raise OptionError(
                    f"{self.folder}: holds frames of a film with another {NAMES.get(name, name)}"
                    f"{both}; give the same, give another --output, or {HINT}"
                )

    def path(self, number: int) -> str:
        """Of a frame, from 0."""
        return os.path.join(self.folder, f"{number:06d}.png")

    def keep(self, picture: Picture, stand: Stand) -> None:
        """A finished frame, the last of stand.done. Raises ImageError where a disk is full."""
        os.makedirs(self.folder, exist_ok=True)
        image.write(picture, self.path(stand.done - 1))
        pictures = {"photo": stand.photo, "painted": stand.painted}
        facts = {"order": self._order, "done": stand.done}
        try:
            checkpoints.write(self._state, KIND, facts, {"pictures": pictures, "kept": stand.kept})
        except OSError as error:
            why = error.strerror or error
            raise ImageError(f"{self._state}: cannot be written ({why})") from error

    def frame(self, number: int) -> Picture:
        """A finished frame. Raises ImageError."""
        return image.read(self.path(number))

    def frames(self, count: int) -> Iterator[np.ndarray]:
        """The first `count` frames, uint8 HxWx3."""
        return (self.frame(number).pixels for number in range(count))

    def remove(self) -> None:
        """The film is finished: the folder goes. Of files that are not its own none does."""
        sweep_beside(self._state)
        own = [name for name in listed(self.folder) if name == STATE or name.endswith(".png")]
        if len(own) == len(listed(self.folder)):
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for name in own:
            os.unlink(os.path.join(self.folder, name))


def listed(folder: str) -> list[str]:
    """Names in a folder; none where it is not there."""
    return os.listdir(folder) if os.path.isdir(folder) else []
