"""Painted frames of a film beside the output, and the state of the painting."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, BinaryIO

import numpy as np

from nstyle.errors import CheckpointError, ImageError, OptionError
from nstyle.images import image_file
from nstyle.images.picture import Picture
from nstyle.optimize.checkpoint import NAMES
from nstyle.system import checkpoint_file
from nstyle.system.files import lock, sweep_beside

KIND = "a film"
STATE = "state.npz"
FORM = {"order": dict, "done": lambda done: checkpoint_file.count(done) and done > 0}
NEXT, LOCK = ".nstyle-next.png", ".nstyle.lock"
FRAME = re.compile(r"(\d{6,})\.png")
HINT = "begin anew with --restart"


@dataclass(frozen=True)
class VideoState:
    """After a frame: what the next one needs.

    done: frames that are finished; photo, painted: of the last that was painted, uint8 or uint16
    (H, W, 3); kept: arrays by name that its painter keeps from frame to frame.
    """

    done: int
    photo: np.ndarray
    painted: np.ndarray
    kept: Mapping[str, np.ndarray]


class FrameStore:
    """The folder beside a film: out.mp4 -> out.mp4.frames, a .png for each frame.

    A frame is renamed to its number only after the state file counts it, so any other numbered
    file is not ours, even after a crash.
    """

    def __init__(self, output: str, order: Mapping[str, Any]) -> None:
        """order: all that shapes the frames, by name; what JSON can hold, checksums of files."""
        self.folder = f"{output}.frames"
        self._state, self._next = (os.path.join(self.folder, name) for name in (STATE, NEXT))
        self._order = order

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the one who paints there. Raises OptionError where another is, ImageError."""
        path = os.path.join(self.folder, LOCK)
        try:
            file = locked(path)
        except BlockingIOError:
            raise OptionError(
                f"--output: another film is being painted in {self.folder}; wait for it, or give "
                "another --output"
            ) from None
        except OSError as error:
            why = error.strerror or error
            raise ImageError(f"{self.folder}: cannot be written ({why})") from error
        with file:
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # while it is locked
                    os.unlink(path)
                with contextlib.suppress(OSError):  # where nothing is left in it
                    os.rmdir(self.folder)

    def begin(self, *, restart: bool) -> VideoState | None:
        """As `begun`, while held; restart: nothing, what a film left there is removed."""
        if restart:
            self.remove()
        state = self.begun()
        if state is not None and not os.path.exists(self.path(state.done - 1)):
            os.replace(self._next, self.path(state.done - 1))
        return state

    def begun(self) -> VideoState | None:
        """The state to resume from.

        Raises OptionError for the frames of another film and for files of others where frames would
        be, CheckpointError for damage.
        """
        # Listed before the state is read: another process may be painting.
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        state = self._read() if STATE in names else None
        done = state.done if state else 0
        for match in filter(None, map(FRAME.fullmatch, sorted(names))):
            if int(match[1]) >= done:
                raise OptionError(
                    f"{os.path.join(self.folder, match[0])}: is in the way, not of this film; move "
                    "it, or give another --output"
                )
        return state

    def _read(self) -> VideoState:
        try:
            facts, arrays = checkpoint_file.read(self._state, KIND, FORM)
            pictures = arrays.get("pictures", {})
            shapes = {array.shape for array in pictures.values()}
            kinds = {array.dtype.kind for array in pictures.values()}
            if set(pictures) != {"photo", "painted"} or len(shapes) != 1 or kinds != {"u"}:
                raise CheckpointError(f"{self._state}: holds no pictures of a film")
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {HINT}") from error
        self._check(facts["order"])
        state = VideoState(facts["done"], **pictures, kept=arrays.get("kept", {}))
        for number in range(state.done):
            waiting = number == state.done - 1 and os.path.exists(self._next)
            if not waiting and not os.path.exists(self.path(number)):
                raise CheckpointError(f"{self.path(number)}: is not there any more; {HINT}")
        return state

    def _check(self, before: Mapping[str, Any]) -> None:
        for name in dict.fromkeys([*before, *self._order]):
            was, now = before.get(name), self._order.get(name)
            if was != now:
                checksums = len(str(was)) == checkpoint_file.CHECKSUM_LENGTH
                both = "" if checksums else f" ({was}, now {now})"
                raise OptionError(
                    f"{self.folder}: holds frames of a film with another {NAMES.get(name, name)}"
                    f"{both}; give the same, give another --output, or {HINT}"
                )

    def path(self, number: int) -> str:
        """Of a frame, from 0."""
        return os.path.join(self.folder, f"{number:06d}.png")

    def keep(self, picture: Picture, state: VideoState) -> None:
        """A finished frame, the last of state.done. Raises ImageError where a disk is full."""
        os.makedirs(self.folder, exist_ok=True)
        image_file.write(picture, self._next)
        facts = {"order": self._order, "done": state.done}
        pictures = {"photo": state.photo, "painted": state.painted}
        arrays = {"pictures": pictures, "kept": state.kept}
        try:
            checkpoint_file.write(self._state, KIND, facts, arrays)
            os.replace(self._next, self.path(state.done - 1))
        except OSError as error:
            why = error.strerror or error
            raise ImageError(f"{self._state}: cannot be written ({why})") from error

    def frame(self, number: int) -> Picture:
        """A finished frame. Raises ImageError."""
        return image_file.read(self.path(number))

    def frames(self, count: int) -> Iterator[np.ndarray]:
        """The first `count` frames, uint8 HxWx3."""
        return (self.frame(number).pixels for number in range(count))

    def remove(self) -> None:
        """The film is finished: its files go. Those that are not its own stay."""
        sweep_beside(self._state)
        done = 0
        if os.path.exists(self._state):
            try:
                done = checkpoint_file.read(self._state, KIND, FORM)[0]["done"]
            except CheckpointError:  # damaged: those without a gap
                done = next(number for number in count() if not os.path.exists(self.path(number)))
        own = [self.path(number) for number in range(done)]
        for path in [*own, self._next, self._state]:  # the state last, as it says what is its own
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def locked(path: str) -> BinaryIO:
    """A file, made with its folder and locked until it is closed. Raises OSError."""
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # who had it removes the folder
            file = open(path, "ab")  # noqa: SIM115 - the caller closes it
            try:
                lock(file, wait=False)
            except BlockingIOError:
                file.close()
                raise
            except (OSError, ImportError):  # a file system, or a system, without locks
                return file
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                return file
            file.close()  # removed before it was locked
