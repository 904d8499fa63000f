"""What a training can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nstyle.errors import OptionError
from nstyle.feedforward import ANY_STYLE, ONE_STYLE
from nstyle.feedforward.train.options import LOSS_OF, TrainOptions
from nstyle.options.options import Options
from nstyle.system import locations

USUAL = {"style_image": "wave.jpg", "photos": ("photos",), "output": "out/my-style.params"}


def test_half_an_hour_where_nothing_is_said():
    training = TrainOptions(**USUAL)
    assert (training.time_budget, training.steps) == (1800, None)
    assert TrainOptions(**USUAL, steps=3).time_budget is None
    assert replace(training, seed=3).time_budget == 1800
    for typed, seconds in (("1.5h", 5400), (7, 7), (0.5, 0.5)):
        assert TrainOptions(**USUAL, time_budget=typed).time_budget == seconds


def test_the_photos_colours_count_where_one_style_is_learned():
    one = TrainOptions(**USUAL)
    assert [one.colours, replace(one, color_weight=0).colours] == [0.1, 0]
    assert replace(one, style_image=None, paintings=("art",)).colours == 0


def test_what_is_left_behind_lies_beside_the_network():
    training = TrainOptions(**USUAL)
    assert training.saved == "out/my-style.ckpt.npz"
    assert training.preview == "out/my-style.preview.jpg"
    assert TrainOptions(**USUAL, checkpoint="c.npz", preview_steps=0).saved == "c.npz"
    assert TrainOptions(**USUAL, preview_steps=0).preview is None


def test_the_kind_of_network_decides_its_channels():
    one = TrainOptions(**USUAL)
    assert (one.network, one.shape) == (ONE_STYLE, {"widths": [16, 32, 80, 160]})
    any_style = TrainOptions(paintings="art", photos="photos", output="a.params")
    assert (any_style.network, any_style.paintings) == (ANY_STYLE, ("art",))
    assert replace(any_style, width=8).shape == {"widths": [8, 16, 40, 80]}


def test_one_style_of_the_usual_width_begins_with_the_network_of_any_style():
    one = TrainOptions(**USUAL)
    assert one.beginning == str(locations.ANY_STYLE)
    assert replace(one, start="random").beginning is None
    assert replace(one, start="other.params").beginning == "other.params"
    assert replace(one, width=8).beginning is None
    assert replace(one, style_image=None, paintings=("art",), width=16).beginning is None


def test_the_loss_is_the_painters_but_for_what_one_pass_must_learn_and_what_was_typed():
    one = TrainOptions(**USUAL)
    assert one.loss({}).model == "vgg16-slim"
    for name, value in LOSS_OF[ONE_STYLE].items():
        assert getattr(one.loss({}), name) == value != getattr(Options(), name)
    assert one.loss({"content_weight": "7"}).content_weight == 7
    any_style = replace(one, style_image=None, paintings=("art",))
    expected = Options(model="vgg16-slim", **LOSS_OF[ANY_STYLE])
    assert any_style.loss({}) == expected != Options(model="vgg16-slim")
    with pytest.raises(OptionError, match="--content-weight"):
        one.loss({"content_weight": -1})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"style_image": None}, "give one of them"),
        ({"paintings": ("art",)}, "give one of them"),
        ({"photos": ()}, "--photos: none"),
        ({"output": None}, "--output: none"),
        ({"output": "my-style.npz"}, "does not end in .params"),
        ({"steps": 4, "time_budget": "4m"}, "--steps, --time-budget"),
        ({"steps": 0}, "from 1 to"),
        ({"time_budget": "20"}, "20m, 90s or 1.5h"),
        ({"time_budget": 0}, "out of range"),
        ({"crop": 100}, "multiple of 8; e.g. 96"),
        ({"crop": 16}, "from 32"),
        ({"width": 1}, "--width"),
        ({"ready": "list.csv"}, "--ready: needs --paintings"),
        (
            {"style_image": None, "paintings": ("p",), "color_weight": 0.1},
            "--color-weight: has no place beside --paintings",
        ),
    ],
)
def test_bad_values_are_refused_in_one_line(change, words):
    with pytest.raises(OptionError, match=words) as refused:
        TrainOptions(**{**USUAL, **change})
    assert "\n" not in str(refused.value)
