"""Every option once; every bad value refused with one line that says what to do."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nstyle.errors import NStyleError, OptionError
from nstyle.options import field
from nstyle.options.options import Options, build, shaping
from nstyle.options.output import OutputOptions
from nstyle.options.words import Layers

UNTYPED = {"lr": 0.1, "lr_sched_factor": 0.9}  # what None becomes with the default optimiser


def fields_of(*kinds: type, limit: str = "") -> list[Any]:
    """(class, field) of these kinds as test parameters; limit: only those with a low or a high."""
    return [
        pytest.param(cls, entry, id=entry.name)
        for cls in (Options, OutputOptions)
        for entry in dataclasses.fields(cls)
        if entry.metadata["kind"] in kinds
        and (not limit or entry.metadata.get(limit) not in (None, ()))
    ]


def refusal(cls: type, **values: Any) -> str:
    """The one line of the OptionError that these values raise."""
    with pytest.raises(OptionError) as caught:
        cls(**values)
    message = str(caught.value)
    assert "\n" not in message
    assert isinstance(caught.value, NStyleError)
    assert isinstance(caught.value, ValueError)
    return message


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float))
@pytest.mark.parametrize("value", ["abc", "", [1], {}], ids=repr)
def test_what_is_no_number_is_refused_by_name_and_value(cls, entry, value):
    message = refusal(cls, **{entry.name: value})
    assert message.startswith(field.shown(entry) + ":")
    assert repr(value) in message
    assert "number" in message


@pytest.mark.parametrize(("cls", "entry"), fields_of(int))
@pytest.mark.parametrize("value", [16.5, "16.5", np.float32(16.5), Decimal("16.5")], ids=repr)
def test_a_broken_number_is_no_whole_one(cls, entry, value):
    assert "whole number" in refusal(cls, **{entry.name: value})


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float))
@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_numbers_that_are_not_finite_are_refused(cls, entry, word):
    for value in (word, float(word)):
        message = refusal(cls, **{entry.name: value})
        assert message.startswith(field.shown(entry) + ":")
        assert word in message


@pytest.mark.parametrize(("cls", "entry"), fields_of(int))
def test_a_number_too_long_for_a_float_is_refused_or_taken_like_any_other(cls, entry):
    try:
        cls(**{entry.name: "1" + "0" * 400})
    except OptionError as error:
        assert field.shown(entry) in str(error)


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, limit="low"))
def test_below_the_lowest_is_refused_with_what_is_allowed(cls, entry):
    low = entry.metadata["low"]
    message = refusal(cls, **{entry.name: low - 1})
    assert message.startswith(field.shown(entry) + ":")
    assert str(low - 1) in message
    assert f"{low:g}" in message.split("allowed")[1]
    assert getattr(cls(**{entry.name: low}), entry.name) == low


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, limit="high"))
def test_above_the_highest_is_refused_with_what_is_allowed(cls, entry):
    high = entry.metadata["high"]
    message = refusal(cls, **{entry.name: high + 1})
    assert message.startswith(field.shown(entry) + ":")
    assert str(high + 1) in message
    assert getattr(cls(**{entry.name: high}), entry.name) == high


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, limit="high"))
def test_the_limits_named_in_a_refusal_are_themselves_allowed(cls, entry):
    message = refusal(cls, **{entry.name: entry.metadata["high"] + 1})
    found = re.search(r"from (\S+) to (\S+)$", message)
    assert found, message
    for word in found.groups():
        build(cls, {entry.name: float(word)})


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float))
def test_every_number_has_a_lowest_value(cls, entry):
    assert entry.metadata["low"] is not None


@pytest.mark.parametrize(("cls", "entry"), fields_of(bool))
def test_truth_is_spelt_in_a_few_ways_and_nothing_else(cls, entry):
    for value in (True, "true", "Yes", "1", 1):
        assert getattr(cls(**{entry.name: value}), entry.name) is True
    for value in (False, "false", "No", "0", 0):
        assert getattr(cls(**{entry.name: value}), entry.name) is False
    message = refusal(cls, **{entry.name: "maybe"})
    assert message.startswith(field.shown(entry) + ":")
    assert "'maybe'" in message


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, limit="choices"))
def test_an_unknown_choice_is_refused_with_all_choices_and_the_nearest(cls, entry):
    choices = entry.metadata["choices"]
    for choice in choices:
        typo = choice + choice[-1]
        message = refusal(cls, **{entry.name: typo})
        assert message.startswith(field.shown(entry) + ":")
        assert repr(typo) in message
        assert all(name in message for name in choices)
        assert f"did you mean {choice!r}?" in message
        assert getattr(cls(**{entry.name: choice}), entry.name) == choice


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, limit="choices"))
@pytest.mark.parametrize("value", [None, 3, ["avg"], {}], ids=repr)
def test_a_choice_of_another_type_is_refused(cls, entry, value):
    assert field.shown(entry) in refusal(cls, **{entry.name: value})


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, int, float, bool))
def test_every_default_passes_its_own_check(cls, entry):
    if entry.default is None:
        assert entry.metadata["optional"]
        assert getattr(cls(**{entry.name: None}), entry.name) == UNTYPED.get(entry.name)
    else:
        assert field.check_value(entry, entry.default) == entry.default
    assert getattr(cls(), entry.name) == UNTYPED.get(entry.name, entry.default)


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, bool))
def test_none_is_refused_where_a_value_is_needed(cls, entry):
    if entry.metadata["optional"]:
        assert getattr(cls(**{entry.name: None}), entry.name) == UNTYPED.get(entry.name)
    else:
        assert field.shown(entry) in refusal(cls, **{entry.name: None})


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, int, float, bool))
def test_every_field_says_in_one_short_line_what_it_is(cls, entry):
    about = entry.metadata["help"]
    assert 5 <= len(about) <= 100
    assert "\n" not in about
    assert about == about.strip()


def test_no_name_is_both_an_option_and_a_delivery():
    names = [entry.name for cls in (Options, OutputOptions) for entry in dataclasses.fields(cls)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("cls", [Options, OutputOptions])
def test_options_are_frozen(cls):
    chosen = cls()
    for entry in dataclasses.fields(cls):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(chosen, entry.name, entry.default)


def test_words_become_values_of_the_fields_type():
    chosen = Options(lr="0.2", max_num_epochs="7", seed=3.0, tv_weight=1, threads="2")
    found = [chosen.lr, chosen.max_num_epochs, chosen.seed, chosen.tv_weight, chosen.threads]
    assert found == [0.2, 7, 3, 1.0, 2]
    assert [type(value) for value in found] == [float, int, int, float, int]


def test_a_path_object_becomes_its_path():
    assert Options(weights=Path("a") / "b.params").weights == str(Path("a") / "b.params")


def test_the_defaults_are_those_of_the_readme_table():
    chosen = Options()
    assert (chosen.content_weight, chosen.style_weight) == (30, 1)
    assert (chosen.stop_eps, chosen.max_num_epochs, chosen.max_long_edge) == (0.005, 1000, 512)
    assert (chosen.lr, chosen.remove_noise, chosen.style_scale) == (0.1, 0.2, 1)
    assert (chosen.model, chosen.pooling, chosen.init, chosen.gpu) == (
        "auto", "auto", "content", "auto",
    )  # fmt: skip
    assert list(chosen.content_layers.weights) == ["relu4_2"]
    assert list(chosen.style_layers.weights) == [f"relu{block}_1" for block in (1, 2, 3, 4, 5)]
    assert (OutputOptions().save_epochs, OutputOptions().path) == (50, "output/out.jpg")


def test_vgg_is_another_name_of_vgg19():
    assert Options(model="vgg").model == "vgg19"
    assert Options(model="vgg") == Options(model="vgg19")


def test_layers_have_names_and_weights():
    found = Layers(" relu1_1:0.5, relu3_1:1.5,relu4_2,, ", "--style-layers").weights
    assert found == {"relu1_1": 0.5, "relu3_1": 1.5, "relu4_2": 1.0}
    assert Layers("relu1_1:0,relu2_1", "--style-layers").weights == {"relu2_1": 1}  # 0 leaves out


def test_blanks_around_the_parts_of_a_layer_do_not_matter():
    assert Layers("relu1_1 : 0.5", "--style-layers").weights == {"relu1_1": 0.5}


@pytest.mark.parametrize("name", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        (" , ", "names no layer"),
        ("relu1_1:0", "relu1_1:0"),
        ("relu1_1:-1", "-1"),
        ("relu1_1:nan", "nan"),
        ("relu1_1:inf", "inf"),
        ("relu1_1:abc", "'abc'"),
        ("relu1_1:1:2", "'1:2'"),
        ("relu1_1:", "relu1_1"),
        (":0.5", "0.5"),
        ("relu1_1,relu1_1:2", "twice"),
    ],
)
def test_malformed_layers_are_refused(name, text, named):
    message = refusal(Options, **{name: text})
    assert message.startswith(f"--{name.replace('_', '-')}")
    assert named in message


@pytest.mark.parametrize(
    ("init", "share"),
    [
        ("content", 0.0),
        ("noise", 1.0),
        ("noise:0.7", 0.7),
        ("noise:0", 0.0),
        ("noise:1", 1.0),
        ("photo.png", None),
        ("folder/noise.png", None),
    ],
)
def test_init_is_a_word_a_share_of_noise_or_a_file(init, share):
    assert Options(init=init).init.noise == share


@pytest.mark.parametrize("share", ["-0.1", "1.01", "nan", "inf", "abc", ""])
def test_a_share_of_noise_is_from_0_to_1(share):
    message = refusal(Options, init=f"noise:{share}")
    assert message.startswith("--init")
    assert share in message


def test_gpu_is_auto_or_an_index_and_minus_one_is_the_cpu():
    words = ("auto", "-1", -1, "0", 3)
    assert [Options(gpu=word).gpu for word in words] == ["auto", -1, -1, 0, 3]


@pytest.mark.parametrize("value", ["-2", -7, "abc", "", "1.5", None, "nan"])
def test_other_gpus_are_refused_with_what_is_allowed(value):
    message = refusal(Options, gpu=value)
    assert message.startswith("--gpu:")
    assert str(value) in message
    assert "-1" in message.replace(str(value), "", 1)
    assert "auto" in message


@pytest.mark.parametrize("cls", [Options, OutputOptions])
def test_an_unknown_name_is_refused_with_the_nearest(cls):
    for entry in dataclasses.fields(cls):
        typo = entry.name + entry.name[-1]
        with pytest.raises(OptionError, match=f"'{typo}'; did you mean '{entry.name}'"):
            build(cls, {typo: entry.default})


def test_a_name_near_to_nothing_is_refused_with_all_there_are():
    with pytest.raises(OptionError) as caught:
        build(Options, {"qqqqqqqq": 1})
    assert "'qqqqqqqq'" in str(caught.value)
    assert all(entry.name in str(caught.value) for entry in dataclasses.fields(Options))


def test_build_is_the_class_where_all_names_are_known():
    assert build(Options, {"lr": "0.3"}) == Options(lr=0.3)
    assert build(OutputOptions, {}) == OutputOptions()


def test_what_shapes_the_picture_holds_no_paths_and_nothing_of_how_the_run_was_driven():
    chosen = Options(weights="/secret/folder/a.params", init="/secret/folder/b.png")
    found = shaping(chosen)
    assert (found["weights"], found["init"]) == ("a.params", "b.png")
    assert not any("secret" in str(value) for value in found.values())
    assert not {"gpu", "threads", "max_pixels"} & set(found)
    assert not {entry.name for entry in dataclasses.fields(OutputOptions)} & set(found)


def test_what_shapes_the_picture_holds_all_other_options_as_they_are():
    chosen = Options(lr=0.3, seed=7, init="noise:0.7", style_layers="relu1_1")
    found = shaping(chosen)
    driven = {"gpu", "threads", "max_pixels", "tile"}
    assert set(found) == {entry.name for entry in dataclasses.fields(Options)} - driven
    assert all(value == getattr(chosen, name) for name, value in found.items())


@pytest.mark.parametrize(
    ("output", "folder", "path"),
    [
        ("output/out.jpg", None, "output/out.jpg"),
        ("output/out.jpg", "there", str(Path("there") / "out.jpg")),
        ("/a/b/c.png", "there", str(Path("there") / "c.png")),
    ],
)
def test_output_dir_is_the_folder_and_the_name_comes_from_output(output, folder, path):
    assert OutputOptions(output=output, output_dir=folder).path == path
    assert OutputOptions(output=output, output_dir=folder).checkpoint == f"{path[:-4]}.ckpt.npz"


def test_the_shown_name_is_what_the_user_types():
    names = {
        e.name: field.shown(e) for c in (Options, OutputOptions) for e in dataclasses.fields(c)
    }
    assert names["stop_eps"] == "--stop-eps"
    assert names["momentum"] == "momentum"
    assert names["output_dir"] == "--output-dir"
    assert (names["rescale"], names["tv_form"]) == ("--rescale", "tv_form")


def test_a_run_without_any_loss_is_refused():
    with pytest.raises(OptionError, match="one must be above 0"):
        Options(content_weight=0, style_weight=0, tv_weight=0)


@pytest.mark.parametrize(
    ("optimizer", "rate"), [("sgd", 0.1), ("nag", 0.001), ("adam", 2.0), ("lbfgs", 1.0)]
)
def test_each_optimiser_has_its_own_rate_where_none_is_given(optimizer, rate):
    assert Options(optimizer=optimizer).lr == rate
    assert Options(optimizer=optimizer, lr=None).lr == rate
    assert Options(optimizer=optimizer, lr="0.25").lr == 0.25


@pytest.mark.parametrize("lr", ["0", 0, "-1", "fast", "nan"])
@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_a_rate_is_a_number_above_0(optimizer, lr):
    message = refusal(Options, optimizer=optimizer, lr=lr)
    assert message.startswith("--lr:")
    assert str(lr) in message


# ---- sizes ----


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("640x480", (640, 480)),
        ("x400", (None, 400)),
        ("600x", (600, None)),
        ("640X480", (640, 480)),
        ("640×480", (640, 480)),
        (" 640 x 480 ", (640, 480)),
        ("16x65000", (16, 65000)),
        ("0640x16", (640, 16)),
    ],
)
def test_a_size_is_width_x_height_or_one_of_them(text, size):
    found = Options(size=text).size
    assert (found, found.edges) == (text, size)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("x", "'x'"),
        ("640", "'640'"),
        ("640x480x3", "'640x480x3'"),
        ("640*480", "'640*480'"),
        ("-640x480", "'-640x480'"),
        ("6.4x480", "'6.4x480'"),
        ("1e3x480", "'1e3x480'"),
        ("٦٤٠x480", "٦٤٠"),
        ("²0x480", "²"),
        ("widexhigh", "'widexhigh'"),
        ("15x480", "15"),
        ("640x0", "0 is out of range"),
        ("x65001", "65001"),
        ("1" + "0" * 300 + "x", "from 16 to 65000"),
    ],
)
def test_another_size_is_refused_with_what_is_allowed(text, named):
    message = refusal(Options, size=text)
    assert message.startswith("--size:")
    assert named in message
    assert "640x480" in message or "from 16 to 65000" in message


def test_a_size_is_not_a_number():
    assert "'640'" in refusal(Options, size=640)
    assert "(640, 480)" in refusal(Options, size=(640, 480))


def test_the_finished_picture_is_left_as_painted_or_brought_to_the_photos_size_or_aspect():
    assert Options().rescale == "no"
    assert [Options(rescale=word).rescale for word in ("size", "aspect")] == ["size", "aspect"]
    assert "did you mean 'aspect'" in refusal(Options, rescale="aspekt")


def test_size_and_optimiser_are_written_into_results():
    found = shaping(Options(size="x400", optimizer="adam", rescale="size"))
    assert (found["size"], found["optimizer"], found["lr"]) == ("x400", "adam", 2.0)
    assert found["rescale"] == "size"


@pytest.mark.parametrize(
    ("optimizer", "rate", "factor"),
    [("sgd", 0.1, 0.9), ("nag", 0.001, 0.9), ("adam", 2.0, 1.0), ("lbfgs", 1.0, 0.9)],
)
def test_rate_and_schedule_have_defaults_for_each_optimiser(optimizer, rate, factor):
    chosen = Options(optimizer=optimizer)
    assert (chosen.lr, chosen.lr_sched_factor) == (rate, factor)
    assert Options(optimizer=optimizer, lr=0.5, lr_sched_factor=0.25).lr_sched_factor == 0.25


@pytest.mark.parametrize(
    ("value", "expected"), [("auto", "auto"), ("off", "off"), ("64", 64), (512, 512)]
)
def test_tiles(value, expected):
    assert Options(tile=value).tile == expected
    assert "tile" not in shaping(Options(tile=value))  # the picture is the same


@pytest.mark.parametrize("value", ["on", "63", 0, -5, "65001", "1.5", "", None, True])
def test_what_is_no_tile_is_refused_with_what_is_allowed(value):
    message = refusal(Options, tile=value)
    assert message.startswith("--tile: ") and "auto, off, or from 64 to 65000" in message


@pytest.mark.parametrize(
    "words",
    [
        {"style_layers": "relu1_1:0.5,relu2_1"},
        {"init": "noise:0.3"},
        {"size": "640x480"},
        {"style_blend": "3,1"},
    ],
)
def test_a_typed_word_stays_a_word_and_keeps_its_meaning_when_copied(words):
    (name, text), *_ = words.items()
    word = getattr(Options(**words), name)
    for same in (word, pickle.loads(pickle.dumps(word)), copy.deepcopy(word)):
        assert (same, json.dumps(same)) == (text, json.dumps(text))
        assert vars(same) == vars(word)
