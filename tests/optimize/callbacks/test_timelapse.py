"""The film of a painting coming about: which epochs, what it looks like, what goes wrong."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from made import a_result, a_step
from PIL import Image, ImageSequence

from nstyle.cli.main import main_run
from nstyle.errors import ImageError, OptionError
from nstyle.images import image_file
from nstyle.images.picture import Picture
from nstyle.optimize.callbacks import timelapse
from nstyle.optimize.callbacks.timelapse import Pace, Timelapse

SIZE = (48, 32)


def plain(level: int, size: tuple[int, int] = SIZE) -> Picture:
    """One grey, with a white stripe at the right that tells of squeezing."""
    pixels = np.full((size[1], size[0], 3), level, np.uint8)
    pixels[:, -size[0] // 4 :] = 255
    return Picture(pixels)


def chosen(epochs: int, sizes: int = 1) -> list[int]:
    """The epochs that are frames in a run whose sizes take equally long."""
    pace = Pace()
    steps = (a_step(e + 1, scale=1 + e * sizes // epochs) for e in range(epochs))
    return [step.epoch for step in steps if pace.wants(step)]


def film(path: Path, epochs: int, **options: Any) -> Path:
    """The film of a run without a network: each epoch a little darker, at last black."""
    listener = Timelapse(str(path), **options)
    for epoch in range(1, epochs + 1):
        picture = plain(200 - 150 * epoch // epochs)
        picture.pixels[:8, epoch % 24] = 0  # equal frames would be joined
        assert listener(a_step(epoch, read=lambda picture=picture: picture)) is None
    listener.finish(a_result(picture=plain(0)))
    listener.close()
    return path


def shown(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """(frames HxWx3, how many milliseconds each is shown) of an animation that never ends."""
    with Image.open(path) as animation:
        assert animation.info["loop"] == 0
        frames, times = [], []
        for frame in ImageSequence.Iterator(animation):
            frames.append(np.asarray(frame.convert("RGB")).astype(int))
            times.append(int(frame.info["duration"]))
        return frames, times


def greys(frames: list[np.ndarray]) -> list[int]:
    """The level in the middle of each frame."""
    return [int(frame[frame.shape[0] // 2, frame.shape[1] // 2, 0]) for frame in frames]


# ---- which epochs ----


def test_every_epoch_is_a_frame_at_first_and_ever_fewer_later():
    epochs = chosen(1000)
    assert epochs[: timelapse.DENSE] == list(range(1, timelapse.DENSE + 1))
    steps = np.diff(epochs)
    assert set(steps) == {1, 2, 4, 8, 16, 32}
    assert (np.diff(steps) >= 0).all()
    assert epochs[-1] > 1000 - 64


def test_each_size_begins_densely_again_and_a_run_that_goes_on_too():
    epochs = chosen(200, sizes=2)
    assert set(range(1, 11)) | set(range(101, 111)) <= set(epochs)
    assert not set(range(90, 101)) <= set(epochs)
    pace = Pace()
    assert [pace.wants(a_step(epoch, scale=2)) for epoch in (70, 71, 72)] == [True] * 3


@pytest.mark.parametrize("kind", ["webp", "gif"])
@pytest.mark.parametrize("epochs", [10, 100, 1000])
def test_a_film_of_any_run_has_few_frames_and_lasts_4_to_11_seconds(epochs, kind, tmp_path):
    frames, times = shown(film(tmp_path / f"a.{kind}", epochs, photo=lambda: plain(255)))
    assert min(epochs, 40) <= len(frames) <= timelapse.MOST_FRAMES + 2
    assert 4000 <= sum(times) <= 11_000
    assert times[0] == 800
    assert times[-1] == 2000
    assert len(set(times[1:-1])) == 1


@pytest.mark.parametrize(("sizes", "most_bytes"), [(1, 2**28), (6, 2**28), (1, 30_000)])
def test_frames_are_given_up_where_there_are_too_many(sizes, most_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(timelapse, "MOST_BYTES", most_bytes)
    listener = Timelapse(str(tmp_path / "a.webp"), photo=lambda: plain(255, (16, 16)))
    most, read = 0, []
    for epoch in range(1, 5001):
        scale = 1 + epoch * sizes // 5001
        listener(a_step(epoch, scale=scale, read=lambda: read.append(1) or plain(0, (16, 16))))
        most = max(most, len(listener._frames))
        assert sum(map(len, listener._frames)) <= most_bytes
    limit = min(timelapse.MOST_FRAMES, most_bytes // len(listener._frames[0]))
    assert limit / 2 < most <= limit and len(read) < 1000
    assert Image.open(io.BytesIO(listener._frames[0])).getpixel((0, 0)) == (255, 255, 255)


# ---- what it looks like ----


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_it_begins_with_the_photo_grows_darker_and_ends_with_the_result(kind, tmp_path, caplog):
    caplog.set_level(logging.INFO, "nstyle")
    path = film(tmp_path / f"a.{kind}", 20, photo=lambda: plain(230, (240, 160)))
    frames, times = shown(path)
    assert caplog.messages == [f"{path}: 20 frames, {sum(times) / 1000:.1f} seconds"]
    levels = greys(frames)
    assert len(levels) == 1 + 18 + 1  # the photo, epochs 1 to 16, 18 and 20, the result
    assert abs(levels[0] - 230) <= 3
    assert np.abs(frames[0] - plain(230).pixels).mean() < 4  # brought to the picture's size
    assert abs(levels[1] - 193) <= 3
    assert levels[-1] <= 3
    assert sorted(levels, reverse=True) == levels


def test_without_a_photo_it_begins_with_the_first_epoch(tmp_path, caplog):
    def gone() -> Picture:
        raise ImageError("photo.jpg: no such file")

    for photo in (None, gone):
        levels = greys(shown(film(tmp_path / "a.webp", 20, photo=photo))[0])
        assert abs(levels[0] - 193) <= 3
    assert "begins without the photo (photo.jpg: no such file)" in caplog.text


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_run_without_epochs_has_a_small_film_of_its_opaque_picture(kind, tmp_path):
    picture = Picture(plain(100, (960, 600)).pixels, np.zeros((600, 960), np.uint8))
    Timelapse(str(tmp_path / f"a.{kind}")).finish(a_result(picture=picture))
    with Image.open(tmp_path / f"a.{kind}") as still:
        assert getattr(still, "n_frames", 1) == 1 and still.size == (480, 300)
        assert abs(still.convert("RGB").getpixel((100, 100))[0] - 100) <= 3


@pytest.mark.parametrize("kind", ["webp", "gif", "mp4"])
def test_frames_of_smaller_sizes_are_brought_to_the_results(kind, tmp_path):
    listener = Timelapse(str(tmp_path / f"a.{kind}"))
    for epoch, size in enumerate([(12, 8), (24, 16), SIZE], 1):
        listener(a_step(epoch, scale=epoch, read=lambda size=size: plain(100, size)))
    listener.finish(a_result(picture=plain(100)))
    if kind == "mp4":
        frames = decoded(tmp_path / "a.mp4")
    else:
        frames, _ = shown(tmp_path / f"a.{kind}")
    for frame in frames:
        assert frame.shape == (32, 48, 3)
        assert np.abs(frame[:, :34] - 100).mean() < 6  # the stripe stays where it is
        assert np.abs(frame[:, 38:] - 255).mean() < 6


def test_all_frames_of_a_gif_share_one_palette(tmp_path):
    path = tmp_path / "a.gif"
    listener = Timelapse(str(path))
    for epoch in range(1, 6):
        picture = Picture(tiny.picture(epoch))
        listener(a_step(epoch, read=lambda picture=picture: picture))
    listener.finish(a_result(picture=Picture(tiny.picture(6))))
    frames, _ = shown(path)
    colours = {tuple(colour) for frame in frames for colour in frame.reshape(-1, 3)}
    assert 100 < len(colours) <= 256
    assert np.abs(frames[-1] - tiny.picture(6)).mean() < 12


# ---- mp4 ----


def decoded(path: Path) -> list[np.ndarray]:
    """The frames of an MP4."""
    pytest.importorskip("av", reason='PyAV is not installed: pip install "nstyle[video]"')
    import films

    return films.decoded(path)[0]


@pytest.mark.parametrize("epochs", [10, 100])
def test_an_mp4_has_all_its_frames_in_full_size_with_even_edges(epochs, tmp_path):
    listener = Timelapse(str(tmp_path / "a.mp4"), photo=lambda: plain(230, (491, 31)))
    for epoch in range(1, epochs + 1):
        listener(a_step(epoch, read=lambda: plain(120, (491, 31))))
    listener.finish(a_result(picture=plain(40, (491, 31))))
    frames = decoded(tmp_path / "a.mp4")
    count = 1 + len(chosen(epochs))
    rate = max(4, round(count / 6))
    assert len(frames) == round(0.8 * rate) + count - 1 + 2 * rate
    assert 4 <= len(frames) / rate <= 11
    assert frames[0].shape == (32, 492, 3)
    levels = greys([frames[0], frames[len(frames) // 2], frames[-1]])
    assert levels == pytest.approx([230, 120, 40], abs=4)


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.avi", ["a.avi", ".avi is unknown", ".mp4 .gif .webp"]),
        ("a.mp", ["did you mean .mp4?"]),
        ("a", ["has no extension", ".mp4"]),
        ("", ["has no extension"]),
        ("folder.gif", ["is a folder"]),
        ("file/a.webp", ["cannot be written"]),
    ],
)
def test_a_film_that_cannot_be_written_is_refused_at_once(name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OptionError) as caught:
        Timelapse(name)
    line = str(caught.value)
    assert line.startswith("--timelapse ") and "\n" not in line
    assert [word for word in words if word not in line] == []


def test_an_mp4_without_pyav_is_refused_at_once_and_the_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OptionError, match=r"^--timelapse .*a\.mp4: .*pip install .*av.*\.webp"):
        Timelapse(str(tmp_path / "a.mp4"))
    film(tmp_path / "a.gif", 2)


@pytest.mark.parametrize("kind", ["webp", "gif", "mp4"])
def test_a_full_disk_is_a_warning_and_the_old_film_stays(kind, tmp_path, monkeypatch, caplog):
    def full(file: Any, *_: Any) -> None:
        file.write(b"half a film")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / f"a.{kind}"
    path.write_bytes(b"old")
    monkeypatch.setitem(timelapse.WRITERS, kind.upper(), full)
    film(path, 3)
    assert caplog.messages == [f"--timelapse {path}: not written (No space left on device)"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


# ---- on the command line ----


@pytest.fixture
def paint(tmp_path, monkeypatch, weights_file):
    """run.py with small pictures and a small network, in an own folder; gives the exit code."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("photo.png", 1), ("style.png", 2)):
        small = Image.fromarray(tiny.picture(seed, (8, 6)))
        small.resize((64, 48), Image.Resampling.BICUBIC).save(name)

    def run(*words: str) -> int:
        pictures = ["--content-image", "photo.png", "--style-image", "style.png"]
        short = ["--max-num-epochs", "3", "--gpu", "-1", "--save-epochs", "0"]
        return main_run([*pictures, *short, "--weights", weights_file, *words])

    return run


def test_a_run_leaves_its_film_if_it_diverges_or_is_ended_too(paint, monkeypatch):
    assert paint("--output", "out.png", "--timelapse", "new/a.webp", "--quiet") == 0
    frames, times = shown(Path("new/a.webp"))
    assert sum(times) == 800 + 3 * 250 + 2000
    photo, painted = (image_file.read(name).pixels for name in ("photo.png", "out.png"))
    for frame, own, other in ((frames[0], photo, painted), (frames[-1], painted, photo)):
        assert 2 * np.abs(frame - own).mean() < np.abs(frame - other).mean()

    wild = ["--set", "step_limit=0", "--set", "clamp=false", "--lr", "1e9", "--remove-noise", "0"]
    assert paint("--output", "a.png", "--timelapse", "a.webp", *wild) == 1
    assert Path("a.png").is_file() and Path("a.webp").is_file()

    call = Timelapse.__call__

    def second(self: Timelapse, step: Any) -> None:
        call(self, step)
        if step.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Timelapse, "__call__", second)
    assert paint("--output", "b.png", "--timelapse", "b.webp") == 130
    assert sum(shown(Path("b.webp"))[1]) == 800 + 2 * 250 + 2000


def test_the_film_comes_after_the_picture_which_survives_its_failure(paint, monkeypatch):
    pictures: list[bool] = []

    def full(*_: Any) -> None:
        pictures.append(Path("out.png").is_file())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(timelapse.WRITERS, "GIF", full)
    assert paint("--output", "out.png", "--timelapse", "film.gif") == 1
    assert pictures == [True]
    assert not Path("film.gif").exists()


@pytest.mark.parametrize("path", ["photo.webp", "style.webp", "out.webp", "trace.webp"])
def test_a_film_never_takes_the_place_of_anything_else(paint, capsys, path):
    for name in ("photo", "style"):
        Image.open(f"{name}.png").save(f"{name}.webp")
    before = {entry.name: entry.read_bytes() for entry in Path().iterdir()}
    words = ["--content-image", "photo.webp", "--style-image", "style.webp"]
    words += ["--output", "out.webp", "--trace", "trace.webp"]
    assert paint(*words, "--timelapse", f"./{path}") == 2
    line = capsys.readouterr().err
    assert f"--timelapse: ./{path} is " in line and "give another file" in line
    assert line.count("\n") == 1
    assert before == {entry.name: entry.read_bytes() for entry in Path().iterdir()}


def test_a_photo_from_a_pipe_is_read_only_once(paint, tmp_path):
    os.mkfifo("pipe.png")
    data = Path("photo.png").read_bytes()
    writer = threading.Thread(target=Path("pipe.png").write_bytes, args=(data,), daemon=True)
    writer.start()
    words = ["--content-image", "pipe.png", "--output", "out.png", "--timelapse", "a.webp"]
    assert paint(*words) == 0
    writer.join(10)
    assert sum(shown(Path("a.webp"))[1]) == 800 + 2 * 250 + 2000  # without the photo
