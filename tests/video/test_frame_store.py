"""What is painted of a film: kept, gone on with, refused, removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny

from nstyle.errors import CheckpointError, ImageError, OptionError
from nstyle.images.picture import Picture
from nstyle.system import checkpoint_file
from nstyle.video.frame_store import FrameStore, VideoState

ORDER = {"--content-weight": 10.0, "styles": "a" * 64, "--from": None}
PICTURE = Picture(tiny.picture(1))


def state(done):
    painted = PICTURE.pixels.astype(np.uint16) * 257
    return VideoState(done, PICTURE.pixels, painted, {"mean": np.arange(3.0)})


@pytest.fixture
def work(tmp_path):
    made = FrameStore(str(tmp_path / "out.mp4"), ORDER)
    for done in (1, 2):
        made.keep(PICTURE, state(done))
    return made


@pytest.mark.parametrize(
    ("facts", "groups"),
    [
        ({"done": -1}, {}),
        ({"done": 0}, {}),
        ({"done": "2"}, {}),
        ({"order": []}, {}),
        ({}, {"pictures": {}}),
        (
            {},
            {
                "pictures": {
                    "photo": PICTURE.pixels,
                    "painted": PICTURE.pixels,
                    "more": PICTURE.pixels,
                }
            },
        ),
        ({}, {"pictures": {"photo": PICTURE.pixels, "painted": PICTURE.pixels[1:]}}),
        ({}, {"pictures": {"photo": PICTURE.floats(), "painted": PICTURE.floats()}}),
    ],
)
def test_facts_that_are_wrong_under_a_right_checksum_are_refused(work, tmp_path, facts, groups):
    path = str(tmp_path / "out.mp4.frames" / "state.npz")
    known, arrays = checkpoint_file.read(path, "a film", {})
    checkpoint_file.write(path, "a film", {**known, **facts}, {**arrays, **groups})
    with pytest.raises(CheckpointError, match=r"begin anew with --restart\Z"):
        work.begun()


def test_what_is_kept_is_found_again(work):
    found, expected = work.begun(), state(2)
    assert found.done == 2 and found.painted.dtype == np.uint16
    for name in ("photo", "painted"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert np.array_equal(found.kept["mean"], np.arange(3.0))
    frames = list(work.frames(2))
    assert len(frames) == 2 and np.array_equal(frames[1], PICTURE.pixels)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("--content-weight", 20.0, r"--content-weight \(10.0, now 20.0\)"),
        ("styles", "b" * 64, "painting; give"),
        ("--from", "1:00", r"--from \(None, now 1:00\)"),
        ("--new", 1, "--new"),
    ],
)
def test_frames_of_another_film_are_refused(work, tmp_path, name, value, says):
    other = FrameStore(str(tmp_path / "out.mp4"), {**ORDER, name: value})
    with pytest.raises(OptionError, match=says) as caught:
        other.begun()
    assert "--restart" in str(caught.value)
    with other.held():
        assert other.begin(restart=True) is None
    assert not (tmp_path / "out.mp4.frames").exists()


def test_damage_is_told(work, tmp_path):
    path = tmp_path / "out.mp4.frames" / "state.npz"
    data = path.read_bytes()
    path.write_bytes(data[:-100] + b"x" + data[-99:])
    with pytest.raises(CheckpointError, match=r"damaged.*--restart"):
        work.begun()
    path.write_bytes(data)
    (tmp_path / "out.mp4.frames" / "000000.png").unlink()
    with pytest.raises(CheckpointError, match=r"000000\.png: is not there any more.*--restart"):
        work.begun()


def test_files_of_others_stay(work, tmp_path):
    folder = tmp_path / "out.mp4.frames"
    mine = ["000002.png", "0.png", "cover.png", "mine.txt"]  # two frames are the film's
    for name in mine:
        (folder / name).write_text("mine")
    (folder / ".nstyle-1-ab.tmp").write_text("of a killed process")
    with work.held():
        work.remove()
    assert sorted(path.name for path in folder.iterdir()) == sorted(mine)


@pytest.mark.parametrize("restart", [False, True])
def test_where_a_frame_would_be_a_file_of_others_is_refused(tmp_path, restart):
    folder = tmp_path / "out.mp4.frames"
    folder.mkdir()
    (folder / "cover.png").write_text("mine")
    made = FrameStore(str(tmp_path / "out.mp4"), ORDER)
    with made.held():
        assert made.begin(restart=restart) is None
    (folder / "000000.png").write_text("mine")
    with made.held(), pytest.raises(OptionError, match=r"000000\.png: is in the way.*move it"):
        made.begin(restart=restart)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "cover.png"]
    assert {path.read_text() for path in folder.iterdir()} == {"mine"}


def test_one_film_is_painted_there_at_a_time(work, tmp_path):
    other = FrameStore(str(tmp_path / "out.mp4"), ORDER)
    with work.held():
        says = r"another film is being painted in .*frames; wait"
        with pytest.raises(OptionError, match=says), other.held():
            raise AssertionError("both paint")
        assert work.begin(restart=False).done == 2
    with other.held():
        assert other.begin(restart=False).done == 2
    assert not list((tmp_path / "out.mp4.frames").glob(".nstyle*"))


@pytest.mark.parametrize(("written", "done"), [(False, 2), (True, 3)])
def test_killed_within_a_frame_it_goes_on(work, tmp_path, monkeypatch, written, done):
    """Before the state is written the frame is lost, after it the frame gets its number."""
    write = checkpoint_file.write

    def killed(*words):
        if written:
            write(*words)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint_file, "write", killed)
        work.keep(PICTURE, state(3))
    with work.held():
        assert work.begun().done == work.begin(restart=False).done == done
        work.keep(PICTURE, state(3))
    names = sorted(path.name for path in (tmp_path / "out.mp4.frames").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "state.npz"]


def test_a_full_disk_is_an_error_of_one_line(work, monkeypatch):
    def full(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_file, "write", full)
    with pytest.raises(ImageError, match=r"cannot be written \(No space left on device\)"):
        work.keep(PICTURE, state(3))
    monkeypatch.undo()
    assert work.begun().done == 2
    shutil.rmtree(work.folder)
    Path(work.folder).write_text("a file in the way")
    with pytest.raises(ImageError, match=r"out\.mp4\.frames: cannot be written"), work.held():
        raise AssertionError("held")
