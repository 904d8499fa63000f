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
from made import METADATA, a_result, a_step
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


def test_lines_tell_of_the_first_epoch_and_every_tenth():
    stream = io.StringIO()
    walk(progress.Lines(stream), 25)
    lines = stream.getvalue().splitlines()
    assert [int(re.match(r"epoch (\d+):", line)[1]) for line in lines] == [1, 10, 20]
    for line in lines:
        assert "eps 0.01" in line
        assert "loss 2.5" in line
        assert "0.25 s per epoch" in line


def test_lines_tell_the_pace_of_the_epochs_since_the_last_line():
    stream = io.StringIO()
    lines = progress.Lines(stream)
    for epoch in range(1, 21):
        lines(a_step(epoch, seconds=0.25 if epoch <= 10 else 2.0))
    assert "2.00 s per epoch" in stream.getvalue().splitlines()[-1]


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


def test_lines_go_to_stderr_where_no_stream_is_given(capsys):
    walk(progress.Lines(), 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epoch 1:")


def test_the_bar_shows_its_share_eps_and_loss_and_ends_its_line_when_closed():
    stream = io.StringIO()
    bar = progress.Bar(stream)
    for epoch in range(1, 21):
        bar(a_step(epoch, left=0.25 * (25 - epoch)))
    bar.close()
    shown = stream.getvalue()
    assert shown.endswith("\n")
    last = shown.rstrip("\n").split("\r")[-1]
    assert "epoch 20 " in last
    assert "| 80%, about 1 s left" in last
    assert "eps 0.0100" in last
    assert "loss 2.5" in last


def test_a_closed_bar_says_no_more():
    stream = io.StringIO()
    bar = progress.Bar(stream)
    bar(a_step(1))
    bar.close()
    before = stream.getvalue()
    bar.close()
    assert stream.getvalue() == before


def test_the_bar_appears_with_the_first_epoch_so_that_lines_before_it_stay_whole():
    stream = io.StringIO()
    bar = progress.Bar(stream)
    before = stream.getvalue()
    bar(a_step(1))
    bar.close()
    assert before == ""
    assert "epoch 1 " in stream.getvalue()


@pytest.mark.parametrize(
    ("every", "epochs", "names"),
    [
        (50, 101, ["out_e0050.jpg", "out_e0100.jpg"]),
        (1, 2, ["out_e0001.jpg", "out_e0002.jpg"]),
        (5, 4, []),
        (0, 60, []),
    ],
)
def test_snapshots_are_named_after_the_result_and_the_epoch(every, epochs, names, tmp_path):
    walk(progress.Snapshots(str(tmp_path / "out.jpg"), every, METADATA), epochs)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("name", ["out.png", "a.b.tiff", "Out.WEBP"])
def test_a_snapshot_has_folder_name_and_format_of_the_result(name, tmp_path):
    found = progress.Snapshots(str(tmp_path / "deep" / name), 50, METADATA).path(12345)
    assert found == tmp_path / "deep" / f"{Path(name).stem}_e12345{Path(name).suffix}"


def test_no_pixels_are_read_for_an_epoch_without_a_snapshot(tmp_path):
    def read() -> Any:
        raise AssertionError("nobody needs this picture")

    progress.Snapshots(str(tmp_path / "out.png"), 2, METADATA)(a_step(1, read=read))
    assert list(tmp_path.iterdir()) == []


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


def test_a_trace_has_a_line_per_epoch_and_a_last_one_with_the_result(tmp_path):
    path = tmp_path / "new" / "trace.jsonl"
    trace = progress.Trace(str(path))
    for epoch in (1, 2):
        trace(a_step(epoch))
    trace.finish(a_result())
    trace.close()
    *steps, last = trace_lines(path)
    assert [set(step) for step in steps] == [KEYS, KEYS]
    assert [step["epoch"] for step in steps] == [1, 2]
    assert steps[0] == a_step(1).as_json()
    assert set(last) >= LAST_KEYS
    assert (last["stopped"], last["epochs"]) == ("eps", 2)
    assert last["options"] == {"lr": 0.1, "seed": 0}
    assert last["peak_memory_bytes"] > 2**20


def test_a_line_of_the_trace_can_be_read_as_soon_as_its_epoch_is_over(tmp_path):
    trace = progress.Trace(str(tmp_path / "t.jsonl"))
    trace(a_step(1))
    assert trace_lines(tmp_path / "t.jsonl")[0]["epoch"] == 1
    trace.close()


def test_a_trace_begins_anew(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("old\n")
    trace = progress.Trace(str(path))
    trace(a_step(1))
    trace.close()
    assert [line["epoch"] for line in trace_lines(path)] == [1]


def test_a_trace_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "t.jsonl", tmp_path):
        with pytest.raises(ImageError) as caught:
            progress.Trace(str(path))
        assert str(caught.value).startswith(f"--trace {path}:")


# ---- traces of runs that are gone on with ----


def a_trace(path: Path, epochs: int, end: str = "") -> None:
    """As a run leaves it that was killed after so many epochs."""
    trace = progress.Trace(str(path))
    walk(trace, epochs)
    with open(path, "a", encoding="utf-8") as file:
        file.write(end)


@pytest.mark.parametrize(
    "end", ["", '{"epoch": 8, "sc', '{"stopped": "interrupted", "epochs": 7}\n']
)
@pytest.mark.parametrize("after", [1, 5, 7])
def test_a_trace_goes_on_with_the_next_epoch_and_no_line_is_double(tmp_path, after, end):
    path = tmp_path / "t.jsonl"
    a_trace(path, 7, end)
    before = path.read_text().splitlines()
    trace = progress.Trace(str(path), after)
    for epoch in range(after + 1, 10):
        trace(a_step(epoch))
    trace.finish(a_result())
    trace.close()
    *steps, last = trace_lines(path)
    assert [step["epoch"] for step in steps] == list(range(1, 10))
    assert path.read_text().splitlines()[:after] == before[:after]
    assert last["stopped"] == "eps"
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_is_refused_before_its_first_epoch_leaves_the_trace_as_it_was(tmp_path):
    a_trace(tmp_path / "t.jsonl", 7)
    before = (tmp_path / "t.jsonl").read_bytes()
    progress.Trace(str(tmp_path / "t.jsonl"), 3).close()
    assert (tmp_path / "t.jsonl").read_bytes() == before


def test_a_new_trace_of_a_run_that_is_gone_on_with_begins_with_the_next_epoch(tmp_path):
    trace = progress.Trace(str(tmp_path / "new.jsonl"), 5)
    trace(a_step(6))
    trace.close()
    assert [step["epoch"] for step in trace_lines(tmp_path / "new.jsonl")] == [6]


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


def test_no_listener_ends_a_run_by_what_it_returns(tmp_path):
    trace = progress.Trace(str(tmp_path / "t"))
    stream = io.StringIO()
    bar, lines = progress.Bar(stream), progress.Lines(stream)
    shots = progress.Snapshots(str(tmp_path / "out.png"), 1, METADATA)
    assert [listener(a_step(1)) for listener in (trace, bar, lines, shots)] == [None] * 4
    bar.close()
    trace.close()
