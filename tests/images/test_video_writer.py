"""MP4 files: written, and read again with PyAV."""

from __future__ import annotations

import errno
import io
import re
import sys
import weakref
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tiny
from films import decoded
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images import video_writer
from nstyle.system import extras

av = pytest.importorskip("av", reason='PyAV is not installed: pip install "nstyle[video]"')


def smooth(seed: int, size: tuple[int, int] = (48, 32)) -> np.ndarray:
    """A picture whose colours change slowly, as 4:2:0 keeps only a quarter of them."""
    small = Image.fromarray(tiny.picture(seed)).resize((4, 3))
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC))


def written(frames: Any, rate: Any = 10) -> tuple[list[np.ndarray], Any]:
    """What is decoded of a film."""
    file = io.BytesIO()
    video_writer.write(file, frames, rate)
    file.seek(0)
    return decoded(file)


@pytest.fixture(params=["best", "mpeg4"])
def encoder(request, monkeypatch) -> str:
    """The best encoder of this build, and the one that every build has."""
    if request.param == "mpeg4":
        monkeypatch.setattr(video_writer, "ENCODERS", video_writer.ENCODERS[-1:])
    return request.param


def test_what_is_written_can_be_read_again(encoder):
    pictures = [smooth(seed) for seed in range(6) for _ in range(2)]
    frames, stream = written(iter(pictures), Fraction(25, 2))
    assert len(frames) == 12
    assert stream.average_rate == Fraction(25, 2)
    assert stream.codec_context.pix_fmt == "yuv420p"
    assert encoder == "best" or stream.codec_context.name == "mpeg4"
    for frame, picture in zip(frames, pictures):
        assert np.abs(frame - picture).mean() < 5
    assert np.abs(frames[0] - pictures[-1]).mean() > 20


def test_pure_colours_keep_their_hue_and_the_file_says_which_matrix_it_has(encoder):
    for colour in ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]):
        frames, stream = written([np.full((32, 48, 3), colour, np.uint8)] * 3)
        assert np.abs(frames[-1] - colour).max() < 6
        assert stream.codec_context.colorspace == video_writer.BT709


@pytest.mark.parametrize("size", [(48, 32), (47, 32), (48, 31), (47, 31)])
def test_odd_edges_repeat_their_last_row_and_nothing_is_squeezed(size):
    picture = smooth(1, size)
    frame = written([picture] * 3)[0][-1]
    assert frame.shape == (32, 48, 3)
    assert np.abs(frame[: size[1], : size[0]] - picture).mean() < 5
    assert np.abs(frame[-1] - frame[-2]).mean() < 12
    padded = video_writer.even(picture)
    assert np.array_equal(padded[: size[1], : size[0]], picture)
    assert np.array_equal(padded[size[1] - 1], padded[-1])
    assert np.array_equal(padded[:, size[0] - 1], padded[:, -1])


def test_frames_are_let_go_one_after_another():
    seen: list[weakref.ref[np.ndarray]] = []

    def frames() -> Iterator[np.ndarray]:
        for index in range(1, 30):
            picture = smooth(index)
            seen.append(weakref.ref(picture))
            yield picture
            # The first is held longer, as its size is the film's.
            assert sum(ref() is not None for ref in seen) <= 3

    video_writer.write(io.BytesIO(), frames(), 10)
    assert len(seen) == 29


@pytest.mark.parametrize("room", [0, 100, 20_000])
def test_a_full_disk_is_told_as_such(room):
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(OSError) as caught:
        video_writer.write(Full(), noise, 10)
    assert caught.value.errno == errno.ENOSPC


def test_what_cannot_be_encoded_is_refused(monkeypatch):
    with pytest.raises(ImageError, match="cannot be encoded"):
        written([np.zeros((2, 2**15, 3), np.uint8)])
    with pytest.raises(ImageError, match="a frame at least"):
        written([])
    monkeypatch.setattr(video_writer, "ENCODERS", (("nothing264", {}),))
    with pytest.raises(ImageError, match="nothing264"):
        written([smooth(1)])


def test_without_pyav_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OptionError, match=re.escape(extras.advice("video"))) as caught:
        video_writer.require()
    assert "\n" not in str(caught.value)
