"""Learning curves stay in step with the checkpoint."""

from __future__ import annotations

import json

import pytest

from nstyle.errors import OptionError
from nstyle.networks.training import curve


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "curve.jsonl")
    for step in range(1, 6):
        curve.append(path, {"step": step, "loss": 1 / step})
    return path


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_lines_after_the_checkpoint_are_dropped(path):
    assert lines(path)[3] == {"step": 4, "loss": 0.25}
    assert curve.kept(path, 2).count(b"\n") == 2
    assert [line["step"] for line in lines(path)] == [1, 2, 3, 4, 5], "looking changes nothing"
    curve.trim(path, 3)
    curve.append(path, {"step": 4})
    assert [line["step"] for line in lines(path)] == [1, 2, 3, 4]


def test_a_half_written_line_is_dropped(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"step": 6, "lo')
    curve.trim(path, 9)
    assert [line["step"] for line in lines(path)] == [1, 2, 3, 4, 5]


def test_what_is_no_curve_is_refused_and_left(tmp_path):
    path = tmp_path / "diary.txt"
    path.write_text("dear diary\n")
    with pytest.raises(OptionError, match="no learning curve"):
        curve.trim(str(path), 0)
    assert path.read_text() == "dear diary\n"


def test_without_a_file_nothing_is_written(tmp_path):
    curve.append(None, {"step": 1})
    curve.trim(None, 0)
    curve.trim(str(tmp_path / "new.jsonl"), 0)
    assert not list(tmp_path.iterdir())
