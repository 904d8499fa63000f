"""A film painted: frame after frame, gone on with where it was left, then written."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from nstyle.errors import CheckpointError, OptionError
from nstyle.images.picture import Picture
from nstyle.images.regions import Masks
from nstyle.options import presets
from nstyle.system import checksums
from nstyle.system.files import atomic_write, sweep_beside
from nstyle.system.interrupts import Interruption
from nstyle.video import decode, encode, optical_flow, source, timing
from nstyle.video.by_network import NetworkPainter
from nstyle.video.by_optimization import OptimizationPainter
from nstyle.video.frame_store import HINT, FrameStore, VideoState
from nstyle.video.frames import FramePainter, Last, is_cut, next_inputs
from nstyle.video.optical_flow import Flow
from nstyle.video.options import FilmOptions

log = logging.getLogger("nstyle")

RECENT = 10  # frames that tell how long another one takes


@dataclass(frozen=True)
class FilmStep:
    """A frame that is finished.

    number: from 1; of `frames`; epochs: 0 for one pass; anew: nothing of the frame before is in it;
    broken: the one before is shown for it or, where it is anew, the next; seconds: spent on it;
    left: about how many the film still takes.
    """

    number: int
    frames: int
    epochs: int
    anew: bool
    broken: bool
    seconds: float
    left: float


class VideoPainter:
    """A film that can be painted. typed: fields of Options that are not as usual.

    Raises ImageError, OptionError, WeightsError, CheckpointError for what is known before the work.
    """

    def __init__(
        self,
        film: FilmOptions,
        styles: Sequence[Any] | None,
        typed: Mapping[str, Any],
        *,
        preset: str | None = None,
        masks: Masks | None = None,
    ) -> None:
        self._film, self._flow, self._ctrl_c = film, Flow(), Interruption()
        self._clip = source.look(film.content_video)
        span = self._clip.times, self._clip.seconds, film.begin, film.end, film.every
        self._chosen = timing.chosen(*span)
        self._plan = encode.check(film.output, self._clip, self._chosen)
        self._first = Picture(decode.first(self._clip, self._chosen.frames))
        self._painter = self._painter_of(styles, typed, preset, masks)
        order = {"--content-video": checksums.of_file(film.content_video), **film.shaping()}
        self._work = FrameStore(film.output, {**order, **self._painter.order()})
        self._state = None if film.restart else self._work.begun()
        self._paces: list[float] = []

    def _painter_of(
        self, styles: Any, typed: Mapping[str, Any], preset: str | None, masks: Masks | None
    ) -> FramePainter:
        film, frame, weight = self._film, self._first, self._film.temporal_weight
        if film.optimises:
            options, epochs = presets.resolve(typed, preset), film.frame_epochs
            return OptimizationPainter(
                frame,
                styles,
                options,
                masks,
                weight=weight,
                epochs=epochs,
                listeners=[self._ctrl_c],
            )
        masked = masks and any(m is not None for m in (masks.content, masks.keep, *masks.styles))
        for name, value in (("--preset", preset), ("masks", masked)):
            if value:
                raise OptionError(f"{name}: for --method optimise alone; leave it out")
        network, strength = film.network, film.strength
        return NetworkPainter(
            frame, styles, weight=weight, network=network, strength=strength, **typed
        )

    @property
    def done(self) -> int:
        """Frames that are finished."""
        return self._state.done if self._state else 0

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return len(self._chosen.frames)

    def paint(self, listen: Callable[[FilmStep], Any] = lambda step: None) -> None:
        """Paint the frames that are left and write the film; listen: is told of each frame.

        Ctrl-C raises KeyboardInterrupt; what is finished stays, and the same request goes on.
        Raises OptionError where another process paints it; DivergedError, ImageError.
        """
        with self._work.held(), self._ctrl_c:
            self._state = self._work.begin(restart=self._film.restart)
            if self._state:
                log.info("going on after frame %d of %d", self.done, self.frames)
                self._restore(self._state)
            left = self._chosen.frames[self.done :]
            for number, pixels in zip(count(self.done), decode.frames(self._clip, left)):
                self._ctrl_c()
                listen(self._next(number, pixels))
            self._write()

    def _restore(self, state: VideoState) -> None:
        photo = self._painter.first.photo
        try:
            for each in (state.photo, state.painted):
                if each.shape != photo.pixels.shape:
                    raise ValueError(f"a picture of shape {each.shape}")
            self._painter.restore(dict(state.kept))
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self._work.folder}: its state is not that of this film ({error}); {HINT}"
            ) from error

    def _next(self, number: int, pixels: np.ndarray | None) -> FilmStep:
        began = time.perf_counter()
        broken, epochs, anew = pixels is None, 0, False
        if broken:
            at = float(self._clip.times[self._chosen.frames[number]])
            instead = "last" if self._state else "next"
            log.warning("frame %d (%.2f s) is broken; the %s one is shown", number, at, instead)
        if pixels is None and self._state:
            self._keep(self._work.frame(number - 1), replace(self._state, done=number + 1))
        else:
            frame = self._first if pixels is None else Picture(pixels)
            epochs, anew = self._paint(number, frame)
        seconds = time.perf_counter() - began
        left = self._left(number + 1, seconds, anew or broken)
        return FilmStep(number + 1, self.frames, epochs, anew, broken, seconds, left)

    def _paint(self, number: int, frame: Picture) -> tuple[int, bool]:
        """Paint and keep a frame: (epochs, whether it begins a shot)."""
        painter, state = self._painter, self._state
        inputs, last = next_inputs(painter.first, frame, painter.options), None
        if state is not None:
            link = optical_flow.linked(inputs.photo, Picture(state.photo), self._flow)
            last = None if is_cut(link) else Last(Picture(state.painted), link)
        painted = painter.paint(inputs, last)
        values = painted.values.pixels
        after = VideoState(number + 1, inputs.photo.pixels, values, painter.state())
        self._keep(painted.picture, after)
        return painted.epochs, last is None

    def _keep(self, picture: Picture, state: VideoState) -> None:
        self._work.keep(picture, state)
        self._state = state

    def _left(self, done: int, seconds: float, unusual: bool) -> float:
        """Seconds until the end; the first frame of a shot tells only where there is no other."""
        if not unusual:
            self._paces.append(seconds)
        pace = statistics.median(self._paces[-RECENT:]) if self._paces else seconds
        return pace * (self.frames - done)

    def _write(self) -> None:
        output, frames = self._film.output, self._work.frames(self.frames)
        kind = encode.kind_of(output)
        atomic_write(output, partial(encode.write, kind=kind, frames=frames, plan=self._plan))
        sweep_beside(output)
        if not self._film.keep_frames:
            self._work.remove()
