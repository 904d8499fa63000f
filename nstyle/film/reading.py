"""A film's frames, decoded one after another; None for one that is broken."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from nstyle.errors import ImageError
from nstyle.film import yuv
from nstyle.film.clip import Clip, opened

log = logging.getLogger("nstyle")

MATRIX = "DISPLAYMATRIX"


def frames(clip: Clip, wanted: Sequence[int]) -> Iterator[np.ndarray | None]:
    """The frames with these rising numbers: uint8 HxWx3, upright, square pixels; None: broken."""
    waiting = iter(wanted)
    due = next(waiting, None)
    for number, frame in numbered(clip, due or 0):
        while due is not None and due < number:
            yield None
            due = next(waiting, None)
        if due == number:
            yield shown(clip, frame)
            due = next(waiting, None)
        if due is None:
            return
    while due is not None:
        yield None
        due = next(waiting, None)


def first(clip: Clip, wanted: Sequence[int]) -> np.ndarray:
    """The first of these that is not broken. Raises ImageError where all are."""
    for found in frames(clip, wanted):
        if found is not None:
            return found
    raise ImageError(f"{clip.path}: none of its frames can be decoded; copy or download it again")


def numbered(clip: Clip, begin: int) -> Iterator[tuple[int, Any]]:
    """(number, frame) of all that can be decoded, rising, from `begin` or earlier."""
    next_number = 0
    with opened(clip.path) as (av, container):
        stream = container.streams[clip.stream]
        if begin and clip.known:
            container.seek(clip.ticks[begin], stream=stream)
        for frame in decoded(av, container, stream):
            timed = clip.known and frame.pts is not None
            number = clip.number(frame.pts) if timed else next_number
            if next_number <= number < len(clip.ticks):
                yield number, frame
                next_number = number + 1


def decoded(av: Any, container: Any, stream: Any) -> Iterator[Any]:
    """All frames; what cannot be decoded is left out, and what follows a key frame that is missing
    and has nothing to stand on, up to the next.
    """
    missing: list[int] = []  # times of key frames that have not come yet
    try:
        for packet in container.demux(stream):
            if packet.is_keyframe and packet.pts is not None:
                missing.append(packet.pts)
            for frame in frames_of(av, packet):
                at = frame.pts
                if frame.key_frame or at in missing:
                    missing = [key for key in missing if at is not None and key > at]
                stands = at is None or not any(key < at for key in missing)
                if stands and not frame.is_corrupt:
                    yield frame
    except av.FFmpegError as error:  # of the file itself
        log.debug("%s: cannot be read further (%s)", container.name, error.strerror)


def frames_of(av: Any, packet: Any) -> Sequence[Any]:
    """What comes out of the decoder with a packet; nothing where that is broken."""
    try:
        found: Sequence[Any] = packet.decode()
        return found
    except av.FFmpegError as error:
        log.debug("a packet is broken (%s)", error.strerror)
        return ()


def shown(clip: Clip, frame: Any) -> np.ndarray:
    """A frame as people see it."""
    return yuv.upright(squared(yuv.to_rgb(frame), clip.aspect), *turn_of(clip, frame))


def squared(pixels: np.ndarray, aspect: Fraction) -> np.ndarray:
    """The picture with square pixels, made wider or higher."""
    if aspect == 1 or aspect <= 0:
        return pixels
    height, width = pixels.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def turn_of(clip: Clip, frame: Any) -> tuple[np.ndarray | None, int]:
    """(the matrix that says how a frame is to be shown or None, degrees that a tag says)."""
    for side in frame.side_data:
        if getattr(side.type, "name", "") == MATRIX:
            return np.frombuffer(bytes(side), np.int32), 0
    return None, clip.turned
