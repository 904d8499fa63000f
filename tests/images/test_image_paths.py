"""Which photos are meant, and what their results are called."""

from __future__ import annotations

import pytest

from nstyle.errors import OptionError
from nstyle.images import image_paths


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "c.heic"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.jpg").write_bytes(b"x")
    return tmp_path


def names_of(*sources) -> list[str]:
    return [
        path.rsplit("/", 1)[-1] for path in image_paths.find([str(source) for source in sources])
    ]


def test_a_folder_gives_its_own_pictures_by_name(folder):
    assert names_of(folder) == ["a.png", "b.JPG", "c.heic"]


def test_patterns_match_files_only(folder):
    assert names_of(folder / "*") == ["a.png", "b.JPG", "c.heic", "notes.txt"]
    assert names_of(folder / "b*") == ["b.JPG"]  # not the folder


def test_every_file_comes_once_in_order(folder):
    assert names_of(folder / "c.heic", folder / "*.png", folder) == ["c.heic", "a.png", "b.JPG"]


def test_a_file_may_have_a_name_like_a_pattern_and_be_absent(folder):
    (folder / "x[1].jpg").write_bytes(b"x")
    assert names_of(folder / "x[1].jpg", folder / "none.jpg") == ["x[1].jpg", "none.jpg"]


@pytest.mark.parametrize("source", ["below2", "*.gif"])
def test_nothing_found_is_refused(folder, source):
    (folder / "below2").mkdir()
    with pytest.raises(OptionError, match=r"folder without a picture|no file matches"):
        image_paths.find([str(folder / source)])


def test_names_never_come_twice():
    paths = ["p/cat.jpg", "q/cat.png", "q/Cat.jpg", "dog.tar.jpg"]
    names = ["cat_wave.png", "cat_wave_2.png", "Cat_wave_3.png", "dog.tar_wave.png"]
    assert image_paths.names(paths, "wave", ".png") == names
    assert image_paths.unique(["a.jpg", "b.jpg"], ["A.JPG", "a_2.jpg"]) == ["a_3.jpg", "b.jpg"]
    assert image_paths.unique(["a.jpg"] * 20_000)[-1] == "a_20000.jpg"  # soon
