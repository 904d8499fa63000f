"""Frames out of films: each once, in order, upright, broken ones told."""

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


def test_frames_are_what_was_written(tmp_path):
    pictures = clips.panned(10, step=3)
    frames = look_at(clips.write(tmp_path / "a.mp4", pictures))
    assert len(frames) == 10
    for frame, picture in zip(frames, pictures):
        assert np.abs(frame.astype(int) - picture).mean() < 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_any_of_them_may_be_wanted(tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = clips.write(tmp_path / name, clips.panned(14, step=3), codec=codec)
    whole = look_at(path)
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
