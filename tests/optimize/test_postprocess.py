"""From painted values to the finished picture."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.images import codecs
from nstyle.images.picture import Picture
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.postprocess import finished, with_kept
from nstyle.options.options import Options


def given(**more) -> Inputs:
    photo = Picture(tiny.picture(1, (20, 24)))
    facts = {"photo": photo, "styles": (photo,), "shares": (1.0,), "start": None}
    return Inputs(**{**facts, "model": "m", "weights": "w", "final_size": photo.size, **more})


def values(inputs: Inputs) -> np.ndarray:
    return np.full((inputs.photo.height, inputs.photo.width, 3), 0.25, np.float32)


def test_values_become_sixteen_bits_of_the_same_size():
    inputs = given()
    picture = finished(values(inputs), inputs, Options(), inputs.photo.size)
    assert picture.size == inputs.photo.size and picture.pixels.dtype == np.uint16
    assert (picture.pixels == round(0.25 * 65535)).all()


def test_what_is_kept_is_the_photo():
    inputs = given()
    keep = np.zeros((inputs.photo.height, inputs.photo.width), np.float32)
    keep[:5] = 1
    inputs = given(keep=keep)
    picture = finished(values(inputs), inputs, Options(), inputs.photo.size)
    assert np.allclose(picture.floats()[:5], inputs.photo.floats()[:5], atol=1e-4)
    assert np.allclose(picture.floats()[5:], 0.25, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 5, 24])
def test_strip_by_strip_it_is_the_same(rows, monkeypatch):
    inputs = given(chroma=given().photo)
    keep = np.random.default_rng(1).uniform(0, 1, values(inputs).shape[:2]).astype(np.float32)
    inputs = given(keep=keep, chroma=inputs.photo)
    whole = finished(values(inputs), inputs, Options(), inputs.photo.size)
    monkeypatch.setattr(codecs, "ROWS", rows)
    found = finished(values(inputs), inputs, Options(), inputs.photo.size)
    assert np.array_equal(found.pixels, whole.pixels)


def test_alpha_and_final_size():
    base = given().photo
    alpha = np.full(base.pixels.shape[:2], 77, np.uint8)
    inputs = given(photo=Picture(base.pixels, alpha))
    picture = finished(values(inputs), inputs, Options(), (30, 26))
    assert picture.size == (30, 26)
    assert picture.alpha is not None and (picture.alpha == 77 * 257).all()


def test_chroma_comes_back():
    inputs = given()
    inputs = given(chroma=inputs.photo)
    picture = finished(values(inputs), inputs, Options(), inputs.photo.size)
    difference = picture.pixels.astype(int)[..., 0] - picture.pixels.astype(int)[..., 1]
    wanted = 257 * (
        inputs.photo.pixels.astype(int)[..., 0] - inputs.photo.pixels.astype(int)[..., 1]
    )
    assert np.abs(difference - wanted).max() <= 257


def test_with_kept_gives_the_same_object_for_none():
    x = np.ones((2, 2), np.float32)
    assert with_kept(x, x, None) is x
    assert (with_kept(x, 3 * x, np.full((2, 2), 0.5)) == 2).all()
