"""Means, channel order, range and layout: pictures <-> the network's input."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.images.picture import Picture
from nstyle.networks import preprocessing

CONVENTIONS = [
    preprocessing.CAFFE,
    preprocessing.CAFFE_BGR,
    preprocessing.TORCHVISION,
    preprocessing.CAFFE.without_mean(),
]


def test_black_and_white_by_hand():
    values = np.zeros((16, 18, 3), np.uint8)
    values[3, 5] = 255
    array = preprocessing.to_array(Picture(values), preprocessing.CAFFE)
    assert array.shape == (1, 3, 16, 18) and array.dtype == np.float32
    assert np.allclose(array[0, :, 0, 0], [-123.68, -116.779, -103.939])
    assert np.allclose(array[0, :, 3, 5], [131.32, 138.221, 151.061])
    wider = preprocessing.to_array(Picture(values), preprocessing.CAFFE, 256.0)
    assert np.allclose(wider[0, :, 3, 5], 256 - tiny.MEAN)  # the range counts before the mean
    values[..., 1:] = 0
    red = preprocessing.to_array(Picture(values), preprocessing.CAFFE.without_mean())
    assert red[0, :, 3, 5].tolist() == [255, 0, 0]


def test_sixteen_bits_keep_their_precision():
    values = np.full((16, 16, 3), 257 * 100 + 64, np.uint16)
    array = preprocessing.to_array(Picture(values), preprocessing.CAFFE.without_mean())
    assert np.allclose(array, 100 + 64 / 257, atol=1e-4)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("pixel_range", [255.0, 256.0, 1.0])
def test_there_and_back_gives_the_same_pixels(convention, pixel_range):
    values = tiny.picture(1)
    array = preprocessing.to_array(Picture(values), convention, pixel_range)
    before = array.copy()
    back = preprocessing.to_floats(array, convention, pixel_range)
    assert back.shape == values.shape and (array == before).all()
    assert (np.rint(back * 255) == values).all()


def test_what_is_out_of_range_is_clipped():
    array = np.zeros((1, 3, 2, 2), np.float32)
    array[0, :, 0, 0], array[0, :, 1, 1] = 1000, -1000
    floats = preprocessing.to_floats(array, preprocessing.CAFFE)
    assert floats[0, 0].tolist() == [1, 1, 1] and floats[1, 1].tolist() == [0, 0, 0]
    assert np.allclose(floats[0, 1], tiny.MEAN / 255)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_a_folded_kernel_sees_what_the_files_kernel_saw(convention):
    kernel = np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32)
    picture = tiny.picture(2)
    x = (picture - np.array(convention.mean)) / np.array(convention.deviation)
    x = x[..., ::-1] if convention.order == "bgr" else x
    expected = tiny.convolve(x.transpose(2, 0, 1), kernel, np.zeros(4), "zero")
    array = preprocessing.to_array(Picture(picture), convention)[0].astype(np.float64)
    folded = preprocessing.fold(convention, kernel)
    assert folded.dtype == np.float32 and folded.flags["C_CONTIGUOUS"]
    found = tiny.convolve(array, folded, np.zeros(4), "zero")
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_limits_are_black_and_white():
    convention = preprocessing.TORCHVISION
    low, high = preprocessing.limits(convention, 255.0)
    for value, found in ((0, low), (255, high)):
        picture = Picture(np.full((16, 16, 3), value, np.uint8))
        array = preprocessing.to_array(picture, convention)
        assert found.shape == (1, 3, 1, 1) and np.allclose(
            array, np.broadcast_to(found, (1, 3, 16, 16))
        )


@pytest.mark.parametrize("overshoots", [True, False])
def test_resizing_an_array_keeps_ramps_and_channels(overshoots):
    ramp = np.linspace(-300, 300, 32, dtype=np.float32)
    array = np.stack([np.tile(ramp, (24, 1)), np.full((24, 32), 7.0), np.tile(-ramp, (24, 1))])
    found = preprocessing.resized(
        array[np.newaxis].astype(np.float32), 64, 48, overshoots=overshoots
    )
    assert found.shape == (1, 3, 48, 64) and found.dtype == np.float32
    assert np.allclose(found[0, 1], 7, atol=1e-4)
    inner = slice(4, -4)
    expected = np.interp((np.arange(64) + 0.5) / 2 - 0.5, np.arange(32), ramp)
    assert np.abs(found[0, 0, :, inner] - expected[inner]).max() < 1
    assert np.allclose(found[0, 2], -found[0, 0], atol=1e-3)
    step = np.where(np.arange(8) < 4, 0, 1) * np.ones((1, 3, 8, 1), np.float32)
    beyond = preprocessing.resized(np.float32(step), 16, 16, overshoots=overshoots)
    assert (beyond.min() < 0) == (beyond.max() > 1) == overshoots
