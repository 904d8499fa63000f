"""The image network: sizes, and what it does with a style."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward import blocks, tiled
from nstyle.feedforward.image_network import WIDTHS, ImageNetwork
from nstyle.feedforward.train.options import TrainOptions
from nstyle.system.backend import autograd, nd


@pytest.fixture(scope="module")
def network():
    made = ImageNetwork(tiny.MEAN, (4, 6, 8, 10))
    blocks.start(made, 1)
    return made


def paint(network, x, style):
    with autograd.train_mode():
        return network(nd.array(x), nd.array(style)).asnumpy()


def photo(size, seed=0):
    return np.random.default_rng(seed).normal(0, 60, (1, 3, size[1], size[0])).astype(np.float32)


@pytest.mark.parametrize("size", [(16, 24), (40, 56)])
def test_another_style_gives_another_picture_between_black_and_white(network, size):
    chance = np.random.default_rng(2)
    styles = [chance.normal(0, 0.3, 2 * sum(network.channels)) for _ in range(2)]
    first, second = (paint(network, photo(size), style) for style in styles)
    assert first.shape == (1, 3, size[1], size[0])
    assert np.abs(first - second).max() > 0.1
    for painted in (first, second):
        black = painted + np.array(tiny.MEAN).reshape(1, 3, 1, 1)
        assert black.min() >= 0 and black.max() <= 255


@pytest.mark.parametrize("place", [0, 5, -1])
def test_every_normalisation_listens_to_its_part_of_the_style(network, place):
    """Deviations first, then means, of one after another."""
    begin = 2 * sum(network.channels[: place % len(network.channels)])
    style = np.zeros(2 * sum(network.channels))
    plain = paint(network, photo((16, 16)), style)
    for part in (begin, begin + network.channels[place]):
        other = style.copy()
        other[part : part + network.channels[place]] = 0.5
        assert np.abs(paint(network, photo((16, 16)), other) - plain).max() > 1e-5


def test_it_sees_no_farther_than_tiles_overlap(network):
    """With statistics that are kept, a pixel changes nothing that is far from it."""
    x, style = photo((640, 16)), np.zeros(2 * sum(network.channels))
    with blocks.keeping(network):
        network(nd.array(x), nd.array(style))
    changed = x.copy()
    changed[..., 320] += 100
    with autograd.predict_mode():
        first, second = (network(nd.array(v), nd.array(style)).asnumpy() for v in (x, changed))
    moved = np.flatnonzero(np.abs(first - second).max(axis=(0, 1, 2)))
    assert 0 < max(320 - moved.min(), moved.max() - 320) <= tiled.REACH.margin


def test_the_usual_widths_are_those_of_the_options():
    wanted = TrainOptions(paintings=("art",), photos=("photos",), output="any.params")
    assert wanted.shape == {"widths": list(WIDTHS)}
