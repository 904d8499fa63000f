"""A worker's answers: the same bytes as `nstyle run` writes; errors that cost one job."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import nstyle
from nstyle import api
from nstyle.batch import tasks, worker
from nstyle.errors import BackendError, DivergedError, OptionError
from nstyle.optimize.context import PaintContext


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.tiff"])
def test_the_bytes_that_a_run_writes(task, tmp_path, weights_file, name):
    answer = worker.answer(task(name=name, threads=None), PaintContext())
    paths = [str(tmp_path / f"{each}.png") for each in ("a", "style")]
    options = {"weights": weights_file, "max_num_epochs": 2, "stop_eps": 0, "gpu": -1}
    nstyle.stylize(*paths, **options).save(tmp_path / name)
    assert answer.data == (tmp_path / name).read_bytes()
    assert answer.error is None and answer.seconds > 0
    assert dict(answer.facts) == {
        "width": 48, "height": 40, "stopped": "max-epochs", "epochs": 2, "model": "vgg19-slim"
    }  # fmt: skip


def test_a_bad_picture_is_refused_for_good_and_named(task, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    for photo in ("bad.jpg", "none.jpg"):
        answer = worker.answer(task(photo), PaintContext())
        assert answer.refused and photo in str(answer.error) and not answer.data


@pytest.mark.parametrize(
    ("error", "refused", "says"),
    [
        (OptionError("needs 3 GB"), False, "needs 3 GB"),
        (BackendError("no GPU"), False, "no GPU"),
        (DivergedError("the loss became nan"), True, "the loss became nan"),
        (MemoryError(), False, "more memory than there is"),
        (ZeroDivisionError("by zero"), False, "a bug in nstyle (ZeroDivisionError: by zero)"),
    ],
)
def test_other_errors_cost_this_job_and_may_be_over_next_time(
    task, monkeypatch, caplog, error, refused, says
):
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(api, "paint", fail)
    with caplog.at_level(logging.ERROR):
        answer = worker.answer(task(), PaintContext())
    assert answer.refused == refused and says in str(answer.error)
    assert ("Traceback" in caplog.text) == isinstance(error, ZeroDivisionError)


def test_what_is_logged_comes_back_and_is_not_said(task, monkeypatch, caplog):
    paint, log = api.paint, logging.getLogger("nstyle")

    def warn(*args: Any, **more: Any) -> Any:
        log.warning("a %s thing", "strange")
        log.info("by the way")
        return paint(*args, **more)

    monkeypatch.setattr(api, "paint", warn)
    caplog.set_level("WARNING", "nstyle")
    answer = worker.answer(task(threads=None), PaintContext())
    assert list(answer.notes) == [("WARNING", "a strange thing")]
    assert answer.data and answer.warnings == ["a strange thing"] and not caplog.messages
    assert tasks.Answer.from_json(answer.as_json()).warnings == answer.warnings
    log.warning("afterwards")
    assert caplog.messages == ["afterwards"]


def test_the_share_of_memory_is_the_tasks(task):
    context = PaintContext()
    assert "needs about" in str(worker.answer({**task(), "share": 1000}, context).error)
    assert worker.answer(task(), context).error is None
