"""Films painted: every frame, cuts, broken ones, going on, what is left behind."""

from __future__ import annotations

from pathlib import Path

import clips
import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.errors import ImageError, OptionError
from nstyle.images.regions import Masks
from nstyle.video import encode
from nstyle.video.options import FilmOptions
from nstyle.video.run import VideoPainter

pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')

STYLE = tiny.picture(5, (130, 130))


@pytest.fixture
def make(tmp_path, weights_file):
    """VideoPainter(...) of a clip, with small networks."""

    def made(path, *, typed=None, masks=None, styles=(STYLE,), **film):
        film = {"output": str(tmp_path / "out.mp4"), "keep_frames": True, **film}
        options = FilmOptions(content_video=str(path), **film)
        quick = {"weights": weights_file, "stop_eps": 0, "max_num_epochs": 3, "scales": 1}
        usual = {"gpu": -1, **(quick if options.optimises else {})}
        return VideoPainter(
            options, styles and list(styles), {**usual, **(typed or {})}, masks=masks
        )

    return made


def frames_in(folder):
    paths = sorted(Path(folder).glob("*.png"))
    return [np.asarray(Image.open(path)) for path in paths]


@pytest.mark.parametrize("method", ["optimise", "instant"])
def test_every_frame_is_painted_and_told_of(make, tmp_path, method):
    ticks = [0, 40, 90, 100, 250, 300]
    path = clips.write(tmp_path / "a.mp4", clips.panned(6), ticks=ticks, sound="aac")
    fewer = {"frame_epochs": 2} if method == "optimise" else {}
    film, steps = make(path, method=method, **fewer), []
    assert (film.done, film.frames) == (0, 6)
    film.paint(steps.append)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.anew for step in steps] == [True] + 5 * [False]
    expected = [3] + 5 * [2] if method == "optimise" else 6 * [0]
    assert [step.epochs for step in steps] == expected
    assert all(step.seconds > 0 for step in steps) and steps[-1].left == 0
    frames, shown = clips.seen(str(tmp_path / "out.mp4"))
    assert [round(1000 * at) for at in shown] == ticks
    kept = frames_in(tmp_path / "out.mp4.frames")
    for frame, painted in zip(frames, kept):
        assert np.abs(frame.astype(int) - painted).mean() < 12
    assert len(clips.packets(str(tmp_path / "out.mp4"), "audio")) > 5


def test_a_cut_begins_anew(make, tmp_path):
    scenes = [clips.panned(3, seed=seed) for seed in (1, 2)]
    film, steps = make(clips.write(tmp_path / "a.mp4", [*scenes[0], *scenes[1]])), []
    film.paint(steps.append)
    assert [step.anew for step in steps] == [True, False, False, True, False, False]


def test_the_last_frame_takes_the_place_of_a_broken_one(make, tmp_path, caplog):
    path = clips.write(tmp_path / "a.mp4", clips.panned(6), codec="mjpeg", pixels="yuvj420p")
    for number in (0, 3):
        clips.break_frame(path, number)
    film, steps = make(path, method="instant"), []
    film.paint(steps.append)
    assert [step.broken for step in steps] == [True, False, False, True, False, False]
    kept = frames_in(tmp_path / "out.mp4.frames")
    assert np.array_equal(kept[3], kept[2]) and not np.array_equal(kept[4], kept[3])
    assert np.abs(kept[1].astype(int) - kept[0]).mean() < 12
    assert len(clips.seen(str(tmp_path / "out.mp4"))[0]) == 6
    assert "frame 0 (0.00 s) is broken; the next one is shown" in caplog.messages
    assert "frame 3 (0.12 s) is broken; the last one is shown" in caplog.messages


@pytest.mark.parametrize(("method", "last"), [("optimise", 3), ("instant", 1), ("network", 2)])
def test_going_on_gives_the_same_frames(make, tmp_path, method, last):
    path = clips.write(tmp_path / "a.mp4", clips.panned(6))
    way = {"method": method}
    if method == "network":
        network = tiny.write_network(tmp_path / "wave.params")
        way = {"network": network, "styles": None}
    make(path, output=str(tmp_path / "whole.mp4"), **way).paint()

    def stop(step):
        if step.number == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(path, **way).paint(stop)
    assert not (tmp_path / "out.mp4").exists()
    film, steps = make(path, **way), []
    assert film.done == last
    film.paint(steps.append)
    assert [step.number for step in steps] == list(range(last + 1, 7))
    # Not the files' bytes: x264 is not always exactly repeatable.
    whole, again = (frames_in(tmp_path / f"{name}.mp4.frames") for name in ("whole", "out"))
    assert len(whole) == len(again) == 6 and np.ptp(whole[-1]) > 20
    for one, other in zip(whole, again):
        assert np.array_equal(one, other)
    assert len(clips.seen(str(tmp_path / "out.mp4"))[0]) == 6


def test_ctrl_c_within_a_frame_loses_that_frame_alone(make, tmp_path, monkeypatch):
    from nstyle.optimize import multiscale

    path, run, runs = clips.write(tmp_path / "a.mp4", clips.panned(4)), multiscale.Painting.run, []

    def interrupted(painting):
        watch = run(painting)
        runs.append(watch)
        if len(runs) == 3:
            watch.stopped = "interrupted"
        return watch

    monkeypatch.setattr(multiscale.Painting, "run", interrupted)
    film = make(path)
    with pytest.raises(KeyboardInterrupt):
        film.paint()
    assert film.done == 2 and len(frames_in(tmp_path / "out.mp4.frames")) == 2


def test_other_options_are_refused_until_it_is_begun_anew(make, tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(2))
    make(path, method="instant").paint()
    for change in ({"temporal_weight": 1.0}, {"begin": "1"}, {"typed": {"style_scale": 2}}):
        with pytest.raises(OptionError, match="holds frames of a film with another --"):
            make(path, method="instant", **change)
    with pytest.raises(OptionError, match="another painting"):
        make(path, method="instant", styles=[tiny.picture(6)])
    assert make(path, method="instant", temporal_weight=1.0, restart=True).done == 0


def test_a_film_that_cannot_be_written_keeps_its_frames(make, tmp_path, monkeypatch):
    path = clips.write(tmp_path / "a.mp4", clips.panned(2))

    def full(*words, **more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(encode, "write", full)
        make(path, method="instant", keep_frames=False).paint()
    assert not (tmp_path / "out.mp4").exists()
    film, steps = make(path, method="instant", keep_frames=False), []
    assert film.done == 2
    film.paint(steps.append)
    assert steps == [], "and a finished film leaves itself alone"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]


def test_a_part_of_a_turned_film_that_is_larger_than_the_result(make, tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(9, size=(94, 66)))
    clips.turn(path, (0, 1, -1, 0))
    part = {"begin": "0.08s", "end": "8", "every": "2"}
    make(path, method="instant", typed={"max_long_edge": 47}, **part).paint()
    frames, shown = clips.seen(str(tmp_path / "out.mp4"))
    assert frames_in(tmp_path / "out.mp4.frames")[0].shape == (47, 33, 3)
    assert frames[0].shape == (48, 34, 3)
    assert [round(1000 * at) for at in shown] == [0, 80, 160]


def test_refusals_come_before_any_work(make, tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(3))
    for film, says in (
        ({"begin": "1:00"}, "--from: 1:00 is after the end"),
        ({"output": str(tmp_path / "a.wmv")}, "--output .*a.wmv: the extension .wmv is unknown"),
    ):
        with pytest.raises(OptionError, match=says):
            make(path, **film)
    with pytest.raises(ImageError, match="no such file"):
        make(tmp_path / "b.mp4")
    with pytest.raises(OptionError, match="masks: for --method optimise alone"):
        make(path, method="instant", masks=Masks(keep=STYLE))
    assert not list(tmp_path.glob("*.frames"))


def test_two_at_once_are_refused(make, tmp_path):
    path = clips.write(tmp_path / "a.mp4", clips.panned(3))

    def another(step):
        with pytest.raises(OptionError, match="another film is being painted"):
            make(path, method="instant").paint()

    make(path, method="instant", keep_frames=False).paint(another)
    assert not (tmp_path / "out.mp4.frames").exists() and (tmp_path / "out.mp4").exists()
