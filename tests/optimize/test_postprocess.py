"""From painted values to the finished picture."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.images import codecs
from nstyle.images.picture import Picture
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.postprocess import finished


def make_inputs(**more) -> Inputs:
    photo = Picture(tiny.picture(1, (20, 24)))
    facts = {"photo": photo, "styles": (photo,), "shares": (1.0,), "start": None}
    return Inputs(**{**facts, "model": "m", "weights": "w", "final_size": photo.size, **more})


def values(inputs: Inputs) -> np.ndarray:
    return np.full((inputs.photo.height, inputs.photo.width, 3), 0.25, np.float32)


@pytest.mark.parametrize("rows", [1, 5, 24, 1000])
def test_what_is_kept_is_the_photo_strip_by_strip(rows, monkeypatch):
    monkeypatch.setattr(codecs, "ROWS", rows)
    keep = np.zeros((24, 20), np.float32)
    keep[:7], keep[7] = 1, 0.5
    inputs = make_inputs(keep=keep)
    picture = finished(values(inputs), inputs)
    assert picture.size == inputs.photo.size and picture.pixels.dtype == np.uint16
    expected = np.full((24, 20, 3), 0.25)
    expected[:7] = inputs.photo.floats()[:7]
    expected[7] = (0.25 + inputs.photo.floats()[7]) / 2
    assert np.allclose(picture.floats(), expected, atol=1e-4)


def test_alpha_and_final_size():
    base = make_inputs().photo
    alpha = np.full(base.pixels.shape[:2], 77, np.uint8)
    inputs = make_inputs(photo=Picture(base.pixels, alpha), final_size=(30, 26))
    picture = finished(values(inputs), inputs)
    assert picture.size == (30, 26)
    assert picture.alpha is not None and (picture.alpha == 77 * 257).all()


def test_chroma_comes_back():
    inputs = make_inputs()
    inputs = make_inputs(chroma=inputs.photo)
    picture = finished(values(inputs), inputs)
    difference = picture.pixels.astype(int)[..., 0] - picture.pixels.astype(int)[..., 1]
    wanted = 257 * (
        inputs.photo.pixels.astype(int)[..., 0] - inputs.photo.pixels.astype(int)[..., 1]
    )
    assert np.abs(difference - wanted).max() <= 257
