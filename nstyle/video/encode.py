"""The finished film: painted frames at the times of the clip's, with its sound."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from nstyle.errors import ImageError, OptionError
from nstyle.images import image_file, video_writer
from nstyle.video import source as clips
from nstyle.video.source import Clip
from nstyle.video.timing import Chosen

log = logging.getLogger("nstyle")

KINDS: Mapping[str, str] = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
EARLIER = 10  # seconds: sound is stored near its pictures, not beside them
FINEST = 65535  # ticks per second that MPEG-4 part 2, the last resort, can count


@dataclass(frozen=True)
class EncodingPlan:
    """The clip, its chosen frames and its streams of sound."""

    clip: Clip
    chosen: Chosen
    sounds: tuple[int, ...]

    @property
    def begin(self) -> Fraction:
        """When the first frame is shown, in seconds of the file."""
        return self.clip.ticks[self.chosen.frames[0]] * self.clip.time_base

    @property
    def seconds(self) -> Fraction:
        """Length of the film."""
        return sum(self.chosen.seconds, Fraction(0))


def check(path: str, clip: Clip, chosen: Chosen) -> EncodingPlan:
    """Make sure before the work that the film can be written; a sound that cannot is told of.

    Raises OptionError, ImageError.
    """
    av = video_writer.require(clips.PURPOSE)
    try:
        image_file.check_destination(path, KINDS)
    except ImageError as error:
        raise OptionError(f"--output {error}") from error
    video_writer.encoder(av)
    kind = kind_of(path)
    with av.open(io.BytesIO(), "w", format=kind) as container:
        known = container.supported_codecs
    for codec in clip.sounds.values():
        if codec not in known:
            log.warning("%s: its sound (%s) cannot be in .%s; left out", clip.path, codec, kind)
    sounds = tuple(number for number, codec in clip.sounds.items() if codec in known)
    return EncodingPlan(clip, chosen, sounds)


def kind_of(path: str) -> str:
    """PyAV's name of the container that an extension stands for."""
    return KINDS[os.path.splitext(path)[1].lower()]


def write(file: BinaryIO, kind: str, frames: Iterable[np.ndarray], plan: EncodingPlan) -> None:
    """Write a film. frames: uint8 HxWx3, as many as are chosen, all of one size.

    An odd edge becomes even by its last row or column once more, as 4:2:0 wants. Raises as
    video_writer.write does.
    """
    av = video_writer.require(clips.PURPOSE)
    pictures = map(video_writer.even, frames)
    first = next(pictures)
    with video_writer.opened(file, kind) as container, sound_of(plan, container) as sound:
        stream = video_writer.add_stream(
            av, container, first.shape[1], first.shape[0], plan.clip.rate
        )
        base = plan.clip.time_base  # so that its times stay; nearly, where the encoder cannot
        if stream.codec_context.name == "mpeg4" and base.denominator > FINEST:
            base = Fraction(1, FINEST)
        stream.codec_context.time_base = base
        lengths: dict[int, int] = {}
        at = Fraction(0)
        for pixels, seconds in zip(chain([first], pictures), plan.chosen.seconds):
            frame = video_writer.as_yuv(av, pixels)
            frame.pts, frame.time_base = round(at / base), base
            lengths[frame.pts] = round((at + seconds) / base) - frame.pts
            container.mux(timed(stream.encode(frame), lengths))
            at += seconds
            sound(at)
        container.mux(timed(stream.encode(), lengths))
        sound(plan.seconds)


def timed(packets: list[Any], lengths: Mapping[int, int]) -> list[Any]:
    """Packets that know how long their frames are shown, as the last one's end is the film's."""
    for packet in packets:
        packet.duration = lengths.get(packet.pts, packet.duration)
    return packets


@contextlib.contextmanager
def sound_of(plan: EncodingPlan, container: Any) -> Iterator[Any]:
    """A function that copies the sound up to a time in seconds, so that a player finds it near the
    pictures. As it is, compressed; what is not heard during the film is left out.
    """
    if not plan.sounds:
        yield lambda until: None
        return
    with clips.opened(plan.clip.path) as (av, source):
        if plan.chosen.frames[0] and plan.clip.known:  # no hours before the film are read
            tick = plan.clip.ticks[plan.chosen.frames[0]] - int(EARLIER / plan.clip.time_base)
            with contextlib.suppress(av.FFmpegError):  # then all of it is read
                source.seek(max(tick, plan.clip.ticks[0]), stream=source.streams[plan.clip.stream])
        streams = {number: source.streams[number] for number in plan.sounds}
        copies = {n: container.add_stream_from_template(each) for n, each in streams.items()}
        packets = shifted(source.demux(list(streams.values())), plan)

        def copy(until: Fraction) -> None:
            for at, packet in packets:
                packet.stream = copies[packet.stream_index]
                container.mux(packet)
                if at > until:
                    break

        yield copy


def shifted(packets: Iterable[Any], plan: EncodingPlan) -> Iterator[tuple[Fraction, Any]]:
    """(seconds since the first frame, packet) of what is heard during the film."""
    for packet in packets:
        if packet.dts is None or packet.pts is None:
            continue
        at = packet.pts * packet.time_base - plan.begin
        # The one before the first that is heard, too: decoders need it to begin with.
        if at + 2 * (packet.duration or 0) * packet.time_base <= 0 or at >= plan.seconds:
            continue
        ticks = round(plan.begin / packet.time_base)
        packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
        yield at, packet
