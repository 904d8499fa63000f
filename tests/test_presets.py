"""Presets are differences from the defaults, and the user's words win over them."""

from __future__ import annotations

import dataclasses

import pytest

from nstyle.errors import OptionError
from nstyle.options import Options
from nstyle.presets import PRESETS, resolve

NAMES = sorted(PRESETS)


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_builds_and_holds_its_own_values(name):
    chosen = resolve({}, name)
    for field, value in PRESETS[name].items():
        assert getattr(chosen, field) == value


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_names_only_fields_of_options(name):
    assert set(PRESETS[name]) <= {entry.name for entry in dataclasses.fields(Options)}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_only_differences_from_the_defaults(name):
    defaults = Options()
    same = [field for field, value in PRESETS[name].items() if getattr(defaults, field) == value]
    assert same == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_preset_does_not_name_stays_at_its_default(name):
    chosen, defaults = resolve({}, name), Options()
    for entry in dataclasses.fields(Options):
        if entry.name not in PRESETS[name]:
            assert getattr(chosen, entry.name) == getattr(defaults, entry.name)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_user_types_wins_over_a_preset(name):
    typed = {"lr": "0.3", "seed": 5, "remove_noise": 0}
    chosen = resolve(typed, name)
    assert (chosen.lr, chosen.seed, chosen.remove_noise) == (0.3, 5, 0)
    assert {**PRESETS[name], **typed}.keys() >= PRESETS[name].keys()
    rest = set(PRESETS[name]) - set(typed)
    assert all(getattr(chosen, field) == PRESETS[name][field] for field in rest)


def test_without_a_preset_there_are_the_defaults():
    assert resolve({}) == Options()
    assert resolve({"lr": 0.2}) == Options(lr=0.2)


def test_the_example_of_2015_number_for_number():
    chosen = resolve({}, "mxnet")
    assert (chosen.lr, chosen.momentum, chosen.weight_decay) == (0.1, 0.9, 0.005)
    assert (chosen.clip_gradient, chosen.lr_sched_delay, chosen.lr_sched_factor) == (10, 10, 0.9)
    assert (chosen.max_long_edge, chosen.pixel_range, chosen.noise_range) == (600, 256, 0.1)
    assert (chosen.content_weight, chosen.style_weight, chosen.tv_weight) == (10, 1, 0)
    assert (chosen.init, chosen.fit, chosen.resize) == ("noise", "stretch", "bilinear-plain")
    assert (chosen.pooling, chosen.denoiser, chosen.remove_noise) == ("avg", "tv", 0.2)
    assert (chosen.stop_eps, chosen.max_num_epochs) == (0.005, 1000)
    assert (chosen.model, chosen.normalization, chosen.enlarge) == ("vgg19", "mxnet", True)


@pytest.mark.parametrize(("typed", "near"), [("mxnt", "mxnet"), ("MXNet", "mxnet")])
def test_an_unknown_preset_is_refused_with_all_there_are_and_the_nearest(typed, near):
    with pytest.raises(OptionError) as caught:
        resolve({}, typed)
    message = str(caught.value)
    assert message.startswith("--preset:")
    assert repr(typed) in message
    assert all(name in message for name in PRESETS)
    assert f"did you mean {near!r}?" in message


@pytest.mark.parametrize("name", ["", "qqqqqq"])
def test_a_preset_near_to_nothing_is_refused_too(name):
    with pytest.raises(OptionError, match="--preset"):
        resolve({}, name)


def test_a_bad_value_typed_beside_a_preset_is_refused():
    with pytest.raises(OptionError, match="--lr"):
        resolve({"lr": -1}, "mxnet")
