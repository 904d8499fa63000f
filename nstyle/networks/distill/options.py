"""The options of `nstyle distill`. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nstyle.errors import OptionError
from nstyle.options.field import FILE, FOLDERS, check_fields, option
from nstyle.options.options import CONVENTIONS
from nstyle.options.parse import brief, flag
from nstyle.system.files import check_writable

LEAST_WIDTH = 4  # of what --width leaves


@dataclass(frozen=True)
class DistillOptions:
    """A small network, and what its making leaves behind. Raises OptionError for a bad value.

    When a training goes on, all but `steps`, `minutes` and `bits` must be as it was.
    """

    teacher: str | None = option(
        None, "a complete VGG-16 or VGG-19, in any format of --weights", **FILE
    )
    weights_convention: str = option(
        "auto",
        "pictures the teacher wants; auto = told by its first kernel or its names",
        choices=CONVENTIONS,
    )
    pictures: tuple[str, ...] = option((), "a folder of pictures; may be repeated", **FOLDERS)
    output: str | None = option(None, "the network, .params", **FILE)
    width: float = option(0.5, "share of the teacher's channels in each layer", low=0.01, high=1)
    widths: str | None = option(
        None,
        "instead: channels of each convolution, from conv1_1 to where the network shall end: "
        "32,32,64,64,...",
        metavar="N,N",
    )
    steps: int = option(
        6000, "of fine-tuning; 0 = none, the closed form or --start as it is", low=0
    )
    minutes: float = option(
        0.0,
        "end after so many minutes of steps, over all runs together; the rate falls by the time, "
        "so that no two such trainings are alike; 0 = by --steps alone",
        low=0,
    )
    bits: int = option(16, "16, or 8 with a factor per channel, for half the file", low=8, high=16)
    start: str | None = option(
        None, "a network of these widths to go on from, instead of the closed form", **FILE
    )
    heldout: str | None = option(
        None, "list of pictures never to train on, a path per line", **FILE
    )
    batch: int = option(4, "crops per step; half are being painted", low=2, high=64)
    crop: int = option(192, "their edge in pixels", low=32, high=1024)
    rate: float = option(
        0.01,
        "learning rate (Adam) at the beginning, of each kernel's mean magnitude",
        low=1e-8,
        high=1,
    )
    seed: int = option(0, "of the crops and paintings", low=0, high=2**32 - 1)
    checkpoint: str | None = option(
        None, "go on from this file where it is there, and keep it up to date", **FILE
    )
    save_steps: int = option(100, "steps between two checkpoints", low=1)
    curve: str | None = option(None, "write one JSON line per step to FILE", **FILE)

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("teacher", "output"):
            if not getattr(self, name):
                raise OptionError(f"{flag(name)}: was not given; name a file")
        if not self.pictures:
            raise OptionError("--pictures: none were given; give a folder of pictures")
        if self.bits not in (8, 16):
            raise OptionError(f"--bits: {self.bits} is neither 8 nor 16")
        self._typed_widths()

    def check_written(self) -> None:
        """Refuse files that cannot be written; makes their folders. Raises OptionError."""
        for name in ("output", "checkpoint", "curve"):
            if getattr(self, name):
                check_writable(flag(name), getattr(self, name))

    def _typed_widths(self) -> list[int]:
        try:
            widths = [int(width) for width in self.widths.split(",")] if self.widths else []
        except ValueError:
            widths = [0]
        if any(width < 1 for width in widths):
            raise OptionError(
                f"--widths: {brief(self.widths)} are no numbers of channels: 32,32,64,..."
            )
        return widths

    def channels(self, teacher: Sequence[int]) -> list[int]:
        """Of the small network's convolutions. teacher: the teacher's.

        Raises OptionError for more layers or channels than it has.
        """
        typed = self._typed_widths()
        if not typed:
            scaled = [max(LEAST_WIDTH, round(width * self.width)) for width in teacher]
            return [min(pair) for pair in zip(scaled, teacher)]
        if len(typed) > len(teacher) or any(w > t for w, t in zip(typed, teacher)):
            raise OptionError(
                f"--widths: at most {','.join(map(str, teacher))}, those of {self.teacher}; "
                f"not {self.widths}"
            )
        return typed
