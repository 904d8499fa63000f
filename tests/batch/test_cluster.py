"""Dask: the same bytes, killed workers, refusals; a cluster of this machine for all tests."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.batch import cluster, parcels, tasks, worker
from nstyle.batch.cluster import Cluster
from nstyle.batch.jobs import Job
from nstyle.batch.tasks import BrokenOff
from nstyle.distributed import dask_cluster
from nstyle.errors import BackendError
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning import memory
from nstyle.options.options import Options

GB = 10**9
CHECKOUT = Path(__file__).parents[2]
DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not DASK, reason="Dask is not installed: '.[dask]'")


@pytest.fixture(scope="module")
def pool() -> Iterator[Cluster]:
    made = Cluster("local:2", 2, attempts=2)
    yield made
    made.close()


@pytest.fixture
def task(tmp_path, weights_file):
    for name, seed in (("a", 1), ("b", 2), ("style", 3)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(tmp_path / f"{name}.png")

    def call(photo: str, epochs: int = 2) -> tasks.Task:
        options = Options(weights=weights_file, max_num_epochs=epochs, stop_eps=0, gpu=-1)
        pictures: dict[str, Any] = {"content_image": str(tmp_path / photo)}
        pictures["style_image"] = [str(tmp_path / "style.png")]
        return tasks.of_job(Job(pictures, options, None, "out.jpg"), 1, None)

    return call


@needs_dask
def test_the_same_bytes_as_without_it(pool, task, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    names = ["a.png", "b.png", "bad.png", "none.png", "a.png"]
    found = dict(pool.answers([(number, task(name)) for number, name in enumerate(names)]))
    place = PaintContext()
    for number, name in enumerate(names):
        here = worker.answer(task(name), place)
        assert found[number].data == here.data
        assert (found[number].error, found[number].refused) == (here.error, here.refused)
    assert sum(bool(answer.data) for answer in found.values()) == 3


@needs_dask
def test_a_killed_worker_costs_time_alone(pool, task):
    given = [(number, task("ab"[number % 2] + ".png", epochs=40)) for number in range(4)]
    (_, pid), *_ = pool._client.run(os.getpid).items()
    threading.Timer(0.4, os.kill, (pid, signal.SIGKILL)).start()
    found = dict(pool.answers(given))
    assert [found[number].error for number in range(4)] == [None] * 4
    assert found[0].data == found[2].data != found[1].data == found[3].data
    assert pid not in pool._client.run(os.getpid).values()


@needs_dask
def test_a_task_that_kills_its_worker_each_time_is_given_up(pool, task, monkeypatch):
    def paint(*words: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    paint.__module__ = "__main__"  # so that it is sent as it is
    monkeypatch.setattr(cluster, "paint", paint)
    ((_, answer),) = pool.answers([(1, task("a.png"))])
    assert "its worker died 2 times" in str(answer.error) and not answer.refused


@needs_dask
def test_each_worker_has_one_task_so_that_the_death_of_one_costs_no_other(
    pool, task, monkeypatch, tmp_path
):
    pool._client.wait_for_workers(2)  # a killed one is started again
    running, together = {}, []

    def paint(asking: Any, neighbours: Any, task: Any, files: Any, *data: Any) -> Any:
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
    found = dict(pool.answers([(number, task("a.png")) for number in range(6)]))
    assert max(together) == 2
    assert {answer.facts["at"] for answer in found.values()} == set(pool._client.nthreads())
    assert all(answer.facts["near"] == {"127.0.0.1": 2} for answer in found.values())


@needs_dask
def test_a_file_is_read_once_until_it_changes(pool, task, monkeypatch, tmp_path):
    read, contents = [], parcels.contents
    monkeypatch.setattr(parcels, "contents", lambda path: read.append(path) or contents(path))
    pool._files.clear()
    first = task("a.png", 1)
    given = [(number, first) for number in range(2)]
    found = dict(pool.answers(given))
    assert len(read) == len(set(read)) == len(first["files"])
    Image.fromarray(tiny.picture(7, (48, 40))).save(tmp_path / "a.png")
    read.clear()
    ((_, answer),) = pool.answers([(1, first)])
    assert read == [str(tmp_path / "a.png")] and answer.data != found[0].data
    monkeypatch.setattr(cluster, "FILES_KEPT", 1)
    list(pool.answers([(1, first)]))  # its own files go, and are sent anew
    read.clear()
    ((_, again),) = pool.answers([(1, first)])
    assert len(read) == len(first["files"]) and again.data == answer.data


@needs_dask
def test_where_all_workers_are_lost_a_task_waits_for_a_new_one(pool, task, monkeypatch):
    counted = iter([{}, {}])
    usual = pool._client.nthreads
    monkeypatch.setattr(pool._client, "nthreads", lambda: next(counted, None) or usual())
    ((_, answer),) = pool.answers([(1, task("a.png"))])
    assert answer.error is None


@needs_dask
def test_a_worker_is_told_its_share_of_memory(pool, task):
    given = {**task("a.png"), "share": 1000}
    ((_, answer),) = pool.answers([(1, given)])
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
    wanted = share and share * GB - memory.BASE
    cluster.share_of.cache_clear()
    for available in (free and free * GB, 1):  # the second time its neighbours paint
        monkeypatch.setattr(memory, "available", lambda there=available: there)
        assert cluster.share_of(limit and limit * GB, workers) == wanted
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
        list(pool.answers([(1, task("a.png"))]))


@needs_dask
def test_a_worker_of_another_version_that_comes_later_fails_its_task(pool, task, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "another")
    ((_, answer),) = pool.answers([(1, task("a.png"))])
    assert "not another; install the same" in str(answer.error) and not answer.refused


@needs_dask
def test_a_worker_of_another_version_is_refused(pool, monkeypatch):
    monkeypatch.setattr(dask_cluster, "__version__", "another")
    with pytest.raises(BackendError, match=r"has nstyle .*, here is another"):
        Cluster(pool._client.scheduler.address, None, 1)


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
    assert done.stderr.endswith('run: pip install "nstyle[dask]"\n')
    assert done.stderr.count("\n") == 1
