"""The manifest: what is done, refused or to do; torn lines, two at once, full disks."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nstyle.batch import checksums, manifest
from nstyle.batch.checksums import PlannedJob
from nstyle.batch.jobs import Job
from nstyle.batch.manifest import DONE, REFUSED, TO_DO, Manifest
from nstyle.errors import ImageError, OptionError
from nstyle.options.options import Options


def plan(output: str = "a.jpg", key: str = "k", **options: Any) -> PlannedJob:
    return PlannedJob(Job({}, Options(**options), None, output), {}, key)


def done(output: str = "a.jpg", key: str = "k", data: bytes = b"a") -> dict[str, Any]:
    result = {"sha256": hashlib.sha256(data).hexdigest()}
    return {"output": output, "key": key, "result": result, "error": None}


def noted(folder: Path, *records: Any) -> Manifest:
    book = Manifest(str(folder))
    book.begin()
    for record in records:
        book.add(record)
    book.close()
    return Manifest(str(folder))


def test_without_a_manifest_all_is_to_do_and_nothing_is_made(tmp_path):
    assert Manifest(str(tmp_path / "out")).standing(plan()) == TO_DO
    assert not (tmp_path / "out").exists()


def test_what_is_done_is_known_by_the_key_of_its_last_line_and_the_bytes_of_the_result(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    book = noted(tmp_path, done(key="old"), done(), done("b.jpg"))
    assert book.standing(plan()) == DONE
    assert book.standing(plan(key="old")) == book.standing(plan(key="other")) == TO_DO
    assert book.standing(plan("b.jpg")) == TO_DO  # deleted
    (tmp_path / "a.jpg").write_bytes(b"altered")
    assert book.standing(plan()) == TO_DO


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "7",
        '{"output": ["a.jpg"], "result": {"sha256": ""}}',
        '{"output": "a.jpg", "key": "k"}',
        '{"output": "a.jpg", "key": "k", "error": null, "result": null}',
        '{"output": "a.jpg", "key": "k", "result": {"sha256": 7}}',
        "[" * 100_000,
        '{"output": ' + "1" * 5000 + "}",
    ],
)
def test_a_line_with_wrong_facts_is_left_out_and_said(tmp_path, caplog, line):
    (tmp_path / "a.jpg").write_bytes(b"a")
    book = noted(tmp_path, done())
    Path(book.path).write_text(json.dumps(done()) + "\n" + line + "\n")
    assert Manifest(str(tmp_path)).standing(plan()) == DONE
    assert "line 2: is no record of a job; left out" in caplog.text


def test_a_refusal_stands_until_something_changes(tmp_path, monkeypatch):
    why = {"error": "a.jpg: not a picture", "refused": checksums.circumstances(plan().job)}
    book = noted(tmp_path, {**done(), **why}, {**done("b.jpg"), "error": "died", "refused": None})
    assert book.standing(plan()) == REFUSED
    assert book.error(plan()) == "a.jpg: not a picture"
    assert book.standing(plan("b.jpg")) == TO_DO
    assert book.standing(plan(key="other")) == TO_DO
    assert book.standing(plan(max_pixels=1000)) == TO_DO
    monkeypatch.setattr(checksums, "find_spec", lambda name: object() if name else None)
    heif = why["refused"]["heif"]
    assert book.standing(plan()) == (REFUSED if heif else TO_DO)


def test_a_torn_line_is_left_out_and_cut_off(tmp_path, caplog):
    (tmp_path / "a.jpg").write_bytes(b"a")
    noted(tmp_path, done())
    with open(tmp_path / manifest.NAME, "ab") as file:
        file.write(json.dumps(done(key="torn")).encode()[:-5])
    book = Manifest(str(tmp_path))
    assert book.standing(plan()) == DONE and not caplog.messages
    book.begin()
    book.add(done("b.jpg"))
    book.close()
    lines = (tmp_path / manifest.NAME).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["output"] for line in lines] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("line", ["{", "[1]", "null", '{"key": 1}', "\x00\x00"])
def test_other_lines_that_are_no_records_are_named_and_left_out(tmp_path, caplog, line):
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / manifest.NAME).write_text(f"{line}\n{json.dumps(done())}\n", encoding="utf-8")
    assert Manifest(str(tmp_path)).standing(plan()) == DONE
    assert caplog.messages == [
        f"{tmp_path}/manifest.jsonl, line 1: is no record of a job; left out"
    ]


def test_a_manifest_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    (tmp_path / manifest.NAME).mkdir()
    with pytest.raises(ImageError, match=r"l: cannot be read \(Is a directory\); give another"):
        Manifest(str(tmp_path))


def test_only_one_writes(tmp_path):
    first, second = Manifest(str(tmp_path)), Manifest(str(tmp_path))
    first.begin()
    with pytest.raises(OptionError, match="another batch writes to"):
        second.begin()
    first.add(done())
    first.close()
    with pytest.raises(OptionError, match="another batch"):  # it knows less than there is
        second.begin()
    third = Manifest(str(tmp_path))
    third.begin()
    third.close()


def test_without_locks_it_works_as_well(tmp_path, monkeypatch):
    def none(*_: Any, **__: Any) -> None:
        raise OSError("no locks")

    monkeypatch.setattr(manifest, "lock", none)
    (tmp_path / "a.jpg").write_bytes(b"a")
    assert noted(tmp_path, done()).standing(plan()) == DONE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error_of_the_line(tmp_path):
    book = Manifest(str(tmp_path))
    book.begin()
    book._file.close()
    book._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 - book.close()
    with pytest.raises(OSError):
        book.add(done())
    book.close()
    assert os.path.getsize(tmp_path / manifest.NAME) == 0
