"""A film's frames, decoded one after another; None for one that is broken."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from nstyle.errors import ImageError
from nstyle.video import hdr
from nstyle.video.source import Clip, opened

log = logging.getLogger("nstyle")

# Kr, Kb by the standards' number of a matrix (ITU-T H.273, table 4).
MATRICES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
HIGH_DEFINITION = 720  # lines from which on an unnamed matrix is taken for BT.709
FULL = 2  # range, in FFmpeg's numbers
PLANAR = ("yuv", "nv", "p0", "uyvy", "yvyu")  # beginnings of names of formats with luma and chroma


def to_rgb(frame: Any) -> np.ndarray:
    """A frame of PyAV as uint8 HxWx3 in BT.709, not turned."""
    name = frame.format.name
    if not name.startswith(PLANAR):
        return np.asarray(frame.to_ndarray(format="rgb24"))
    # So neither matrix nor range are touched.
    full = name.startswith("yuvj")
    planes = frame.to_ndarray(format="yuvj444p" if full else "yuv444p")
    usual = 1 if frame.height >= HIGH_DEFINITION else 5
    matrix = MATRICES.get(int(frame.colorspace), MATRICES[usual])
    rgb = converted(planes, matrix, full=full or int(frame.color_range) == FULL)
    transfer = int(getattr(frame, "color_trc", 0))
    if transfer in hdr.NAMES:
        rgb = hdr.tone_mapped(rgb, transfer)
    rgb *= 255
    rgb += 0.5
    return np.clip(rgb, 0, 255, out=rgb).astype(np.uint8)


def converted(planes: np.ndarray, matrix: tuple[float, float], *, full: bool) -> np.ndarray:
    """uint8 3xHxW of luma and two of chroma -> floats HxWx3, about 0..1. matrix: Kr, Kb."""
    kr, kb = matrix
    luma, blue, red = planes.astype(np.float32)
    black, white, reach = (0, 255, 255) if full else (16, 219, 224)
    luma, blue, red = (luma - black) / white, (blue - 128) / reach, (red - 128) / reach
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.stack([r, g, b], axis=2)


def upright(pixels: np.ndarray, matrix: np.ndarray | None, turned: int = 0) -> np.ndarray:
    """HxWx3 as it is to be shown: turned by quarters, mirrored.

    matrix: nine numbers that bring stored places to shown ones, rows (a b u) (c d v) (x y w);
    turned: degrees clockwise, where there is no matrix.
    """
    if matrix is None:
        return np.ascontiguousarray(np.rot90(pixels, -round(turned / 90)))
    (a, b, _), (c, d, _) = np.asarray(matrix).reshape(3, 3)[:2].tolist()
    if abs(b) > abs(a):  # rows become columns
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    pixels = pixels[:, ::-1] if a < 0 else pixels
    return np.ascontiguousarray(pixels[::-1] if d < 0 else pixels)


def frames(clip: Clip, numbers: Sequence[int]) -> Iterator[np.ndarray | None]:
    """The frames with these rising numbers: uint8 HxWx3, upright, square pixels; None: broken."""
    decodable = numbered(clip, numbers[0] if numbers else 0)
    number, frame = -1.0, None
    for due in numbers:
        while number < due:
            number, frame = next(decodable, (math.inf, None))
        yield shown(clip, frame) if number == due else None


def first(clip: Clip, numbers: Sequence[int]) -> np.ndarray:
    """The first of these that is not broken. Raises ImageError where all are."""
    for frame in frames(clip, numbers):
        if frame is not None:
            return frame
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
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                log.debug("a packet is broken (%s)", error.strerror)
                continue
            for frame in pictures:
                at = frame.pts
                if frame.key_frame or at in missing:
                    missing = [key for key in missing if at is not None and key > at]
                stands = at is None or not any(key < at for key in missing)
                if stands and not frame.is_corrupt:
                    yield frame
    except av.FFmpegError as error:  # of the file itself
        log.debug("%s: cannot be read further (%s)", container.name, error.strerror)


def shown(clip: Clip, frame: Any) -> np.ndarray:
    """A frame as people see it."""
    pixels, matrix = squared(to_rgb(frame), clip.aspect), None
    for side in frame.side_data:
        if getattr(side.type, "name", "") == "DISPLAYMATRIX":
            matrix = np.frombuffer(bytes(side), np.int32)
            break
    return upright(pixels, matrix, clip.turned)


def squared(pixels: np.ndarray, aspect: Fraction) -> np.ndarray:
    """The picture with square pixels, made wider or higher."""
    if aspect == 1 or aspect <= 0:
        return pixels
    height, width = pixels.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
