"""Finished films: times, sound, edges, length."""

from __future__ import annotations

import errno
import io
import logging
from fractions import Fraction
from typing import Any

import clips
import numpy as np
import pytest

from nstyle.errors import OptionError
from nstyle.images import video_writer
from nstyle.video import encode, source, timing

TICKS = [0, 40, 90, 100, 250, 300, 310, 400]


def plan_for(path, output, *, begin=None, to=None, every=None):
    found = source.look(path)
    chosen = timing.chosen(found.times, found.seconds, begin, to, every)
    return encode.check(str(output), found, chosen)


def write(plan, output, frames):
    with open(output, "w+b") as file:
        encode.write(file, encode.kind_of(str(output)), iter(frames), plan)


@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("encoder", ["best", "mpeg4"])
def test_frames_keep_their_times_and_colours(tmp_path, monkeypatch, kind, encoder):
    if encoder == "mpeg4":
        monkeypatch.setattr(video_writer, "ENCODERS", video_writer.ENCODERS[-1:])
    pictures, output = clips.panned(8, step=4), tmp_path / f"out.{kind}"
    path = clips.write(tmp_path / "a.mp4", pictures, ticks=TICKS)
    plan = plan_for(path, output)
    write(plan, output, pictures)
    frames, shown = clips.seen(str(output))
    assert [round(1000 * at) for at in shown] == TICKS
    for frame, picture in zip(frames, pictures):
        assert np.abs(frame.astype(int) - picture).mean() < 6
    assert float(source.look(str(output)).seconds) == pytest.approx(float(plan.seconds), abs=0.02)


def test_times_begin_anew_where_a_part_is_chosen(tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(8), ticks=TICKS)
    output = tmp_path / "out.mp4"
    write(plan_for(path, output, begin="2", every="2"), output, clips.panned(3))
    assert [round(1000 * at) for at in clips.seen(str(output))[1]] == [0, 160, 220]


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47)])
def test_odd_edges_repeat_their_last_row_and_column(tmp_path, size):
    pictures, output = clips.panned(3, size=size), tmp_path / "out.mp4"
    path = clips.write(tmp_path / "a.mp4", clips.panned(3))
    write(plan_for(path, output), output, pictures)
    frame = clips.seen(str(output))[0][0]
    assert frame.shape == (48, 64, 3)
    assert np.abs(frame[: size[1], : size[0]].astype(int) - pictures[0]).mean() < 5


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_is_copied_as_it_is(tmp_path, name):
    path = clips.write(tmp_path / name, clips.panned(20), sound="aac")
    output = tmp_path / "out.mp4"
    write(plan_for(path, output), output, clips.panned(20))
    before, after = clips.packets(path, "audio"), clips.packets(str(output), "audio")
    count = len(after)
    assert 0.75 < count / len(before) <= 1  # the film has 0.8 s, the sound one
    assert [data for _, data in after] == [data for _, data in before[:count]]
    assert float(after[-1][0]) == pytest.approx(float(before[count - 1][0]), abs=1e-3)


def test_the_sound_of_a_part_is_that_of_its_time(tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(20), sound="aac")
    output = tmp_path / "out.mp4"
    write(plan_for(path, output, begin="0.4s", to="0.6s"), output, clips.panned(5))
    before, after = clips.packets(path, "audio"), clips.packets(str(output), "audio")
    at = {data: float(seconds) for seconds, data in before}
    assert 8 <= len(after) <= 11
    for seconds, data in after:
        assert float(seconds) == pytest.approx(at[data] - 0.4, abs=2e-3)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_what_is_long_before_the_part_is_not_read(tmp_path, monkeypatch, name):
    path, output = clips.write(tmp_path / name, clips.panned(25), sound="aac"), tmp_path / "o.mp4"
    read, shifted = [], encode.shifted

    def counted(packets, plan):
        return shifted((read.append(packet) or packet for packet in packets), plan)

    monkeypatch.setattr(encode, "shifted", counted)
    found = []
    for earlier in (10, Fraction(1, 5)):
        monkeypatch.setattr(encode, "EARLIER", earlier)
        read.clear()
        write(plan_for(path, output, begin="0.8s"), output, clips.panned(5))
        found.append((len(read), clips.packets(str(output), "audio")))
    (all_of_it, heard), (part, again) = found
    assert part < 0.8 * all_of_it
    assert again == heard and len(heard) >= 8


def test_a_sound_that_the_container_cannot_hold_is_told_of(tmp_path, caplog):
    path = clips.write(tmp_path / "a.mov", clips.panned(4), sound="pcm_mulaw")
    with caplog.at_level(logging.WARNING, "nstyle"):
        plan = plan_for(path, tmp_path / "out.mp4")
    assert "its sound (pcm_mulaw) cannot be in .mp4; left out" in caplog.text
    write(plan, tmp_path / "out.mp4", clips.panned(4))
    assert source.look(str(tmp_path / "out.mp4")).sounds == {}
    assert plan_for(path, tmp_path / "out.mov").sounds == (1,)


def test_a_sound_that_nobody_knows_is_told_of(tmp_path, caplog):
    path = clips.write(tmp_path / "a.mov", clips.panned(4), sound="pcm_s16le")
    data = (tmp_path / "a.mov").read_bytes()
    assert data.count(b"sowt") == 1
    (tmp_path / "a.mov").write_bytes(data.replace(b"sowt", b"apac"))
    assert list(source.look(path).sounds.values()) == [source.UNKNOWN]
    with caplog.at_level(logging.WARNING, "nstyle"):
        plan = plan_for(path, tmp_path / "out.mov")
    assert "its sound (of an unknown kind) cannot be in .mov; left out" in caplog.text
    write(plan, tmp_path / "out.mov", clips.panned(4))
    assert source.look(str(tmp_path / "out.mov")).sounds == {}


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(2))
    for name in ("out.avi", "out", "out.gif"):
        with pytest.raises(OptionError, match=r"^--output .* allowed are \.mp4"):
            plan_for(path, tmp_path / name)


def test_a_full_disk_is_told_as_such(tmp_path):
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > 5000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    path = clips.write(tmp_path / "a.mp4", clips.panned(20), sound="aac")
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    plan = plan_for(path, tmp_path / "out.mp4")
    with pytest.raises(OSError) as caught:
        encode.write(Full(), "mp4", iter(noise), plan)
    assert caught.value.errno == errno.ENOSPC
