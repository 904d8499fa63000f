"""`nstyle distill`, through `main()`."""

from __future__ import annotations

import json

import numpy as np
import tiny
from PIL import Image

from nstyle.cli.main import main


def test_distill_refuses_a_folder_that_is_not_there_in_one_line(capsys, tmp_path):
    words = ["--teacher", "t.params", "--pictures", str(tmp_path / "no"), "--output", "x.params"]
    assert main(["distill", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("nstyle: error:") and "\n" not in error and "no" in error


def test_distill_asks_for_what_it_needs(capsys):
    assert main(["distill", "--output", "x.params"]) == 2
    assert "--teacher: was not given" in capsys.readouterr().err


def test_distill_trains_and_writes_network_and_curve(tmp_path, monkeypatch):
    monkeypatch.setattr("nstyle.networks.distill.run.CLOSED_FORM_PIXELS", 4 * 2 * 32**2)
    monkeypatch.setattr("nstyle.networks.distill.loop.CALIBRATION_BATCHES", 2)
    monkeypatch.setattr("nstyle.networks.distill.paintings.POOL", 2)
    teacher = tiny.write_vgg(tmp_path / "teacher.params", widths=(8, 8, 8, 8, 8))
    for index in range(3):
        pixels = tiny.picture(index, (72, 72))
        Image.fromarray(np.asarray(pixels)).save(tmp_path / f"p{index}.png")
    output, curve = tmp_path / "small.params", tmp_path / "curve.jsonl"
    words = ["--teacher", str(teacher), "--pictures", str(tmp_path), "--output", str(output)]
    words += ["--width", "0.05", "--steps", "2", "--batch", "2", "--bits", "8", "--crop", "32"]
    assert main(["distill", *words, "--curve", str(curve)]) == 0
    assert output.is_file()
    assert [json.loads(line)["step"] for line in curve.read_text().splitlines()] == [1, 2]
