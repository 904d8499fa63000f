"""Processes of this machine: warm, started again, given up; stubs, and once the real worker."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.batch import local, tasks
from nstyle.batch.jobs import Job
from nstyle.batch.local import Processes
from nstyle.options.options import Options

STUB = """
import glob, os, time
from nstyle.system import processes
from nstyle.batch.tasks import Answer
out = os.dup(1)
say = processes.speaker()
for task in processes.requests():
    if task["name"] == "deadly" or (task["name"] == "once" and not os.path.exists(task["mark"])):
        open(task["mark"], "w").close()
        os.write(out, b'{"data": "a')  # torn
        os._exit(9)
    if task["name"] == "pair":  # answers when another process has come, too
        open(f"{task['mark']}.{os.getpid()}", "w").close()
        end = time.monotonic() + 20
        while len(glob.glob(task["mark"] + ".*")) < 2 and time.monotonic() < end:
            time.sleep(0.01)
    say(Answer(str(os.getpid()).encode()).as_json())
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    (tmp_path / "a_stub.py").write_text(STUB, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(local, "MODULE", "a_stub")
    return tmp_path


def answers(pool: Processes, *names: str, mark: Any = "") -> dict[str, tasks.Answer]:
    given = [(name, {"name": name.split("-")[0], "mark": str(mark)}) for name in names]
    try:
        return dict(pool.answers(given))
    finally:
        pool.close()


def test_all_tasks_are_answered_by_as_many_processes_as_there_are(stub):
    pairs = [f"pair-{number}" for number in range(8)]
    found = answers(Processes(2, 1), *pairs, mark=stub / "here")
    assert len(found) == 8
    assert len({answer.data for answer in found.values()}) == 2


def test_a_task_whose_worker_died_is_tried_again(stub, caplog):
    found = answers(Processes(1, 2), "ok-1", "once", "ok-2", mark=stub / "mark")
    assert [answer.error for answer in found.values()] == [None, None, None]
    assert caplog.messages == ["once: its worker died; it is tried again"]


def test_a_task_that_kills_its_worker_each_time_is_given_up_and_the_rest_is_done(stub):
    found = answers(Processes(2, 3), "ok-1", "deadly", "ok-2", "ok-3", mark=stub / "mark")
    assert "its worker died 3 times" in str(found.pop("deadly").error)
    assert all(answer.error is None for answer in found.values()) and len(found) == 3


def test_tasks_are_taken_when_there_is_room(stub):
    taken = []

    def given() -> Any:
        for number in range(10):
            taken.append(number)
            yield number, {"name": "ok", "mark": ""}

    pool = Processes(2, 1)
    found = pool.answers(given())
    next(found)
    assert len(taken) < 10
    pool.close()


def test_an_error_in_the_tasks_is_raised_here(stub):
    def given() -> Any:
        yield 1, {"name": "ok", "mark": ""}
        raise ZeroDivisionError

    pool = Processes(1, 1)
    with pytest.raises(ZeroDivisionError):
        list(pool.answers(given()))
    pool.close()


def test_a_real_worker_that_is_killed_costs_nothing(tmp_path, weights_file):
    for name, seed in (("a", 1), ("b", 2), ("style", 3)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(tmp_path / f"{name}.png")
    options = Options(weights=weights_file, max_num_epochs=2, gpu=-1)

    def task(photo: str) -> tasks.Task:
        pictures = {"content_image": str(tmp_path / photo)}
        pictures["style_image"] = [str(tmp_path / "style.png")]  # type: ignore[assignment]
        return tasks.of_job(Job(pictures, options, None, "out.jpg"), 1, None)

    pool = Processes(1, 2)
    found: dict[int, tasks.Answer] = {}
    for number, answer in pool.answers(enumerate(map(task, ["a.png", "b.png", "a.png"]))):
        if not found:
            os.kill(pool._workers[0]._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        found[number] = answer
    pool.close()
    assert [found[number].error for number in range(3)] == [None] * 3
    assert found[0].data == found[2].data != found[1].data
