"""The any-style decoder: sizes, what it does with a style."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward import TAPS, any_style, blocks
from nstyle.feedforward.decoder import WIDTHS, Decoder
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
def test_another_style_gives_another_picture_between_black_and_white(decoder, size):
    first, second = (paint(decoder, size, taps((24, 24), seed)) for seed in (1, 2))
    assert first.shape == (1, 3, size[1], size[0])  # eight times the deepest layer's
    assert np.abs(first - second).max() > 0.1
    for painted in (first, second):
        black = painted + np.array(MEAN).reshape(1, 3, 1, 1)
        assert black.min() >= 0 and black.max() <= 255


def test_what_options_know_of_the_decoder_is_true():
    wanted = TrainOptions(paintings=("art",), photos=("photos",), output="any.params")
    assert wanted.shape == {"widths": list(WIDTHS)}
