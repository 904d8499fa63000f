"""`--preset mxnet` against a plain numpy transcription of the example of 2015; the knobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny
import transcription
from skimage.transform import resize

from nstyle.api import stylize
from nstyle.optimize import inputs, multiscale, problem
from nstyle.optimize.checkpoint import RunState
from nstyle.optimize.records import Result
from nstyle.options.options import Options

PHOTO, PAINTING = tiny.picture(1, (100, 75)), tiny.picture(2, (70, 90))
LONG_EDGE = 48  # 48 x 36


def sized(picture: np.ndarray) -> np.ndarray:
    """At the photo's size cut by int(), without smoothing; 0..1 times 256 minus mean; 3xHxW."""
    height, width = PHOTO.shape[:2]
    factor = LONG_EDGE / max(height, width)
    shape = int(height * factor), int(width * factor)
    floats = resize(picture / 255.0, shape, order=1, mode="reflect", anti_aliasing=False)
    return (floats * 256 - tiny.MEAN).transpose(2, 0, 1)


@pytest.fixture
def starts(monkeypatch) -> list[np.ndarray]:
    """Where each run began."""
    seen: list[np.ndarray] = []
    real = multiscale.start_values

    def recorded(*args: Any, **kwargs: Any) -> np.ndarray:
        seen.append(real(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(multiscale, "start_values", recorded)
    return seen


# With the example's weights nearly every value of the gradient is clipped, and where it is not,
# rounding differences grow; with the small ones hardly any is, so that the formulas show.
@pytest.mark.parametrize(
    ("content_weight", "style_weight", "in_10", "in_40"),
    [(10.0, 1.0, 0.002, 0.05), (0.1, 1e-4, 1e-4, 1e-3)],
)
def test_the_preset_takes_the_steps_of_the_example(
    weights_file, starts, content_weight, style_weight, in_10, in_40
):
    weights = {"content_weight": content_weight, "style_weight": style_weight}
    knobs = {"weights": weights_file, "max_long_edge": LONG_EDGE, "gpu": -1, **weights}
    result = stylize(PHOTO, PAINTING, preset="mxnet", max_num_epochs=40, stop_eps=0, **knobs)
    assert result.picture.size == (48, 36)
    assert starts[0].shape == (1, 3, 36, 48)
    assert 0.09 < np.abs(starts[0]).max() <= 0.1
    recipe = replace(transcription.MXNET, **weights)
    arrays = tiny.random_arrays(deep=False)
    example = transcription.Objective(recipe, arrays, sized(PHOTO), sized(PAINTING))
    start = starts[0][0].astype(np.float64)
    points = [start, *transcription.sgd_2015(example, start, 40)]
    norm = np.linalg.norm
    eps = np.array([norm(new - old) / norm(new) for old, new in zip(points, points[1:])])
    error = np.abs(np.array([step.eps for step in result.history]) / eps - 1)
    assert error[:10].max() < in_10
    assert error.max() < in_40


# ---- knobs ----


FIRST_ORDER = {"rate", "weight_decay", "clip", "rescale", "schedule", "bounds"}


@pytest.mark.parametrize(
    ("optimizer", "taken"),
    [
        ("sgd", {*FIRST_ORDER, "momentum", "backoff"}),
        ("nag", {*FIRST_ORDER, "momentum", "backoff"}),
        ("adam", FIRST_ORDER),
        ("lbfgs", {"rate", "evaluations", "bounds"}),
    ],
)
def test_each_optimiser_gets_the_knobs_it_has(optimizer, taken):
    method = multiscale.minimiser(Options(optimizer=optimizer), 600)
    assert set(method.keywords) - {"nesterov"} == taken


def test_knobs_are_those_of_the_options():
    values = {"lr": 0.25, "momentum": 0.5, "weight_decay": 0.125, "backoff": 0.75}
    method = multiscale.minimiser(Options(**values, lr_sched_delay=2, lr_sched_factor=0.5), 600)
    knobs = method.keywords
    assert knobs["rate"] == 0.25
    assert [knobs[name] for name in ("momentum", "weight_decay", "backoff")] == [0.5, 0.125, 0.75]
    assert [knobs["schedule"](step) for step in (0, 1, 2, 4)] == [1, 1, 0.5, 0.25]
    lbfgs = multiscale.minimiser(Options(optimizer="lbfgs", evaluations=7), 600)
    assert lbfgs.keywords["evaluations"] == 7


@pytest.mark.parametrize(
    ("clip_gradient", "step_limit", "clip"),
    [(0, 0, 0), (10, 0, 10), (0, 1, 4), (3, 1, 3), (9, 1, 4)],
)
def test_the_tighter_of_two_limits_counts_and_0_is_none(clip_gradient, step_limit, clip):
    options = Options(lr=0.25, clip_gradient=clip_gradient, step_limit=step_limit)
    assert multiscale.minimiser(options, 600).keywords["clip"] == clip


@pytest.mark.parametrize(
    ("optimizer", "normalization", "factor"),
    [
        ("sgd", "balanced", 4 * 600),
        ("nag", "balanced", 4 * 60_000),
        ("nag", "mxnet-nag", 1),
        ("sgd", "mxnet", 1),
    ],
)
def test_gradients_are_brought_to_grey_levels_in_our_own_recipe_only(
    optimizer, normalization, factor
):
    options = Options(optimizer=optimizer, normalization=normalization)
    method = multiscale.minimiser(options, 600)
    assert method.keywords["rescale"] == pytest.approx(factor)


# ---- stopping and going on ----

SMALL = tiny.picture(1, (40, 32)), tiny.picture(2, (36, 44))


class Keeping:
    """A saver that keeps the state after every epoch, and the epochs that came with `now`."""

    def __init__(self) -> None:
        self.kept: dict[int, RunState] = {}
        self.at_once: list[int] = []

    def __call__(self, epoch: int, read: Any, *, now: bool = False) -> None:
        self.kept[epoch] = read()
        self.at_once += [epoch] if now else []


@pytest.fixture
def paint(weights_file):
    """painter.paint with a tiny network; (result, what was kept)."""

    def call(begun: RunState | None = None, listeners: Any = (), **chosen: Any) -> Any:
        usual = {"weights": weights_file, "max_num_epochs": 14, "stop_eps": 0, "gpu": -1}
        options = Options(**{**usual, "scales": 2, **chosen})
        gathered, keeping = inputs.gather(*SMALL, options), Keeping()
        result = multiscale.paint(
            gathered, options, listeners=listeners, saver=keeping, begun=begun
        )
        return result, keeping

    return call


def check_same(found: Result, whole: Result) -> None:
    """All but the times."""
    assert found.picture.pixels.tobytes() == whole.picture.pixels.tobytes()
    assert found.stopped == whole.stopped

    def facts(result: Result) -> list[Any]:
        return [(s.epoch, s.scale, s.width, s.loss, dict(s.terms), s.eps) for s in result.history]

    assert facts(found) == facts(whole)


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "lbfgs"])
def test_from_any_epoch_of_any_size_a_run_goes_on_to_the_same_bytes(paint, optimizer):
    whole, keeping = paint(optimizer=optimizer)
    kept = keeping.kept
    assert list(kept) == list(range(1, 15))
    assert [kept[epoch].scale for epoch in (1, 7, 8, 14)] == [1, 1, 2, 2]
    assert [kept[epoch].before for epoch in (1, 7, 8, 14)] == [0, 0, 7, 7]
    for epoch, saved in kept.items():  # on the host, and a copy
        arrays = [saved.x, saved.good, *saved.state.values()]
        assert all(isinstance(value, (int, float, np.ndarray)) for value in arrays)
        assert len(saved.history) == epoch
    assert kept[3].good.tobytes() == kept[2].x.tobytes()
    for epoch in (1, 5, 7, 8, 12, 14):
        result, later = paint(kept[epoch], optimizer=optimizer)
        check_same(result, whole)
        assert list(later.kept) == list(range(epoch + 1, 15))
        assert result.seconds >= sum(step.seconds for step in result.history) * 0.99
        assert result.history[-1].left == 0


@pytest.mark.parametrize(
    "chosen",
    [
        {"init": "noise", "scales": 3, "clamp": False},
        {"optimizer": "lbfgs", "evaluations": 5},
        {"stop_eps": 1e9, "max_num_epochs": 60, "scales": 3},
        {"rescale": "size", "max_long_edge": 34, "weight_decay": 0.01},
    ],
)
def test_the_same_in_other_settings(paint, chosen):
    whole, keeping = paint(**chosen)
    for epoch in list(keeping.kept)[::5]:
        check_same(paint(keeping.kept[epoch], **chosen)[0], whole)


def test_where_a_size_has_ended_the_next_one_begins(paint):
    chosen = {"stop_eps": 1e9, "max_num_epochs": 60}
    whole, keeping = paint(**chosen)
    assert [(epoch, s.stopped) for epoch, s in keeping.kept.items() if s.stopped] == [
        (10, "eps"),
        (20, "eps"),
    ]
    heard: list[int] = []
    result, _ = paint(keeping.kept[10], [lambda step: heard.append(step.epoch)], **chosen)
    check_same(result, whole)
    assert heard == list(range(11, 21))


def test_ctrl_c_saves_at_once_what_all_listeners_have_heard_of(paint):
    def interrupt(step: Any) -> None:
        if step.epoch == 9:
            raise KeyboardInterrupt

    whole, _ = paint()
    result, keeping = paint(None, [interrupt])
    assert (result.stopped, keeping.at_once) == ("interrupted", [8])
    check_same(paint(keeping.kept[8])[0], whole)


def test_ctrl_c_between_two_sizes_saves_the_smaller(paint, monkeypatch):
    whole, _ = paint()
    build = problem.build

    def interrupted(setup: Any, gathered: Any) -> Any:
        if gathered.photo.width == 40:
            raise KeyboardInterrupt
        return build(setup, gathered)

    with monkeypatch.context() as patch:
        patch.setattr(problem, "build", interrupted)
        result, keeping = paint()
    assert (result.stopped, result.epochs, keeping.at_once) == ("interrupted", 7, [7])
    saved = keeping.kept[7]
    assert (saved.scale, saved.stopped) == (1, "max-epochs")
    check_same(paint(saved)[0], whole)


def test_a_callback_that_stops_is_no_end_of_a_size(paint):
    whole, _ = paint()
    result, keeping = paint(None, [lambda step: step.epoch == 5])
    assert (result.stopped, keeping.kept[5].stopped, keeping.at_once) == ("callback", "", [])
    check_same(paint(keeping.kept[5])[0], whole)
