"""Tasks for workers that do not see the files: the same bytes, the same words."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.batch import parcels, tasks, worker
from nstyle.batch.jobs import Job
from nstyle.errors import ImageError
from nstyle.optimize.context import PaintContext
from nstyle.options.options import Options
from nstyle.system.locations import PRETRAINED


@pytest.fixture
def job(tmp_path, weights_file) -> Job:
    here = tmp_path / "client"
    (here / "other").mkdir(parents=True)
    for name, seed in (("a.png", 1), ("other/a.png", 2), ("init.png", 3), ("m.png", 4)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(here / name)
    shutil.copy(weights_file, here / "vgg.params")
    pictures = {
        "content_image": str(here / "a.png"),
        "style_image": [str(here / "other" / "a.png")],
        "keep_mask": str(here / "m.png"),
    }
    files = {"weights": str(here / "vgg.params"), "init": str(here / "init.png")}
    return Job(pictures, Options(**files, max_num_epochs=2, gpu=-1), None, "out.png")


def sent(task: tasks.Task, folder: Path) -> tasks.Answer:
    """The answer of a worker that has nothing but what is sent."""
    folder.mkdir(exist_ok=True)
    data = {path: parcels.contents(path) for path in parcels.files_of(task)}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in data.items()}
    for path in data:
        Path(path).rename(f"{path}.away")
    try:
        return parcels.answer(task, digests, list(data.values()), str(folder))
    finally:
        for path in data:
            Path(f"{path}.away").rename(path)


def test_the_same_bytes_and_lines_where_the_files_are_not(job, tmp_path, caplog):
    caplog.set_level("DEBUG", "nstyle")
    task = tasks.of_job(job, None, None)
    remote = [sent(task, tmp_path / "worker") for _ in range(2)]
    here = worker.answer(task, PaintContext())
    assert here.error is None and remote[0].data == remote[1].data == here.data
    left = [path.name for path in (tmp_path / "worker").rglob("*") if path.is_file()]
    assert left == ["vgg.params"]
    lines = [line for _, line in remote[0].notes if "vgg.params" in line]
    assert lines and all(f"{tmp_path}/client/vgg.params" in line for line in lines)


def test_messages_name_the_files_where_they_came_from(job, tmp_path):
    Path(job.pictures["content_image"]).write_bytes(b"no picture")
    task = tasks.of_job(job, None, None)
    remote, here = sent(task, tmp_path / "worker"), worker.answer(task, PaintContext())
    assert remote.refused and remote.error == here.error and "client/a.png" in str(here.error)


def test_what_every_worker_has_is_not_sent(job):
    colours = {"style_mask": ["#ff0000"], "content_mask": "m.png"}
    options = Options(weights=str(PRETRAINED / "vgg16-slim.params"))
    task = tasks.of_job(Job({**job.pictures, **colours}, options, None, "out.png"), None, None)
    assert sorted(Path(path).name for path in parcels.files_of(task)) == [
        "a.png", "a.png", "m.png", "m.png"
    ]  # fmt: skip
    assert parcels.moved({**task, "weights": "/elsewhere/vgg16-slim.params"}, {})["weights"] == (
        str(PRETRAINED / "vgg16-slim.params")
    )


def test_a_file_that_cannot_be_read_is_refused_as_a_picture_is(tmp_path, monkeypatch):
    with pytest.raises(ImageError, match=r"none\.jpg: no such file"):
        parcels.contents(str(tmp_path / "none.jpg"))
    picture = tmp_path / "a.png"
    Image.fromarray(tiny.picture(1, (48, 40))).save(picture)

    def fail(path: str) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(parcels, "opened", fail)
    with pytest.raises(ImageError, match=r"cannot be read \(.*Input/output error\)"):
        parcels.contents(str(picture))


def test_a_task_without_weights_keeps_the_workers_own(job, tmp_path):
    options = replace(job.options, weights=None, init="content")
    task = tasks.of_job(replace(job, options=options), None, None)
    answer = sent(task, tmp_path / "worker")
    assert answer.error is None and answer.facts["model"] == "vgg16-slim"
