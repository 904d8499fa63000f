"""Pictures of any size through a network: whole, and in tiles that share statistics."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.feedforward import tiled as painting
from nstyle.optimize.tiles import geometry
from nstyle.system.backend import mx, nd


class Blur:
    """A stand-in: less the mean of what was seen, plus what is `reach` px to both sides."""

    def __init__(self, reach: int) -> None:
        self.device, self._reach, self._mean = mx.cpu(), reach, 0.0
        self.seen: list[tuple[int, ...]] = []

    def whole(self, x):
        self.learn(x)
        return self.apply(x)

    def learn(self, x):
        self._mean = float(x.mean().asscalar())

    def apply(self, x):
        self.seen.append(x.shape)
        values = x.asnumpy()
        wide = np.pad(values, ((0, 0), (0, 0), (0, 0), (self._reach, self._reach)), mode="edge")
        return nd.array(
            values + wide[..., : values.shape[3]] + wide[..., 2 * self._reach :] - self._mean
        )


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (1, 3, height, width)).astype(np.float32)


@pytest.mark.parametrize("size", [(40, 48), (41, 50), (16, 17)])
def test_a_picture_that_fits_is_painted_whole(size):
    network, x = Blur(2), picture(*size)
    painted = painting.paint(network, x)
    assert painted.shape == x.shape and len(network.seen) == 1
    assert all(edge % painting.MULTIPLE == 0 for edge in network.seen[0][2:])


@pytest.mark.parametrize("size", [(330, 400), (163, 1000)])
def test_tiles_equal_the_whole_but_for_the_sampled_mean(size):
    x = picture(*size)
    whole = painting.paint(Blur(painting.REACH.margin - 8), x, whole=10**9)
    network = Blur(painting.REACH.margin - 8)
    tiled = painting.paint(network, x, whole=100 * 100, tile=96)
    shift = (tiled - whole).mean()
    inside = slice(0, -8)  # the mirrored border is not the same thing as its edge repeated
    assert np.abs(tiled - whole - shift)[..., inside, inside].max() < 1e-4
    assert len(set(network.seen)) == 1, "tiles of several shapes"


def test_a_tile_that_is_seen_too_narrowly_would_show():
    x = picture(250, 400)
    whole = painting.paint(Blur(painting.REACH.margin + 8), x, whole=10**9)
    tiled = painting.paint(Blur(painting.REACH.margin + 8), x, whole=100 * 100, tile=96)
    assert np.abs(tiled - whole - (tiled - whole).mean()).max() > 0.1


def test_samples_are_spread_over_the_picture_and_bounded():
    x = np.arange(1024, dtype=np.float32) * np.ones((1, 3, 768, 1), np.float32)
    parts = painting.sampled(x, 6 * 256 * 256)
    assert parts.shape[0] <= 6 and parts.shape[1:] == (3, 256, 256)
    assert parts.min() == 0 and parts.max() == 1023
    assert painting.sampled(x, 1).shape[0] == 1


@pytest.mark.parametrize("size", [(400, 96), (96, 800), (97 * 8, 1024)])
def test_tiles_are_such_as_a_network_can_be_given(size):
    found = geometry.of_edge(size, 96, painting.REACH)
    assert all(edge % painting.MULTIPLE == 0 for edge in found.edges)
    starts = [span.begin for tile in found.tiles for span in tile]
    assert not any(start % painting.MULTIPLE for start in starts)
