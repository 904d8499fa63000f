"""Decoded frames to RGB: every matrix, both ranges; turning."""

from __future__ import annotations

import clips
import numpy as np
import pytest

from nstyle.video import decode

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


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, 360])
def test_a_tag_turns_clockwise(degrees):
    picture = clips.panned(1)[0]
    assert np.array_equal(decode.upright(picture, None, degrees), np.rot90(picture, -degrees // 90))
