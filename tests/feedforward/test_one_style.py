"""One style by its network: whole, in tiles, from its file."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.errors import WeightsError
from nstyle.feedforward import blocks, network_file
from nstyle.feedforward import tiled as painting
from nstyle.feedforward.grain import grained
from nstyle.feedforward.image_network import RIM
from nstyle.feedforward.network_file import ONE_STYLE, NetworkFile
from nstyle.feedforward.one_style import OneStyle, OneStyleNetwork
from nstyle.images.picture import Picture
from nstyle.system import locations
from nstyle.system.backend import autograd, mx

SHAPE = {"widths": [4, 6, 8, 10], "mean": [float(value) for value in tiny.MEAN]}


@pytest.fixture(scope="module")
def file():
    made = OneStyleNetwork(**SHAPE)
    blocks.start(made, 2)
    arrays = {name: each.data().asnumpy() for name, each in blocks.trained(made).items()}
    return NetworkFile(ONE_STYLE, SHAPE, arrays, {"style": "wave"}, Picture(tiny.picture(9)))


def array(size, seed=1):
    return tiny.to_input(tiny.picture(seed, size))[np.newaxis].astype(np.float32)


@pytest.mark.parametrize("size", [(16, 16), (37, 50), (64, 40)])
def test_any_size_is_painted_between_black_and_white(file, size):
    painted = OneStyle(file, mx.cpu()).paint(array(size))
    assert painted.shape == (1, 3, size[1], size[0])
    values = painted[0] + tiny.MEAN.reshape(3, 1, 1)
    assert -1e-3 <= values.min() < values.max() - 50 <= 205 + 1e-3


def test_tiles_show_no_seam(file):
    """With the statistics of all of the picture, tiles are parts of the whole."""
    network, x = OneStyle(file, mx.cpu()).styled, array((256, 256))
    whole = painting.paint(network, x)
    tiled = painting.paint(network, x, whole=256 * 256 - 1, tile=64)
    network.learn(mx.nd.array(x))
    kept = network.apply(mx.nd.array(x)).asnumpy()
    np.testing.assert_allclose(kept, whole, atol=0.05)
    assert np.abs(tiled - whole).mean() < 2


def test_what_is_too_large_is_painted_with_the_statistics_of_several_parts(file, monkeypatch):
    network, x = OneStyle(file, mx.cpu()).styled, array((256, 256))
    network.learn(mx.nd.array(x))
    whole = network.kept()
    monkeypatch.setattr(painting, "SAMPLE", 128)
    assert painting.sampled(x, 256 * 256 - 1).shape == (2, 3, 128, 128)
    monkeypatch.setattr(painting, "sampled", lambda x, _: quarters(x))  # so as to see all of it
    painting.learn(network, x, whole=256 * 256 - 1)
    deviations = [np.sqrt(b / a) for a, b in zip(whole[1::2], network.kept()[1::2])]
    assert np.abs(np.concatenate(deviations) - 1).max() < 0.1


def quarters(x):
    """All of (1, 3, 256, 256) as four."""
    return np.concatenate([x[:, :, i : i + 128, j : j + 128] for i in (0, 128) for j in (0, 128)])


def test_the_network_is_given_the_photo_with_grain(file):
    seen, x = [], array((40, 32))
    OneStyle(file, mx.cpu()).paint(x, through=lambda _, given: seen.append(given) or given)
    wide = np.pad(x, [(0, 0), (0, 0), (RIM, RIM), (RIM, RIM)], mode="symmetric")
    np.testing.assert_array_equal(seen, [grained(wide)])


def test_another_kind_of_file_is_refused(file):
    with pytest.raises(WeightsError, match="any style"):
        OneStyle(network_file.read(str(locations.ANY_STYLE)), mx.cpu())
    fewer = dict(list(file.arrays.items())[1:])
    with pytest.raises(WeightsError, match="train anew"):
        OneStyle(NetworkFile(ONE_STYLE, SHAPE, fewer), mx.cpu())


def test_every_value_gets_a_gradient():
    made = OneStyleNetwork(**SHAPE)
    blocks.start(made, 3)
    with autograd.record():
        loss = mx.nd.square(made(mx.nd.array(array((48, 40))))).mean()
    loss.backward()
    for name, parameter in blocks.trained(made).items():
        # A shift before a normalisation changes nothing.
        if not name.endswith("_bias"):
            assert np.abs(parameter.grad().asnumpy()).max() > 0, name
