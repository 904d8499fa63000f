"""How many processes with how many threads: cores, jobs, memory, GPUs."""

from __future__ import annotations

from typing import Any

import pytest

from nstyle.batch import workers
from nstyle.batch.jobs import Job
from nstyle.options.options import Options
from nstyle.system import backend, processes

GB = 10**9


def arrange(count: int, number: Any = "auto", threads: Any = None, cores: int = 8, **more: Any):
    free = more.pop("free", 100 * GB)
    jobs = [Job({}, Options(**more), None, f"{number}.jpg") for number in range(count)]
    return workers.arrange(jobs, number, threads, cores, free)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(workers, "GPU_DEVICES", ())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"count": 60}, (8, 1)),
        ({"count": 3}, (3, 2)),
        ({"count": 1}, (1, 8)),
        ({"count": 60, "threads": 4}, (2, 4)),
        ({"count": 60, "threads": 16}, (1, 16)),
        ({"count": 60, "number": 2}, (2, 4)),
        ({"count": 60, "number": 16}, (16, 1)),
        ({"count": 2, "number": 16, "threads": 3}, (2, 3)),
        ({"count": 60, "gpu": 0}, (1, 8)),
        ({"count": 60, "gpu": -1}, (8, 1)),
        ({"count": 60, "free": None}, (8, 1)),
        ({"count": 60, "free": 10}, (1, 8)),
    ],
)
def test_as_many_as_cores_jobs_and_memory_allow(given, expected):
    assert arrange(**given) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [({}, (1, 8)), ({"gpu": -1}, (8, 1)), ({"number": 3}, (3, 2))]
)
def test_a_gpu_that_is_taken_by_itself_paints_one_picture_at_a_time(monkeypatch, given, expected):
    monkeypatch.setattr(workers, "gpu_count", lambda: 2)
    assert arrange(60, **given) == expected


def test_gpus_are_counted_by_a_process_where_there_is_a_device(monkeypatch, tmp_path):
    started = []

    class Counter(processes.Worker):
        def __init__(self, module: str) -> None:
            started.append(module)
            super().__init__(module)

    monkeypatch.setattr(workers.processes, "Worker", Counter)
    assert workers.gpu_count() == 0 and started == []
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(workers, "GPU_DEVICES", (str(tmp_path / "nvidia[0-9]"),))
    assert workers.gpu_count() == backend.gpu_count() and started == ["nstyle.batch.workers"]
    (tmp_path / "mxnet.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert workers.gpu_count() == 0  # it cannot be loaded


def test_large_pictures_are_painted_by_fewer():
    counts = [arrange(60, cores=64, max_long_edge=edge, free=16 * GB)[0] for edge in (256, 1024)]
    assert counts[0] > counts[1] >= 1


@pytest.mark.parametrize("values", [{"style_scale": 2}, {"size": "2000x100"}, {"weights": "x"}])
def test_what_takes_more_is_known(values):
    assert workers.need(Options(**values)) > workers.need(Options())


@pytest.mark.parametrize(("model", "measured"), [("vgg16-slim", 0.65), ("vgg19-slim", 0.57)])
def test_the_estimate_is_about_that_of_a_run(model, measured):
    # Peaks of 512x384 (benchmarks.workers.footprint)
    assert workers.need(Options(model=model)) == pytest.approx(measured * GB, rel=0.12)
