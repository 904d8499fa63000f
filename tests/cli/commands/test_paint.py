"""`nstyle paint`: a picture per photo, good ones in spite of bad ones, refusals."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tiny
from PIL import Image

from nstyle.cli.main import main
from nstyle.images import image_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name, seed in (("photos/a", 1), ("photos/b", 2), ("style", 3)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(tmp_path / f"{name}.png")
    return tmp_path


def paint(*words: str) -> int:
    return main(["paint", "--style-image", "style.png", "--output-dir", "out", *words])


def results(folder) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir())


def test_a_folder_gives_a_picture_per_photo(folder, capsys):
    assert paint("photos") == 0
    assert results(folder) == ["a_style.jpg", "b_style.jpg"]
    assert image_file.read(str(folder / "out" / "a_style.jpg")).size == (48, 40)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[0].startswith("out/a_style.jpg: ")


def test_the_result_has_its_options_inside(folder):
    assert paint("--strength", "0.5", "--format", "png", "photos/a.png") == 0
    about = image_file.read_metadata(folder / "out" / "a_style.png")
    assert about["strength"] == 0.5 and about["network"] == "any-style"


def test_bad_photos_among_good_ones_are_named_and_left_out(folder, capsys):
    (folder / "photos" / "aa.jpg").write_bytes(b"no picture")
    assert paint("--quiet", "photos") == 1
    assert results(folder) == ["a_style.jpg", "b_style.jpg"]
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("error: photos/aa.jpg: not a picture")
    assert said[1:] == ["1 of 3 photos could not be painted"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.jpg"], "nowhere.jpg: no such file"),
        (["--format", "gif", "photos"], "--format: 'gif' is none of"),
        (["--strength", "2", "photos"], "--strength: 2.0 is out of range"),
        (["--network", "style.png", "photos"], "no painting network"),
        (["*.gif"], "no file matches"),
        (["empty"], "a folder without a picture"),
    ],
)
def test_one_line_and_exit_code_2(folder, capsys, words, says):
    (folder / "empty").mkdir()
    assert paint(*words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert not (folder / "out").exists() or not results(folder)


def test_a_result_never_replaces_what_is_read(folder, capsys):
    (folder / "photos" / "x_style.jpg").write_bytes(b"")
    Image.fromarray(tiny.picture(1, (48, 40))).save(folder / "photos" / "x.png")
    words = ["paint", "--style-image", "style.png", "--output-dir", "photos", "photos"]
    assert main(words) == 2
    assert "is one of the inputs" in capsys.readouterr().err


def test_without_words_the_samples_are_painted(folder, capsys):
    assert main(["paint", "--max-long-edge", "48", "--output-dir", "out"]) == 0
    assert results(folder) == ["coffee_cubist.jpg"]


def test_a_photo_comes_from_stdin_and_goes_to_stdout(folder):
    words = ["--style-image", "style.png", "--format", "png", "--output", "-", "-"]
    command = [sys.executable, "-m", "nstyle", "paint", *words]
    photo = (folder / "photos" / "a.png").read_bytes()
    done = subprocess.run(command, input=photo, capture_output=True, check=True)
    assert image_file.read(done.stdout).size == (48, 40) and not done.stderr
    assert not (folder / "output").exists()


def test_one_photo_goes_where_one_says(folder, capsys):
    words = ["paint", "--style-image", "style.png", "--output", "new/one.webp"]
    assert main([*words, "photos/a.png"]) == 0
    assert image_file.read("new/one.webp").size == (48, 40)
    assert main([*words, "photos"]) == 2
    assert "--output: is for one photo" in capsys.readouterr().err
