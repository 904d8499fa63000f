"""A film of the painting coming about: a listener that keeps frames and joins them at the end."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images import codecs, image_file, video_writer
from nstyle.images.picture import Picture
from nstyle.optimize.callbacks.report.html import shrunk
from nstyle.optimize.records import Result, Step
from nstyle.system.files import atomic_write

log = logging.getLogger("nstyle")

LANCZOS = Image.Resampling.LANCZOS
KINDS = {".mp4": "MP4", ".gif": "GIF", ".webp": "WEBP"}
# Pixels: what players take, and what people send to each other.
LONG_EDGES = {"MP4": 3840, "GIF": 480, "WEBP": 480}
DENSE = 16  # frames until the interval doubles: most happens in a size's first epochs
MOST_FRAMES, MOST_BYTES = 192, 256 * 2**20  # beyond either every second frame is given up
SECONDS, FIRST_SECONDS, LAST_SECONDS = 6.0, 0.8, 2.0
SLOWEST, FASTEST = 4, 25  # frames per second
PALETTE_PIXELS = 120_000  # from so many a GIF's palette is made, in about a second

Reel = Iterator[Image.Image]


def check_film(path: str) -> str:
    """The kind of film that goes to `path`: MP4, GIF or WEBP. Raises OptionError."""
    try:
        image_file.check_destination(path, KINDS)
    except ImageError as error:
        raise OptionError(f"--timelapse {error}") from error
    kind = KINDS[os.path.splitext(path)[1].lower()]
    if kind == "MP4":
        try:
            video_writer.require()
        except OptionError as error:
            raise OptionError(f"--timelapse {path}: {error}; or give .webp or .gif") from error
    return kind


class Pace:
    """The epochs that become frames: at each size all at first, then every second, fourth, ..."""

    def __init__(self) -> None:
        self._least, self._scale = 1, 0

    def wants(self, step: Step) -> bool:
        """Whether this one is."""
        if step.scale != self._scale:
            self._scale, self._next = step.scale, step.epoch
            self._interval, self._taken = self._least, 0
        if step.epoch < self._next:
            return False
        self._taken += 1
        if self._taken % DENSE == 0:
            self._interval *= 2
        self._next = step.epoch + self._interval
        return True

    def halve(self) -> None:
        """Half as many from now on."""
        self._least, self._interval = 2 * self._least, 2 * self._interval


class Timelapse:
    """Keeps frames of a run; `finish` makes a film of them, of about 4 to 11 seconds.

    path: where the film goes. photo: gives its first frame. Transparency is lost. Raises
    OptionError where the film cannot be written, or PyAV is not there for an .mp4.
    """

    def __init__(self, path: str, photo: Callable[[], Picture] | None = None) -> None:
        self._path, self._photo, self._pace = path, photo, Pace()
        self._frames: list[bytes] = []  # JPEG
        self._kind = check_film(path)

    def __call__(self, step: Step) -> None:
        """Keep a frame, if this epoch shall be one."""
        if not self._pace.wants(step):
            return
        picture = step.picture()
        if not self._frames and self._photo is not None:
            try:
                photo = self._photo().to_pil().convert("RGB")
                # Where painting stretches it, so does this.
                self._keep(photo.resize(picture.size, LANCZOS))
            except ImageError as error:
                log.warning("--timelapse %s: begins without the photo (%s)", self._path, error)
        self._keep(picture.to_pil())

    def _keep(self, frame: Image.Image) -> None:
        self._frames.append(codecs.saved(self._fitted(frame), "JPEG", quality=95, subsampling=0))
        if len(self._frames) > MOST_FRAMES or sum(map(len, self._frames)) > MOST_BYTES:
            self._frames = self._frames[::2]
            self._pace.halve()

    def _fitted(self, frame: Image.Image) -> Image.Image:
        """RGB, and no larger than the kind of film shall be."""
        return shrunk(frame.convert("RGB"), LONG_EDGES[self._kind])

    def finish(self, result: Result) -> bool:
        """Write the film, which ends with the finished picture; whether it could be."""
        last = self._fitted(result.picture.to_pil())
        rate = min(max(round(len(self._frames) / SECONDS), SLOWEST), FASTEST)
        seconds = [1 / rate] * len(self._frames) + [LAST_SECONDS]
        seconds[0] = max(seconds[0], FIRST_SECONDS)
        write = WRITERS[self._kind]
        try:
            atomic_write(self._path, lambda file: write(file, self._reel(last), seconds, rate))
        except OSError as error:  # the picture matters more
            log.warning("--timelapse %s: not written (%s)", self._path, error.strerror or error)
            return False
        log.info("%s: %d frames, %.1f seconds", self._path, len(seconds), sum(seconds))
        return True

    def _reel(self, last: Image.Image) -> Reel:
        """All frames in the size of the last, one decoded at a time."""
        for data in self._frames:
            frame = Image.open(io.BytesIO(data))
            yield frame if frame.size == last.size else frame.resize(last.size, LANCZOS)
        yield last

    def close(self) -> None:
        """Let go of the frames."""
        self._frames = []


def write_mp4(file: BinaryIO, reel: Reel, seconds: list[float], rate: int) -> None:
    """At a constant rate, which every player knows: a frame that stays is repeated."""
    times = (round(shown * rate) for shown in seconds)
    repeated = (repeat(np.asarray(frame), count) for frame, count in zip(reel, times))
    video_writer.write(file, chain.from_iterable(repeated), rate)


def write_webp(file: BinaryIO, reel: Reel, seconds: list[float], rate: int) -> None:
    """Endlessly repeated."""
    first = next(reel)
    first.save(file, "WEBP", append_images=reel, quality=75, method=4, **animated(seconds))


def write_gif(file: BinaryIO, reel: Reel, seconds: list[float], rate: int) -> None:
    """Endlessly repeated; one palette and no dithering, as colours would flicker otherwise."""
    frames = list(reel)
    pixels = len(frames) * frames[0].width * frames[0].height
    every = max(1, round((pixels / PALETTE_PIXELS) ** 0.5))
    strip = np.concatenate([np.asarray(frame)[::every, ::every] for frame in frames])
    palette = Image.fromarray(strip).quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    first.save(file, "GIF", append_images=rest, **animated(seconds))


def animated(seconds: list[float]) -> dict[str, Any]:
    """Pillow's settings of every animation; GIF counts in hundredths of a second."""
    milliseconds = [10 * round(100 * shown) for shown in seconds]
    return {"save_all": True, "duration": milliseconds, "loop": 0}


WRITERS = {"MP4": write_mp4, "GIF": write_gif, "WEBP": write_webp}
