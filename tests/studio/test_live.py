"""Live frames: steady where nothing moves, of any viewer, refused where they are none."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.feedforward.apply import Instant
from nstyle.images.picture import Picture
from nstyle.studio import live
from nstyle.studio.live import Live, Viewer
from nstyle.studio.requests import Refused
from nstyle.system import locations

SIZE = (96, 72)
STYLE = {"style": locations.sample("cubist.jpg"), "strength": 1.0}


def frame(seed=1, size=SIZE, kind="JPEG"):
    stream = io.BytesIO()
    Image.fromarray(tiny.picture(seed, size)).save(stream, kind, quality=95)
    return base64.b64encode(stream.getvalue()).decode()


def painter():
    return Instant(**STYLE, max_long_edge=live.LARGEST)


def order(viewer="anne", **more):
    return {"viewer": viewer, "frame": frame(), "busy": False, **STYLE, **more}


def shown(answer):
    with Image.open(io.BytesIO(base64.b64decode(answer["jpeg"]))) as image:
        return np.asarray(image).astype(float)


def test_a_frame_comes_back_painted_at_its_size_in_the_style_chosen():
    paint = Live()
    first = shown(paint(order()))
    assert first.shape == (SIZE[1], SIZE[0], 3)
    other = shown(paint(order(style=locations.sample("woodcut_wave.jpg"))))
    assert np.abs(first - other).mean() > 10
    assert shown(paint(order(frame=frame(size=(128, 80))))).shape == (80, 128, 3)


def test_what_stands_still_flickers_less_than_the_camera_and_what_moves_is_new():
    chance, plain = np.random.default_rng(1), tiny.picture(1, SIZE).astype(float)
    noisy = [np.clip(plain + chance.normal(0, 3, plain.shape), 0, 255) for _ in range(4)]
    frames = [Picture(each.astype(np.uint8)) for each in noisy]
    viewer = Viewer(painter())
    steady = [viewer.paint(each).floats() for each in frames]
    alone = [Viewer(painter()).paint(each).floats() for each in frames[2:]]
    flicker, without = np.abs(steady[3] - steady[2]).mean(), np.abs(alone[1] - alone[0]).mean()
    assert flicker < 0.5 * without
    moved = viewer.paint(Picture(tiny.picture(7, SIZE)))
    fresh = Viewer(painter())
    fresh.paint(frames[3])
    assert np.abs(moved.floats() - steady[3]).mean() > 4 * without


def test_viewers_do_not_mix():
    paint = Live()
    first = shown(paint(order("anne")))
    paint(order("berta", frame=frame(9)))
    assert np.abs(shown(paint(order("anne"))) - first).mean() < 2


def test_beside_a_painting_a_frame_leaves_as_much_time_as_it_took(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    Live()(order())
    assert not slept
    Live()(order(busy=True))
    assert len(slept) == 1 and slept[0] > 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (base64.b64encode(b"nothing").decode(), "no JPEG"),
        (frame(kind="PNG"), "no JPEG"),
        (frame()[: len(frame()) // 8 * 4], "no JPEG"),
        (frame(size=(live.LARGEST + 8, 64)), "too large"),
        (frame(size=(40, 32)), "64x64 pixels at least"),
    ],
)
def test_what_is_no_frame_is_refused(data, words):
    with pytest.raises(Refused, match=words):
        Live()(order(frame=data))
