"""The batch: what is left to do, results and lines written, full disks, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nstyle.batch import run as running
from nstyle.batch.checksums import FileChecksums, planned
from nstyle.batch.jobs import Job
from nstyle.batch.run import Batch, Finished
from nstyle.batch.tasks import Answer, BrokenOff
from nstyle.errors import ImageError, OptionError
from nstyle.options.options import Options

NAMES = ("a", "b", "c")


class Stub:
    """A pool that answers with the name of the result, or as it is told."""

    def __init__(self, **told: Answer) -> None:
        self.told, self.asked = told, []

    def answers(self, tasks: Any) -> Any:
        for plan, name in tasks:
            self.asked.append(name)
            yield plan, self.told.get(name, Answer(name.encode(), {"epochs": 1}, seconds=2.0))


@pytest.fixture
def batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "style"):
        (tmp_path / name).write_bytes(name.encode())

    def call(**values: Any) -> Batch:
        contents, options = FileChecksums(), Options(**values)
        pictures = [{"content_image": name, "style_image": ["style"]} for name in NAMES]
        jobs = [Job(each, options, None, f"sub/{each['content_image']}.jpg") for each in pictures]
        return Batch([planned(job, contents) for job in jobs], contents, "out")

    return call


def run(batch: Batch, pool: Any, tell: Any = None) -> list[Finished]:
    told: list[Finished] = []
    batch.begin()
    try:
        batch.run(pool, lambda each: Path(each.job.output).stem, tell or told.append)
    finally:
        batch.ledger.close()
    return told


def counts(batch: Batch) -> tuple[int, int, int]:
    return len(batch.done), len(batch.refused), len(batch.to_do)


def test_results_and_lines_are_written_and_nothing_is_done_twice(batch):
    told = run(batch(), Stub())
    assert [(each.number, each.answer.data) for each in told] == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert told[-1].left == 0 and Path("out/sub/b.jpg").read_bytes() == b"b"
    lines = Path("out/manifest.jsonl").read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[0])
    assert record["output"] == "sub/a.jpg" and record["error"] is None
    assert record["result"]["epochs"] == 1 and record["result"]["bytes"] == 1
    assert record["seconds"] == 2.0 and record["inputs"]["content_image"]["file"] == "a"
    assert counts(batch()) == (3, 0, 0)
    assert len(batch()) == 3


def test_only_what_is_missing_or_changed_is_done(batch):
    run(batch(), Stub())
    Path("a").write_bytes(b"another photo")
    Path("out/sub/b.jpg").unlink()
    pool = Stub()
    run(batch(), pool)
    assert pool.asked == ["a", "b"]
    Path("out/sub/c.jpg").write_bytes(b"altered")
    Path("style").write_bytes(b"another style")
    assert counts(batch()) == (0, 0, 3)
    run(batch(), Stub())
    assert counts(batch(lr=0.2)) == (0, 0, 3)
    assert counts(batch(threads=1)) == (3, 0, 0)


def test_what_is_refused_is_named_again_and_what_failed_is_tried_again(batch):
    bad = Stub(a=Answer(error="a: not a picture", refused=True), b=Answer(error="its worker died"))
    run(batch(), bad)
    again = batch()
    assert counts(again) == (1, 1, 1)
    assert again.ledger.error(again.refused[0]) == "a: not a picture"
    Path("a").write_bytes(b"mended")
    assert counts(batch()) == (1, 0, 2)


def test_a_photo_that_is_written_meanwhile_is_not_taken_for_done(batch):
    def tell(finished: Finished) -> None:
        Path("b").write_bytes(b"changed meanwhile")

    run(batch(), Stub(), tell)
    again = batch()
    assert [each.job.output for each in again.to_do] == ["sub/b.jpg"]
    assert not Path("out/sub/b.jpg").exists()


def test_a_full_disk_ends_it_and_keeps_what_is_finished(batch, monkeypatch):
    write = running.atomic_write

    def full(path: Any, write_to: Any = None) -> None:
        if write_to is None or "b.jpg" in path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, write_to)

    monkeypatch.setattr(running, "atomic_write", full)
    pool = Stub()
    with pytest.raises(BrokenOff, match=r"b.jpg: cannot be written \(No space left on device\)"):
        run(batch(), pool)
    assert pool.asked == ["a", "b"]
    assert counts(batch()) == (1, 0, 2)
    monkeypatch.setattr(running.Manifest, "add", lambda self, record: full(record))
    with pytest.raises(BrokenOff, match="No space left"):
        run(batch(), Stub())


def test_ctrl_c_waits_until_a_result_is_written_and_noted(batch, monkeypatch):
    write = running.atomic_write

    def interrupted(path: str, write_to: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        write(path, write_to)

    monkeypatch.setattr(running, "atomic_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(batch(), Stub())
    assert counts(batch()) == (1, 0, 2)


def test_bad_jobs_and_places_are_refused_before_anything_is_made(batch, tmp_path):
    with pytest.raises(OptionError, match="relu9_1"):
        batch(content_layers="relu9_1").begin()
    assert not Path("out").exists()
    Path("out").write_bytes(b"a file")
    with pytest.raises(ImageError, match="cannot be written"):
        batch().begin()


def test_what_killed_batches_left_beside_results_is_swept(batch):
    Path("out/sub").mkdir(parents=True)
    Path("out/sub/.nstyle-1-00000000.tmp").write_bytes(b"")
    run(batch(), Stub())
    assert sorted(path.name for path in Path("out/sub").iterdir()) == ["a.jpg", "b.jpg", "c.jpg"]
