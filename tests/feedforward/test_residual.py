"""The network of one style: sizes, range, what learns in it."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward import blocks
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.system.backend import autograd, nd


def photo(size=(44, 36), seed=1):
    return nd.array(tiny.to_input(tiny.picture(seed, size))[np.newaxis])


@pytest.fixture
def network():
    made = ResidualNetwork(4, tiny.MEAN)
    blocks.start(made, 3)
    return made


@pytest.mark.parametrize("size", [(16, 16), (20, 36), (44, 28)])
def test_multiples_of_four_keep_their_size_between_black_and_white(network, size):
    with autograd.train_mode():
        painted = network(photo(size)).asnumpy()
    assert painted.shape == (1, 3, size[1], size[0])
    values = painted[0] + tiny.MEAN.reshape(3, 1, 1)
    assert 0 <= values.min() < 100 < 160 < values.max() <= 255, "flat"


def test_several_pictures_of_which_statistics_are_taken_stay_several(network):
    """As one batch, each is painted as it is in another order."""
    two = nd.concat(photo(), photo(seed=2), dim=0)
    with autograd.train_mode():
        painted, turned = network(two).asnumpy(), network(two[::-1]).asnumpy()
    assert painted.shape == two.shape
    np.testing.assert_allclose(painted[::-1], turned, atol=0.05)


def test_the_channels_are_those_of_the_paper_by_the_width():
    made = ResidualNetwork(32, tiny.MEAN)
    weights = [p for name, p in made.collect_params().items() if name.endswith("_weight")]
    outputs = [weight.shape[0] for weight in weights]
    assert outputs == [32, 64, *11 * [128], 64, 32, 3]
    assert [weight.shape[2] for weight in weights] == [9, *14 * [3], 9]


def test_every_layer_gets_a_gradient(network):
    with autograd.record():
        loss = nd.square(network(photo())).mean()
    loss.backward()
    parameters = network.collect_params().items()
    # A shift before a normalisation changes nothing.
    still = ("mean", "running_var", "convolution0_conv0_bias")
    for name, parameter in parameters:
        if parameter.grad_req != "null" and not name.endswith(still):
            assert np.abs(parameter.grad().asnumpy()).max() > 0, name
