"""Keys of jobs: they change with all that the result depends on, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nstyle.batch import checksums
from nstyle.batch.checksums import FileChecksums, planned
from nstyle.batch.jobs import Job
from nstyle.options.options import Options


@pytest.fixture
def job(tmp_path, monkeypatch) -> Job:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg", "s.jpg", "t.jpg", "m.png", "init.png", "w.params"):
        (tmp_path / name).write_bytes(name.encode())
    pictures = {"content_image": "a.jpg", "style_image": ["s.jpg", "t.jpg"], "keep_mask": "m.png"}
    return Job(pictures, Options(), None, "out.jpg")


def key(job: Job) -> str:
    return planned(job, FileChecksums()).key


def with_pictures(job: Job, **pictures: Any) -> Job:
    return replace(job, pictures={**job.pictures, **pictures})


@pytest.mark.parametrize("name", ["a.jpg", "s.jpg", "t.jpg", "m.png", "init.png", "w.params"])
def test_what_is_in_a_file_counts(job, tmp_path, name):
    job = replace(job, options=Options(init="init.png", weights="w.params"))
    before = key(job)
    assert key(job) == before
    (tmp_path / name).write_bytes(b"other")
    assert key(job) != before
    (tmp_path / name).unlink()
    assert key(job) != before


def test_what_shapes_the_picture_counts(job, tmp_path, monkeypatch):
    others = [
        replace(job, options=Options(lr=0.2)),
        replace(job, options=Options(momentum=0.5)),
        replace(job, preset="fast"),
        replace(job, output="out.png"),
        with_pictures(job, style_image=["t.jpg", "s.jpg"]),
        with_pictures(job, style_image=["s.jpg"]),
        with_pictures(job, style_mask=["#ff0000", "m.png"]),
        with_pictures(job, style_mask=["#00ff00", "m.png"]),
        with_pictures(job, content_mask="m.png"),
    ]
    keys = [key(each) for each in [job, *others]]
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path))
    (tmp_path / "vgg19.params").write_bytes(b"installed")  # auto takes it from now on
    keys.append(key(job))
    monkeypatch.setattr(checksums, "__version__", "another")
    keys.append(key(job))
    assert len(set(keys)) == len(others) + 3


def test_what_does_not_shape_it_does_not(job, tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"a.jpg")
    same = [
        replace(job, options=Options(threads=1, gpu=-1, tile="off", max_pixels=1000)),
        replace(job, output="elsewhere/other.JPG", where="jobs.csv, line 2"),
        with_pictures(job, content_image="b.jpg"),
    ]
    assert {key(each) for each in same} == {key(job)}


def test_each_file_is_read_once_and_its_change_is_seen(job, tmp_path, monkeypatch):
    read, digest = [], checksums.digest_of
    monkeypatch.setattr(checksums, "digest_of", lambda path: read.append(path) or digest(path))
    seen = FileChecksums()
    for content in ("a.jpg", "b.jpg"):
        planned(with_pictures(job, content_image=content), seen)
    assert sorted(read) == sorted({*read}) and {"a.jpg", "s.jpg"} < {*read}
    assert not seen.changed("a.jpg")
    (tmp_path / "a.jpg").write_bytes(b"longer than before")
    (tmp_path / "b.jpg").unlink()
    assert seen.changed("a.jpg") and seen.changed("b.jpg") and not seen.changed("s.jpg")


def test_what_is_noted_down(job):
    facts = planned(job, FileChecksums()).facts
    assert facts["inputs"]["content_image"]["file"] == "a.jpg"
    assert len(facts["inputs"]["style_image 2"]["sha256"]) == 64
    assert facts["options"]["lr"] == 0.1 and facts["version"]
