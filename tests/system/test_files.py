"""Wholly or not at all: atomic writes, places, lines of logs, and what killed processes leave."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nstyle.errors import OptionError
from nstyle.system import files
from nstyle.system.files import (
    append_whole,
    atomic_write,
    check_place,
    make_folder,
    opened,
    refuse_overwriting,
    sweep_beside,
)

CHECKOUT = Path(__file__).parents[2]


def test_writes_and_replaces(tmp_path):
    for name in ("a.bin", "n" * 255):  # there is room for the temporary file's name
        for content in (b"one", b"two"):
            atomic_write(tmp_path / name, lambda file, content=content: file.write(content))
            assert (tmp_path / name).read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "n" * 255]


def test_a_thousand_folders_in_each_other_are_made_or_refused(tmp_path):
    check_place(os.path.join(tmp_path, "a/" * 1500, "a.bin"))
    make_folder(os.path.join(tmp_path, "a/" * 1500))
    with pytest.raises(OSError, match="too long"):
        check_place(os.path.join(tmp_path, "a/" * 3000, "a.bin"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        make_folder(tmp_path / "file")
    # shutil.rmtree, by which pytest tidies up, calls itself for each
    subprocess.run(["rm", "-rf", "a"], check=True, cwd=tmp_path)


def test_a_pipe_is_read_to_its_end_and_not_waited_for_without_end(tmp_path, monkeypatch):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    writer = subprocess.Popen(["sh", "-c", f"(echo one; sleep 0.2; echo two) > {path}"])
    with opened(path) as file:
        assert file.read() == b"one\ntwo\n"
    writer.wait()
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    with pytest.raises(TimeoutError, match="nothing came through it"):
        opened(path)


def test_error_of_the_writer_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        (temporary,) = {*os.listdir(tmp_path)} - {"a.bin"}
        assert temporary.startswith(f".nstyle-{os.getpid()}-")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_error_of_the_disk_leaves_nothing(tmp_path, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(tmp_path / "a.bin", lambda file: file.write(b"new"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_mode_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        atomic_write(tmp_path / "a.bin", lambda file: file.write(b"x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


def test_a_link_is_followed_and_a_device_is_not_replaced(tmp_path):
    (tmp_path / "target.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to(tmp_path / "target.bin")
    atomic_write(tmp_path / "link.bin", lambda file: file.write(b"new"))
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "target.bin").read_bytes() == b"new"
    atomic_write(os.devnull, lambda file: file.write(b"x"))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_missing_folder_and_folder_are_plain_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "none" / "a.bin", lambda file: file.write(b"x"))
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path, lambda file: file.write(b"x"))


def test_a_place_is_checked_with_its_folder_made_and_nothing_written(tmp_path):
    check_place(tmp_path / "new" / "folder" / "a.bin")
    assert os.listdir(tmp_path / "new" / "folder") == []
    (tmp_path / "old.bin").write_bytes(b"old")
    check_place(tmp_path / "old.bin")
    assert (tmp_path / "old.bin").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["folder", "file/a.bin", "a\0b", "n" * 300])
def test_a_place_that_cannot_be_written_is_told_beforehand(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((OSError, ValueError)):
        check_place(os.path.join(tmp_path, name))
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


# ---- lines of logs ----


class Filling:
    """A file on a disk with room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room
        self.fileno, self.seek = file.fileno, file.seek

    def write(self, data):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = self.file.write(data[: self.room])
        self.room -= count
        return count


@pytest.mark.parametrize("mode", ["ab", "wb"])
def test_lines_are_appended_but_one_for_which_there_is_no_room_leaves_no_half_of_it(tmp_path, mode):
    with open(tmp_path / "log", mode, buffering=0) as file:
        full = Filling(file, 7)
        append_whole(full, b"one\n")
        with pytest.raises(OSError, match="No space"):
            append_whole(full, b"two\n")
        full.room = 4
        append_whole(full, b"six\n")
    assert (tmp_path / "log").read_bytes() == b"one\nsix\n"


# ---- what killed processes leave ----

STUCK = """
import sys, time
from nstyle.system.files import atomic_write
def write(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
atomic_write(sys.argv[1], write)
"""


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", STUCK, str(tmp_path / "a.bin")]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"writing\n"
        (left,) = os.listdir(tmp_path)
        sweep_beside(tmp_path / "b.bin")
        assert os.listdir(tmp_path) == [left]
    finally:
        process.kill()
        process.communicate()
    (tmp_path / "other.tmp").write_text("somebody else's")
    sweep_beside(tmp_path / "b.bin")
    assert os.listdir(tmp_path) == ["other.tmp"]


def test_what_is_swept_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    lock, swept = files.lock, []

    def late(file, *, wait):
        if wait and not swept:
            swept.append(file.name)
            os.unlink(file.name)
        lock(file, wait=wait)

    monkeypatch.setattr(files, "lock", late)
    atomic_write(tmp_path / "a.bin", lambda file: file.write(b"x"))
    assert swept and os.listdir(tmp_path) == ["a.bin"]


def test_without_locks_files_are_written_and_nothing_is_swept(tmp_path, monkeypatch):
    def none(*_, **__):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files, "lock", none)
    atomic_write(tmp_path / "a.bin", lambda file: file.write(b"x"))
    (tmp_path / ".nstyle-1-abcd.tmp").write_text("whose?")
    sweep_beside(tmp_path / "a.bin")
    assert sorted(os.listdir(tmp_path)) == [".nstyle-1-abcd.tmp", "a.bin"]


def test_a_folder_that_is_gone_or_oddly_named_is_swept_without_a_complaint(tmp_path):
    sweep_beside(tmp_path / "none" / "a.bin")
    odd = tmp_path / "[odd]*"
    odd.mkdir()
    (odd / ".nstyle-1-abcd.tmp").write_text("left")
    sweep_beside(odd / "a.bin")
    assert os.listdir(odd) == []


# ---- what may be written over ----


def test_writing_over_what_is_read_or_twice_is_refused_by_the_flag(tmp_path):
    photo, other = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    refuse_overwriting([("--output", other), ("--trace", None)], [photo, None])
    with pytest.raises(OptionError, match=r"^--output: .*a\.png is one of the inputs; give an"):
        refuse_overwriting([("--output", photo)], [photo])
    with pytest.raises(OptionError, match=r"link\.png is one of the inputs; give a folder$"):
        refuse_overwriting([("--output", str(link))], [photo], advice="give a folder")
    with pytest.raises(OptionError, match=r"^--trace: .*b\.png is the output, too"):
        refuse_overwriting([("--output", other), ("--trace", other)], [photo])
    refuse_overwriting([("the checkpoint", other)], [], known={other: "the checkpoint"})
    with pytest.raises(OptionError, match=r"--output: .* is the checkpoint; give another file"):
        refuse_overwriting([("--output", other)], [], known={other: "the checkpoint"})
