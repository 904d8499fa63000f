"""Films written through PyAV, an optional dependency that only this module imports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from nstyle.errors import ImageError, OptionError
from nstyle.system import extras

# Best first; H.264 plays everywhere, MPEG-4 part 2 is in every build. (encoder, its options)
ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"crf": "18", "preset": "medium"}),
    ("libopenh264", {}),
    ("mpeg4", {}),
)
BITS_PER_PIXEL = 0.4  # for encoders that want a rate, not a quality; painted texture is costly
BT709 = 1  # the number of matrix, primaries and transfer in the standard; 1 is limited range, too


def require(purpose: str = "to write .mp4") -> Any:
    """PyAV. Raises OptionError, naming the extra, where it is not installed."""
    try:
        import av
    except ImportError:
        raise OptionError(f"{purpose} run: {extras.advice('video')}") from None
    return av


def write(file: BinaryIO, frames: Iterable[np.ndarray], rate: Fraction | int) -> None:
    """Write an MP4 without sound.

    file: open for writing, seekable. frames: uint8 HxWx3, all of one size, one held at a time; an
    odd edge becomes even by its last row or column once more, as 4:2:0 wants. rate: frames per
    second. Raises OptionError without PyAV, ImageError where the encoder fails or there is no
    frame, OSError where the disk is full.
    """
    av = require()
    frames = map(even, frames)
    first = next(frames, None)
    if first is None:
        raise ImageError("a film needs a frame at least")
    with opened(file, "mp4") as container:
        stream = add_stream(av, container, first.shape[1], first.shape[0], rate)
        for pixels in chain([first], frames):
            container.mux(stream.encode(as_yuv(av, pixels)))
        container.mux(stream.encode())


class FirstError:
    """A file for PyAV, which prints a traceback for every error after the first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def _do(self, what: str, *words: Any) -> int:
        if self.error:
            return 0
        try:
            return int(getattr(self._file, what)(*words))
        except OSError as error:
            self.error = error
            raise

    def write(self, data: Any) -> int:
        """As a file's."""
        return self._do("write", data) or len(data)

    def seek(self, *words: int) -> int:
        """As a file's."""
        return self._do("seek", *words)

    def tell(self) -> int:
        """As a file's."""
        return self._do("tell")


@contextlib.contextmanager
def opened(file: BinaryIO, kind: str) -> Iterator[Any]:
    """PyAV's container of a kind, to be written. Raises as `write` does."""
    av, careful = require(), FirstError(file)
    try:
        with av.open(careful, "w", format=kind) as container:
            yield container
    except (OSError, av.FFmpegError) as error:
        if careful.error:  # a full disk, hidden by closing after it
            raise careful.error from None
        if isinstance(error, av.FFmpegError):
            raise ImageError(f"the film cannot be encoded ({error})") from error
        raise


def add_stream(av: Any, container: Any, width: int, height: int, rate: Fraction | int) -> Any:
    """A stream of 4:2:0 in BT.709, and said to be so: players guess otherwise, each its own."""
    name, options = encoder(av)
    stream = container.add_stream(name, rate=rate, options=dict(options))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    if not options:
        stream.bit_rate = int(width * height * rate * BITS_PER_PIXEL)
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = 1
    return stream


def encoder(av: Any) -> tuple[str, dict[str, str]]:
    """The best encoder of this build, and its options."""
    for name, options in ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            continue
        return name, options
    raise ImageError(f"PyAV has none of the encoders {', '.join(name for name, _ in ENCODERS)}")


def as_yuv(av: Any, pixels: np.ndarray) -> Any:
    """uint8 HxWx3 -> a frame of 4:2:0 in BT.709."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709")


def even(pixels: np.ndarray) -> np.ndarray:
    """The picture HxWxC with even edges: the last row or column is repeated."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
