"""What one picture shows at once; the same in tiles: test_tiled."""

from __future__ import annotations

import numpy as np

from nstyle.losses.statistics import FeatureStatistics
from nstyle.optimize.tiles.sources import WholeImage
from nstyle.system.backend import mx, nd

CHANCE = np.random.default_rng(1)
TAPS = {
    "relu1_1": nd.array(CHANCE.normal(size=(1, 4, 6, 8))),
    "relu2_1": nd.array(CHANCE.normal(size=(1, 3, 3, 4))),
}


def test_shapes_and_device_are_those_of_the_taps():
    view = WholeImage(TAPS)
    assert view.shapes == {"relu1_1": (1, 4, 6, 8), "relu2_1": (1, 3, 3, 4)}
    assert view.device == mx.cpu()


def test_statistics_are_the_moments_of_what_is_asked():
    weight = CHANCE.uniform(0, 1, (6, 8)).astype(np.float32)
    asked = {"a": ("relu1_1", weight), 7: ("relu2_1", None)}
    found = WholeImage(TAPS).statistics(asked, mean=True)
    assert list(found) == ["a", 7]
    for key, (name, each) in asked.items():
        moments = FeatureStatistics(TAPS[name].shape, device=mx.cpu(), weight=each)
        expected = moments.of(TAPS[name], mean=True)
        for one, other in zip(found[key], expected):
            assert (one.asnumpy() == other.asnumpy()).all()
    assert WholeImage(TAPS).statistics(asked, mean=False)[7].mean is None


def test_features_are_copies():
    found = WholeImage(TAPS).features(["relu2_1"])
    assert list(found) == ["relu2_1"]
    before = TAPS["relu2_1"].asnumpy()
    found["relu2_1"][:] = 0
    assert (TAPS["relu2_1"].asnumpy() == before).all()
