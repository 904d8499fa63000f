"""`nstyle score`: a line per picture and layer, or JSON."""

from __future__ import annotations

import json

import pytest
import tiny
from PIL import Image

from nstyle.cli.main import main


@pytest.fixture
def files(tmp_path):
    for name, seed in (("photo", 1), ("style", 2), ("a", 3)):
        Image.fromarray(tiny.picture(seed)).save(tmp_path / f"{name}.png")
    return {path.stem: str(path) for path in tmp_path.iterdir()}


def score(files, weights_file, *words: str) -> int:
    given = ["--content", files["photo"], "--style", files["style"], "--weights", weights_file]
    return main(["score", *given, "--gpu", "-1", *words])


def test_json_has_one_object_per_picture_and_line(files, weights_file, capsys):
    assert score(files, weights_file, "--json", files["a"], files["photo"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["picture"] for line in lines] == [files["a"], files["photo"]]
    assert set(lines[0]) == {"picture", "content", "style", "layers"}
    assert lines[0]["content"] > 0 and lines[1]["content"] == 0
    assert lines[0]["layers"]["style:relu1_1"] > 0


def test_plain_words_name_the_picture_and_its_layers(files, weights_file, capsys):
    assert score(files, weights_file, files["a"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{files['a']}: content 0.") and "relu5_1" in out


def test_a_picture_that_is_not_there_is_refused_in_one_line(files, weights_file, capsys):
    assert score(files, weights_file, files["a"], "nowhere.png") == 2
    said = capsys.readouterr()
    assert said.out == "" and "nowhere.png: no such file" in said.err
    assert said.err.count("\n") == 1
