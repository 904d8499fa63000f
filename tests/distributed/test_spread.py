"""The objective in parts gives what the tiles of one process give, also when parts are lost."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import tiny
from team import Here

from benchmarks import scaling
from nstyle.distributed import objective
from nstyle.distributed.messages import MOMENTS, STRIPS, Counted
from nstyle.errors import BackendError, OptionError
from nstyle.images.regions import Masks
from nstyle.optimize import inputs, problem
from nstyle.options.options import Options
from nstyle.system.backend import mx

SIZE = (237, 205)  # odd, so that every pooling drops a column or a row somewhere
PHOTO, PAINTING = tiny.picture(1, SIZE), tiny.picture(2, (190, 210))
X = tiny.to_input(tiny.picture(3, SIZE))[np.newaxis].astype(np.float32)
SHALLOW = {"style_layers": "relu1_1,relu2_1,relu3_1", "content_layers": "relu2_2,relu3_1"}
CORNER = PHOTO[:133, :149]  # for what is done again and again
CPU = mx.cpu()


def task(
    team: Here | None,
    weights: str,
    masks: Masks | None = None,
    *,
    photo: Any = PHOTO,
    every: int = 20,
    **options: Any,
) -> Any:
    """The objective in the parts of a team, or (None) in tiles."""
    edge = max(photo.shape)
    common = {**SHALLOW, "tile": 64, "max_long_edge": edge, "gpu": -1, "weights": weights}
    chosen = Options(**{**common, **options})
    gathered = inputs.gather(photo, PAINTING, chosen, masks=masks)
    setup = problem.set_up(gathered, chosen, CPU)
    if team is None:
        return problem.build(setup, gathered)
    about: dict[str, Any] = {"actors": team, "counted": Counted(), "every": every}
    return objective.build(setup, gathered, **about)


@functools.lru_cache(maxsize=1)
def masks() -> Masks:
    """Two regions, a part that is kept."""
    colours = np.zeros((50, 60, 3), np.uint8)
    colours[..., 0], colours[:, 25:] = 255, (0, 0, 255)
    keep = np.zeros(SIZE[::-1], np.uint8)
    keep[40:160, 100:150] = 255
    return Masks(colours, [colours], keep)


CASES: dict[str, dict[str, Any]] = {
    "the defaults' layers": {
        "style_layers": "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1",
        "content_layers": "relu4_2",
    },
    "mean and deviation": {"style_loss": "mean-std"},
    "Wasserstein": {"style_loss": "wasserstein"},
    "two distances": {"style_loss": "gram+wasserstein"},
    "pooling that rounds up": {"pooling_ceil": True, "masks": True},
    "no content": {"content_weight": 0, "init": "noise"},
    "no style": {"style_weight": 0},
    "smoothness alone": {"style_weight": 0, "content_weight": 0},
    "a Laplacian": {"tv_form": "laplacian"},
    "a power": {"tv_form": "power"},
    "a limit of the norm": {"clip_norm": 1e-9},
    "masks": {"masks": True},
}


@pytest.mark.parametrize("case", CASES)
def test_loss_terms_and_gradient_are_those_of_one_process(case, weights_file):
    options = dict(CASES[case])
    regions = masks() if options.pop("masks", False) else None
    alone = task(None, weights_file, regions, **options)
    spread = task(Here(4, weights_file), weights_file, regions, **options)
    loss, gradient = alone(alone.load(X))
    other, slope = spread(spread.load(X))
    assert other == pytest.approx(loss, rel=1e-5)
    assert spread.terms == pytest.approx(alone.terms, rel=1e-4, abs=1e-6 * loss)
    assert spread.norm(slope) == pytest.approx(alone.norm(gradient), rel=1e-4)
    gradient, slope = gradient.asnumpy(), slope.asnumpy()
    assert np.abs(gradient).max() > 0
    assert np.abs(slope - gradient).max() < 1e-4 * np.abs(gradient).max()  # no seam, no corner


def test_arrays_do_what_arrays_do(weights_file):
    spread = task(Here(2, weights_file), weights_file)
    a, b = spread.load(X), spread.load(X * 0.5 + 3)
    c = (a + b * 2 - b) / 4
    c -= a
    c *= 3
    c += 1.5
    c /= b
    host = (X + (X * 0.5 + 3) * 2 - (X * 0.5 + 3)) / 4
    host = ((host - X) * 3 + 1.5) / (X * 0.5 + 3)
    assert np.allclose(c.asnumpy(), host, rtol=1e-4, atol=1e-4)
    assert np.array_equal(a.asnumpy(), X)
    low, high = (spread.load(np.full((1, 3, 1, 1), bound, np.float32)) for bound in (-20, 30))
    assert np.array_equal(spread.clip(a, low, high).asnumpy(), X.clip(-20, 30))
    assert np.array_equal(spread.clip(a, -5.0, 5.0).asnumpy(), X.clip(-5, 5))
    roots = (a * a) ** 0.5
    assert np.allclose(roots.asnumpy(), np.abs(X), atol=1e-3)
    assert spread.norm(a) == pytest.approx(np.linalg.norm(X), rel=1e-5)


def test_what_nobody_needs_is_let_go(weights_file):
    team = Here(2, weights_file)
    spread = task(team, weights_file)
    x = spread.load(X)
    for _ in range(5):
        x = x * 1.0
        spread.norm(x)
    assert all(len(actor._part._arrays) <= 2 for actor in team.actors.values())


def walked(spread: Any, steps: int = 4) -> np.ndarray:
    """A few steps downhill from the corner of X, with a momentum."""
    x = spread.load(X[..., : CORNER.shape[0], : CORNER.shape[1]])
    velocity = x * 0
    for _ in range(steps):
        _, gradient = spread(x)
        gradient *= 20 / spread.norm(gradient)
        velocity = velocity * 0.5
        velocity -= gradient
        x = x + velocity
        spread.norm(x)
    return x.asnumpy()


@pytest.mark.parametrize("every", [1, 100])
def test_a_lost_part_changes_nothing_whenever_it_is_lost(every, weights_file):
    about = {"photo": CORNER, "every": every}
    team = Here(2, weights_file)
    whole = walked(task(team, weights_file, **about))
    calls, replaced = team.calls, set()
    for call in range(1, calls + 1, 6):
        team = Here(2, weights_file, lost={call: call % 2, call + 9: (call + 1) % 2})
        assert np.array_equal(walked(task(team, weights_file, **about)), whole)
        replaced.add(team.replaced)
    assert replaced <= {1, 2} and 2 in replaced


def test_a_cluster_that_loses_all_again_and_again_is_given_up(weights_file):
    team = Here(2, weights_file)
    spread = task(team, weights_file)
    x = spread.load(X)
    team.lost = {call: 0 for call in range(team.calls, team.calls + 1000)}
    with pytest.raises(BackendError, match="lost again and again"):
        spread(x)


def test_what_travels_grows_with_the_border_not_with_the_area(weights_file):
    sent = {}
    for name, size in {"small": (256, 256), "wide": (512, 256), "large": (512, 512)}.items():
        team = Here(2, weights_file)
        photo = tiny.picture(1, size)
        spread = task(team, weights_file, photo=photo)
        x = spread.load(tiny.to_input(photo)[np.newaxis].astype(np.float32))
        _ = spread(x)
        counted = spread._pool.counted
        sent[name] = counted[STRIPS], counted[MOMENTS]
    assert sent["wide"][0] == pytest.approx(sent["small"][0], rel=0.01)  # cut across
    assert sent["large"][0] == pytest.approx(2 * sent["small"][0], rel=0.02)
    parts = scaling.parts_of(512, 2, 64, deepest="relu3_1")
    calculated = sum(scaling.strips(parts, number) for number in range(2))
    assert sent["large"][0] == pytest.approx(calculated, rel=0.01)
    assert sent["large"][1] == pytest.approx(sent["small"][1], rel=0.01)


def test_a_worker_without_room_is_refused(weights_file):
    with pytest.raises(OptionError, match=r"--dask: a part of .* needs about .* a worker has"):
        task(Here(2, weights_file, free=1000), weights_file)
