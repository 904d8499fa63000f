"""`Step`, which listeners receive after every epoch, and `Result`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from nstyle.images import codecs, image_file
from nstyle.images.picture import Picture

# Why a run stopped, for people; what is not here speaks for itself.
REASONS: Mapping[str, str] = {
    "eps": "converged",
    "max-epochs": "reached --max-num-epochs",
    "minimum": "no step lowers the loss any more",
    "callback": "ended by a listener",
    "one-pass": "painted in one pass",
    "diverged": "diverged; this is the last good picture",
}


@dataclass(frozen=True)
class Step:
    """One epoch: numbers, and the picture on request.

    epoch counts from 1 over all scales; loss and terms are of the point before the step; eps is
    the relative change by it; seconds is wall time since the previous epoch; left is about how many
    seconds the whole run will still take, or None; sent is bytes that went between machines.
    """

    epoch: int
    scale: int
    width: int
    height: int
    loss: float
    terms: Mapping[str, float]
    eps: float
    seconds: float
    read: Callable[[], Picture] | None = field(default=None, repr=False, compare=False)
    left: float | None = None
    sent: int = 0

    def picture(self) -> Picture:
        """The finished picture at this epoch; costs a copy from the device and the denoiser.

        Only while a listener is being called; raises RuntimeError in a history.
        """
        if self.read is None:
            raise RuntimeError("a step of the history no longer has its picture")
        return self.read()

    def without_picture(self) -> Step:
        """For histories: a thousand steps must not hold a thousand pictures."""
        return dataclasses.replace(self, read=None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "read": None}  # what it reads is of this process

    def as_json(self) -> dict[str, Any]:
        """All but the picture; `sent` only where there is something to tell."""
        without = {"read"} if self.sent else {"read", "sent"}
        names = (entry.name for entry in dataclasses.fields(self) if entry.name not in without)
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, repr=False)
class Result:
    """A finished picture and how it came about.

    stopped: "eps", "max-epochs", "minimum", "interrupted", "callback", "diverged" or "one-pass";
    metadata: the options that shape the picture, as written into files.
    """

    picture: Picture
    history: Sequence[Step]
    stopped: str
    seconds: float
    model: str
    metadata: Mapping[str, Any]

    def __repr__(self) -> str:
        width, height = self.picture.size
        facts = f"{self.epochs} epochs, {self.seconds:.1f} s, {self.model}"
        return f"<Result {width}x{height}: {self.why}, {facts}>"

    @property
    def image(self) -> Image.Image:
        """The picture as an 8-bit PIL image, RGB or RGBA."""
        return self.picture.to_pil()

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.history)

    @property
    def why(self) -> str:
        """Why it stopped, for people."""
        return REASONS.get(self.stopped, self.stopped)

    def save(self, target: Any, format: str | None = None) -> None:
        """Write the picture to a path, atomically, format by extension; or to an open file.

        format: jpg, png, webp or tiff, for a file (default: png). Raises ImageError.
        """
        if not hasattr(target, "write"):
            return image_file.write(self.picture, target, metadata=self.metadata)
        name = f"picture.{(format or 'png').lower()}"
        target.write(image_file.encode(self.picture, name, metadata=self.metadata))

    def as_json(self) -> dict[str, Any]:
        """All but the pictures and the history."""
        return {
            "stopped": self.stopped,
            "epochs": self.epochs,
            "seconds": self.seconds,
            "model": self.model,
            "options": dict(self.metadata.get("options", {})),
            "version": self.metadata.get("version"),
        }

    def _repr_png_(self) -> bytes:
        """Jupyter shows the picture."""
        return codecs.saved(self.image, "PNG")
