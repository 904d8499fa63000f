"""Dask: the same bytes, killed workers, refusals; a cluster of this machine for all tests."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.batch import cluster, parcels, worker
from nstyle.batch.cluster import Cluster
from nstyle.batch.tasks import BrokenOff
from nstyle.distributed import dask_cluster
from nstyle.errors import BackendError
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning import memory
from nstyle.system import extras

GB = 10**9
CHECKOUT = Path(__file__).parents[2]
DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not DASK, reason="Dask is not installed: '.[dask]'")


@pytest.fixture(scope="module")
def pool() -> Iterator[Cluster]:
    made = Cluster("local:2", 2, attempts=2)
    yield made
    made.close()


@needs_dask
def test_the_same_bytes_as_without_it(pool, task, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    names = ["a.png", "b.png", "bad.png", "none.png", "a.png"]
    answers = dict(pool.answers(enumerate(map(task, names))))
    context = PaintContext()
    for number, name in enumerate(names):
        here = worker.answer(task(name), context)
        assert answers[number].data == here.data
        assert (answers[number].error, answers[number].refused) == (here.error, here.refused)
    assert sum(bool(answer.data) for answer in answers.values()) == 3


@needs_dask
def test_a_killed_worker_costs_time_alone(pool, task):
    tasks = [(number, task("ab"[number % 2] + ".png")) for number in range(4)]
    (_, pid), *_ = pool._client.run(os.getpid).items()
    answers = {}
    for number, answer in pool.answers(tasks):
        if not answers:
            os.kill(pid, signal.SIGKILL)
        answers[number] = answer
    assert [answers[number].error for number in range(4)] == [None] * 4
    assert answers[0].data == answers[2].data != answers[1].data == answers[3].data
    pool._client.wait_for_workers(2)
    assert pid not in pool._client.run(os.getpid).values()


@needs_dask
def test_a_task_that_kills_its_worker_each_time_is_given_up(pool, task, monkeypatch):
    def paint(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    paint.__module__ = "__main__"  # so that it is sent as it is
    monkeypatch.setattr(cluster, "paint", paint)
    ((_, answer),) = pool.answers([(1, task())])
    assert "its worker died 2 times" in str(answer.error) and not answer.refused


@needs_dask
def test_each_worker_has_one_task_so_that_the_death_of_one_costs_no_other(pool, task, monkeypatch):
    pool._client.wait_for_workers(2)  # a killed one is started again
    running, together = {}, []

    def paint(_: Any, neighbours: Any, *more: Any) -> Any:
        import time

        import distributed

        from nstyle.batch.tasks import Answer

        time.sleep(0.2)
        return Answer(facts={"at": distributed.get_worker().address, "near": neighbours})

    submit = pool._submit

    def submitted(task: Any, worker: str) -> Any:
        together.append(sum(not future.done() for future in running.values()) + 1)
        future = running[worker] = submit(task, worker)
        return future

    paint.__module__ = "__main__"  # so that it is sent as it is
    monkeypatch.setattr(cluster, "paint", paint)
    monkeypatch.setattr(pool, "_submit", submitted)
    answers = [answer for _, answer in pool.answers((number, task()) for number in range(6))]
    assert max(together) == 2
    assert {answer.facts["at"] for answer in answers} == set(pool._client.nthreads())
    assert all(answer.facts["near"] == {"127.0.0.1": 2} for answer in answers)


@needs_dask
def test_a_file_is_read_once_until_it_changes(pool, task, monkeypatch, tmp_path):
    read, contents = [], parcels.contents
    monkeypatch.setattr(parcels, "contents", lambda path: read.append(path) or contents(path))
    pool._files.clear()
    first = task()
    answers = dict(pool.answers([(0, first), (1, first)]))
    assert len(read) == len(set(read)) == len(first["files"])
    Image.fromarray(tiny.picture(7, (48, 40))).save(tmp_path / "a.png")
    read.clear()
    ((_, answer),) = pool.answers([(1, first)])
    assert read == [str(tmp_path / "a.png")] and answer.data != answers[0].data
    monkeypatch.setattr(cluster, "FILES_KEPT", 1)
    list(pool.answers([(1, first)]))  # its own files go, and are sent anew
    read.clear()
    ((_, again),) = pool.answers([(1, first)])
    assert len(read) == len(first["files"]) and again.data == answer.data


@needs_dask
def test_where_all_workers_are_lost_a_task_waits_for_a_new_one(pool, task, monkeypatch):
    first, usual = iter([{}, {}]), pool._client.nthreads
    monkeypatch.setattr(pool._client, "nthreads", lambda: next(first, None) or usual())
    ((_, answer),) = pool.answers([(1, task())])
    assert answer.error is None


@needs_dask
def test_a_worker_is_told_its_share_of_memory(pool, task):
    ((_, answer),) = pool.answers([(1, {**task(), "share": 1000})])
    assert "needs about" in str(answer.error)


@needs_dask
def test_workers_of_several_threads_are_advised_against(pool, monkeypatch, caplog):
    assert list(pool.answers([])) == [] and not caplog.messages
    monkeypatch.setattr(pool._client, "nthreads", lambda: {"tcp://a:1": 1, "tcp://b:2": 8})
    assert list(pool.answers([])) == []
    assert "with up to 8 threads; `dask worker --nthreads 1 --nworkers N`" in caplog.text


@pytest.mark.parametrize(
    ("limit", "free", "workers", "share"),
    [(4, 9, 2, 4), (5, 9, 3, 3), (None, 9, 3, 3), (4, None, 2, 4), (None, None, 2, None)],
)
def test_a_worker_takes_its_limit_or_its_part_of_what_is_free_at_first(
    monkeypatch, limit, free, workers, share
):
    expected = share and share * GB - memory.BASE
    cluster.share_of.cache_clear()
    for available in (free and free * GB, 1):  # the second time its neighbours paint
        monkeypatch.setattr(memory, "available", lambda value=available: value)
        assert cluster.share_of(limit and limit * GB, workers) == expected
    cluster.share_of.cache_clear()


@needs_dask
def test_it_listens_to_this_machine_alone(pool):
    import psutil

    me = psutil.Process()
    listening = [
        each.laddr.ip
        for process in (me, *me.children(recursive=True))
        for each in process.net_connections()
        if each.status == "LISTEN"
    ]
    assert len(listening) >= 3 and set(listening) == {"127.0.0.1"}


@needs_dask
def test_a_cluster_that_goes_away_ends_the_batch_in_order(pool, task, monkeypatch):
    def gone() -> Any:
        raise ConnectionError("the scheduler is gone")

    monkeypatch.setattr(pool._client, "nthreads", gone)
    with pytest.raises(BrokenOff, match="--dask local:2: the cluster is gone"):
        list(pool.answers([(1, task())]))


@needs_dask
def test_a_worker_of_another_version_is_refused_and_fails_its_task(pool, task, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "another")  # it comes later
    ((_, answer),) = pool.answers([(1, task())])
    assert "not another; install the same" in str(answer.error) and not answer.refused
    monkeypatch.setattr(dask_cluster, "__version__", "another")
    with pytest.raises(BackendError, match=r"has nstyle .*, here is another"):
        Cluster(pool._client.scheduler.address, None, 1)


@needs_dask
@pytest.mark.parametrize("kind", ["tcp", "tls", "ws"])
def test_what_is_no_scheduler_is_not_waited_for(monkeypatch, kind):
    monkeypatch.setattr(dask_cluster, "SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{kind}://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BackendError, match=f"--dask {address}: no cluster to paint on"):
            Cluster(address, None, 1)


@needs_dask
def test_an_address_where_nobody_answers_is_refused(monkeypatch):
    monkeypatch.setattr(dask_cluster, "SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://somewhere"):
        with pytest.raises(BackendError, match=f"--dask {address}: no cluster to paint on") as no:
            Cluster(address, None, 1)
        assert "\n" not in str(no.value)


def test_without_dask_one_line_says_what_to_install(tmp_path):
    Image.fromarray(tiny.picture(1, (48, 40))).save(tmp_path / "a.png")
    code = (
        "import sys\nfor name in ('dask', 'distributed'): sys.modules[name] = None\n"
        "from nstyle.cli.main import main\n"
        "sys.exit(main(['batch', '--content-image', 'a.png', '--style-image', 'a.png', "
        "'--output-dir', 'out', '--dask', 'local:2']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(f"run: {extras.advice('dask')}\n")
    assert done.stderr.count("\n") == 1
