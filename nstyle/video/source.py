"""A film's file, looked at before any work: its frames' times, what turns it, its sound."""

from __future__ import annotations

import contextlib
import logging
import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from nstyle.errors import ImageError
from nstyle.images import video_writer
from nstyle.video import hdr

log = logging.getLogger("nstyle")

PURPOSE = "to read and write films"
USUAL_RATE = Fraction(25)
UNKNOWN = "of an unknown kind"  # a sound's codec that FFmpeg has no name for
PICTURES = ("image2", "_pipe")  # FFmpeg's names of formats that are single pictures


@dataclass(frozen=True)
class Clip:
    """A film's file.

    stream: the number of its pictures' stream; ticks: when each frame is shown, in time_base,
    rising; known: whether packets say so, else they are counted; end: when the last one ends;
    rate: frames per second, about; aspect: width of a pixel over its height; turned: degrees
    clockwise that only a tag tells of; sounds: codecs' names by the numbers of their streams.
    """

    path: str
    stream: int
    ticks: tuple[int, ...]
    known: bool
    end: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    turned: int
    sounds: dict[int, str]

    @property
    def times(self) -> list[Fraction]:
        """Seconds of each frame since the first."""
        return [(tick - self.ticks[0]) * self.time_base for tick in self.ticks]

    @property
    def seconds(self) -> Fraction:
        """From the first frame to the end of the last."""
        return (self.end - self.ticks[0]) * self.time_base

    def number(self, tick: int) -> int:
        """The frame that is nearest to a time."""
        after = min(bisect_left(self.ticks, tick), len(self.ticks) - 1)
        return min(max(after - 1, 0), after, key=lambda number: abs(self.ticks[number] - tick))


@contextlib.contextmanager
def opened(path: str) -> Iterator[tuple[Any, Any]]:
    """(PyAV, the container to be read). Raises ImageError, OptionError without PyAV."""
    av = video_writer.require(PURPOSE)
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "no such file"
        raise ImageError(f"{path}: {what}; give the path of a film")
    try:
        container = av.open(path)
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, PermissionError):
            raise ImageError(f"{path}: you may not read it; change its permissions") from error
        raise ImageError(
            f"{path}: not a film, or damaged at its start; copy or download it again"
        ) from error
    with container:
        yield av, container


def look(path: str) -> Clip:
    """All frames are found, none is decoded. Raises ImageError, OptionError."""
    with opened(path) as (av, container):
        if container.format.name.endswith(PICTURES):
            raise ImageError(f"{path}: is a picture, not a film; paint it with: nstyle run")
        stream = pictures_of(container)
        if stream is None:
            raise ImageError(f"{path}: has no pictures, only sound; give a film")
        rate = Fraction(stream.average_rate or stream.guessed_rate or USUAL_RATE)
        ticks, shown = ticks_of(av, container, stream)
        if not ticks:
            raise ImageError(f"{path}: has no frames; copy or download it again")
        if stream.frames > len(ticks):
            log.warning("%s: ends early, after %d of %d frames", path, len(ticks), stream.frames)
        transfer = int(stream.codec_context.color_trc)
        if transfer in hdr.NAMES:
            log.info("%s: is HDR (%s); brought to the range of BT.709", path, hdr.NAMES[transfer])
        known = None not in ticks
        base = Fraction(stream.time_base) if known else 1 / rate
        rising = sorted(set(ticks)) if known else list(range(len(ticks)))
        # Where a container knows the stream's length that is right: in .mp4 packets have lengths by
        # the order in which they are decoded.
        whole = (stream.start_time or 0) + (stream.duration or 0)
        shown = shown or max(1, round(1 / (rate * base)))
        end = whole if whole > rising[-1] else rising[-1] + shown
        # Phones write tracks of sound that FFmpeg does not know.
        codecs = {each.index: each.codec_context for each in container.streams.audio}
        return Clip(
            path,
            stream.index,
            tuple(rising),
            known,
            end if known else len(rising),
            base,
            rate,
            Fraction(stream.sample_aspect_ratio or 1),
            turned(stream.metadata.get("rotate", "")),
            {index: codec.name if codec else UNKNOWN for index, codec in codecs.items()},
        )


def turned(text: str) -> int:
    """Degrees that a tag tells of; 0 for what is no number."""
    try:
        return round(float(text))
    except ValueError:
        return 0


def pictures_of(container: Any) -> Any:
    """The first stream of pictures that is no cover; None where there is none."""
    streams = ((stream, stream.disposition) for stream in container.streams.video)
    return next((stream for stream, kind in streams if not kind & type(kind).attached_pic), None)


def ticks_of(av: Any, container: Any, stream: Any) -> tuple[list[Any], int]:
    """(times of the frames' packets, in their order, how long the last is shown or 0)."""
    ticks, durations = [], {}
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                ticks.append(packet.pts)
                durations[packet.pts] = packet.duration or 0
    except av.FFmpegError as error:
        log.warning("%s: cannot be read to its end (%s)", container.name, error.strerror)
    known = [tick for tick in ticks if tick is not None]
    return ticks, durations[max(known)] if known else 0
