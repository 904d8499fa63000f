"""Training pictures: what is left out and said, what is held out. Crops: see test_distill."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.errors import ImageError
from nstyle.networks import preprocessing
from nstyle.networks.training import data
from nstyle.networks.training.data import NAMED


@pytest.fixture
def folder(tmp_path):
    for index in range(6):
        Image.fromarray(tiny.picture(index, (40, 36))).save(tmp_path / f"p{index}.png")
    return tmp_path


def test_pictures_left_out_are_counted_and_named(folder, caplog):
    for index in range(NAMED + 2):
        (folder / f"bad{index}.jpg").write_bytes(b"\xff\xd8 no picture")
    Image.fromarray(tiny.picture(1, (60, 20))).save(folder / "flat.png")
    with caplog.at_level(logging.WARNING, "nstyle"):
        loaded = data.load_named(data.find([str(folder)]), 24, least=32)
    assert [path.name for path in loaded] == [f"p{index}.png" for index in range(6)]
    assert {values.shape for values in loaded.values()} == {(24, 27, 3)}
    assert f"{NAMED + 3} of {NAMED + 9} pictures left out" in caplog.text
    assert "bad0.jpg" in caplog.text and "bad4.jpg" in caplog.text
    assert "bad5.jpg" not in caplog.text and "and 3 more" in caplog.text


def test_pictures_that_are_all_too_small_are_refused(folder):
    with pytest.raises(ImageError, match=r"none of the 6.*40x36.*crops of 64"):
        data.load_named(data.find([str(folder)]), least=64)


def test_pictures_of_too_many_pixels_are_left_out(folder, caplog):
    Image.fromarray(tiny.picture(9, (80, 60))).save(folder / "large.png")
    with caplog.at_level(logging.WARNING, "nstyle"):
        loaded = data.load_named(data.find([str(folder)]), max_pixels=40 * 36)
    assert len(loaded) == 6 and "large.png: 80x60 is 4800 pixels" in caplog.text
    assert "--max-pixels" in caplog.text


def test_what_is_kept_fits_into_the_bytes_that_are_given(folder, caplog):
    paths = data.find([str(folder)])[::-1]
    each = 3 * 40 * 36
    with caplog.at_level(logging.INFO, "nstyle"):
        loaded = data.load_named(paths, room=3 * each + 5)
        assert len(data.load_named(paths, room=6 * each)) == 6
    assert list(loaded) == paths[:3], "the first that were given"
    assert caplog.text.count("3 of 6 pictures are used") == 1
    assert len(data.load_named(paths, room=1)) == 1


def test_some_of_many_are_chosen_by_the_seed(folder):
    paths = data.find([str(folder)])
    chosen = data.some_of(paths, 3, 1)
    assert len(set(chosen)) == 3 and set(chosen) < set(paths)
    assert data.some_of(paths, 3, 1) == chosen
    assert any(data.some_of(paths, 3, seed) != chosen for seed in range(2, 6))
    assert sorted(data.some_of(paths, 6, 1)) == paths != data.some_of(paths, 6, 1)


def test_which_pictures_lie_in_a_folder(folder, monkeypatch):
    (folder / "deep").mkdir()
    (folder / "deep" / "link.png").symlink_to(folder / "p0.png")
    monkeypatch.chdir(folder)
    paths = [folder / "p1.png", folder / "deep" / "link.png", folder.parent / "p2.png"]
    assert data.inside(paths, ["."]) == paths[:2]
    assert data.inside(paths, ["deep"]) == []


def test_crops_are_given_in_the_space_that_is_asked_for():
    flat = [np.full((32, 32, 3), 100, np.uint8)]
    crops = data.Crops(flat, crop=32, batch=1, seed=0, convention=preprocessing.IMAGENET)
    expected = 100 - np.array(preprocessing.IMAGENET.mean)
    np.testing.assert_allclose(crops(0)[0, :, 5, 5], expected, rtol=1e-5)
