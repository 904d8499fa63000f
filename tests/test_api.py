"""stylize() as people call it, on a tiny network."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle import evaluate
from nstyle.api import stylize
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError, WeightsError
from nstyle.optimize import problem
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
    expected = data(paint())
    files = tmp_path / "photo.png", tmp_path / "painting.png"
    for file, pixels in zip(files, (PHOTO, PAINTING)):
        Image.fromarray(pixels).save(file)
    assert data(paint(*files)) == expected
    assert data(paint(*map(str, files))) == expected
    assert data(paint(*map(Image.fromarray, (PHOTO, PAINTING)))) == expected
    assert data(paint(PHOTO / 255.0, PAINTING.astype(np.uint16) * 257)) == expected


def test_the_pictures_given_are_not_changed(paint):
    photo, painting = PHOTO.copy(), PAINTING.copy()
    paint(photo, painting)
    assert (photo == PHOTO).all() and (painting == PAINTING).all()


def test_grey_pictures_paint(paint):
    assert paint(PHOTO[..., 0], PAINTING[..., 1]).image.mode == "RGB"


@pytest.mark.parametrize("which", ["content", "style", "both"])
def test_pictures_of_1_to_25_paint(paint, which):
    scroll = tiny.picture(3, (16 * 25, 16))
    photo = PHOTO if which == "style" else scroll
    painting = PAINTING if which == "content" else np.ascontiguousarray(scroll.swapaxes(0, 1))
    result = paint(photo, painting, max_num_epochs=2)
    assert result.image.size == photo.shape[1::-1]
    assert result.epochs == 2


@pytest.mark.parametrize("size", [(17, 16), (31, 45), (16, 16)])
def test_odd_and_smallest_sizes_paint(paint, size):
    assert paint(tiny.picture(3, size), max_num_epochs=2).image.size == size


def test_a_result_is_not_larger_than_asked_for(paint):
    assert paint(max_long_edge=20).image.size == (20, 16)
    assert paint(max_long_edge=60).image.size == (40, 32)
    assert paint(max_long_edge=60, enlarge=True).image.size == (60, 48)


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
    ],
)
def test_bad_input_is_refused_in_one_line(paint, options, error):
    with pytest.raises(error) as caught:
        paint(**options)
    assert isinstance(caught.value, NStyleError)
    assert "\n" not in str(caught.value)


# ---- the same again ----


@pytest.mark.parametrize("init", ["content", "noise", "noise:0.3"])
def test_the_same_seed_gives_the_same_bytes(paint, init):
    assert data(paint(init=init, seed=5)) == data(paint(init=init, seed=5))


def test_another_seed_gives_another_picture_where_there_is_noise(paint):
    assert data(paint(init="noise", seed=5)) != data(paint(init="noise", seed=6))
    assert data(paint(init="content", seed=5)) == data(paint(init="content", seed=6))


def test_a_run_in_between_changes_nothing(paint):
    before = data(paint(init="noise"))
    paint(init="noise", seed=9, pooling="max", preset="mxnet")
    assert data(paint(init="noise")) == before


def far(result: Result, picture: np.ndarray = PHOTO) -> float:
    """Mean distance from a picture, in grey levels."""
    return float(np.abs(np.asarray(result.image)[..., :3] - picture.astype(float)).mean())


def test_with_a_rate_of_next_to_nothing_the_start_comes_back(paint):
    still = {"lr": 1e-12, "step_limit": 0, "remove_noise": 0, "max_num_epochs": 1}
    assert far(paint(init="content", **still)) == 0
    assert far(paint(init="noise", **still)) > 30
    assert 1 < far(paint(init="noise:0.2", **still)) < far(paint(init="noise:0.5", **still))


def test_a_picture_may_be_the_start(paint, tmp_path):
    Image.fromarray(PAINTING).resize((40, 32)).save(tmp_path / "start.png")
    still = {"lr": 1e-12, "step_limit": 0, "remove_noise": 0, "max_num_epochs": 1}
    result = paint(init=str(tmp_path / "start.png"), **still)
    assert far(result, np.asarray(Image.open(tmp_path / "start.png"))) == 0


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


def test_a_callback_can_stop(paint):
    result = paint(callback=lambda step: step.epoch == 2, max_num_epochs=50)
    assert (result.stopped, result.epochs) == ("callback", 2)


def test_an_interrupt_returns_the_last_picture(paint):
    pictures = []

    def interrupt(step: Step) -> None:
        pictures.append(step.picture())
        if step.epoch == 3:
            raise KeyboardInterrupt

    result = paint(callback=interrupt, max_num_epochs=50)
    assert (result.stopped, result.epochs) == ("interrupted", 3)
    assert (result.picture.pixels == pictures[-1].pixels).all()


def test_max_num_epochs_and_stop_eps_stop(paint):
    result = paint(max_num_epochs=7)
    assert (result.stopped, result.epochs) == ("max-epochs", 7)
    result = paint(max_num_epochs=50, stop_eps=100)
    assert (result.stopped, result.epochs) == ("eps", 10)


def test_the_history_tells_every_term_and_they_add_up_to_the_loss(paint):
    result = paint(style_layers="relu1_1,relu3_1:0.5", content_layers="relu4_2,conv2_2:2")
    names = {"content:relu4_2", "content:conv2_2", "style:relu1_1", "style:relu3_1", "tv"}
    for step in result.history:
        assert set(step.terms) == names
        assert sum(step.terms.values()) == pytest.approx(step.loss)
    assert json.loads(json.dumps(result.history[0].as_json()))["terms"].keys() == names


def test_without_a_weight_there_is_no_total_variation(paint):
    assert "tv" not in paint(tv_weight=0).history[0].terms


def test_the_loss_falls(paint):
    result = paint(max_num_epochs=30)
    assert result.history[-1].loss < 0.8 * result.history[0].loss


# ---- weights of the terms ----


def distances(paint: Any, name: str, *values: float) -> list[float]:
    """How far runs with these weights end from the photo."""
    chosen = {"max_num_epochs": 40, "remove_noise": 0, "content_layers": "relu2_1"}
    return [far(paint(**chosen, **{name: value})) for value in values]


def test_the_larger_the_content_weight_the_closer_the_picture_is_to_the_photo(paint):
    loose, usual, tight = distances(paint, "content_weight", 0.1, 10, 1000)
    assert tight < usual < loose
    assert tight < 0.8 * loose


def test_the_larger_the_style_weight_the_further_the_picture_is_from_the_photo(paint):
    little, usual, much = distances(paint, "style_weight", 1e-4, 1, 100)
    assert little < usual < much
    assert little < 0.8 * much


def test_the_photo_stays_as_it_is_without_style_and_smoothness(paint):
    assert far(paint(style_weight=0, tv_weight=0, remove_noise=0)) == 0


def test_smoothness_makes_the_picture_smoother(paint):
    def roughness(weight: float) -> float:
        result = paint(tv_weight=weight, max_num_epochs=30, remove_noise=0)
        return float(np.abs(np.diff(np.asarray(result.image).astype(float), axis=1)).mean())

    assert roughness(100) < 0.7 * roughness(0)


def test_a_layer_of_weight_0_is_the_same_as_none(paint):
    expected = paint(style_layers="relu2_1")
    result = paint(style_layers="relu1_1:0,relu2_1")
    assert set(result.history[0].terms) == set(expected.history[0].terms)
    assert data(result) == data(expected)


def test_layer_weights_count_by_their_share(paint):
    assert data(paint(style_layers="relu1_1:1,relu3_1:3")) == data(
        paint(style_layers="relu1_1:2,relu3_1:6")
    )


@pytest.mark.parametrize("name", ["clip_gradient", "step_limit", "momentum", "weight_decay"])
def test_every_knob_of_the_optimiser_has_an_effect(paint, name):
    values = {"clip_gradient": 1e-3, "step_limit": 0.01, "momentum": 0.0, "weight_decay": 0.1}
    assert data(paint(**{name: values[name]})) != data(paint())


# ---- divergence ----


def test_divergence_is_an_error_that_names_the_rate_and_keeps_a_picture(paint):
    with pytest.raises(DivergedError) as caught:
        paint(lr=1e30, step_limit=0, backoff=1, clamp=False, max_num_epochs=50)
    message, result = str(caught.value), caught.value.result  # type: ignore[attr-defined]
    assert "--lr 1e+30" in message and "\n" not in message
    assert isinstance(result, Result)
    assert result.image.size == (40, 32)
    assert len(result.history) < 50


def test_the_picture_kept_after_divergence_is_a_good_one(paint):
    with pytest.raises(DivergedError) as caught:
        paint(lr=1e30, step_limit=0, backoff=1, clamp=False, remove_noise=0, max_num_epochs=50)
    assert far(caught.value.result) == 0  # type: ignore[attr-defined]  # the photo itself


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


def test_the_styles_transparency_is_not(paint):
    painting = np.dstack([PAINTING, np.full(PAINTING.shape[:2], 128, np.uint8)])
    assert paint(style=painting).image.mode == "RGB"


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
    assert options["content_weight"] == 12 and options["stop_eps"] == 0
    assert (options["weights"], options["init"]) == ("mine.params", "start.png")
    assert result.metadata["preset"] == "mxnet" and result.metadata["model"] == "vgg19-slim"
    assert str(tmp_path) not in text and "/" not in text
    driven = {"output", "output_dir", "trace", "save_epochs", "quiet", "verbose", "threads", "gpu"}
    assert not driven & set(options)


def test_a_result_can_be_saved_and_shows_itself(paint, tmp_path):
    result = paint()
    result.save(tmp_path / "out.png")
    saved = Image.open(tmp_path / "out.png")
    assert (np.asarray(saved) == np.asarray(result.image)).all()
    assert result._repr_png_().startswith(b"\x89PNG")
    record = json.loads(json.dumps(result.as_json()))
    assert (record["stopped"], record["epochs"]) == ("max-epochs", 3)


def test_user_options_win_over_the_preset(paint):
    result = paint(preset="mxnet", lr=0.05, max_long_edge=40)
    assert result.metadata["options"]["lr"] == 0.05
    assert result.metadata["options"]["weight_decay"] == 0.005


def test_the_network_inside_the_package_paints():
    result = stylize(PHOTO, PAINTING, max_num_epochs=2, gpu=-1, model="vgg16-slim")
    assert result.model == "vgg16-slim"
    assert np.isfinite([step.loss for step in result.history]).all()


@pytest.mark.parametrize("names", ["caffe", "gluon", "prefixed"])
def test_a_vgg16_file_paints_without_being_named(tmp_path, names):
    weights = tiny.write_vgg(tmp_path / "a.params", model="vgg16", names=names)
    result = stylize(PHOTO, PAINTING, weights=weights, max_num_epochs=2, gpu=-1)
    assert result.model == "vgg16-slim"  # it is narrow


# ---- every way to lower the loss, every size ----


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "lbfgs"])
def test_every_optimiser_lowers_the_loss_with_its_own_rate(paint, optimizer):
    result = paint(optimizer=optimizer, max_num_epochs=12)
    assert result.history[-1].loss < 0.9 * result.history[0].loss
    assert data(result) == data(paint(optimizer=optimizer, max_num_epochs=12))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "x24"}, (30, 24)),
        ({"size": "24x24", "fit": "stretch"}, (24, 24)),
        ({"size": "24x24", "fit": "stretch", "rescale": "aspect"}, (24, 19)),
        ({"size": "24x24", "fit": "stretch", "rescale": "size"}, (40, 32)),
        ({"max_long_edge": 20, "rescale": "size"}, (40, 32)),
    ],
)
def test_the_picture_has_the_size_asked_for_and_so_has_every_step(paint, options, size):
    seen: list[tuple[int, int]] = []
    result = paint(callback=lambda step: seen.append(step.picture().size), **options)
    assert result.picture.size == size
    assert set(seen) == {size}


def test_a_step_tells_the_size_at_which_is_painted(paint):
    result = paint(size="24x20", fit="stretch", rescale="size")
    assert {(step.width, step.height) for step in result.history} == {(24, 20)}


def test_rescaling_keeps_what_is_transparent(paint):
    alpha = np.full(PHOTO.shape[:2], 255, np.uint8)
    alpha[:, :20] = 0
    result = paint(np.dstack([PHOTO, alpha]), size="20x16", rescale="size")
    assert result.picture.alpha is not None
    assert result.picture.alpha.shape == PHOTO.shape[:2]
    assert result.picture.alpha[:, :16].max() < 0.1 * result.picture.alpha[:, 24:].min()


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


def test_each_scale_stops_by_eps_on_its_own(paint):
    result = paint(scales=2, stop_eps=10, max_num_epochs=100)
    assert [step.scale for step in result.history] == [1] * 10 + [2] * 10
    assert result.stopped == "eps"


def test_the_second_scale_begins_with_the_first(paint):
    both = paint(scales=2, max_num_epochs=40)
    alone = paint(scales=1, max_num_epochs=1)
    assert both.history[20].loss < alone.history[0].loss


def test_stopping_in_a_small_scale_still_gives_the_whole_size(paint):
    result = paint(scales=2, max_num_epochs=8, callback=lambda step: True)
    assert (result.epochs, result.stopped) == (1, "callback")
    assert result.picture.size == (40, 32)


def test_with_fewer_epochs_than_scales_the_last_ones_are_painted(paint):
    assert [step.width for step in paint(scales=2, max_num_epochs=1).history] == [40]


def test_a_picture_to_begin_with_is_not_shrunk_by_itself(paint, tmp_path):
    large = tiny.picture(4, (300, 240))
    Image.fromarray(large).save(tmp_path / "start.png")
    result = paint(large, init=str(tmp_path / "start.png"), max_num_epochs=1)
    assert [step.width for step in result.history] == [300]


@pytest.mark.parametrize("optimizer", ["nag", "adam", "lbfgs"])
def test_every_optimiser_paints_at_two_scales(paint, optimizer):
    history = paint(scales=2, max_num_epochs=16, optimizer=optimizer).history
    assert history[7].loss < history[0].loss and history[15].loss < history[8].loss


def test_a_clamped_picture_is_what_was_painted(paint, weights_file):
    def seen_over_painted(clamp: bool) -> float:
        wild = {"step_limit": 100, "max_num_epochs": 10, "remove_noise": 0}
        result = paint(clamp=clamp, **wild, callback=lambda step: step.epoch == 9)
        following = paint(clamp=clamp, **wild).history[9]  # its loss is that of the ninth picture
        seen = evaluate(result.picture, PHOTO, PAINTING, weights=weights_file)
        return seen.loss / following.loss

    assert seen_over_painted(True) == pytest.approx(1, rel=0.01)
    assert abs(seen_over_painted(False) - 1) > 0.05


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "lbfgs"])
def test_loss_and_terms_of_a_step_are_of_the_same_point(paint, optimizer):
    for step in paint(optimizer=optimizer, max_num_epochs=5).history:
        assert sum(step.terms.values()) == pytest.approx(step.loss, rel=1e-6)


def test_ctrl_c_between_two_sizes_keeps_the_smaller_picture(paint, monkeypatch):
    built: list[int] = []
    build = problem.build

    def interrupted(*words: Any) -> Any:
        built.append(1)
        if len(built) == 2:
            raise KeyboardInterrupt
        return build(*words)

    monkeypatch.setattr(problem, "build", interrupted)
    result = paint(scales=2, max_num_epochs=6)
    assert (result.stopped, result.epochs, result.picture.size) == ("interrupted", 3, (40, 32))


def test_whole_options_give_the_same_picture_as_their_fields(paint, weights_file):
    chosen = Options(weights=weights_file, max_num_epochs=3, stop_eps=0, gpu=-1)
    assert data(stylize(PHOTO, PAINTING, options=chosen)) == data(paint())
    typed = stylize(PHOTO, PAINTING, options=chosen, lr=0.05)
    assert data(typed) == data(paint(lr=0.05)) != data(paint())
    with pytest.raises(OptionError, match="preset: 'fast' cannot be together with options="):
        stylize(PHOTO, PAINTING, options=chosen, preset="fast")
