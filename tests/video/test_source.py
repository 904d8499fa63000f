"""Films looked at before any work: times, sounds, refusals."""

from __future__ import annotations

import io
import sys
from fractions import Fraction

import clips
import numpy as np
import pytest
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.video import source

TICKS = [0, 40, 90, 100, 250, 300, 310, 400]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_a_variable_rate_is_seen_frame_by_frame(tmp_path, name):
    path = clips.write(tmp_path / name, clips.panned(8), ticks=TICKS, sound="aac")
    found = source.look(path)
    assert found.times == [Fraction(tick, 1000) for tick in TICKS]
    assert found.seconds > found.times[-1] and found.known
    assert list(found.sounds.values()) == ["aac"]
    assert [found.number(tick) for tick in found.ticks] == list(range(8))
    assert found.number(found.ticks[3] + 1) == 3 and found.number(10**9) == 7


def test_a_file_without_times_is_counted(tmp_path):
    path = clips.write(tmp_path / "a.avi", clips.panned(5), codec="mpeg4")
    found = source.look(path)
    assert found.times == [Fraction(n, 25) for n in range(5)]


def test_what_is_no_film_is_refused_in_one_line(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    (tmp_path / "text.mp4").write_bytes(b"no film " * 200)
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = clips.write(tmp_path / "whole.mp4", clips.panned(6))
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])  # the header is at the end
    expected = {
        str(tmp_path / "a.png"): "is a picture, not a film",
        str(tmp_path / "text.mp4"): "not a film, or damaged at its start",
        str(tmp_path / "empty.mp4"): "not a film",
        str(tmp_path / "cut.mp4"): "not a film",
        str(tmp_path): "is a folder",
        whole + ".not": "no such file",
    }
    for path, says in expected.items():
        with pytest.raises(ImageError, match=says) as caught:
            source.look(path)
        assert "\n" not in str(caught.value)


def test_sound_alone_is_no_film(tmp_path):
    file = io.BytesIO()
    with clips.av.open(file, "w", format="mp4") as container:
        clips.write_sound(container, container.add_stream("aac", rate=clips.RATE))
    (tmp_path / "a.m4a").write_bytes(file.getvalue())
    with pytest.raises(ImageError, match="has no pictures, only sound"):
        source.look(str(tmp_path / "a.m4a"))


def test_a_film_that_ends_early_is_told_of(tmp_path, caplog):
    path = tmp_path / "a.mp4"
    with clips.av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), dtype=np.uint8)
        for picture in noise:
            container.mux(stream.encode(clips.av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = source.look(str(path))
    assert 3 <= len(found.ticks) < 12
    assert f"ends early, after {len(found.ticks)} of 12 frames" in caplog.text


def test_without_pyav_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OptionError, match=r"films run: pip install .*av"):
        source.look("a.mp4")


def test_a_tag_may_tell_how_the_film_is_turned():
    for text, degrees in (("90", 90), ("-90.0", -90), ("", 0), ("left", 0)):
        assert source.turned(text) == degrees
