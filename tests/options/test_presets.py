"""Presets are differences from the defaults, the user's words win, and VGG need not be there."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest
import tiny

from nstyle.errors import OptionError, WeightsError
from nstyle.optimize import inputs
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.presets import PRESETS, delivery, resolve
from nstyle.system import locations

NAMES = sorted(set(PRESETS) - {"fast", "best"})  # those that come from elsewhere


def values_of(name: str, cls: type = Options) -> dict[str, Any]:
    """The preset's values for this class, without their reasons."""
    fields = {entry.name for entry in dataclasses.fields(cls)}
    return {field: value for field, (value, _) in PRESETS[name].values.items() if field in fields}


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """A folder of weights with vgg16 and vgg19 in it."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for model in ("vgg16", "vgg19"):
        (folder / f"{model}.params").write_bytes(b"only looked at later")
    monkeypatch.setattr(locations, "folders", lambda: [folder])
    return folder


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(locations, "folders", lambda: [tmp_path / "nothing"])


# ---- values ----


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_builds_and_holds_its_own_values(name, installed):
    chosen = resolve({}, name)
    for field, value in values_of(name).items():
        assert getattr(chosen, field) == value


@pytest.mark.parametrize("name", NAMES)
def test_what_a_preset_does_not_name_stays_at_its_default(name, installed):
    chosen, own = resolve({}, name), values_of(name)
    usual = Options(optimizer=own.get("optimizer", "sgd"))  # with its rate
    for entry in dataclasses.fields(Options):
        if entry.name not in own:
            assert getattr(chosen, entry.name) == getattr(usual, entry.name)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_user_types_wins_over_a_preset(name, installed):
    typed = {"lr": "0.3", "seed": 5, "remove_noise": 0, "style_layers": "relu1_1"}
    chosen = resolve(typed, name)
    assert (chosen.lr, chosen.seed, chosen.remove_noise) == (0.3, 5, 0)
    assert chosen.style_layers == "relu1_1"
    rest = {field: value for field, value in values_of(name).items() if field not in typed}
    assert rest
    assert all(getattr(chosen, field) == value for field, value in rest.items())


def test_without_a_preset_there_are_the_defaults():
    assert resolve({}) == Options()
    assert resolve({"lr": 0.2}) == Options(lr=0.2)
    assert delivery({}) == OutputOptions()


@pytest.mark.parametrize("name", NAMES)
def test_no_preset_does_what_its_model_did_not(name, installed):
    chosen = resolve({}, name)
    assert (chosen.scales, chosen.fit, chosen.backoff, chosen.step_limit) == (1, "stretch", 1, 0)
    assert chosen.style_scale == 1


def test_the_example_of_2015_number_for_number(installed):
    chosen = resolve({}, "mxnet")
    assert (chosen.optimizer, chosen.lr, chosen.momentum) == ("sgd", 0.1, 0.9)
    assert (chosen.weight_decay, chosen.clip_gradient, chosen.clip_norm) == (0.005, 10, 0)
    assert (chosen.lr_sched_delay, chosen.lr_sched_factor) == (10, 0.9)
    assert (chosen.max_long_edge, chosen.pixel_range, chosen.noise_range) == (600, 256, 0.1)
    assert (chosen.content_weight, chosen.style_weight, chosen.tv_weight) == (10, 1, 0)
    assert (chosen.init, chosen.fit, chosen.resize) == ("noise", "stretch", "bilinear-plain")
    assert (chosen.pooling, chosen.denoiser, chosen.remove_noise) == ("avg", "tv", 0.2)
    assert (chosen.stop_eps, chosen.max_num_epochs) == (0.005, 1000)
    assert (chosen.model, chosen.normalization, chosen.enlarge) == ("vgg19", "mxnet", True)
    assert delivery({}, "mxnet").save_epochs == 50


def test_the_example_of_2017_number_for_number(installed):
    chosen = resolve({}, "mxnet-nag")
    assert (chosen.optimizer, chosen.lr, chosen.momentum) == ("nag", 0.001, 0.95)
    assert (chosen.weight_decay, chosen.clip_gradient, chosen.clip_norm) == (0.0001, 0, 1)
    assert (chosen.lr_sched_delay, chosen.lr_sched_factor) == (75, 0.9)
    assert (chosen.tv_form, chosen.tv_weight, chosen.remove_noise) == ("laplacian", 0.01, 0.02)
    assert (chosen.content_weight, chosen.style_weight) == (10, 1)
    assert (chosen.normalization, chosen.denoiser) == ("mxnet-nag", "tv")
    same = ("max_long_edge", "pixel_range", "noise_range", "init", "fit", "resize", "pooling")
    first = resolve({}, "mxnet")
    assert all(getattr(chosen, field) == getattr(first, field) for field in same)


def test_the_mini_prisma_number_for_number(installed):
    chosen = resolve({}, "keras-prisma")
    assert (chosen.model, chosen.pooling, chosen.normalization) == ("vgg16", "avg", "keras")
    assert (chosen.content_layers, chosen.mean_subtraction) == ("relu5_2", False)
    assert (chosen.content_weight, chosen.style_weight, chosen.tv_weight) == (0.025, 1, 1e-3)
    assert (chosen.tv_form, chosen.init, chosen.optimizer) == ("power", "content", "lbfgs")
    assert (chosen.max_num_epochs, chosen.evaluations, chosen.stop_eps) == (10, 20, 0)
    assert (chosen.size, chosen.rescale, chosen.pooling_ceil) == ("512x512", "aspect", False)
    assert delivery({}, "keras-prisma").save_epochs == 1


def test_the_ink_scroll_number_for_number(installed):
    chosen = resolve({}, "tf-scroll")
    assert (chosen.model, chosen.pooling, chosen.pooling_ceil) == ("vgg19", "avg", True)
    assert chosen.normalization == "gatys-mean"
    assert chosen.style_layers.weights == {
        "relu1_1": 0.5, "relu2_1": 1, "relu3_1": 1.5, "relu4_1": 3, "relu5_1": 4,
    }  # fmt: skip
    assert (chosen.content_layers, chosen.mean_subtraction) == ("relu4_2", True)
    assert (chosen.content_weight, chosen.style_weight, chosen.tv_weight) == (5, 100, 0)
    assert (chosen.init, chosen.noise_range) == ("noise:0.7", 20)
    assert (chosen.optimizer, chosen.lr) == ("adam", 2)
    assert (chosen.max_num_epochs, chosen.lr_sched_factor, chosen.stop_eps) == (2000, 1, 0)
    assert (chosen.weight_decay, chosen.clip_gradient, chosen.size) == (0, 0, "400x300")
    assert delivery({}, "tf-scroll").save_epochs == 100


def test_the_book_number_for_number(installed):
    chosen = resolve({}, "keras-book")
    assert (chosen.model, chosen.pooling, chosen.normalization) == ("vgg19", "max", "keras")
    assert (chosen.content_layers, chosen.mean_subtraction) == ("relu5_2", True)
    assert (chosen.content_weight, chosen.style_weight, chosen.tv_weight) == (0.025, 1, 1e-4)
    assert (chosen.tv_form, chosen.init, chosen.optimizer) == ("power", "content", "lbfgs")
    assert (chosen.max_num_epochs, chosen.evaluations, chosen.stop_eps) == (20, 20, 0)
    assert (chosen.size, chosen.rescale) == ("x400", "no")
    assert delivery({}, "keras-book").save_epochs == 1


def test_what_is_typed_wins_over_what_a_preset_leaves_behind():
    chosen = delivery({"save_epochs": "7", "quiet": True}, "keras-prisma")
    assert (chosen.save_epochs, chosen.quiet, chosen.path) == (7, True, "output/out.jpg")
    with pytest.raises(OptionError, match="--save-epochs"):
        delivery({"save_epochs": -1}, "tf-scroll")


# ---- the network that is there ----


@pytest.mark.parametrize("name", NAMES)
def test_where_its_network_is_installed_nothing_is_said(name, installed, caplog):
    caplog.set_level(logging.DEBUG, "nstyle")
    assert resolve({}, name).model == values_of(name)["model"]
    assert caplog.messages == []


@pytest.mark.parametrize("name", NAMES)
def test_where_it_is_not_the_built_in_network_paints_and_one_line_says_so(
    name, nothing_installed, caplog
):
    caplog.set_level(logging.INFO, "nstyle")
    chosen, meant = resolve({}, name), values_of(name)["model"]
    assert chosen.model == "vgg16-slim"
    inputs.check_layers(chosen, chosen.model)
    assert caplog.messages == [f"preset {name} runs on vgg16-slim, {meant} is not installed"]


@pytest.mark.parametrize("name", NAMES)
def test_all_else_stays_the_presets_on_the_built_in_network(name, nothing_installed):
    chosen = resolve({}, name)
    same = {field: value for field, value in values_of(name).items() if field != "model"}
    assert same
    assert all(getattr(chosen, field) == value for field, value in same.items())


def test_the_installed_vgg19_does_not_stand_in_for_vgg16(installed, caplog):
    caplog.set_level(logging.INFO, "nstyle")
    (installed / "vgg16.params").unlink()
    assert resolve({}, "keras-prisma").model == "vgg16-slim"
    assert resolve({}, "keras-book").model == "vgg19"
    assert len(caplog.messages) == 1


def test_the_built_in_network_may_be_asked_for(installed, caplog):
    caplog.set_level(logging.INFO, "nstyle")
    chosen = resolve({"model": "vgg16-slim"}, "keras-book")
    assert (chosen.model, chosen.content_layers) == ("vgg16-slim", "relu5_2")
    assert caplog.messages == ["preset keras-book runs on vgg16-slim, as asked"]


@pytest.mark.parametrize(("there", "found"), [(True, "vgg19"), (False, "vgg16-slim")])
def test_a_typed_auto_has_the_presets_layers_in_the_network_it_finds(there, found, installed):
    if not there:
        (installed / "vgg19.params").unlink()
    chosen = resolve({"model": "auto"}, "keras-book")
    assert (chosen.model, chosen.content_layers) == ("auto", "relu5_2")
    assert inputs.find_weights(chosen)[0] == found
    inputs.check_layers(chosen, found)


@pytest.mark.parametrize("model", ["vgg19", "vgg16", "vgg"])
def test_a_typed_model_that_is_absent_is_an_error_and_never_replaced(model, nothing_installed):
    chosen = resolve({"model": model}, "keras-book")
    assert chosen.model == ("vgg19" if model == "vgg" else model)
    assert chosen.content_layers == "relu5_2"
    with pytest.raises(WeightsError, match=f"--model {chosen.model}"):
        inputs.gather(tiny.picture(), tiny.picture(), chosen)


def test_a_typed_model_that_is_unknown_is_refused(nothing_installed):
    with pytest.raises(OptionError, match="'vgg18'"):
        resolve({"model": "vgg18"}, "mxnet")


def test_a_typed_weights_file_that_is_absent_is_an_error_and_never_replaced(
    nothing_installed, caplog
):
    caplog.set_level(logging.INFO, "nstyle")
    chosen = resolve({"weights": "none.params"}, "keras-book")
    assert (chosen.weights, chosen.content_layers) == ("none.params", "relu5_2")
    assert caplog.messages == []
    with pytest.raises(WeightsError, match=r"none\.params"):
        inputs.gather(tiny.picture(), tiny.picture(), chosen)


@pytest.mark.parametrize("name", NAMES)
def test_a_typed_weights_file_says_itself_which_network_it_is(name, nothing_installed):
    assert resolve({"weights": "any.params"}, name).model == "auto"
    assert resolve({"weights": "any.params", "model": "vgg19"}, name).model == "vgg19"


def test_no_weights_file_is_as_none_typed(nothing_installed):
    assert resolve({"weights": None}, "keras-book") == resolve({}, "keras-book")


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
def test_typed_layers_are_never_replaced(field, nothing_installed, caplog):
    caplog.set_level(logging.INFO, "nstyle")
    chosen = resolve({field: "relu5_4"}, "keras-book")
    assert getattr(chosen, field) == "relu5_4"
    assert caplog.messages == ["preset keras-book runs on vgg16-slim, vgg19 is not installed"]
    with pytest.raises(OptionError, match=r"'relu5_4' in vgg16-slim.*'relu5_2'"):
        inputs.gather(tiny.picture(), tiny.picture(), chosen)


def test_a_typed_network_without_the_presets_layers_is_refused_and_never_replaced():
    chosen = resolve({"model": "vgg19-slim"}, "keras-book")
    assert (chosen.model, chosen.content_layers) == ("vgg19-slim", "relu5_2")
    with pytest.raises(OptionError, match=r"'relu5_2' in vgg19-slim.*'relu5_1'"):
        inputs.gather(tiny.picture(), tiny.picture(), chosen)


# ---- refusals ----


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("mxnt", "mxnet"),
        ("MXNet", "mxnet"),
        ("keras-prism", "keras-prisma"),
        ("tf_scroll", "tf-scroll"),
    ],
)
def test_an_unknown_preset_is_refused_with_all_there_are_and_the_nearest(typed, near):
    for build in (resolve, delivery):
        with pytest.raises(OptionError) as caught:
            build({}, typed)
        message = str(caught.value)
        assert message.startswith("--preset:")
        assert repr(typed) in message
        assert all(name in message for name in PRESETS)
        assert f"did you mean {near!r}?" in message


@pytest.mark.parametrize("name", ["", "qqqqqq"])
def test_a_preset_near_to_nothing_is_refused_too(name):
    for build in (resolve, delivery):
        with pytest.raises(OptionError, match="--preset"):
            build({}, name)


def test_a_bad_value_typed_beside_a_preset_is_refused():
    with pytest.raises(OptionError, match="--lr"):
        resolve({"lr": -1}, "mxnet")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("fast", {"stop_eps"}),
        (
            "best",
            {"optimizer", "lr", "scale_step", "max_num_epochs", "stop_eps", "content_weight",
             "tv_weight"},
        ),
    ],
)  # fmt: skip
def test_ours_are_the_default_network_and_losses(name, changes, nothing_installed, caplog):
    chosen, usual = resolve({}, name), Options()
    assert caplog.messages == []
    changed = {
        entry.name
        for entry in dataclasses.fields(Options)
        if getattr(chosen, entry.name) != getattr(usual, entry.name)
    }
    assert changed - {"lr_sched_factor"} == changes


def test_a_typed_long_edge_counts_more_than_a_presets_size(installed):
    chosen = resolve({"max_long_edge": 200}, "keras-prisma")
    assert (chosen.size, chosen.max_long_edge) == (None, 200)
    assert resolve({"max_long_edge": 200, "size": "x90"}, "keras-prisma").size == "x90"


def test_a_presets_rate_is_not_given_to_another_optimiser(installed):
    assert resolve({"optimizer": "adam"}, "mxnet-nag").lr == 2
    assert resolve({"optimizer": "sgd"}, "tf-scroll").lr == 0.1
    assert resolve({}, "tf-scroll").lr == 2
    assert resolve({"optimizer": "sgd", "lr": 0.5}, "tf-scroll").lr == 0.5
