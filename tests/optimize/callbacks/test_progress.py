"""Listeners: lines, bar, snapshots, trace."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from made import METADATA, a_picture, a_result, a_step
from PIL import Image

from nstyle.errors import ImageError
from nstyle.images import image_file
from nstyle.optimize.callbacks import progress

KEYS = {"epoch", "scale", "width", "height", "loss", "terms", "eps", "seconds", "left"}
LAST_KEYS = {"stopped", "epochs", "seconds", "model", "options", "version"}


def walk(listener: Any, epochs: int) -> None:
    """Show so many steps to a listener and close it where it can be."""
    for epoch in range(1, epochs + 1):
        assert listener(a_step(epoch)) is not True
    getattr(listener, "close", lambda: None)()


def test_lines_tell_of_the_first_epoch_and_every_tenth_with_the_pace_since_the_last(capsys):
    stream = io.StringIO()
    lines = progress.Lines(), progress.Lines(stream)
    for epoch in range(1, 26):
        for listener in lines:
            assert listener(a_step(epoch, seconds=0.25 if epoch <= 10 else 2.0)) is None
    out, err = capsys.readouterr()
    assert out == "" and err == stream.getvalue()  # stderr where no stream is given
    shown = err.splitlines()
    assert [int(re.match(r"epoch (\d+):", line)[1]) for line in shown] == [1, 10, 20]
    assert all("eps 0.01" in line and "loss 2.5" in line for line in shown)
    assert ["0.25 s per epoch" in line for line in shown] == [True, True, False]
    assert "2.00 s per epoch" in shown[-1]


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (20.4, "about 20 s left"),
        (119.0, "about 119 s left"),
        (300.0, "about 5 min left"),
        (9000.0, "about 2 h left"),
        (None, "time left unknown"),
    ],
)
@pytest.mark.parametrize("kind", [progress.Lines, progress.Bar])
def test_lines_and_bar_tell_the_time_left(kind, left, text):
    stream = io.StringIO()
    listener = kind(stream)
    listener(a_step(1, left=left))
    listener.close()
    assert text in stream.getvalue()


def test_the_bar_shows_its_share_eps_and_loss_and_ends_its_line_when_closed():
    stream = io.StringIO()
    bar = progress.Bar(stream)
    assert stream.getvalue() == ""  # lines before the first epoch stay whole
    for epoch in range(1, 21):
        assert bar(a_step(epoch, left=0.25 * (25 - epoch))) is None
    bar.close()
    shown = stream.getvalue()
    assert shown.endswith("\n")
    last = shown.rstrip("\n").split("\r")[-1]
    for words in ("epoch 20 ", "| 80%, about 1 s left", "eps 0.0100", "loss 2.5"):
        assert words in last
    bar.close()
    assert stream.getvalue() == shown


def test_the_bar_is_empty_while_the_time_left_is_unknown():
    stream = io.StringIO()
    bar = progress.Bar(stream)
    for epoch, left in enumerate([None, None, 0.25], 1):
        bar(a_step(epoch, left=left))
        bar._bar.refresh()
    bar.close()
    assert [int(share) for share in re.findall(r"(\d+)%", stream.getvalue())][-3:-1] == [0, 75]


@pytest.mark.parametrize(
    ("name", "every", "epochs", "names"),
    [
        ("out.jpg", 50, 101, ["out_e0050.jpg", "out_e0100.jpg"]),
        ("a.b.TIFF", 1, 2, ["a.b_e0001.TIFF", "a.b_e0002.TIFF"]),
        ("out.jpg", 5, 4, []),
        ("out.jpg", 0, 60, []),
    ],
)
def test_snapshots_are_named_after_the_result_and_the_epoch(name, every, epochs, names, tmp_path):
    read = []
    snapshots = progress.Snapshots(str(tmp_path / name), every, METADATA)
    for epoch in range(1, epochs + 1):
        assert snapshots(a_step(epoch, read=lambda: read.append(1) or a_picture())) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert len(read) == len(names)


def test_a_snapshot_is_the_finished_picture_of_its_step_with_the_options_inside(tmp_path):
    progress.Snapshots(str(tmp_path / "out.png"), 3, METADATA)(a_step(3))
    path = tmp_path / "out_e0003.png"
    with Image.open(path) as found:
        assert np.array_equal(np.asarray(found), tiny.picture(3))
    assert image_file.read_metadata(path) == METADATA


def trace_lines(path: Path) -> list[Any]:
    """The records in a trace; refuses what JSON proper does not know."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_a_trace_has_a_line_per_epoch_at_once_and_a_last_one_with_the_result(tmp_path):
    path = tmp_path / "new" / "trace.jsonl"
    path.parent.mkdir()
    path.write_text("old\n")
    trace = progress.Trace(str(path))
    for epoch in (1, 2):
        assert trace(a_step(epoch)) is None
        assert trace_lines(path)[-1]["epoch"] == epoch
    trace.finish(a_result())
    trace.close()
    *steps, last = trace_lines(path)
    assert [set(step) for step in steps] == [KEYS, KEYS]
    assert steps[0] == a_step(1).as_json()
    assert set(last) >= LAST_KEYS
    assert (last["stopped"], last["epochs"]) == ("eps", 2)
    assert last["options"] == {"lr": 0.1, "seed": 0}
    assert last["peak_memory_bytes"] > 2**20


def test_a_trace_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "t.jsonl", tmp_path):
        with pytest.raises(ImageError) as caught:
            progress.Trace(str(path))
        assert str(caught.value).startswith(f"--trace {path}:")


# ---- traces of runs that are gone on with ----


@pytest.mark.parametrize(
    "end", ["", '{"epoch": 8, "sc', '{"stopped": "interrupted", "epochs": 7}\n']
)
@pytest.mark.parametrize("after", [1, 5, 7])
def test_a_trace_goes_on_with_the_next_epoch_and_no_line_is_double(tmp_path, after, end):
    path = tmp_path / "t.jsonl"
    walk(progress.Trace(str(path)), 7)
    with open(path, "a", encoding="utf-8") as file:
        file.write(end)  # as a run leaves it that is killed
    before = path.read_text()
    progress.Trace(str(path), after).close()
    assert path.read_text() == before  # stays until the first epoch
    trace = progress.Trace(str(path), after)
    for epoch in range(after + 1, 10):
        trace(a_step(epoch))
    trace.finish(a_result())
    trace.close()
    *steps, last = trace_lines(path)
    assert [step["epoch"] for step in steps] == list(range(1, 10))
    assert path.read_text().splitlines()[:after] == before.splitlines()[:after]
    assert last["stopped"] == "eps"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_trace_is_refused_and_stays(tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary\n")
    with pytest.raises(ImageError) as caught:
        progress.Trace(str(tmp_path / "diary.txt"), 5)
    path = tmp_path / "diary.txt"
    assert str(caught.value) == f"--trace {path}: is no trace to go on with; name another"
    assert path.read_text() == "dear diary\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_costs_lines_of_the_trace_not_the_run_and_is_said_once(caplog):
    trace = progress.Trace("/dev/full")
    walk(trace, 3)  # closes it, too
    assert caplog.messages == ["--trace /dev/full: lines are lost (No space left on device)"]


def test_snapshots_that_cannot_be_written_are_said_once(tmp_path, caplog):
    (tmp_path / "file").write_text("x")
    walk(progress.Snapshots(str(tmp_path / "file" / "out.png"), 1, METADATA), 3)
    assert len(caplog.messages) == 1
    assert "out_e0001.png" in caplog.text
