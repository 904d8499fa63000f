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
from nstyle.options import field, parse
from nstyle.options.field import build
from nstyle.options.options import Options, shaping
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
@pytest.mark.parametrize("value", ["abc", "", [1], {}, None], ids=repr)
def test_what_is_no_number_is_refused_by_name_and_value(cls, entry, value):
    if value is None and entry.metadata["optional"]:
        assert getattr(cls(**{entry.name: None}), entry.name) == UNTYPED.get(entry.name)
        return
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
        assert word in refusal(cls, **{entry.name: value})


def test_a_number_too_long_for_a_float_is_out_of_range():
    assert "is out of range" in refusal(Options, seed="1" + "0" * 400)


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, bool))
@pytest.mark.parametrize("value", ["9" * 5000, 10**5000], ids=["typed", "a number"])
def test_digits_without_end_are_refused_in_one_short_line(cls, entry, value):
    message = refusal(cls, **{entry.name: value})
    assert message.startswith(field.shown(entry) + ":")
    assert len(message) < 200


@pytest.mark.parametrize("name", ["gpu", "scales", "tile", "size", "model", "weights"])
def test_so_are_words_that_are_such_a_number(name):
    assert "too long to be shown (int)" in refusal(Options, **{name: 10**5000})


@pytest.mark.parametrize(("cls", "entry"), fields_of(float))
def test_what_is_lost_in_float32_is_refused(cls, entry):
    assert "allowed is from" in refusal(cls, **{entry.name: "1e-320"})
    build(cls, {entry.name: max(entry.metadata["low"], parse.TINY)})


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float))  # all have a lowest value
def test_below_the_lowest_is_refused_with_what_is_allowed(cls, entry):
    low = entry.metadata["low"]
    shown, allowed = refusal(cls, **{entry.name: low - 1}).split("; allowed is ")
    assert shown.startswith(f"{field.shown(entry)}: ") and str(low - 1) in shown
    assert f"{low:g}" in allowed
    assert getattr(cls(**{entry.name: low}), entry.name) == low


@pytest.mark.parametrize(("cls", "entry"), fields_of(int, float, limit="high"))
def test_above_the_highest_is_refused_with_what_is_allowed(cls, entry):
    high = entry.metadata["high"]
    above = max(high + 1, high * 2) if entry.metadata["kind"] is float else high + 1
    message = refusal(cls, **{entry.name: above})
    assert str(above) in message
    assert getattr(cls(**{entry.name: high}), entry.name) == high
    limits = re.search(r"from (\S+) to (\S+)$", message)
    for limit in limits.groups():  # as they are shown
        build(cls, {entry.name: float(limit)})


@pytest.mark.parametrize(("cls", "entry"), fields_of(bool))
def test_truth_is_spelt_in_a_few_ways_and_nothing_else(cls, entry):
    for value in (True, "true", "Yes", "1", 1):
        assert getattr(cls(**{entry.name: value}), entry.name) is True
    for value in (False, "false", "No", "0", 0):
        assert getattr(cls(**{entry.name: value}), entry.name) is False
    assert "'maybe'" in refusal(cls, **{entry.name: "maybe"})
    assert field.shown(entry) in refusal(cls, **{entry.name: None})


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, limit="choices"))
def test_an_unknown_choice_is_refused_with_all_choices_and_the_nearest(cls, entry):
    choices = entry.metadata["choices"]
    for choice in choices:
        typo = choice + choice[-1]
        every = f"{', '.join(choices)}; did you mean {choice!r}?"
        message = f"{field.shown(entry)}: {typo!r} is none of {every}"
        assert refusal(cls, **{entry.name: typo}) == message
        assert getattr(cls(**{entry.name: choice}), entry.name) == choice


@pytest.mark.parametrize(("cls", "entry"), fields_of(str, int, float, bool))
def test_every_field_says_in_one_short_line_what_it_is(cls, entry):
    about = entry.metadata["help"]
    assert 5 <= len(about) <= 100
    assert "\n" not in about
    assert about == about.strip()


def test_no_name_is_both_an_option_and_a_delivery():
    names = [entry.name for cls in (Options, OutputOptions) for entry in dataclasses.fields(cls)]
    assert len(names) == len(set(names))


def test_words_become_values_of_the_fields_type():
    chosen = Options(lr="0.2", max_num_epochs="7", seed=3.0, tv_weight=1, threads="2")
    found = [chosen.lr, chosen.max_num_epochs, chosen.seed, chosen.tv_weight, chosen.threads]
    assert found == [0.2, 7, 3, 1.0, 2]
    assert [type(value) for value in found] == [float, int, int, float, int]


def test_a_path_object_becomes_its_path():
    assert Options(weights=Path("a") / "b.params").weights == str(Path("a") / "b.params")


def test_the_defaults_are_those_of_the_readme_table():
    table = {
        "content_weight": 30, "style_weight": 1, "stop_eps": 0.005, "max_num_epochs": 1000,
        "max_long_edge": 512, "lr": 0.1, "remove_noise": 0.2, "style_scale": 1, "model": "auto",
        "pooling": "auto", "init": "content", "gpu": "auto", "content_layers": "relu4_2",
        "style_layers": "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1", "save_epochs": 50,
        "output": "output/out.jpg",
    }  # fmt: skip
    usual = {**vars(Options()), **vars(OutputOptions())}
    assert {name: usual[name] for name in table} == table


def test_vgg_is_another_name_of_vgg19():
    assert Options(model="vgg").model == "vgg19"
    assert Options(model="vgg") == Options(model="vgg19")


def test_layers_have_names_and_weights():
    found = Layers(" relu1_1 : 0.5, relu3_1:1.5,relu4_2,, ", "--style-layers").weights
    assert found == {"relu1_1": 0.5, "relu3_1": 1.5, "relu4_2": 1.0}
    assert Layers("relu1_1:0,relu2_1", "--style-layers").weights == {"relu2_1": 1}  # 0 leaves out


# field -> {value: what the refusal names}
REFUSED: dict[str, dict[Any, str]] = {
    "style_layers": {
        "": "''", " , ": "names no layer", "relu1_1:0": "relu1_1:0", "relu1_1:-1": "-1",
        "relu1_1:nan": "nan", "relu1_1:inf": "inf", "relu1_1:abc": "'abc'", "relu1_1:1:2": "'1:2'",
        "relu1_1:": "relu1_1", ":0.5": "0.5", "relu1_1,relu1_1:2": "twice",
        "relu1_1:1e308": "from 0 to 1e+12", "relu1_1:1e-320": "too near to 0",
    },
    "init": {
        f"noise:{share}": share for share in ("-0.1", "1.01", "nan", "inf", "abc", "", "1e-320")
    },
    "style_blend": {
        "1e308,1e308": "from 0 to 1e+12", "1e-320,1": "too near to 0", "0,0": "above 0",
        "9" * 5000: "allowed is",
    },
    "gpu": {
        value: f"{value!r} is no GPU index; allowed is 0, 1, ..., -1 (CPU), auto"
        for value in ("-2", "-7", "abc", "", "1.5", "None", "nan")
    },
    "scales": {
        value: f"{value!r} is no number of sizes; allowed is 1 to 12, or auto"
        for value in ("0", "13", "1.5", "many")
    },
    "tile": {
        value: f"'{value}' is no size of a tile; allowed is auto, off, or from 64 to 65000 pixels"
        for value in ("on", "63", 0, -5, "65001", "1.5", "", None, True)
    },
    "size": {
        "": "''", "x": "'x'", "640": "'640'", 640: "'640'", (640, 480, 3): "'640x480x3'",
        "640x480x3": "'640x480x3'", "640*480": "'640*480'", "-640x480": "'-640x480'",
        "6.4x480": "'6.4x480'", "1e3x480": "'1e3x480'", "٦٤٠x480": "٦٤٠", "²0x480": "²",
        "widexhigh": "'widexhigh' is not WxH, xH or Wx; e.g. 640x480",
        "15x480": "15 is out of range", "640x0": "0 is out of range", "x65001": "65001",
        "1" + "0" * 300 + "x": "from 16 to 65000", "9" * 5000 + "x": "is not a whole number",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [(name, *case) for name, cases in REFUSED.items() for case in cases.items()],
)
def test_a_bad_word_is_refused_with_what_is_allowed(name, value, named):
    message = refusal(Options, **{name: value})
    assert message.startswith(f"--{name.replace('_', '-')}")
    assert named in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("name", "words", "values"),
    [
        ("gpu", ("auto", "-1", -1, "0", 3), ["auto", -1, -1, 0, 3]),
        ("scales", ("auto", "1", 12), ["auto", 1, 12]),
        ("tile", ("auto", "off", "64", 512), ["auto", "off", 64, 512]),
    ],
)
def test_some_options_are_a_word_or_a_number(name, words, values):
    assert [getattr(Options(**{name: word}), name) for word in words] == values


@pytest.mark.parametrize(
    ("init", "share"),
    [("content", 0.0), ("instant", 0.0), ("noise", 1.0), ("noise:0.7", 0.7), ("noise:0", 0.0),
     ("noise:1", 1.0), ("photo.png", None), ("folder/noise.png", None), ("content:1", None)],
)  # fmt: skip
def test_init_is_a_word_a_share_of_noise_or_a_file(init, share):
    assert Options(init=init).init.noise == share


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


def test_what_shapes_the_picture_holds_no_paths_and_all_options_but_those_of_the_run():
    found = shaping(Options(weights="/secret/folder/a.params", init="/secret/folder/b.png"))
    assert (found["weights"], found["init"]) == ("a.params", "b.png")
    assert not any("secret" in str(value) for value in found.values())
    chosen = Options(lr=0.3, seed=7, init="noise:0.7", style_layers="relu1_1", size="x400")
    found = shaping(chosen)
    driven = {"gpu", "threads", "max_pixels", "tile", "weights_convention"}
    assert set(found) == {entry.name for entry in dataclasses.fields(Options)} - driven
    assert all(value == getattr(chosen, name) for name, value in found.items())
    asked = Options(weights="a.params", weights_convention="caffe")
    assert shaping(asked)["weights_convention"] == "caffe"  # absent in older records, like "auto"


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
    assert OutputOptions(output=output, output_dir=folder).checkpoint == f"{path}.ckpt.npz"


def test_the_shown_name_is_what_the_user_types():
    names = {entry.name: field.shown(entry) for entry in dataclasses.fields(Options)}
    assert (names["stop_eps"], names["momentum"]) == ("--stop-eps", "momentum")
    assert (names["remove_noise"], names["tv_form"]) == ("--remove-noise", "tv_form")


def test_a_run_without_any_loss_is_refused():
    with pytest.raises(OptionError, match="one must be above 0"):
        Options(content_weight=0, style_weight=0, tv_weight=0)


# ---- sizes ----


def test_sequences_are_words_too():
    assert Options(size=(640, 480)).size.edges == (640, 480)
    assert Options(size=[None, 400]).size.edges == (None, 400)
    assert Options(style_layers=["relu1_1:0.5", "relu3_1"]).style_layers == "relu1_1:0.5,relu3_1"
    assert Options(style_blend=(3, 1)).style_blend.weights == [3, 1]
    with pytest.raises(OptionError, match="is not WxH"):
        Options(size=(640, 480, 3))


@pytest.mark.parametrize(
    ("text", "size"),
    [("640x480", (640, 480)), ("x400", (None, 400)), ("600x", (600, None)),
     ("640X480", (640, 480)), ("640×480", (640, 480)), (" 640 x 480 ", (640, 480)),
     ("16x65000", (16, 65000)), ("0640x16", (640, 16))],
)  # fmt: skip
def test_a_size_is_width_x_height_or_one_of_them(text, size):
    found = Options(size=text).size
    assert (found, found.edges) == (text, size)


@pytest.mark.parametrize(
    ("optimizer", "rate", "factor"),
    [("sgd", 0.1, 0.9), ("nag", 0.001, 0.9), ("adam", 2.0, 1.0), ("lbfgs", 1.0, 0.9)],
)
def test_rate_and_schedule_have_defaults_for_each_optimiser(optimizer, rate, factor):
    for chosen in (Options(optimizer=optimizer), Options(optimizer=optimizer, lr=None)):
        assert (chosen.lr, chosen.lr_sched_factor) == (rate, factor)
    assert Options(optimizer=optimizer, lr=0.5, lr_sched_factor=0.25).lr_sched_factor == 0.25


@pytest.mark.parametrize(
    ("name", "text"),
    [("style_layers", "relu1_1:0.5,relu2_1"), ("init", "noise:0.3"), ("size", "640x480"),
     ("style_blend", "3,1")],
)  # fmt: skip
def test_a_typed_word_stays_a_word_and_keeps_its_meaning_when_copied(name, text):
    word = getattr(Options(**{name: text}), name)
    for same in (word, pickle.loads(pickle.dumps(word)), copy.deepcopy(word)):
        assert (same, json.dumps(same)) == (text, json.dumps(text))
        assert vars(same) == vars(word)
