"""Frames out of films: each once, in order, upright, broken ones told, in right colours."""

from __future__ import annotations

from fractions import Fraction

import clips
import numpy as np
import pytest

from nstyle.errors import ImageError
from nstyle.video import decode, source


def look_at(path, wanted=None):
    found = source.look(path)
    return list(decode.frames(found, range(len(found.ticks)) if wanted is None else wanted))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_any_of_them_may_be_wanted(tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    pictures = clips.panned(14, step=3)
    path = clips.write(tmp_path / name, pictures, codec=codec)
    whole = look_at(path)
    assert len(whole) == 14
    for frame, picture in zip(whole, pictures):
        assert np.abs(frame.astype(int) - picture).mean() < (12 if codec == "mpeg4" else 4)
    for wanted in ([7, 9], [13], [0, 5, 12], []):
        for frame, number in zip(look_at(path, wanted), wanted):
            assert np.array_equal(frame, whole[number])
        assert len(look_at(path, wanted)) == len(wanted)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("number", [0, 4, 11])
def test_a_broken_frame_is_told_in_its_place(tmp_path, codec, number):
    pictures = clips.panned(12, step=3)
    path = clips.write(tmp_path / "a.mp4", pictures, codec=codec)
    whole = look_at(path)
    clips.break_frame(path, number)
    frames = look_at(path)
    assert len(frames) == 12 and frames[number] is None
    # Up to the next frame that stands for itself others may be worse, or missing, too.
    later = number // 6 * 6 + 6
    for n in [*range(number // 6 * 6), *range(later, 12)]:
        assert np.array_equal(frames[n], whole[n])
    for n in range(number, min(later, 12)):
        assert number or frames[n] is None


def test_the_first_that_is_not_broken(tmp_path):
    path = clips.write(
        tmp_path / "a.mp4", clips.panned(4, step=3), codec="mjpeg", pixels="yuvj420p"
    )
    whole = look_at(path)
    clips.break_frame(path, 0)
    found = source.look(path)
    assert np.array_equal(decode.first(found, range(4)), whole[1])
    for number in (1, 2, 3):
        clips.break_frame(path, number)
    with pytest.raises(ImageError, match="none of its frames can be decoded"):
        decode.first(found, range(4))


# (a, b, c, d) of the matrix, the picture that is shown for a stored one
TURNS = {
    "not": ((1, 0, 0, 1), lambda x: x),
    "right": ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),
    "left": ((0, -1, 1, 0), lambda x: np.rot90(x)),
    "over": ((-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
    "mirrored": ((-1, 0, 0, 1), lambda x: x[:, ::-1]),
    "mirrored and turned": ((0, 1, 1, 0), lambda x: x.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("how", TURNS)
def test_frames_are_upright(tmp_path, how):
    path = clips.write(tmp_path / "a.mp4", clips.panned(2))
    (stored, _) = look_at(path)
    matrix, shown = TURNS[how]
    clips.turn(path, matrix)
    assert np.array_equal(look_at(path)[0], shown(stored))


def test_pixels_are_made_square(tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(2), aspect=Fraction(4, 3))
    assert look_at(path)[0].shape == (48, 85, 3)
    path = clips.write(tmp_path / "b.mp4", clips.panned(2), aspect=Fraction(3, 4))
    assert look_at(path)[0].shape == (64, 64, 3)


def test_a_gif_is_a_film(tmp_path):
    from PIL import Image

    first, *others = (Image.fromarray(frame) for frame in clips.panned(4, step=5))
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=100)
    frames = look_at(str(tmp_path / "a.gif"))
    assert len(frames) == 4 and frames[0].shape == (48, 64, 3)


# ---- to RGB ----

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 100, 50), (16, 40, 60)]


def stored(colour, matrix, full):
    """Luma and chroma of a colour, by the equations."""
    kr, kb = matrix
    r, g, b = (value / 255 for value in colour)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    scales = (0, 255, 255) if full else (16, 219, 224)
    return [scales[0] + scales[1] * y, 128 + scales[2] * u, 128 + scales[2] * v]


def frame_of(colour, number, full, name="yuv420p", size=(64, 48)):
    frame = clips.av.VideoFrame(*size, name)
    for plane, value in zip(frame.planes, stored(colour, decode.MATRICES[number], full)):
        plane.update(bytes([int(np.clip(round(value), 0, 255))]) * plane.buffer_size)
    frame.colorspace, frame.color_range = number, 2 if full else 1
    return frame


@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "yuv444p"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("number", [1, 5, 6, 9])
def test_colours_are_not_shifted(name, full, number):
    full = full or name == "yuvj420p"
    for colour in COLOURS:
        found = decode.to_rgb(frame_of(colour, number, full, name))
        assert found.shape == (48, 64, 3)
        assert np.abs(found.astype(int) - colour).max() <= 3


def test_an_unnamed_matrix_is_told_by_the_size():
    for size, number in (((64, 48), 5), ((64, 720), 1)):
        frame = frame_of((200, 100, 50), number, False, size=size)
        frame.colorspace = 2
        assert np.abs(decode.to_rgb(frame).astype(int) - (200, 100, 50)).max() <= 3


def test_what_has_no_luma_is_taken_as_it_is():
    picture = clips.panned(1)[0]
    for name in ("rgb24", "bgr24"):
        frame = clips.av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=name)
        assert np.array_equal(decode.to_rgb(frame), picture)


def test_a_tag_turns_clockwise():
    picture = clips.panned(1)[0]
    for degrees in (0, 90, 180, 270, -90, 360):
        turned = decode.upright(picture, None, degrees)
        assert np.array_equal(turned, np.rot90(picture, -degrees // 90))
