"""Files: written wholly or not at all, refused before the work."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from nstyle.files import atomic_write, check_place


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.bin"
    for content in (b"one", b"two"):
        atomic_write(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["a.bin"]


def test_error_of_the_writer_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        assert len(os.listdir(tmp_path)) == 2
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


def test_temporary_file_is_hidden_and_names_the_process(tmp_path):
    names = []
    atomic_write(tmp_path / "a.bin", lambda file: names.extend(os.listdir(tmp_path)))
    assert len(names) == 1
    assert names[0].startswith(f".nstyle-{os.getpid()}-")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_mode_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        atomic_write(tmp_path / "a.bin", lambda file: file.write(b"x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


def test_a_link_is_followed(tmp_path):
    (tmp_path / "target.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to(tmp_path / "target.bin")
    atomic_write(tmp_path / "link.bin", lambda file: file.write(b"new"))
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "target.bin").read_bytes() == b"new"


def test_a_device_is_not_replaced():
    atomic_write(os.devnull, lambda file: file.write(b"x"))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_missing_folder_and_folder_are_plain_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "none" / "a.bin", lambda file: file.write(b"x"))
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path, lambda file: file.write(b"x"))


def test_long_names_have_room_for_the_temporary_one(tmp_path):
    path = tmp_path / ("n" * 255)
    atomic_write(path, lambda file: file.write(b"x"))
    assert path.read_bytes() == b"x"


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
