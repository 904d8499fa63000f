"""A style fitted to a painting: nearer to it, kept for the next time."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import tiny

from nstyle.feedforward import network_file
from nstyle.feedforward.any_style import AnyStyle
from nstyle.feedforward.apply import options_of
from nstyle.feedforward.train import fit
from nstyle.images.picture import Picture
from nstyle.networks.training.data import network_input
from nstyle.system import locations
from nstyle.system.backend import mx

PATH = str(locations.ANY_STYLE)
STYLE = Picture(tiny.picture(5, (96, 80)))


@pytest.fixture(scope="module")
def network():
    return AnyStyle(network_file.read(PATH), mx.cpu())


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Crops of 64 px; a cache folder of its own."""
    monkeypatch.setattr(fit, "CROP", 64)
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path))
    return tmp_path


def test_steps_lower_the_loss_and_change_the_numbers_alone(network, caplog, monkeypatch):
    crop = network_input([tiny.picture(9, (64, 64))])  # the same at each step, to be compared
    monkeypatch.setattr(fit, "Crops", lambda *words: lambda number: crop)
    before = {name: p.data().asnumpy() for name, p in network.body.collect_params().items()}
    predicted = network.look_at(STYLE).asnumpy()
    with caplog.at_level(logging.INFO, "nstyle"):
        found, losses = fit.fit(network, STYLE, 6, options_of({}))
    assert found.shape == predicted.shape and np.abs(found - predicted).max() > 1e-3
    assert len(losses) > 10 and losses[-1] < 0.95 * losses[0]
    assert "fitted" in caplog.text
    for name, parameter in network.body.collect_params().items():
        if "running" not in name:
            np.testing.assert_array_equal(parameter.data().asnumpy(), before[name])


def test_what_was_fitted_is_kept_for_this_painting_time_and_network(network, monkeypatch, small):
    made = []

    def pretend(network, style, seconds, options):
        made.append(seconds)
        return np.full(3, seconds, np.float32), []

    monkeypatch.setattr(fit, "fit", pretend)
    for seconds in (2.0, 2.0, 3.0):
        found = fit.fitted(network, PATH, STYLE, seconds, options_of({}))
        assert found.asnumpy().tolist() == 3 * [seconds]
    fit.fitted(network, PATH, Picture(tiny.picture(6, (96, 80))), 2.0, options_of({}))
    assert made == [2.0, 3.0, 2.0]
    assert len(list((small / "styles").iterdir())) == 3


def test_a_damaged_or_unwritable_cache_costs_the_time_alone(network, monkeypatch, small, caplog):
    monkeypatch.setattr(fit, "fit", lambda *_: (np.ones(2, np.float32), []))
    fit.fitted(network, PATH, STYLE, 1.0, options_of({}))
    (file,) = (small / "styles").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    assert fit.fitted(network, PATH, STYLE, 1.0, options_of({})).asnumpy().tolist() == [1, 1]
    assert "fitted anew" in caplog.text
    (small / "blocked").write_text("a file")
    monkeypatch.setenv("NSTYLE_CACHE", str(small / "blocked"))
    assert fit.fitted(network, PATH, STYLE, 1.0, options_of({})).asnumpy().tolist() == [1, 1]
    assert "cannot be written" in caplog.text
