"""What is minimised for frame after frame: looked at and compiled once."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.images.picture import Picture
from nstyle.optimize import inputs, loss_terms, multiscale, problem
from nstyle.optimize.context import PaintContext
from nstyle.options.options import Options
from nstyle.system.backend import nd
from nstyle.video.temporal_objective import Objectives

SIZE = (48, 40)
X = tiny.to_input(tiny.picture(4, SIZE))[np.newaxis].astype(np.float32)
PHOTO, STYLE = Picture(tiny.picture(1, SIZE)), tiny.picture(2, (130, 130))


@pytest.fixture
def given(weights_file):
    options = Options(weights=weights_file, gpu=-1)
    return inputs.gather(PHOTO, STYLE, options), options


@pytest.fixture
def terms(given):
    """terms(...): the terms of a picture that is held so."""
    objectives = Objectives(multiscale.set_up(*given, PaintContext()))

    def held(*arguments):
        objectives.hold(*(arguments or (None,)))
        objective = objectives(given[0])
        objective(nd.array(X))
        return objective.terms

    return held


def test_a_problem_is_that_of_a_picture(given):
    setup = multiscale.set_up(*given, PaintContext())
    plain = problem.build(setup, given[0])
    ours = Objectives(setup)(given[0])
    (loss, slope), (other, same) = plain(nd.array(X)), ours(nd.array(X))
    assert loss == other and (slope == same).asnumpy().all()


def test_a_frame_is_held_until_it_is_let_go(terms):
    trust = np.ones(SIZE[::-1], np.float32)

    assert "temporal" not in terms()
    held = terms(PHOTO, trust, 4.0)["temporal"]
    twice = terms(PHOTO, trust / 2, 8.0)["temporal"]
    assert twice == pytest.approx(held, rel=1e-4) and held > 0
    for arguments in ((None,), (PHOTO, trust, 0.0)):
        assert "temporal" not in terms(*arguments)


def test_what_comes_into_view_has_the_style_on_its_own(terms):
    trust = np.ones(SIZE[::-1], np.float32)

    plain = terms()
    assert not [name for name in terms(PHOTO, trust, 4.0) if name.endswith(":new")]
    all_new = terms(PHOTO, 0 * trust, 4.0)
    for name, value in plain.items():
        if name.startswith("style") and name != "style:relu5_1":  # all of it, once more
            assert all_new[f"{name}:new"] == pytest.approx(value, rel=1e-4)
    trust[:, 30:] = 0
    part = terms(PHOTO, trust, 4.0)
    assert 0 < part["style:relu1_1:new"] != pytest.approx(plain["style:relu1_1"], rel=0.1)
    assert "style:relu5_1:new" not in part  # too few positions
    weightless = terms(PHOTO, trust, 0.0)
    assert weightless["style:relu1_1:new"] == part["style:relu1_1:new"]


def test_styles_are_looked_at_once_and_the_network_is_compiled_once(given, monkeypatch):
    looks, built = [], []
    look, build = loss_terms.look_at, problem.compiled
    monkeypatch.setattr(loss_terms, "look_at", lambda *words: looks.append(1) or look(*words))
    monkeypatch.setattr(problem, "compiled", lambda *words: built.append(1) or build(*words))
    objectives = Objectives(multiscale.set_up(*given, PaintContext()))
    large, small = given[0], given[0].at((24, 20))
    for frame, counts in ((large, (1, 1)), (large, (1, 1)), (small, (1, 2)), (large, (1, 3))):
        objectives(frame)
        assert (len(looks), len(built)) == counts
