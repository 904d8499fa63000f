"""`nstyle train`, through `main()`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from asking import CHECKOUT
from PIL import Image

from nstyle.cli.commands.train import StepLines, line
from nstyle.cli.main import main
from nstyle.errors import DivergedError
from nstyle.feedforward import network_file
from nstyle.feedforward.train import run
from nstyle.feedforward.train.run import TrainStep


@pytest.fixture
def folder(tmp_path, monkeypatch, weights_file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for index in range(4):
        Image.fromarray(tiny.picture(index, (40, 36))).save(tmp_path / "photos" / f"p{index}.png")
    Image.fromarray(tiny.picture(9)).save(tmp_path / "wave.png")
    return tmp_path


@pytest.fixture
def words(folder, weights_file):
    return [
        "train", "--style-image", "wave.png", "--photos", "photos", "--output", "wave.params",
        "--crop", "32", "--width", "4", "--batch", "1", "--preview-steps", "0", "--gpu", "-1",
        "--weights", weights_file,
    ]  # fmt: skip


def test_a_network_is_trained_and_the_next_command_named(words, folder, capsys):
    assert main([*words, "--steps", "2", "--curve", "c.jsonl"]) == 0
    said = capsys.readouterr().err
    assert "step 1: loss " in said and "step 2: loss " in said
    assert "nstyle paint --network wave.params photo.jpg" in said.splitlines()[-1]
    assert network_file.read("wave.params").about["steps"] == 2
    curve = Path("c.jsonl").read_text().splitlines()
    assert [json.loads(text)["step"] for text in curve] == [1, 2]


def test_quiet_says_nothing(words, capsys):
    assert main([*words, "--steps", "1", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_an_interrupted_training_says_how_to_go_on(words, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run, "Postponement", Pressed)
        assert main([*words, "--steps", "4"]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "interrupted after step 1; to go on: the same command with --resume"
    assert main([*words, "--steps", "2"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*words, "--steps", "2", "--resume"]) == 0
    assert not Path("wave.ckpt.npz").exists()


def test_a_training_that_is_told_to_end_ends_as_by_ctrl_c(words, capsys, monkeypatch):
    def told(self, step):
        if step.step == 2:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(StepLines, "__call__", told)
    assert main([*words, "--steps", "5"]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "interrupted after step 2; to go on: the same command with --resume"
    assert Path("wave.ckpt.npz").exists()


def test_a_curve_that_is_incomplete_is_told_by_the_exit_code(words, capsys):
    Path("c.jsonl").symlink_to("/dev/full")
    assert main([*words, "--steps", "2", "--curve", "c.jsonl"]) == 1
    assert "the curve cannot be written" in capsys.readouterr().err
    assert network_file.read("wave.params").about["steps"] == 2


def test_a_killed_training_ends_in_the_same_weights(words, folder):
    words = [*words, "--steps", "12", "--save-steps", "3", "--style-layers", "relu1_1", "--quiet"]
    words += ["--content-layers", "relu2_1"]
    assert main([*words, "--output", "whole.params"]) == 0
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen([sys.executable, "-m", "nstyle", *words], env=environment)
    while process.poll() is None and not Path("wave.ckpt.npz").exists():
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL and not Path("wave.params").exists()
    assert main([*words, "--resume"]) == 0
    whole, resumed = (network_file.read(path) for path in ("whole.params", "wave.params"))
    assert resumed.about["loss"] == whole.about["loss"]
    for name, values in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], values)
    assert sorted(os.listdir()) == ["photos", "wave.params", "wave.png", "whole.params"]


@pytest.mark.parametrize(
    ("saved", "file", "said"),
    [(2, "wave.ckpt.npz", "to go on: the same command with --resume"),
     (2, "/t m/w.npz", "to go on: the same command with --resume --checkpoint '/t m/w.npz'"),
     (1, "wave.ckpt.npz", "to go on from step 1: the same command with --resume"),
     (0, "wave.ckpt.npz", "no checkpoint could be written, so it is lost")],
)  # fmt: skip
def test_a_disk_that_is_full_at_the_end_is_said(words, capsys, monkeypatch, saved, file, said):
    made = SimpleNamespace(finished=False, steps=2, saved=saved, checkpoint=file)
    monkeypatch.setattr(run, "train", lambda *_, **__: made)
    assert main([*words, "--steps", "4"]) == 130
    assert capsys.readouterr().err == f"interrupted after step 2; {said}\n"


class Pressed:
    """Ctrl-C was pressed in the first step."""

    def __enter__(self):
        return lambda step: True

    def __exit__(self, *error):
        pass


def test_a_diverged_training_is_no_refusal(words, capsys, monkeypatch):
    def diverge(*_, **__):
        raise DivergedError("the loss is nan at step 3; give a smaller learning rate")

    monkeypatch.setattr(run, "run", diverge)
    assert main([*words, "--steps", "4"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: the loss is nan")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--photos", "nowhere"], "nowhere: no such folder"),
        (["--steps", "2", "--time-budget", "2m"], "--steps, --time-budget"),
        (["--paintings", "photos"], "--style-image, --paintings"),
        (["--resume"], "leave it out"),
    ],
)
def test_bad_words_are_refused_in_one_line(words, capsys, more, said):
    assert main([*words, *more]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("nstyle: error:") and "\n" not in error and said in error


def test_lines_come_for_the_first_step_the_last_and_now_and_then(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tell = StepLines()
    for number in range(1, 9):
        tell(a_step(number, left=8.0 - number))
        now[0] += 4
    said = capsys.readouterr().err.splitlines()
    assert [text.split(":")[0] for text in said] == ["step 1", "step 4", "step 7", "step 8"]
    assert "loss 3.0000 (content 0.2000, style 2.8000)" in said[1]  # of 2, 3 and 4


def a_step(number, left=90.0):
    return TrainStep(number, float(number), {"style": number - 0.2, "content": 0.2}, 2.0, left)


def test_a_line_tells_the_time_left():
    assert line([a_step(3)]).endswith("2 s, about 90 s left")
