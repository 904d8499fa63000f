"""Processes of this machine: warm, started again, given up; stubs, and once the real worker."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

import pytest

from nstyle.batch import local, tasks
from nstyle.batch.local import Processes

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
    with contextlib.closing(pool):
        return dict(pool.answers(given))


def test_all_tasks_are_answered_by_as_many_processes_as_there_are(stub):
    pairs = [f"pair-{number}" for number in range(8)]
    data = [answer.data for answer in answers(Processes(2, 1), *pairs, mark=stub / "here").values()]
    assert (len(data), len(set(data))) == (8, 2)


def test_a_task_whose_worker_died_is_tried_again(stub, caplog):
    results = answers(Processes(1, 2), "ok-1", "once", "ok-2", mark=stub / "mark")
    assert [answer.error for answer in results.values()] == [None, None, None]
    assert caplog.messages == ["once: its worker died; it is tried again"]


def test_a_task_that_kills_its_worker_each_time_is_given_up_and_the_rest_is_done(stub):
    results = answers(Processes(2, 3), "ok-1", "deadly", "ok-2", "ok-3", mark=stub / "mark")
    assert "its worker died 3 times" in str(results.pop("deadly").error)
    assert [answer.error for answer in results.values()] == [None, None, None]


def test_tasks_are_taken_when_there_is_room_and_their_error_is_raised_here(stub):
    taken = []

    def given() -> Any:
        for number in range(10):
            taken.append(number)
            yield number, {"name": "ok", "mark": ""}
        raise ZeroDivisionError

    with contextlib.closing(Processes(2, 1)) as pool:
        results = pool.answers(given())
        next(results)
        assert len(taken) < 10
        with pytest.raises(ZeroDivisionError):
            list(results)


def test_a_real_worker_that_is_killed_costs_nothing(task):
    results: dict[int, tasks.Answer] = {}
    with contextlib.closing(Processes(1, 2)) as pool:
        for number, answer in pool.answers(enumerate(map(task, ["a.png", "b.png", "a.png"]))):
            if not results:
                os.kill(pool._workers[0]._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
            results[number] = answer
    assert [results[number].error for number in range(3)] == [None] * 3
    assert results[0].data == results[2].data != results[1].data
