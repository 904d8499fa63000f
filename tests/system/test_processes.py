"""Processes asked in lines of JSON: answers, ends of all kinds, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nstyle.system import processes
from nstyle.system.processes import Ended, Worker

SCRIPT = """
import os, time
from nstyle.system import processes
out = os.dup(1)
say = processes.speaker()
print("a library says something")
for request in processes.requests():
    if request.get("do") == "die":
        os._exit(3)
    if request.get("do") == "die in the answer":
        os.write(out, b'{"pid": 1')
        os._exit(9)
    if request.get("do") == "hang":
        time.sleep(60)
    say({"pid": os.getpid(), **request})
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    (tmp_path / "some_worker.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Worker("some_worker")
    yield made
    made.close()


def test_one_process_answers_all_requests_and_nothing_else_comes_through(worker):
    worker.begin()
    first, second = (worker.ask({"number": number}) for number in (1, 2))
    assert (first.pop("number"), second.pop("number")) == (1, 2)
    assert first == second


def test_one_that_dies_is_started_again(worker):
    pid = worker.ask({})["pid"]
    for way in ("die", "die in the answer"):
        with pytest.raises(Ended):
            worker.ask({"do": way})
    assert worker.ask({})["pid"] != pid


def test_one_that_died_while_nobody_asked_is_not_noticed(worker):
    pid = worker.ask({})["pid"]
    os.kill(pid, signal.SIGKILL)
    worker._process.wait(10)
    assert worker.ask({})["pid"] != pid


def test_half_a_request_of_one_who_was_killed_is_the_end_as_well(worker):
    worker.begin()
    process = worker._process
    process.stdin.write('{"do": ')
    process.stdin.close()
    process.wait(10)
    assert process.returncode == 0


def test_one_that_hangs_is_ended(worker):
    pid = worker.ask({})["pid"]
    with pytest.raises(TimeoutError):
        worker.ask({"do": "hang"}, 0.2)
    assert worker.ask({})["pid"] != pid


def test_closing_ends_what_another_thread_asks(worker):
    worker.ask({})
    ended = []

    def ask() -> None:
        try:
            worker.ask({"do": "hang"})
        except Ended:
            ended.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.1)
    worker.close()
    thread.join(10)
    assert ended == [True]
    with pytest.raises(Ended):
        worker.ask({})


def test_ctrl_c_at_the_terminal_does_not_reach_it(worker):
    assert os.getsid(worker.ask({})["pid"]) != os.getsid(0)


def runs(pid: int) -> bool:
    """Whether a process is there that is no zombie."""
    try:
        os.kill(pid, 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_it_ends_with_the_one_who_asks(tmp_path):
    (tmp_path / "some_worker.py").write_text(SCRIPT, encoding="utf-8")
    places = [str(tmp_path), str(processes.CHECKOUT)]
    code = (
        "from nstyle.system.processes import Worker\n"
        "import time\n"
        "print(Worker('some_worker').ask({})['pid'], flush=True)\n"
        "time.sleep(60)\n"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )
    with asker:
        assert asker.stdout is not None
        pid = int(asker.stdout.readline())
        asker.kill()
    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)
