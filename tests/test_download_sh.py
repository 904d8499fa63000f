"""download.sh against a local server: with the real checksums, so what is wrong is never kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import server

CHECKOUT = Path(__file__).parents[1]
ONLY_CODE = shutil.ignore_patterns("__pycache__", "*.params", "samples")


@pytest.fixture(scope="module")
def mirror() -> Iterator[server.Site]:
    with server.serving(b"not a network") as site:
        yield site


@pytest.fixture
def download(tmp_path, mirror):
    """download(*words, MIRROR=...) in a copy of the checkout; the site's list is emptied."""
    mirror.asked.clear()
    shutil.copy(CHECKOUT / "download.sh", tmp_path)
    shutil.copytree(CHECKOUT / "nstyle", tmp_path / "nstyle", ignore=ONLY_CODE)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        there = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            ["bash", str(tmp_path / "download.sh"), *words],
            cwd="/",
            env={**there, "PATH": path, "no_proxy": "127.0.0.1", **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def check_refusal(done: subprocess.CompletedProcess[str], why: str) -> None:
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("nstyle: error: ")
    assert why in line and "--mirror" in line and "by hand" in line


def test_a_wrong_file_is_refused_and_not_kept(download, tmp_path, mirror):
    check_refusal(download("--mirror", mirror.address), "is not vgg19.params")
    assert [path for path, _ in mirror.asked] == ["/vgg19.params", "/vgg19.h5"]
    assert list((tmp_path / "model").iterdir()) == []


def test_the_mirror_may_be_in_the_environment(download, mirror):
    done = download("--model", "vgg16", MIRROR=f"{mirror.address}/my mirror".replace(" ", "_"))
    check_refusal(done, "is not vgg16.h5")
    assert [path for path, _ in mirror.asked] == ["/my_mirror/vgg16.h5"]


def test_an_address_without_the_file_names_the_ways_out(download, tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(mirror, "manners", [404])
    check_refusal(download(MIRROR=mirror.address), "answered 404")
    assert list((tmp_path / "model").iterdir()) == []
