"""The any-style network as it is shipped: tiles, strength, blends, regions, its file."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tiny

from nstyle.errors import WeightsError
from nstyle.feedforward import ENCODER, network_file
from nstyle.feedforward import tiled as painting
from nstyle.feedforward.any_style import AnyStyle, mixed
from nstyle.feedforward.image_network import Styled
from nstyle.feedforward.network_file import ANY_STYLE, ONE_STYLE, NetworkFile
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.system import locations
from nstyle.system.backend import mx, nd

CARD = locations.PRETRAINED / "any-style.md"


@pytest.fixture(scope="module")
def network():
    return AnyStyle(network_file.read(str(locations.ANY_STYLE)), mx.cpu())


def array(seed: int, size=(80, 96)) -> np.ndarray:
    return preprocessing.to_array(Picture(tiny.picture(seed, size)), preprocessing.CAFFE)


@pytest.mark.parametrize("size", [(80, 96), (37, 50), (16, 16)])
def test_the_picture_keeps_its_size_and_range(network, size):
    x = array(1, size)
    painted = network.paint(x, [network.look(array(2))], [1.0])
    assert painted.shape == x.shape
    low, high = preprocessing.limits(network.convention, 255.0)
    assert (painted >= low - 1e-3).all() and (painted <= high + 1e-3).all()


def test_no_dark_rim(network):
    """A border is painted as if the photo went on, mirrored, for long."""
    x, looks = array(3, (128, 96)), [network.look(array(5))]
    painted = network.paint(x, looks, [1.0])
    wide = np.pad(x, [(0, 0), (0, 0), (48, 48), (48, 48)], mode="symmetric")
    expected = network.paint(wide, looks, [1.0])[:, :, 48:-48, 48:-48]
    for rim in (np.s_[..., :4], np.s_[..., -4:], np.s_[..., :4, :], np.s_[..., -4:, :]):
        assert abs(painted[rim].mean() - expected[rim].mean()) < 10


def test_blends_and_strength_lie_between(network):
    assert (mixed([nd.array([value]) for value in (1, 5)], [0.75, 0.25]).asnumpy() == 2).all()
    x, looks = array(1), [network.look(array(seed)) for seed in (2, 3)]
    first, second = (network.paint(x, [each], [1.0]) for each in looks)
    assert np.allclose(network.paint(x, looks, [1.0, 0.0]), first, atol=1e-2)
    middle = network.paint(x, looks, [0.5, 0.5])
    assert 0 < np.abs(middle - first).mean() < np.abs(second - first).mean()
    weak, none = (network.paint(x, looks[:1], [1.0], strength) for strength in (0.3, 0.0))
    own = network.paint(x, [network.look(x)], [1.0])
    assert np.allclose(none, own, atol=0.1), "without strength the photo has its own style"
    assert np.abs(weak - none).mean() < np.abs(first - none).mean()


def test_tiles_that_saw_everything_equal_the_whole(network, monkeypatch):
    """With statistics of all of the picture, tiles differ from it by rounding alone."""
    x = array(1, (232, 264))
    styled = Styled(network.body, network.look(array(2)), mx.cpu())
    whole = styled.whole(nd.array(x)).asnumpy()
    styled.learn(nd.array(array(3) * 0.3))
    assert np.abs(styled.apply(nd.array(x)).asnumpy() - whole).mean() > 1, "statistics matter"
    monkeypatch.setattr(painting, "sampled", lambda x, pixels: x)
    tiled = painting.paint(styled, x, whole=1, tile=96)
    assert np.abs(tiled - whole).max() < 0.05
    assert np.abs(styled.whole(nd.array(x)).asnumpy() - whole).max() < 0.01, "compiled anew"


def test_the_file_is_small_and_the_card_has_its_checksum():
    data = locations.ANY_STYLE.read_bytes()
    assert len(data) <= 5 * 10**6
    assert hashlib.sha256(data).hexdigest() in CARD.read_text(encoding="utf-8")


def test_files_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="paints one style"):
        AnyStyle(NetworkFile(ONE_STYLE, {}, {}), mx.cpu())
    file = network_file.read(str(locations.ANY_STYLE))
    less = dict(list(file.arrays.items())[1:])
    with pytest.raises(WeightsError, match="is not as this version"):
        AnyStyle(NetworkFile(ANY_STYLE, file.shape, less), mx.cpu())
    narrow = tiny.write_vgg(tmp_path / "slim.params", model=ENCODER)
    monkeypatch.setattr(locations, "find", lambda model: (model, narrow))
    with pytest.raises(WeightsError, match="is not as this version"):
        AnyStyle(file, mx.cpu())
