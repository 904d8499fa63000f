"""Streams that are closed, full or read by nobody, each as a shell opens them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from asking import CHECKOUT, write_pictures

SHORT = "--content-image photo.png --style-image style.png --max-num-epochs 2 --save-epochs 0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, weights_file):
    folder = tmp_path_factory.mktemp("streams")
    write_pictures(folder)
    (folder / "a.params").write_bytes(Path(weights_file).read_bytes())
    return folder


def shell(folder: Path, words: str, streams: str) -> tuple[int, str]:
    """(exit code, what came on stdout and stderr) of a command line."""
    line = f"{shlex.quote(sys.executable)} -m nstyle {words} {streams}"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "streams", ["2>/dev/full", "2>&-", "<&- >&- 2>&-", "2>&1 | true; exit ${PIPESTATUS[0]}"]
)
def test_messages_that_go_nowhere_end_no_run(folder, streams):
    words = f"run {SHORT} --weights a.params --checkpoint-epochs 1 --keep-checkpoint"
    assert shell(folder, f"{words} --output out.png", streams) == (0, "")
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")
    (folder / "out.png").unlink()
    (folder / "out.png.ckpt.npz").unlink()


def test_nor_a_batch(folder):
    words = f"batch {SHORT.replace('--save-epochs 0', '')} --weights a.params --output-dir there"
    assert shell(folder, words, "2>/dev/full") == (0, "")
    assert sorted(os.listdir(folder / "there")) == ["manifest.jsonl", "photo_style.jpg"]


def test_a_refusal_keeps_its_code_where_nobody_hears_it(folder):
    assert shell(folder, "run --content-image none.png", "2>&-") == (2, "")
    assert shell(folder, "run --no-such-flag", "2>/dev/full") == (2, "")


@pytest.mark.parametrize("words", ["presets", "models --json", "--help", "run --help", "--version"])
@pytest.mark.parametrize(
    ("streams", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_goes_nowhere_is_one_line(folder, words, streams, why):
    line = f"nstyle: error: stdout cannot be written ({why})\n"
    assert shell(folder, words, streams) == (1, line)


def test_a_closed_stdout_is_no_matter_where_nothing_is_printed(folder):
    code, said = shell(folder, f"run {SHORT} --weights a.params --output out.png", ">&-")
    assert code == 0 and said.splitlines()[-1].startswith("out.png: 2 epochs")
