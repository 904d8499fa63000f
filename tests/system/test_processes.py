"""Processes asked in lines of JSON: answers, ends of all kinds, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

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
    assert os.getsid(first["pid"]) != os.getsid(0)  # Ctrl-C at the terminal does not reach it


def test_one_that_dies_is_started_again(worker):
    pid = worker.ask({})["pid"]
    for way in ("die", "die in the answer"):
        with pytest.raises(Ended):
            worker.ask({"do": way})
    second = worker.ask({})["pid"]
    assert second != pid
    os.kill(second, signal.SIGKILL)  # while nobody asks: not noticed
    worker._process.wait(10)
    assert worker.ask({})["pid"] != second


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
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(worker.ask, {"do": "hang"})
        worker.close()
        with pytest.raises(Ended):
            hanging.result(10)
    with pytest.raises(Ended):
        worker.ask({})


def test_it_ends_with_the_one_who_asks(worker):
    code = (
        "from nstyle.system.processes import Worker\n"
        "import time\n"
        "print(Worker('some_worker').ask({}), flush=True)\n"
        "time.sleep(600)\n"
    )
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(processes.CHECKOUT)])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as asker:
        assert asker.stdout is not None and asker.stdout.readline()
        asker.kill()
        asker.communicate(timeout=60)  # its worker holds stderr open until it ends as well
