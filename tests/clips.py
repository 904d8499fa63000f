"""Small films for tests, made with PyAV, and looked at again."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

av = pytest.importorskip("av", reason='PyAV is not installed: pip install "nstyle[video]"')

SIZE = (64, 48)
MILLISECONDS = Fraction(1, 1000)
RATE = 44100  # of sound


def smooth(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A picture whose colours change slowly, with some texture to follow; uint8 HxWx3."""
    small = Image.fromarray(tiny.picture(seed)).resize((12, 9))
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC))


def panned(
    count: int, *, size: tuple[int, int] = SIZE, seed: int = 1, step: int = 1
) -> list[np.ndarray]:
    """The camera moves to the right over a picture."""
    wide = smooth(seed, (size[0] + step * count, size[1]))
    return [np.ascontiguousarray(wide[:, step * n : step * n + size[0]]) for n in range(count)]


def write(
    path: str | Path,
    frames: Sequence[np.ndarray],
    *,
    ticks: Sequence[int] | None = None,
    codec: str = "libx264",
    sound: str | None = None,
    aspect: Fraction | None = None,
    pixels: str = "yuv420p",
) -> str:
    """A film; its path. ticks: when frames are shown, in milliseconds (usually 25 per second);
    sound: its codec, of a second; aspect: of a pixel.
    """
    with av.open(str(path), "w") as container:
        options = {"g": "6", "crf": "4"} if codec == "libx264" else {"g": "6", "qscale": "2"}
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = pixels, MILLISECONDS
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        heard = container.add_stream(sound, rate=RATE) if sound else None
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = ticks[number] if ticks else 40 * number
            frame.time_base = MILLISECONDS
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if heard is not None:
            write_sound(container, heard)
    return str(path)


def write_sound(container: Any, stream: Any) -> None:
    """A second of a tone."""
    pcm = stream.codec_context.name.startswith("pcm")
    wave = np.sin(np.arange(RATE) / 20)
    wave = (wave * 30000).astype(np.int16) if pcm else wave.astype(np.float32)
    for begin in range(0, RATE, 1024):
        part = wave[np.newaxis, begin : begin + 1024]
        frame = av.AudioFrame.from_ndarray(part, format="s16" if pcm else "fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def packets(path: str, kind: str = "video") -> list[tuple[Any, bytes]]:
    """(seconds, bytes) of each packet of a stream."""
    with av.open(path) as container:
        (stream,) = (each for each in container.streams if each.type == kind)
        found = [packet for packet in container.demux(stream) if packet.size]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in found]


def break_frame(path: str, number: int) -> None:
    """Make what is stored of a frame unreadable."""
    with av.open(path) as container:
        found = [p for p in container.demux(video=0) if p.size]
        packet = sorted(found, key=lambda p: p.pts)[number]
        place, size = packet.pos, packet.size
    data = bytearray(Path(path).read_bytes())
    data[place : place + size] = bytes(size)
    Path(path).write_bytes(data)


def turn(path: str, matrix: Sequence[int]) -> None:
    """Let an .mp4's header say how its pictures are shown. matrix: a, b, c, d."""
    data = bytearray(Path(path).read_bytes())
    a, b, c, d = (value * 65536 for value in matrix)
    place = data.index(b"tkhd") + 4 + 40  # version and flags, times, layer and volume
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    Path(path).write_bytes(data)


def seen(path: str) -> tuple[list[np.ndarray], list[Fraction]]:
    """(frames as uint8 HxWx3, seconds at which each is shown)."""
    from nstyle.video import decode, source

    found = source.look(path)
    frames = list(decode.frames(found, range(len(found.ticks))))
    assert all(frame is not None for frame in frames)
    return frames, found.times  # type: ignore[return-value]
