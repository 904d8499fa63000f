"""Training on toys: learning, batches, going on, the schedule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nstyle.errors import DivergedError
from nstyle.feedforward import blocks
from nstyle.feedforward.train import loop
from nstyle.feedforward.train.loop import Training, TrainingSample
from nstyle.feedforward.train.options import KIND
from nstyle.networks.training import checkpoint
from nstyle.system.backend import gluon, nd


class Squares:
    """An objective: the squared distance to a target, in two terms."""

    def __init__(self, target):
        self._target, self.terms = target, {}

    def __call__(self, x):
        difference = x - self._target
        loss = float(nd.square(difference).sum().asscalar())
        self.terms = {"style:relu1_1": loss / 4, "style:relu2_1": loss / 4, "tv": loss / 2}
        return loss, 2 * difference


def lesson(number):
    """Something to be turned upside down."""
    x = np.random.default_rng(number).normal(0, 1, (1, 2, 4, 4))
    return TrainingSample([nd.array(x)], Squares(nd.array(-x)))


def network(seed=0):
    made = gluon.nn.HybridSequential()
    with made.name_scope():
        made.add(gluon.nn.Conv2D(2, 1, in_channels=2))
    blocks.start(made, seed)
    made.hybridize(static_alloc=True, static_shape=True)
    return made


def new(seed=0, batch=2, lessons=lesson):
    return Training(network(seed), lessons, rate=0.15, batch=batch)


def test_the_loss_falls_and_the_average_is_what_was_learned():
    made = new()
    assert math.isnan(made.loss)
    losses = [made.advance(0)["loss"] for _ in range(4)]
    assert made.loss == pytest.approx(np.mean(losses)), "a running mean"
    for step in range(4, 100):
        last = made.advance(step / 100)["loss"]
    assert last < losses[0] / 20
    # The numbers of names count the networks of a process; their own prefix is taken away.
    assert set(made.average()) == {"conv0_weight", "conv0_bias"}
    np.testing.assert_allclose(made.average()["conv0_weight"][..., 0, 0], -np.eye(2), atol=0.2)


def test_parts_of_the_loss_are_summed_by_kind_and_averaged_over_the_batch():
    said = new(batch=3).advance(0)
    assert set(said) == {"loss", "style", "tv"}
    assert said["style"] == pytest.approx(said["loss"] / 2)
    alone = [new(batch=1, lessons=lambda _, n=n: lesson(n)).advance(0)["loss"] for n in range(3)]
    assert said["loss"] == pytest.approx(np.mean(alone))


def test_a_batch_is_the_mean_of_its_lessons():
    same = [new(batch=count, lessons=lambda _: lesson(7)) for count in (1, 4)]
    for made in same:
        for _ in range(5):
            made.advance(0)
    for name, values in same[0].average().items():
        np.testing.assert_allclose(same[1].average()[name], values, rtol=1e-5)


def test_a_training_gone_on_with_ends_in_the_same_bytes(tmp_path):
    path = str(tmp_path / "t.ckpt.npz")
    whole, first, second = new(), new(), new(seed=9)
    for step in range(10):
        whole.advance(step / 10)
    for step in range(4):
        first.advance(step / 10)
    first.seconds = 12.5
    first.save(path, {"crop": 4})
    second.restore(checkpoint.read(path, KIND))
    assert (second.step, second.seconds, second.loss) == (4, 12.5, first.loss)
    for step in range(4, 10):
        second.advance(step / 10)
    assert second.loss == whole.loss
    for name, values in whole.average().items():
        np.testing.assert_array_equal(second.average()[name], values)


def test_a_loss_that_is_not_finite_ends_the_training():
    broken = TrainingSample([nd.ones((1, 2, 4, 4))], Squares(nd.full((1, 2, 4, 4), np.nan)))
    made = new(lessons=lambda number: broken)
    with pytest.raises(DivergedError, match="smaller learning rate"):
        made.advance(0)


def test_the_rate_rises_stays_and_falls():
    assert loop.schedule(0, 0.0) == pytest.approx(1 / loop.RISE)
    assert loop.schedule(100, 0.2) == loop.schedule(400, 0.5) == 1
    assert loop.schedule(500, 0.75) == pytest.approx((1 + loop.LAST_RATE) / 2)
    assert loop.schedule(900, 1.0) == pytest.approx(loop.LAST_RATE)


@pytest.mark.parametrize(("most", "norm"), [(math.inf, 13), (20, 13), (6.5, 6.5)])
def test_gradients_keep_their_direction_and_are_not_longer_than_allowed(most, norm):
    arrays = [nd.array([3.0, 0.0]), nd.array([[4.0], [12.0]])]
    loop.limit(arrays, most)
    flat = np.concatenate([array.asnumpy().ravel() for array in arrays])
    np.testing.assert_allclose(flat, np.array([3, 0, 4, 12]) * norm / 13, rtol=1e-6)
