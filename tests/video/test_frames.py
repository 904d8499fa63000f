"""What a film's frames are painted from."""

from __future__ import annotations

import tiny

from nstyle.images.picture import Picture
from nstyle.optimize import inputs
from nstyle.options.options import Options
from nstyle.video.frames import next_inputs

SIZE = (48, 40)
PHOTO, STYLE = Picture(tiny.picture(1, SIZE)), tiny.picture(2, (130, 130))


def first(**options):
    chosen = Options(model="vgg16-slim", **options)
    return inputs.gather(PHOTO, STYLE, chosen), chosen


def test_frames_have_the_first_ones_size_and_styles():
    given, options = first(max_long_edge=24)
    found = next_inputs(given, Picture(tiny.picture(7, (50, 60))), options)
    assert found.photo.size == given.photo.size == (24, 20)
    assert found.styles is given.styles and found.chroma is None


def test_styles_stay_as_they_were_recoloured_for_the_first():
    given, options = first(colors="match")
    assert next_inputs(given, Picture(tiny.picture(7, SIZE)), options).styles is given.styles


def test_where_luminance_is_painted_each_frame_keeps_its_own_colours():
    given, options = first(colors="content")
    frame = Picture(tiny.picture(7, SIZE))
    found = next_inputs(given, frame, options)
    assert found.chroma.pixels.tobytes() == frame.pixels.tobytes()
    assert (found.photo.pixels[..., 0] == found.photo.pixels[..., 1]).all()
