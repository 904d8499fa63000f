"""One style by its network: whole, in tiles, from its file; the grain it is given."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tiny

from nstyle.errors import WeightsError
from nstyle.feedforward import blocks, network_file, one_style
from nstyle.feedforward import tiled as painting
from nstyle.feedforward.network_file import ONE_STYLE, NetworkFile
from nstyle.feedforward.one_style import BAND, CELLS, DEVIATION, OneStyle, add_noise, grained
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.images import image_file
from nstyle.images.picture import Picture, resize
from nstyle.networks import preprocessing
from nstyle.system import locations
from nstyle.system.backend import mx

SHAPE = {"width": 4, "mean": [float(value) for value in tiny.MEAN]}


@pytest.fixture(scope="module")
def file():
    made = ResidualNetwork(**SHAPE)
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
    network, x = OneStyle(file, mx.cpu()), array((256, 256))
    whole = painting.paint(network, x)
    tiled = painting.paint(network, x, whole=256 * 256 - 1, tile=64)
    network.learn(mx.nd.array(x))
    kept = network.apply(mx.nd.array(x)).asnumpy()
    np.testing.assert_allclose(kept, whole, atol=0.05)
    assert np.abs(tiled - whole).mean() < 2


def test_what_is_too_large_is_painted_with_the_statistics_of_several_parts(file, monkeypatch):
    network, x = OneStyle(file, mx.cpu()), array((256, 256))
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
    np.testing.assert_array_equal(seen, [grained(x)])


def test_a_network_sees_no_further_than_tiles_overlap(file):
    network, x = OneStyle(file, mx.cpu()), array((256, 64))
    network.learn(mx.nd.array(x))
    changed = x.copy()
    changed[..., 128:] = array((128, 64), seed=5)
    before, after = (network.apply(mx.nd.array(each)).asnumpy() for each in (x, changed))
    same = np.abs(before - after).max(axis=(0, 1, 2)) < 1e-3
    assert same[: 128 - painting.REACH.margin].all() and not same[120:].any()


def test_another_kind_of_file_is_refused(file):
    with pytest.raises(WeightsError, match="any style"):
        OneStyle(network_file.read(str(locations.ANY_STYLE)), mx.cpu())
    fewer = dict(list(file.arrays.items())[1:])
    with pytest.raises(WeightsError, match="train anew"):
        OneStyle(NetworkFile(ONE_STYLE, SHAPE, fewer), mx.cpu())


def test_what_trainings_begin_with_leaves_a_photo_much_as_it_is():
    network = OneStyle(network_file.read(str(locations.PLAIN)), mx.cpu())
    photo = resize(image_file.read(locations.sample("coffee.jpg")), 120, 80)
    x = preprocessing.to_array(photo, network.convention)
    painted = network.paint(x)
    assert np.abs(painted - x).mean() < 40
    assert np.corrcoef(painted.ravel(), x.ravel())[0, 1] > 0.8


def test_its_card_has_its_checksum():
    card = locations.PLAIN.with_suffix(".md").read_text(encoding="utf-8")
    assert hashlib.sha256(locations.PLAIN.read_bytes()).hexdigest() in card


# ---- grain ----

FLAT = np.full((1, 3, 160, 240), 100, np.float32)


def test_a_size_and_seed_have_the_same_grain_again_and_the_photo_stays_as_it_was():
    before = FLAT.copy()
    np.testing.assert_array_equal(grained(FLAT), grained(FLAT))
    np.testing.assert_array_equal(FLAT, before)
    np.testing.assert_array_equal(grained(FLAT, 7), grained(FLAT, 7))
    assert np.abs(grained(FLAT, 7) - grained(FLAT, 8)).max() > DEVIATION


@pytest.mark.parametrize("cell", CELLS)
def test_noise_is_as_strong_as_it_says_even_at_the_borders_and_smooth(cell):
    found = np.zeros((40 * cell, 50 * cell), np.float32)
    add_noise(found, np.random.default_rng(1), cell)
    assert 0.6 * DEVIATION < found.std() < 1.1 * DEVIATION
    assert abs(found.mean()) < DEVIATION / 10
    rims = [found[:, :cell], found[:, -cell:], found[:cell], found[-cell:]]
    assert all(0.5 * DEVIATION < rim.std() < 1.3 * DEVIATION for rim in rims)
    assert np.abs(np.diff(found, axis=1)).mean() < 1.5 * DEVIATION / cell


def test_any_size_has_grain_and_channels_their_own():
    for size in ((1, 1), (7, 9), (33, 250)):
        x = np.zeros((1, 3, *size), np.float32)
        assert grained(x).shape == x.shape and grained(x).dtype == np.float32
    channels = (grained(FLAT) - FLAT)[0].reshape(3, -1)
    assert np.abs(np.corrcoef(channels) - np.eye(3)).max() < 0.3


def test_bands_of_rows_have_no_seam(monkeypatch):
    x = np.zeros((1, 3, 200, 40), np.float32)
    whole = grained(x)
    monkeypatch.setattr(one_style, "BAND", 48)
    np.testing.assert_allclose(grained(x), whole, atol=1e-3)
    assert all(BAND % cell == 0 for cell in CELLS)
