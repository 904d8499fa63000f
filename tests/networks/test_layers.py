"""VGG as a table: names of layers, the nearest one, what a tap needs."""

from __future__ import annotations

import pytest

from nstyle.errors import OptionError
from nstyle.networks import layers

VGG19 = layers.BLOCKS["vgg19"]


def test_the_number_of_convolutions():
    counts = {"vgg16": 13, "vgg19": 16, "vgg16-slim": 12, "vgg19-slim": 13}
    for model, count in counts.items():
        assert len(layers.convolutions(layers.BLOCKS[model])) == count


def test_taps_are_named_in_the_order_of_the_network():
    expected = ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1", "pool2"]
    assert layers.taps((2, 1)) == expected


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("relu4_5", "relu4_"), ("conv_4_2", "conv4_2"), ("pool6", "pool"), ("#", "")],
)
def test_an_unknown_layer_is_refused_in_one_line_naming_the_nearest(wrong, near):
    layers.check_taps(["conv1_1", "relu5_4", "pool5"], layers.taps(VGG19), "vgg19")
    with pytest.raises(OptionError) as caught:
        layers.check_taps(["relu1_1", wrong], layers.taps(VGG19), "vgg19")
    message = str(caught.value)
    assert repr(wrong) in message and "vgg19" in message and "\n" not in message
    assert f"did you mean '{near}" in message


@pytest.mark.parametrize(
    ("wanted", "deepest", "count"),
    [
        (["conv1_1"], "conv1_1", 1),
        (["relu2_1", "relu1_1"], "conv2_1", 3),
        (["pool2"], "conv2_2", 4),
        (["relu5_1", "relu4_2"], "conv5_1", 13),
    ],
)
def test_only_convolutions_up_to_the_deepest_tap_are_needed(wanted, deepest, count):
    needed = layers.needed_convolutions(wanted, VGG19)
    assert needed == layers.convolutions(VGG19)[:count]
    assert needed[-1] == deepest
