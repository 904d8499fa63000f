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

from nstyle import dask_cluster
from nstyle.batch import cluster, tasks, worker
from nstyle.batch.cluster import Cluster
from nstyle.batch.jobs import Job
from nstyle.batch.tasks import BrokenOff
from nstyle.errors import BackendError
from nstyle.options import Options
from nstyle.workplace import Workplace

CHECKOUT = Path(__file__).parents[1]
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
    place = Workplace()
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
    def paint(asking: Any, task: Any, files: Any, *data: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    paint.__module__ = "__main__"  # so that it is sent as it is
    monkeypatch.setattr(cluster, "paint", paint)
    ((_, answer),) = pool.answers([(1, task("a.png"))])
    assert "its worker died 2 times" in str(answer.error) and not answer.refused


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
        "from nstyle.cli import main\n"
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
