"""stylize() as people call it, on a tiny network."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle import evaluate
from nstyle.api import stylize
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError, WeightsError
from nstyle.optimize.records import Result, Step
from nstyle.options.options import Options

PHOTO, PAINTING = tiny.picture(1, (40, 32)), tiny.picture(2, (36, 44))


@pytest.fixture
def paint(weights_file):
    """stylize() with a tiny network and few epochs."""

    def call(content: Any = PHOTO, style: Any = PAINTING, **options: Any) -> Result:
        chosen = {"weights": weights_file, "max_num_epochs": 3, "stop_eps": 0, "gpu": -1}
        return stylize(content, style, **{**chosen, **options})

    return call


def data(result: Result) -> bytes:
    return result.picture.pixels.tobytes()


# ---- what goes in ----


def test_paths_pil_images_and_arrays_give_the_same_bytes(paint, tmp_path):
    photo, painting = PHOTO.copy(), PAINTING.copy()
    expected = data(paint(photo, painting))
    assert (photo == PHOTO).all() and (painting == PAINTING).all()
    files = tmp_path / "photo.png", tmp_path / "painting.png"
    for file, pixels in zip(files, (PHOTO, PAINTING)):
        Image.fromarray(pixels).save(file)
    assert data(paint(*files)) == expected
    assert data(paint(*map(str, files))) == expected
    assert data(paint(*map(Image.fromarray, (PHOTO, PAINTING)))) == expected
    assert data(paint(PHOTO / 255.0, PAINTING.astype(np.uint16) * 257)) == expected
    translucent = np.dstack([PAINTING, np.full(PAINTING.shape[:2], 128, np.uint8)])
    for style in (PAINTING[..., 1], translucent):
        assert paint(PHOTO[..., 0], style).image.mode == "RGB"


@pytest.mark.parametrize("which", ["content", "style", "both"])
def test_pictures_of_1_to_25_paint(paint, which):
    scroll = tiny.picture(3, (16 * 25, 16))
    photo = PHOTO if which == "style" else scroll
    painting = PAINTING if which == "content" else np.ascontiguousarray(scroll.swapaxes(0, 1))
    result = paint(photo, painting, max_num_epochs=2)
    assert result.image.size == photo.shape[1::-1]
    assert result.epochs == 2


@pytest.mark.parametrize("thin", [(400, 16), (16, 400)])
def test_the_presets_stretched_sizes_are_refused_under_16_pixels_as_well(paint, thin):
    with pytest.raises((OptionError, ImageError)) as caught:
        paint(tiny.picture(3, thin), preset="mxnet", max_long_edge=100)
    assert "16" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"content": "no_such_file.jpg"}, ImageError),
        ({"style": tiny.picture(0, (15, 40))}, ImageError),
        ({"style": PAINTING.astype(np.float64)}, ImageError),
        ({"content_layers": "relu9_9"}, OptionError),
        ({"weights": "no_such_file.params"}, WeightsError),
        ({"stile_weight": 3}, OptionError),
        ({"lr": "fast"}, OptionError),
        ({"preset": "mxnett"}, OptionError),
        ({"init": "no_such_file.jpg"}, ImageError),
        ({"style": []}, OptionError),
        ({"style": [None]}, ImageError),
        ({"style": ()}, OptionError),
        ({"content": []}, ImageError),
        ({"preset": []}, OptionError),
        ({"options": {"lr": 1}}, OptionError),
        ({"callback": [print]}, OptionError),
        ({"optimizer": PAINTING}, OptionError),
        ({"preset": "best", "model": PAINTING}, OptionError),
        ({"lr": PAINTING}, OptionError),
        ({"style_mask": [], "content_mask": []}, OptionError),
    ],
)
def test_bad_input_is_refused_in_one_line(paint, options, error):
    with pytest.raises(error) as caught:
        paint(**options)
    assert isinstance(caught.value, NStyleError)
    assert "\n" not in str(caught.value)


# ---- the same again ----


@pytest.mark.parametrize("init", ["content", "noise", "noise:0.3"])
def test_the_same_seed_gives_the_same_bytes_whatever_is_painted_in_between(paint, init):
    first = data(paint(init=init, seed=5))
    assert data(paint(init=init, seed=6, preset="mxnet", pooling="max")) != first
    assert (data(paint(init=init, seed=6)) == first) == (init == "content")
    assert data(paint(init=init, seed=5)) == first


def far(result: Result, picture: np.ndarray = PHOTO) -> float:
    """Mean distance from a picture, in grey levels."""
    return float(np.abs(np.asarray(result.image)[..., :3] - picture.astype(float)).mean())


def test_with_a_rate_of_next_to_nothing_the_start_comes_back(paint, tmp_path):
    still = {"lr": 1e-12, "step_limit": 0, "remove_noise": 0, "max_num_epochs": 1}
    assert far(paint(init="content", **still)) == 0
    assert far(paint(init="noise", **still)) > 30
    assert 1 < far(paint(init="noise:0.2", **still)) < far(paint(init="noise:0.5", **still))
    start = Image.fromarray(PAINTING).resize((40, 32))
    start.save(tmp_path / "start.png")
    assert far(paint(init=str(tmp_path / "start.png"), **still), np.asarray(start)) == 0


# ---- on the way ----


def test_a_callback_gets_every_step_and_its_picture(paint):
    steps: list[Step] = []
    pictures = []

    def listen(step: Step) -> None:
        steps.append(step)
        pictures.append(step.picture())

    result = paint(callback=listen, max_num_epochs=4)
    assert [step.epoch for step in steps] == [1, 2, 3, 4]
    assert all((step.width, step.height) == (40, 32) for step in steps)
    assert [step.without_picture() for step in steps] == list(result.history)
    assert (pictures[-1].pixels == result.picture.pixels).all()
    assert (pictures[0].pixels != pictures[-1].pixels).any()


def test_a_callback_can_stop_or_be_interrupted(paint):
    def interrupt(step: Step) -> None:
        pictures.append(step.picture())
        if step.epoch == 2:
            raise KeyboardInterrupt

    pictures: list[Any] = []
    for callback, stopped in ((lambda s: s.epoch == 2, "callback"), (interrupt, "interrupted")):
        result = paint(callback=callback, max_num_epochs=50, scales=2)
        assert (result.stopped, result.epochs, result.image.size) == (stopped, 2, (40, 32))
    assert (result.picture.pixels == pictures[-1].pixels).all()


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_the_history_tells_every_term_and_they_add_up_to_the_loss(paint, optimizer):
    layers = {"style_layers": "relu1_1,relu3_1:0.5", "content_layers": "relu4_2,conv2_2:2"}
    result = paint(**layers, optimizer=optimizer, tv_weight=0)
    names = {"content:relu4_2", "content:conv2_2", "style:relu1_1", "style:relu3_1"}
    for step in result.history:
        assert set(step.terms) == names
        assert sum(step.terms.values()) == pytest.approx(step.loss)
    assert json.loads(json.dumps(result.history[0].as_json()))["terms"].keys() == names


# ---- weights of the terms ----


@pytest.mark.parametrize(
    ("name", "values"), [("content_weight", (1000, 10, 0.1)), ("style_weight", (1e-4, 1, 100))]
)
def test_the_weights_decide_how_far_the_picture_is_from_the_photo(paint, name, values):
    chosen = {"max_num_epochs": 40, "remove_noise": 0, "content_layers": "relu2_1"}
    near, usual, distant = (far(paint(**chosen, **{name: value})) for value in values)
    assert near < usual < distant
    assert near < 0.8 * distant


def test_the_photo_stays_as_it_is_without_style_and_smoothness(paint):
    assert far(paint(style_weight=0, tv_weight=0, remove_noise=0)) == 0


def test_smoothness_makes_the_picture_smoother(paint):
    def roughness(weight: float) -> float:
        result = paint(tv_weight=weight, max_num_epochs=30, remove_noise=0)
        return float(np.abs(np.diff(np.asarray(result.image).astype(float), axis=1)).mean())

    assert roughness(100) < 0.7 * roughness(0)


def test_layer_weights_count_by_their_share_and_0_is_the_same_as_none(paint):
    expected = paint(style_layers="relu2_1")
    result = paint(style_layers="relu1_1:0,relu2_1")
    assert set(result.history[0].terms) == set(expected.history[0].terms)
    assert data(result) == data(expected)
    one, two = (paint(style_layers=f"relu1_1:{n},relu3_1:{3 * n}") for n in (1, 2))
    assert data(one) == data(two)


@pytest.mark.parametrize("name", ["clip_gradient", "step_limit", "momentum", "weight_decay"])
def test_every_knob_of_the_optimiser_has_an_effect(paint, name):
    values = {"clip_gradient": 1e-3, "step_limit": 0.01, "momentum": 0.0, "weight_decay": 0.1}
    assert data(paint(**{name: values[name]})) != data(paint())


# ---- divergence ----


def test_divergence_is_an_error_that_names_the_rate_and_keeps_a_good_picture(paint):
    wild = {"lr": 1e30, "step_limit": 0, "backoff": 1, "clamp": False, "remove_noise": 0}
    with pytest.raises(DivergedError) as caught:
        paint(**wild, max_num_epochs=50)
    message, result = str(caught.value), caught.value.result  # type: ignore[attr-defined]
    assert "--lr 1e+30" in message and "\n" not in message
    assert isinstance(result, Result) and len(result.history) < 50
    assert far(result) == 0  # the photo itself


def test_a_moderately_high_rate_does_not_diverge(paint):
    for rate in (0.2, 0.3, 100.0):
        losses = [step.loss for step in paint(lr=rate, max_num_epochs=40).history]
        assert np.isfinite(losses).all() and losses[-1] < losses[0]


# ---- what comes out ----


@pytest.mark.parametrize("remove_noise", [0, 0.2])
def test_transparency_is_kept(paint, remove_noise):
    alpha = np.linspace(0, 255, 40 * 32).astype(np.uint8).reshape(32, 40)
    result = paint(np.dstack([PHOTO, alpha]), remove_noise=remove_noise)
    assert result.image.mode == "RGBA"
    assert (np.asarray(result.image)[..., 3] == alpha).all()
    alpha = np.where(np.arange(40) < 20, 0, 255)[np.newaxis].repeat(32, 0).astype(np.uint8)
    painted = paint(np.dstack([PHOTO, alpha]), size="20x16", rescale="size").picture.alpha
    assert painted is not None and painted.shape == PHOTO.shape[:2]
    assert painted[:, :16].max() < 0.1 * painted[:, 24:].min()


def test_noise_removal_only_touches_the_result(paint):
    plain, smooth = paint(remove_noise=0), paint(remove_noise=0.4)
    assert [s.loss for s in plain.history] == [s.loss for s in smooth.history]
    assert smooth.picture.pixels.std() < plain.picture.pixels.std()


def test_the_metadata_tells_what_shaped_the_picture_and_nothing_of_the_run(paint, tmp_path):
    weights = tiny.write_vgg(tmp_path / "mine.params")
    Image.fromarray(PHOTO).save(tmp_path / "start.png")
    files = {"weights": weights, "init": str(tmp_path / "start.png")}
    result = paint(**files, preset="mxnet", max_long_edge=40, content_weight=12)
    text = json.dumps(dict(result.metadata))
    options = result.metadata["options"]
    assert options["content_weight"] == 12 and options["stop_eps"] == 0  # the user's win
    assert options["weight_decay"] == 0.005  # the preset's
    assert (options["weights"], options["init"]) == ("mine.params", "start.png")
    assert result.metadata["preset"] == "mxnet" and result.metadata["model"] == "vgg19-slim"
    assert str(tmp_path) not in text and "/" not in text
    driven = {"output", "output_dir", "trace", "save_epochs", "quiet", "verbose", "threads", "gpu"}
    assert not driven & set(options)


@pytest.mark.parametrize("names", ["caffe", "gluon", "prefixed", None])
def test_a_vgg16_file_paints_unnamed_and_so_does_the_one_in_the_package(names, tmp_path):
    weights = names and tiny.write_vgg(tmp_path / "a.params", model="vgg16", names=names)
    result = stylize(PHOTO, PAINTING, weights=weights, max_num_epochs=2, gpu=-1)
    assert result.model == "vgg16-slim"  # it is narrow
    assert np.isfinite([step.loss for step in result.history]).all()


# ---- every way to lower the loss, every size ----


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "lbfgs"])
def test_every_optimiser_lowers_the_loss_with_its_own_rate_at_each_scale(paint, optimizer):
    result = paint(optimizer=optimizer, scales=2, max_num_epochs=16)
    losses = [step.loss for step in result.history]
    assert losses[7] < 0.9 * losses[0] and losses[15] < losses[8]
    assert losses[8] < paint(optimizer=optimizer, scales=1, max_num_epochs=1).history[0].loss
    assert data(result) == data(paint(optimizer=optimizer, scales=2, max_num_epochs=16))


@pytest.mark.parametrize(
    ("options", "size", "painted"),
    [
        ({"max_long_edge": 20}, (20, 16), (20, 16)),
        ({"max_long_edge": 60}, (40, 32), (40, 32)),
        ({"max_long_edge": 60, "enlarge": True}, (60, 48), (60, 48)),
        ({"size": "x17"}, (21, 17), (21, 17)),
        ({"size": "31x45", "fit": "stretch"}, (31, 45), (31, 45)),
        ({"size": "24x24", "fit": "stretch", "rescale": "aspect"}, (24, 19), (24, 24)),
        ({"size": "24x24", "fit": "stretch", "rescale": "size"}, (40, 32), (24, 24)),
        ({"max_long_edge": 20, "rescale": "size"}, (40, 32), (20, 16)),
    ],
)
def test_the_picture_has_its_size_and_so_has_every_step(paint, options, size, painted):
    seen: list[tuple[int, int]] = []
    result = paint(callback=lambda step: seen.append(step.picture().size), **options)
    assert result.picture.size == size
    assert set(seen) == {size}
    assert {(step.width, step.height) for step in result.history} == {painted}


def test_a_loss_that_is_not_finite_is_an_error_with_every_optimiser(paint, monkeypatch):
    from nstyle.optimize.objective import Objective

    monkeypatch.setattr(
        Objective, "__call__", lambda self, x: (float("nan"), self.load(np.zeros(x.shape)))
    )
    for optimizer in ("sgd", "nag", "adam", "lbfgs"):
        with pytest.raises(DivergedError, match=r"--lr .* is too high; try") as caught:
            paint(optimizer=optimizer)
        assert caught.value.result.picture.size == (40, 32)  # type: ignore[attr-defined]


# ---- scales ----


def test_scales_are_painted_one_after_another_in_growing_sizes(paint):
    seen: list[tuple[int, tuple[int, int]]] = []

    def look(step: Step) -> None:
        seen.append((step.scale, step.picture().size))

    result = paint(scales=2, max_num_epochs=6, callback=look)
    assert [(step.epoch, step.scale, step.width) for step in result.history] == [
        (1, 1, 20), (2, 1, 20), (3, 1, 20), (4, 2, 40), (5, 2, 40), (6, 2, 40),
    ]  # fmt: skip
    assert result.picture.size == (40, 32)
    assert seen == [(1, (40, 32))] * 3 + [(2, (40, 32))] * 3  # all of the final size


def test_a_picture_to_begin_with_is_not_shrunk_by_itself_nor_are_there_scales_without_epochs(
    paint, tmp_path
):
    large = tiny.picture(4, (300, 240))
    Image.fromarray(large).save(tmp_path / "start.png")
    result = paint(large, init=str(tmp_path / "start.png"), max_num_epochs=1)
    assert [step.width for step in result.history] == [300]
    assert [step.width for step in paint(scales=2, max_num_epochs=1).history] == [40]


def test_a_clamped_picture_is_what_was_painted(paint, weights_file):
    def seen_over_painted(clamp: bool) -> float:
        wild = {"step_limit": 100, "max_num_epochs": 10, "remove_noise": 0}
        result = paint(clamp=clamp, **wild, callback=lambda step: step.epoch == 9)
        following = paint(clamp=clamp, **wild).history[9]  # its loss is that of the ninth picture
        seen = evaluate(result.picture, PHOTO, PAINTING, weights=weights_file)
        return seen.loss / following.loss

    assert seen_over_painted(True) == pytest.approx(1, rel=0.01)
    assert abs(seen_over_painted(False) - 1) > 0.05


def test_whole_options_give_the_same_picture_as_their_fields(paint, weights_file):
    chosen = Options(weights=weights_file, max_num_epochs=3, stop_eps=0, gpu=-1)
    assert data(stylize(PHOTO, PAINTING, options=chosen)) == data(paint())
    typed = stylize(PHOTO, PAINTING, options=chosen, lr=0.05)
    assert data(typed) == data(paint(lr=0.05)) != data(paint())
    with pytest.raises(OptionError, match="preset: 'fast' cannot be together with options="):
        stylize(PHOTO, PAINTING, options=chosen, preset="fast")


def test_what_comes_out_can_be_pickled_and_copied(paint, weights_file):
    steps: list[Step] = []
    result = paint(callback=steps.append)
    with pytest.raises(DivergedError) as caught:
        paint(lr=1e9, step_limit=0, clamp=False, max_num_epochs=50)
    assert list(vars(caught.value)) == ["result"] and not vars(caught.value.__cause__)
    judged = evaluate(PHOTO, PHOTO, PAINTING, weights=weights_file, gpu=-1)
    for again in (lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy):
        other = again(result)
        assert (other.history, other.metadata) == (result.history, result.metadata)
        assert data(other) == data(result)
        assert again(steps[0]) == steps[0]
        assert again(caught.value).result.stopped == "diverged"
        assert again(judged).terms == judged.terms
