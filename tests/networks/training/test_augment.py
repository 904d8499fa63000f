"""Paintings in other colours."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.networks import preprocessing
from nstyle.networks.training.augment import SHARE, Recoloured, turned
from nstyle.networks.training.data import network_input

PICTURE = network_input([tiny.picture(3, (24, 20))])
NUMBERS = range(60)


def pictures(number):
    return PICTURE


@pytest.fixture
def recoloured():
    return Recoloured(pictures, seed=1)


def changed(made):
    return [number for number in NUMBERS if not np.array_equal(made(number), PICTURE)]


def test_about_half_of_the_pictures_are_changed(recoloured):
    assert 0.3 < len(changed(recoloured)) / len(NUMBERS) < 0.7
    assert SHARE == 0.5


def test_a_number_gives_the_same_colours_again_and_another_seed_others(recoloured):
    for number in NUMBERS:
        np.testing.assert_array_equal(recoloured(number), recoloured(number))
    assert changed(recoloured) != changed(Recoloured(pictures, seed=2))


def test_colours_stay_between_black_and_white(recoloured):
    low, high = preprocessing.limits(preprocessing.CAFFE, 255.0)
    for number in NUMBERS:
        values = recoloured(number)
        assert values.shape == PICTURE.shape and values.dtype == np.float32
        assert (values >= low).all() and (values <= high).all()


def test_what_is_light_stays_light(recoloured):
    luminance = PICTURE.mean(axis=1).ravel()
    for number in changed(recoloured):
        found = recoloured(number).mean(axis=1).ravel()
        assert np.corrcoef(luminance, found)[0, 1] > 0.7


def test_turning_hues_keeps_greys_and_a_whole_turn_everything():
    np.testing.assert_allclose(turned(1.0, 1.7) @ [5, 5, 5], [5, 5, 5])
    np.testing.assert_allclose(turned(2 * np.pi, 1.0), np.eye(3), atol=1e-9)
    red_to_green = turned(2 * np.pi / 3, 1.0) @ [1, 0, 0]
    np.testing.assert_allclose(red_to_green, [0, 1, 0], atol=1e-9)
