"""`nstyle models`: what is installed where, and how to get or remove it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from nstyle.cli.main import main
from nstyle.system import locations


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder with a space in its name, and a working directory without model/."""
    folder = tmp_path / "the cache"
    folder.mkdir()
    monkeypatch.setenv("NSTYLE_CACHE", str(folder))
    monkeypatch.setattr(locations, "folders", lambda: [tmp_path / "model", folder])
    return folder


def listed(capsys) -> dict[str, Any]:
    """The rows of --json by their paths, or names where there is no file."""
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {row["path"] or row["name"]: row for row in rows}


def test_with_nothing_installed_there_are_the_built_in_networks(cache, capsys):
    rows = listed(capsys)
    *built_in, vgg19, vgg16 = rows.values()
    assert [row["name"] for row in built_in] == ["vgg16-slim", "vgg19-slim"]
    for row in built_in:
        assert row["kind"] == "built in" and row["path"].endswith(f"{row['name']}.params")
        assert row["bytes"] == os.path.getsize(row["path"])
        assert row["remove"] is None and row["use"] == f"--model {row['name']}"
    assert (vgg19["kind"], vgg19["get"]) == ("missing", "nstyle download --model vgg19")
    assert (vgg16["kind"], vgg16["get"]) == ("missing", "nstyle download --model vgg16")


def test_what_is_installed_is_told_with_how_to_remove_it(cache, capsys):
    path = cache / "vgg16.h5"
    path.write_bytes(b"12345")
    row = listed(capsys)[str(path)]
    assert (row["name"], row["bytes"], row["kind"]) == ("vgg16", 5, "h5")
    assert (row["use"], row["get"]) == ("--model vgg16", None)
    assert row["remove"] == f"rm '{path}'"


def test_files_that_no_model_stands_for_are_told_too(cache, tmp_path, capsys):
    (tmp_path / "model").mkdir()
    first, second = tmp_path / "model" / "vgg19.params", cache / "vgg19.params"
    for path in (first, second, cache / "mine.npz", cache / "vgg16.h5.part", cache / "notes.txt"):
        path.touch()
    rows = listed(capsys)
    assert rows[str(first)]["use"] == "--model vgg19"
    assert rows[str(second)]["use"] == f"--weights '{second}'"
    assert rows[str(cache / "mine.npz")]["use"] == f"--weights '{cache / 'mine.npz'}'"
    part = rows[str(cache / "vgg16.h5.part")]
    assert (part["kind"], part["use"]) == ("part of a download", None)
    assert part["get"] == f"nstyle download --model vgg16 --folder '{cache}'"
    assert "vgg16" in rows and str(cache / "notes.txt") not in rows


def test_a_file_in_two_folders_that_are_one_is_told_once(cache, tmp_path, capsys):
    (tmp_path / "model").symlink_to(cache)
    (cache / "vgg19.params").touch()
    names = [row["name"] for row in listed(capsys).values()]
    assert names == ["vgg16-slim", "vgg19-slim", "vgg19", "vgg16"]


def test_the_same_for_people(cache, capsys):
    (cache / "vgg19.params").write_bytes(b"1" * 1_500_000)
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    path = cache / "vgg19.params"
    assert f"vgg19  params, 1.5 MB: {path}" in lines
    assert f"    remove: rm '{path}'" in lines
    assert "vgg16  missing" in lines
    assert "    get: nstyle download --model vgg16" in lines
