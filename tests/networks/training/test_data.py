"""Training pictures: what is left out and said, what is held out; crops; other colours."""

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
        loaded = data.load(data.find([str(folder)]), 24, least=32)
    assert [path.name for path in loaded] == [f"p{index}.png" for index in range(6)]
    assert {values.shape for values in loaded.values()} == {(24, 27, 3)}
    assert f"{NAMED + 3} of {NAMED + 9} pictures left out" in caplog.text
    assert "bad0.jpg" in caplog.text and "bad4.jpg" in caplog.text
    assert "bad5.jpg" not in caplog.text and "and 3 more" in caplog.text


def test_pictures_that_are_all_too_small_are_refused(folder):
    with pytest.raises(ImageError, match=r"none of the 6.*40x36.*crops of 64"):
        data.load(data.find([str(folder)]), least=64)


def test_pictures_of_too_many_pixels_are_left_out(folder, caplog):
    Image.fromarray(tiny.picture(9, (80, 60))).save(folder / "large.png")
    with caplog.at_level(logging.WARNING, "nstyle"):
        loaded = data.load(data.find([str(folder)]), max_pixels=40 * 36)
    assert len(loaded) == 6 and "large.png: 80x60 is 4800 pixels" in caplog.text
    assert "--max-pixels" in caplog.text


def test_what_is_kept_fits_into_the_bytes_that_are_given(folder, caplog):
    paths = data.find([str(folder)])[::-1]
    each = 3 * 40 * 36
    with caplog.at_level(logging.INFO, "nstyle"):
        loaded = data.load(paths, room=3 * each + 5)
        assert len(data.load(paths, room=6 * each)) == 6
    assert list(loaded) == paths[:3], "the first that were given"
    assert caplog.text.count("3 of 6 pictures are used") == 1
    assert len(data.load(paths, room=1)) == 1


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
    crops = data.Crops(flat, crop=32, batch=1, seed=0, convention=preprocessing.TORCHVISION)
    expected = 100 - np.array(preprocessing.TORCHVISION.mean)
    np.testing.assert_allclose(crops(0)[0, :, 5, 5], expected, rtol=1e-5)


def test_held_out_pictures_are_never_trained_on(folder, tmp_path_factory, monkeypatch):
    more = tmp_path_factory.mktemp("more")
    (more / "link.png").symlink_to(folder / "p5.png")
    (more / "copy.png").write_bytes((folder / "p4.png").read_bytes())
    (folder / "heldout.txt").write_text("p4.png\np5.png\n\n")
    monkeypatch.chdir(folder)
    trained, kept_out = data.split([".", str(folder), str(more)], "heldout.txt")
    assert [path.name for path in trained] == ["p0.png", "p1.png", "p2.png", "p3.png"]
    assert [path.name for path in kept_out] == ["p4.png", "p5.png"]


def test_crops_depend_on_seed_and_number_only():
    some = [np.random.default_rng(i).integers(0, 256, (40, 50, 3)).astype(np.uint8) for i in (1, 2)]
    crops, again = (data.Crops(some, crop=32, batch=3, seed=5) for _ in range(2))
    crops(0)
    np.testing.assert_array_equal(crops(8), again(8))
    assert crops(8).shape == (3, 3, 32, 32)
    assert np.abs(crops(8) - crops(9)).max() > 1


def test_crops_may_be_enlarged():
    # A slope of 4 grey levels per pixel: how much a crop is enlarged shows in its own slope.
    slope = np.repeat(np.arange(60, dtype=np.uint8)[np.newaxis, :, np.newaxis] * 4, 60, axis=0)
    some = [np.repeat(slope, 3, axis=2)]

    def steepness(enlarged):
        crops = data.Crops(some, crop=32, batch=8, seed=5, enlarged=enlarged)
        return np.abs(np.diff(crops(0)[:, 1, 16, 8:24], axis=1)).mean(axis=1)

    assert steepness(1.0).min() > 3.5
    assert steepness(2.0).min() < 3


def test_every_picture_comes_once_per_round():
    some = [np.full((32, 32, 3), 20 * i, np.uint8) for i in range(6)]
    crops = data.Crops(some, crop=32, batch=2, seed=0)
    seen = np.concatenate([crops(number)[:, 1, 0, 0] for number in range(3)])
    assert sorted(np.round(seen + 116.779)) == [0, 20, 40, 60, 80, 100]


def test_whole_pictures_come_in_versions_that_stay_the_same():
    some = [tiny.picture(number, (90 + 10 * number, 140)) for number in range(5)]
    whole, again = (data.WholePictures(some, 32, 3, seed=5) for _ in range(2))
    numbers = [whole.which(number) for number in range(30)]
    assert sorted(numbers[:15]) == list(range(15))
    assert sorted(number % 5 for number in numbers[5:10]) == list(range(5))
    assert sorted(numbers[15:]) == list(range(15))
    for which in (0, 6, 14):
        np.testing.assert_array_equal(whole(which), again(which))
        assert 32 <= min(whole(which).shape[2:]) <= 64
        height, width = some[which % 5].shape[:2]
        shape = whole(which).shape
        assert shape[3] / shape[2] == pytest.approx(width / height, rel=0.05)
    assert whole(0).shape != whole(5).shape
    small = data.WholePictures([some[0]], 200, 1, seed=0)
    assert small(0).shape[2:] == some[0].shape[:2]  # not enlarged


# ---- other colours ----

PICTURE = data.network_input([tiny.picture(3, (24, 20))])
NUMBERS = range(60)


def recoloured(seed=1):
    return data.Recoloured(lambda number: PICTURE, seed=seed)


def changed(made):
    return [number for number in NUMBERS if not np.array_equal(made(number), PICTURE)]


def test_about_half_of_the_pictures_are_recoloured_always_the_same():
    made = recoloured()
    assert 0.3 < len(changed(made)) / len(NUMBERS) < 0.7
    for number in NUMBERS:
        np.testing.assert_array_equal(made(number), made(number))
    assert changed(made) != changed(recoloured(seed=2))


def test_colours_stay_between_black_and_white_and_what_is_light_stays_light():
    low, high = preprocessing.limits(preprocessing.CAFFE, 255.0)
    made, luminance = recoloured(), PICTURE.mean(axis=1).ravel()
    for number in changed(made):
        values = made(number)
        assert values.shape == PICTURE.shape and values.dtype == np.float32
        assert (values >= low).all() and (values <= high).all()
        assert np.corrcoef(luminance, values.mean(axis=1).ravel())[0, 1] > 0.7


def test_turning_hues_keeps_greys_and_a_whole_turn_everything():
    np.testing.assert_allclose(data.turned(1.0, 1.7) @ [5, 5, 5], [5, 5, 5])
    np.testing.assert_allclose(data.turned(2 * np.pi, 1.0), np.eye(3), atol=1e-9)
    red_to_green = data.turned(2 * np.pi / 3, 1.0) @ [1, 0, 0]
    np.testing.assert_allclose(red_to_green, [0, 1, 0], atol=1e-9)
