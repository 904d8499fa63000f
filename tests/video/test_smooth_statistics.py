"""Statistics of normalisation move little by little, and begin anew at a cut."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward import network_file, tiled
from nstyle.feedforward.any_style import AnyStyle, Styled
from nstyle.system import locations
from nstyle.system.backend import mx, nd
from nstyle.video import smooth_statistics
from nstyle.video.smooth_statistics import SmoothedStatistics

SIZE = (48, 40)


def array(seed, gain=1.0):
    return gain * tiny.to_input(tiny.picture(seed, SIZE))[np.newaxis].astype(np.float32)


@pytest.fixture(scope="module")
def network():
    made = AnyStyle(network_file.read(str(locations.ANY_STYLE)), mx.cpu())
    look = made.look(array(2))
    return lambda strength=1.0: Styled(made, look, strength)


def test_the_first_frame_of_a_shot_is_painted_as_a_picture(network):
    steady, x = SmoothedStatistics(), array(1)
    assert np.abs(steady(network(), x) - tiled.paint(network(), x)).max() < 0.5
    other = array(3)
    steady.cut()
    assert np.abs(steady(network(), other) - tiled.paint(network(), other)).max() < 0.5


def test_what_comes_into_the_picture_changes_the_rest_little_by_little(network, monkeypatch):
    monkeypatch.setattr(smooth_statistics, "EVERY", 4)
    steady, dark, light = SmoothedStatistics(), array(1, 0.3), array(1)
    found = [steady(network(), dark)[0] for _ in range(2)]
    assert np.abs(found[1] - found[0]).max() == 0
    shown = [steady(network(), light)[0] for _ in range(8)]
    steps = [float(np.abs(b - a).mean()) for a, b in zip(shown, shown[1:])]
    assert steps[0] == 0  # nothing is looked at before the fourth frame
    assert all(step > 0 for step in steps[2:6])
    at_once = np.abs(tiled.paint(network(), light)[0] - shown[0]).mean()
    assert max(steps) < 0.6 * at_once
    assert np.abs(shown[-1] - tiled.paint(network(), light)[0]).mean() < 0.1 * at_once


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_it_goes_on_from_its_state_to_the_same_bytes(network, strength, monkeypatch):
    monkeypatch.setattr(smooth_statistics, "EVERY", 3)
    frames = [array(1, 1 - number / 20) for number in range(8)]
    whole = SmoothedStatistics()
    expected = [whole(network(strength), frame) for frame in frames]
    for done in (1, 4, 6):
        first, second = SmoothedStatistics(), SmoothedStatistics()
        for frame in frames[:done]:
            first(network(strength), frame)
        network().learn(nd.array(array(9)))  # what another one has left behind
        second.restore(first.state())
        for frame, picture in zip(frames[done:], expected[done:]):
            assert (second(network(strength), frame) == picture).all()
