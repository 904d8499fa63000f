"""What is taught: the painter's own loss, as evaluate() gives it, and the photo's colours."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward import TAPS
from nstyle.feedforward.blocks import start
from nstyle.feedforward.decoder import Decoder
from nstyle.feedforward.one_style import grained
from nstyle.feedforward.residual import SPREAD
from nstyle.feedforward.train.dataset import Example
from nstyle.feedforward.train.loop import Training
from nstyle.feedforward.train.objectives import FIRST, AnyStyleSamples, OneStyleSamples
from nstyle.feedforward.train.perceptual_loss import PerceptualLoss
from nstyle.feedforward.train.setup import inputs_of
from nstyle.images.picture import Picture
from nstyle.networks.training.data import network_input
from nstyle.optimize import inputs
from nstyle.optimize.evaluation import evaluate
from nstyle.optimize.extractor import load_network
from nstyle.options.options import Options
from nstyle.system.backend import mx, nd

CROP = 32
PHOTOS = [tiny.picture(seed, (CROP, CROP)) for seed in range(1, 7)]
PAINTING = tiny.picture(30, (70, 50))


def photos(number):
    return network_input([PHOTOS[number % len(PHOTOS)]])


@pytest.fixture(scope="module")
def perceive(weights_file):
    def made(edge=CROP, **more):
        options = Options(weights=weights_file, precision="float32", **more)
        given = inputs.gather(PHOTOS[0], PAINTING, options, size=(edge, edge))
        extractor = load_network(given, options, mx.cpu())
        return PerceptualLoss(extractor, given, options)

    return made


def losses_of(lesson, picture):
    """(loss, terms by name) that a lesson gives a picture, uint8 HxWx3."""
    return lesson.objective(nd.array(network_input([picture])))[0], lesson.objective.terms


@pytest.mark.parametrize(
    "more", [{}, {"style_scale": 2.0}, {"style_loss": "mean-std", "content_weight": 30.0}]
)
def test_the_loss_of_one_style_is_the_painters_times_a_constant(perceive, weights_file, more):
    teach = OneStyleSamples(perceive(**more), photos, seed=0)
    own = [losses_of(teach(number), PHOTOS[number])[0] for number in range(FIRST)]
    assert np.mean(own) == pytest.approx(1, rel=1e-4)  # of photos that are left as they are
    painted = tiny.picture(40, (CROP, CROP))
    ratios = []
    for number in (1, 4):
        loss, terms = losses_of(teach(number), painted)
        expected = evaluate(painted, PHOTOS[number], PAINTING, weights=weights_file, **more)
        assert list(terms) == list(expected.terms)
        ratios += [terms[name] / value for name, value in expected.terms.items()]
        ratios.append(loss / expected.loss)
    np.testing.assert_allclose(ratios, ratios[0], rtol=2e-3)


@pytest.mark.parametrize(("edge", "weight"), [(64, 0.5), (80, 2.0)])
def test_the_photos_colours_are_kept_in_cells_by_their_weight(perceive, edge, weight):
    """Whatever is drawn with them there; what is everywhere SPREAD off costs the weight."""
    photo = network_input([tiny.picture(1, (edge, edge))])
    lesson = OneStyleSamples(perceive(edge), lambda number: photo, seed=0, colours=weight)(0)

    def colours(x):
        lesson.objective(nd.array(x))
        return lesson.objective.terms["colours"]

    assert colours(photo + SPREAD) == pytest.approx(weight, rel=1e-3)
    cells = photo.reshape(1, 3, 2, edge // 2, 2, edge // 2)
    within = cells[:, :, :, ::-1, :, ::-1].reshape(photo.shape)
    assert colours(within) == pytest.approx(0, abs=1e-9)
    assert colours(photo[:, :, ::-1].copy()) > 1e-4 * weight


def test_a_lesson_is_not_changed_by_the_next(perceive):
    teach = OneStyleSamples(perceive(), photos, seed=0)
    first = teach(1)
    before = losses_of(first, PAINTING[:CROP, :CROP])
    losses_of(teach(2), PHOTOS[3])
    assert losses_of(first, PAINTING[:CROP, :CROP]) == before
    np.testing.assert_array_equal(first.inputs[0].asnumpy(), grained(photos(1), 0, 1, 1))


def test_a_photo_has_other_grain_in_another_lesson_or_training_and_when_painted(perceive):
    seen = [
        OneStyleSamples(perceive(), photos, seed=seed)(number).inputs[0].asnumpy()
        for seed, number in ((0, 0), (0, len(PHOTOS)), (1, 0))
    ]
    # The preview's has that with which it will be painted.
    (painted,) = inputs_of(Example("a", Picture(PHOTOS[0])), perceive().extractor, mx.cpu())
    seen.append(painted.asnumpy())
    np.testing.assert_array_equal(seen[-1], grained(photos(0)))
    for place, one in enumerate(seen):
        assert all(np.abs(one - other).max() > 1 for other in seen[:place])


def test_any_style_weighs_every_pair_the_same(perceive):
    seen = perceive()
    teach = AnyStyleSamples(
        seen, photos, lambda number: network_input([tiny.picture(50 + number, (CROP, CROP))]),
        content=0.2,
    )  # fmt: skip
    for number in (0, 3):
        lesson = teach(number)
        shapes = [tuple(entry.shape) for entry in lesson.inputs]
        photo = seen.see(photos(number))
        assert shapes[:3] == [photo[tap].shape for tap in TAPS[:3]]
        assert shapes[3:] == [(1, 2 * photo[tap].shape[1]) for tap in TAPS]
        _, terms = losses_of(lesson, PHOTOS[number])
        style = sum(value for name, value in terms.items() if name.startswith("style"))
        assert 0.5 < style < 1  # of its own loss and a little
        assert terms["content:relu4_2"] == pytest.approx(0, abs=1e-6)


def test_a_decoder_learns_from_its_lessons(perceive):
    seen = perceive()
    channels = {tap: seen.extractor.widths[tap.replace("relu", "conv")] for tap in TAPS}
    network, painting = Decoder(channels, tiny.MEAN, (8, 6, 5, 4)), PAINTING[:CROP, :CROP]
    teach = AnyStyleSamples(seen, photos, lambda _: network_input([painting]), content=1)
    start(network, 1)
    network.hybridize(static_alloc=True, static_shape=True)
    made = Training(network, lambda number: teach(number % 2), rate=0.01, batch=2)
    losses = [made.advance(0)["loss"] for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]
