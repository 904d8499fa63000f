"""`nstyle video`: what it says, exit codes, and a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import clips
import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.cli.main import main
from nstyle.errors import DivergedError, ImageError, OptionError, WeightsError
from nstyle.system import extras
from nstyle.video.run import FilmStep

pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(tiny.picture(3, (130, 130))).save(tmp_path / "style.png")
    clips.write(tmp_path / "clip.mp4", clips.panned(6), sound="aac")
    return tmp_path


def words(*more):
    return ["video", "--content-video", "clip.mp4", "--style-image", "style.png", *more]


def test_a_film_is_painted_in_one_pass(folder, capsys):
    assert main(words("--method", "instant", "--output", "out.mkv")) == 0
    assert len(clips.seen("out.mkv")[0]) == 6
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("frame 1 of 6: a new shot, ")
    assert said[-1].startswith("out.mkv: 6 frames in ")
    assert sorted(os.listdir(folder)) == ["clip.mp4", "out.mkv", "style.png"]


def test_a_film_is_painted_in_a_ready_style(folder, capsys):
    ready = ["video", "--content-video", "clip.mp4", "--to", "2", "--quiet", "--style"]
    assert main([*ready, "screem"]) == 2
    assert "did you mean 'scream'" in capsys.readouterr().err
    assert main([*ready, "scream,kiss:2", "--output", "out.mkv"]) == 0
    assert len(clips.seen("out.mkv")[0]) == 2


def test_a_film_is_painted_by_optimisation(folder, weights_file, capsys):
    options = ["--weights", weights_file, "--max-num-epochs", "3", "--frame-epochs", "2"]
    assert main(words(*options, "--gpu", "-1", "--to", "3", "--quiet")) == 0
    assert len(clips.seen("output/out.mp4")[0]) == 3
    assert capsys.readouterr().err == ""


def test_lines_say_what_became_of_a_frame():
    from nstyle.cli.commands.video import line

    usual = FilmStep(3, 250, 30, False, False, 4.0, 988.0)
    assert line(usual) == "frame 3 of 250: 30 epochs, 4.0 s, about 16 min left"
    broken = FilmStep(4, 250, 0, False, True, 0.1, 980.0)
    assert line(broken).startswith("frame 4 of 250: broken, the last one is shown, 0.1 s")
    first = FilmStep(1, 250, 30, True, True, 4.0, 988.0)
    assert line(first).startswith("frame 1 of 250: broken, the next one is shown, 30 epochs, ")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--content-video", "nowhere.mp4"], "nowhere.mp4: no such file"),
        (["--content-video", "style.png"], "style.png: is a picture, not a film"),
        (["--from", "2:00"], "--from: 2:00 is after the end; the film has 6 frames in 0.24 s"),
        (["--to", "later"], "--to: 'later' is neither a time"),
        (["--output", "out.wmv"], "--output out.wmv: the extension .wmv is unknown"),
        (["--output", "clip.mp4"], "--output: clip.mp4 is one of the inputs"),
        (["--network", "style.png"], "painting network"),
        (["--style", "scream"], "--style: has no place beside --style-image"),
        (["--style-image", "nothing.png"], "nothing.png: no such file"),
        (["--content-image", "style.png"], "unknown: --content-image"),
    ],
)
def test_one_line_and_exit_code_2(folder, capsys, more, says):
    try:
        code = main(words(*more))
    except SystemExit as end:
        code = end.code
    assert code == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert {*os.listdir(folder)} - {"output"} == {"clip.mp4", "style.png"}


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OptionError("too little memory"), 2, "nstyle: error: too little memory\n"),
        (WeightsError("damaged"), 2, "nstyle: error: damaged\n"),
        (DivergedError("not a number"), 1, "error: not a number\n"),
        (ImageError("disk full"), 1, "error: disk full{kept}\n"),
        (OSError(28, "No space left"), 1, "error: [Errno 28] No space left{kept}\n"),
    ],
)
@pytest.mark.parametrize("frames", [0, 2])
def test_the_same_command_goes_on_where_it_would(
    folder, capsys, monkeypatch, error, code, says, frames
):
    from nstyle.video.by_network import NetworkPainter

    paint, painted = NetworkPainter.paint, []

    def failing(*words):
        if len(painted) == frames:
            raise error
        painted.append(1)
        return paint(*words)

    monkeypatch.setattr(NetworkPainter, "paint", failing)
    assert main(words("--method", "instant", "--quiet")) == code
    kept = "; frames kept: 2, the same command goes on" if frames else ""
    assert capsys.readouterr().err == says.format(kept=kept)
    assert (folder / "output" / "out.mp4.frames").exists() == bool(frames)


@pytest.mark.parametrize("absent", ["av", "cv2"])
def test_without_the_extra_one_line_names_it(folder, capsys, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    assert main(words()) == 2
    said = capsys.readouterr().err
    assert extras.advice("video") in said and said.count("\n") == 1


def start():
    """The command as a process of its own."""
    command = [sys.executable, "-m", "nstyle", *words("--method", "instant", "--keep-frames")]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(path):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} does not come")


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_or_interrupted_the_same_command_goes_on(folder, kind, capsys):
    clips.write("clip.mp4", clips.panned(24))
    process = start()
    wait_for(folder / "output" / "out.mp4.frames" / "000003.png")
    process.send_signal(kind)
    said = process.communicate(timeout=60)[1]
    if kind != signal.SIGKILL:
        assert process.returncode == 130
        assert "interrupted after frame" in said and "the same command" in said
    assert not (folder / "output" / "out.mp4").exists()
    done = len(list((folder / "output" / "out.mp4.frames").glob("*.png")))
    assert 4 <= done < 24
    again = words("--method", "instant", "--keep-frames")
    assert main(again) == 0
    assert "going on after frame" in capsys.readouterr().err
    assert main([*again, "--output", "whole.mp4"]) == 0
    for number in range(24):
        one, other = (
            np.asarray(Image.open(f"{name}.frames/{number:06d}.png"))
            for name in ("output/out.mp4", "whole.mp4")
        )
        assert np.array_equal(one, other)
