"""What a film's frames are painted from."""

from __future__ import annotations

import tiny

from nstyle.images.picture import Picture
from nstyle.optimize.inputs import gather
from nstyle.options.options import Options
from nstyle.video.frames import next_inputs

SIZE = (48, 40)
PHOTO, STYLE = Picture(tiny.picture(1, SIZE)), tiny.picture(2, (130, 130))


def first(**options):
    chosen = Options(model="vgg16-slim", **options)
    return gather(PHOTO, STYLE, chosen), chosen


def test_frames_have_the_first_ones_size_and_styles():
    for colors in ("style", "match"):
        inputs, options = first(max_long_edge=24, colors=colors)
        found = next_inputs(inputs, Picture(tiny.picture(7, (50, 60))), options)
        assert found.photo.size == inputs.photo.size == (24, 20)
        assert found.styles is inputs.styles and found.chroma is None


def test_where_luminance_is_painted_each_frame_keeps_its_own_colours():
    inputs, options = first(colors="content")
    frame = Picture(tiny.picture(7, SIZE))
    found = next_inputs(inputs, frame, options)
    assert found.chroma.pixels.tobytes() == frame.pixels.tobytes()
    assert (found.photo.pixels[..., 0] == found.photo.pixels[..., 1]).all()
