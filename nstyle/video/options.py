"""The options of `nstyle video` that do not shape each picture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from nstyle.errors import OptionError
from nstyle.options.field import FILE, as_typed, check_fields, option, shown
from nstyle.video.timing import parse_every, parse_moment

OPTIMISE, INSTANT = "optimise", "instant"


@dataclass(frozen=True)
class FilmOptions:
    """A film, and how its frames hang together. Raises OptionError for a bad value.

    method: instant where there is a network or a ready style; begin, end, every: as typed, see
    `timing`.
    """

    content_video: str = option(None, "the film to paint", **FILE)
    output: str = option("output/out.mp4", "the painted film: .mp4 .mov .mkv", **FILE)
    method: str | None = option(
        None,
        "optimise: as nstyle run paints, slow and good; instant: in one pass, in any style",
        choices=(OPTIMISE, INSTANT),
    )
    network: str | None = option(
        None, "instant, by a network of nstyle train for its style", **FILE
    )
    style: str | None = option(
        None, "instant, in ready styles, see nstyle styles", metavar="NAME[:SHARE],..."
    )
    strength: float = option(1.0, "instant: how much style, 0 to 1", low=0, high=1)
    begin: str | None = option(
        None,
        "first frame: a time such as 1:05 or 12.5s, or a frame's number, counted from 0",
        flags=("--from",),
        metavar="TIME",
    )
    end: str | None = option(
        None, "where to end, in the same way; that frame is not painted",
        flags=("--to",), metavar="TIME",
    )  # fmt: skip
    every: str | None = option(
        None,
        "paint every so many frames (3), or one in a time (0.5s); each is shown until the next",
        metavar="N",
    )
    temporal_weight: float = option(
        4.0,
        "temporal consistency weight; higher is steadier, 0 disables it",
        low=0,
        high=20,  # far below where gradient steps of the usual size would overshoot
    )
    frame_epochs: int = option(
        30, "optimise: epochs at most for a frame that goes on from the one before", low=1
    )
    restart: bool = option(
        False, "begin anew, whatever was painted of the film before", shapes=False
    )
    keep_frames: bool = option(
        False, "keep the folder with the frames as .png when the film is finished", shapes=False
    )

    def __post_init__(self) -> None:
        check_fields(self)
        alone = self.network is None and self.style is None
        method = self.method or (OPTIMISE if alone else INSTANT)
        object.__setattr__(self, "method", method)
        self._check_method()
        if not self.content_video:
            raise OptionError("--content-video: none was given; give the film to paint")
        for flag, word in (("--from", self.begin), ("--to", self.end)):
            if word is not None:
                parse_moment(word, flag)
        if self.every is not None:
            parse_every(self.every)

    def _check_method(self) -> None:
        """Refuse what the method does nothing with. Raises OptionError."""
        if self.network is not None and self.optimises:
            raise OptionError(
                f"--network: {self.network} paints in one pass, --method optimise does not; leave "
                "one of them out"
            )
        if self.network is not None and self.style is not None:
            raise OptionError("--network, --style: give one of them")
        for entry in fields(self):
            if entry.name in self._meaningless() and getattr(self, entry.name) != entry.default:
                other = f"{INSTANT}, or --network" if self.optimises else OPTIMISE
                raise OptionError(f"{shown(entry)}: for --method {other}; leave it out")

    def _meaningless(self) -> tuple[str, ...]:
        """Fields that the method does nothing with."""
        return ("style", "strength") if self.optimises else ("frame_epochs",)

    @property
    def optimises(self) -> bool:
        """Whether frames are painted by optimisation."""
        return self.method == OPTIMISE

    def shaping(self) -> dict[str, Any]:
        """The fields that shape the frames, as typed, by their flags."""
        names = [entry.name for entry in fields(self) if entry.metadata["shapes"]]
        shapes = {name: getattr(self, name) for name in names if name not in self._meaningless()}
        return as_typed(FilmOptions, shapes)
