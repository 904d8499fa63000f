"""The any-style decoder: sizes, what it does with a style."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward import TAPS, any_style, blocks
from nstyle.feedforward.decoder import WIDTHS, Decoder, halves
from nstyle.feedforward.train.options import TrainOptions
from nstyle.system.backend import autograd, nd

CHANNELS = dict(zip(TAPS, (8, 6, 5, 4)))
MEAN = (123.0, 116.0, 103.0)


def taps(size, seed=0):
    """As an encoder gives them for a picture of (width, height)."""
    chance = np.random.default_rng(seed)
    shapes = {
        tap: (1, CHANNELS[tap], size[1] // shrink, size[0] // shrink)
        for tap, shrink in zip(TAPS, (8, 4, 2, 1))
    }
    return {tap: nd.array(chance.gamma(1, seed + 1, shape)) for tap, shape in shapes.items()}


@pytest.fixture
def decoder():
    made = Decoder(CHANNELS, MEAN, (8, 6, 5, 4))
    blocks.start(made, 1)
    return made


def paint(decoder, size, style):
    seen = taps(size)
    with autograd.train_mode():
        return decoder(*[seen[tap] for tap in TAPS[:3]], *any_style.look(style)).asnumpy()


@pytest.mark.parametrize("size", [(16, 24), (40, 56)])
def test_a_picture_has_eight_times_the_size_of_the_deepest_layer(decoder, size):
    assert paint(decoder, size, taps((24, 24), 1)).shape == (1, 3, size[1], size[0])


def test_another_style_gives_another_picture_between_black_and_white(decoder):
    first, second = (paint(decoder, (32, 24), taps((24, 24), seed)) for seed in (1, 2))
    assert np.abs(first - second).max() > 0.1
    for painted in (first, second):
        black = painted + np.array(MEAN).reshape(1, 3, 1, 1)
        assert black.min() >= 0 and black.max() <= 255


def test_a_look_is_deviations_then_means():
    tap = nd.array(np.random.default_rng(3).normal(2, 3, (1, 5, 7, 9)))
    values = tap.asnumpy()
    expected = [values.std(axis=(2, 3)).ravel(), values.mean(axis=(2, 3)).ravel()]
    found = [part.asnumpy() for part in halves(nd, any_style.statistics(tap), 5)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_mixture_of_looks_is_their_weighted_sum():
    first, second = (any_style.look(taps((24, 24), seed)) for seed in (1, 2))
    for mixed, one, other in zip(any_style.mixed([first, second], [0.25, 0.75]), first, second):
        expected = 0.25 * one.asnumpy() + 0.75 * other.asnumpy()
        np.testing.assert_allclose(mixed.asnumpy(), expected, rtol=1e-5)


def test_what_options_know_of_the_decoder_is_true():
    wanted = TrainOptions(paintings=("art",), photos=("photos",), output="any.params")
    assert wanted.shape == {"widths": list(WIDTHS)}
