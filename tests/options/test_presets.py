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
def test_a_preset_holds_its_own_values_and_the_defaults_of_all_others(name, installed):
    chosen, own = resolve({}, name), values_of(name)
    usual = Options(optimizer=own.get("optimizer", "sgd"))  # with its rate
    expected = {**dataclasses.asdict(usual), **own}
    assert dataclasses.asdict(chosen) == dataclasses.asdict(Options(**expected))


@pytest.mark.parametrize("name", NAMES)
def test_what_the_user_types_wins_over_a_preset(name, installed):
    typed = {"lr": "0.3", "seed": 5, "remove_noise": 0, "style_layers": "relu1_1"}
    assert resolve(typed, name) == dataclasses.replace(resolve({}, name), **typed)


def test_without_a_preset_there_are_the_defaults():
    assert resolve({}) == Options()
    assert resolve({"lr": 0.2}) == Options(lr=0.2)
    assert delivery({}) == OutputOptions()


# What each recipe's own code says, number for number.
ELSEWHERE = {"scales": 1, "fit": "stretch", "backoff": 1, "step_limit": 0, "style_scale": 1}
EXAMPLE = {
    **ELSEWHERE, "model": "vgg19", "enlarge": True, "max_long_edge": 600, "pixel_range": 256,
    "noise_range": 0.1, "init": "noise", "resize": "bilinear-plain", "pooling": "avg",
    "denoiser": "tv", "stop_eps": 0.005, "max_num_epochs": 1000, "content_weight": 10,
    "style_weight": 1, "lr_sched_factor": 0.9, "save_epochs": 50,
}  # fmt: skip
CHOLLET = {
    **ELSEWHERE, "normalization": "keras", "content_layers": "relu5_2", "content_weight": 0.025,
    "style_weight": 1, "tv_form": "power", "init": "content", "optimizer": "lbfgs",
    "evaluations": 20, "stop_eps": 0, "save_epochs": 1,
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "mxnet": {
        **EXAMPLE, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.005,
        "clip_gradient": 10, "clip_norm": 0, "lr_sched_delay": 10, "tv_weight": 0,
        "remove_noise": 0.2, "normalization": "mxnet",
    },
    "mxnet-nag": {
        **EXAMPLE, "optimizer": "nag", "lr": 0.001, "momentum": 0.95, "weight_decay": 0.0001,
        "clip_gradient": 0, "clip_norm": 1, "lr_sched_delay": 75, "tv_form": "laplacian",
        "tv_weight": 0.01, "remove_noise": 0.02, "normalization": "mxnet-nag",
    },
    "keras-prisma": {
        **CHOLLET, "model": "vgg16", "pooling": "avg", "mean_subtraction": False,
        "tv_weight": 1e-3, "max_num_epochs": 10, "size": "512x512", "rescale": "aspect",
        "pooling_ceil": False,
    },
    "tf-scroll": {
        **ELSEWHERE, "model": "vgg19", "pooling": "avg", "pooling_ceil": True,
        "normalization": "gatys-mean", "content_layers": "relu4_2", "mean_subtraction": True,
        "style_layers": "relu1_1:0.5,relu2_1:1,relu3_1:1.5,relu4_1:3,relu5_1:4",
        "content_weight": 5, "style_weight": 100, "tv_weight": 0, "init": "noise:0.7",
        "noise_range": 20, "optimizer": "adam", "lr": 2, "max_num_epochs": 2000,
        "lr_sched_factor": 1, "stop_eps": 0, "weight_decay": 0, "clip_gradient": 0,
        "size": "400x300", "save_epochs": 100,
    },
    "keras-book": {
        **CHOLLET, "model": "vgg19", "pooling": "max", "mean_subtraction": True,
        "tv_weight": 1e-4, "max_num_epochs": 20, "size": "x400", "rescale": "no",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_number_for_number(name, installed):
    chosen = {**vars(resolve({}, name)), **vars(delivery({}, name))}
    assert {field: chosen[field] for field in RECIPES[name]} == RECIPES[name]


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
    chosen, own = resolve({}, name), values_of(name)
    assert {field: getattr(chosen, field) for field in own} == {**own, "model": "vgg16-slim"}
    inputs.check_layers(chosen, chosen.model)
    line = f"preset {name} runs on vgg16-slim, {own['model']} is not installed"
    assert caplog.messages == [line]


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


@pytest.mark.parametrize("build", [resolve, delivery])
@pytest.mark.parametrize(
    ("typed", "hint"),
    [("mxnt", "; did you mean 'mxnet'?"), ("MXNet", "; did you mean 'mxnet'?"),
     ("tf_scroll", "; did you mean 'tf-scroll'?"), ("", ""), ("qqqqqq", "")],
)  # fmt: skip
def test_an_unknown_preset_is_refused_with_all_there_are_and_the_nearest(build, typed, hint):
    with pytest.raises(OptionError) as caught:
        build({}, typed)
    assert str(caught.value) == f"--preset: {typed!r} is none of {', '.join(PRESETS)}{hint}"


BEST = "optimizer lr scale_step max_num_epochs stop_eps content_weight tv_weight"


@pytest.mark.parametrize(("name", "changes"), [("fast", "stop_eps"), ("best", BEST)])
def test_ours_are_the_default_network_and_losses(name, changes, nothing_installed, caplog):
    chosen, usual = vars(resolve({}, name)), vars(Options())
    assert caplog.messages == []
    assert {field for field in usual if chosen[field] != usual[field]} == set(changes.split())


def test_a_typed_long_edge_counts_more_than_a_presets_size(installed):
    chosen = resolve({"max_long_edge": 200}, "keras-prisma")
    assert (chosen.size, chosen.max_long_edge) == (None, 200)
    assert resolve({"max_long_edge": 200, "size": "x90"}, "keras-prisma").size == "x90"


def test_a_presets_rate_is_not_given_to_another_optimiser(installed):
    assert resolve({"optimizer": "adam"}, "mxnet-nag").lr == 2
    assert resolve({"optimizer": "sgd"}, "tf-scroll").lr == 0.1
    assert resolve({}, "tf-scroll").lr == 2
    assert resolve({"optimizer": "sgd", "lr": 0.5}, "tf-scroll").lr == 0.5
