"""What travels: tasks that JSON can hold, answers there and back."""

from __future__ import annotations

import json

import pytest

from nstyle.batch import tasks
from nstyle.batch.jobs import Job
from nstyle.batch.tasks import Answer
from nstyle.errors import WeightsError
from nstyle.options.options import Options
from nstyle.system.locations import PRETRAINED


def test_an_answer_comes_back_as_it_was():
    notes = (("WARNING", "--keep-mask: is stretched"),)
    answer = Answer(bytes(range(256)), {"epochs": 3}, None, False, 1.5, notes)
    assert Answer.from_json(json.loads(json.dumps(answer.as_json()))) == answer
    assert "its worker died once" in str(tasks.died(1).error) and not tasks.died(3).refused


def test_a_task_comes_back_as_it_was_and_gives_the_same_options():
    options = Options(lr=0.1 + 0.2, seed=3, gpu=-1)
    job = Job({"content_image": "a.jpg", "style_image": ["s.jpg"]}, options, "fast", "out.png")
    task = json.loads(json.dumps(tasks.of_job(job, 2, 10**9)))
    assert Options(**task.pop("options")) == Options(lr=0.1 + 0.2, seed=3, gpu=-1, threads=2)
    assert task == {
        "pictures": job.pictures,
        "preset": "fast",
        "name": "out.png",
        "files": ["a.jpg", "s.jpg", str(PRETRAINED / "vgg16-slim.params")],
        "weights": None,
        "share": 10**9,
    }


def test_the_network_is_named_where_it_is_not_the_one_all_have(tmp_path, monkeypatch):
    def weights(**values: str) -> str | None:
        return tasks.weights_of(Job({}, Options(**values), None, "out.jpg"))

    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path))
    assert weights() is None and weights(weights="some.params") == "some.params"
    assert weights(model="vgg16", weights="some.params") == "some.params"
    with pytest.raises(WeightsError):
        weights(model="vgg16")
    (tmp_path / "vgg19.params").write_bytes(b"")
    assert weights() == weights(model="vgg19") == str(tmp_path / "vgg19.params")
