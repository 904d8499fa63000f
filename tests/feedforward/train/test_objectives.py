"""What is taught: the painter's own loss, as evaluate() gives it, and the photo's colours."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.feedforward.blocks import start
from nstyle.feedforward.grain import grained
from nstyle.feedforward.image_network import SPREAD
from nstyle.feedforward.style_prediction import AnyStyleNetwork
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


def means(painting):
    """Statistics of a painting."""
    return nd.array(painting.mean(axis=(2, 3)) / 64)


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
    (painted,) = inputs_of(Example("a", Picture(PHOTOS[0])), perceive().extractor, mx.cpu(), None)
    seen.append(painted.asnumpy())
    np.testing.assert_array_equal(seen[-1], grained(photos(0)))
    for place, one in enumerate(seen):
        assert all(np.abs(one - other).max() > 1 for other in seen[:place])


def any_style(perception, paintings, content=0.2):
    """Samples; the number of a painting is that of the sample, from the start again at the end."""
    return AnyStyleSamples(
        perception,
        photos,
        lambda number: number % len(paintings),
        lambda which: network_input([paintings[which]]),
        content=content,
        seen=means,
        seed=0,
    )


def test_any_style_weighs_every_pair_the_same(perceive):
    paintings = [tiny.picture(50 + number, (40 + 8 * number, 56)) for number in range(4)]
    teach = any_style(perceive(), paintings)
    for number in (0, 3):
        lesson = teach(number)
        photo, told = (entry.asnumpy() for entry in lesson.inputs)
        np.testing.assert_array_equal(photo, grained(photos(number), 0, number, 1))
        np.testing.assert_array_equal(told, means(network_input([paintings[number]])).asnumpy())
        _, terms = losses_of(lesson, PHOTOS[number])
        style = sum(value for name, value in terms.items() if name.startswith("style"))
        assert 0.5 < style < 1  # of its own loss and a little
        assert terms["content:relu4_2"] == pytest.approx(0, abs=1e-6)


def test_the_content_of_any_style_counts_by_its_weight_beside_that_of_no_content(perceive):
    other = tiny.picture(90, (CROP, CROP))
    values = [
        losses_of(any_style(perceive(), [PAINTING], content)(1), other)[1]["content:relu4_2"]
        for content in (0.2, 0.6)
    ]
    assert values[1] == pytest.approx(3 * values[0], rel=1e-3)
    photo, seen = (perceive().see(network_input([x])) for x in (PHOTOS[1], other))
    here, there = (taps["relu4_2"].asnumpy() for taps in (photo, seen))
    without = 2 * np.square(here - here.mean(axis=(2, 3), keepdims=True)).sum()
    assert values[0] == pytest.approx(0.2 * np.square(here - there).sum() / without, rel=1e-2)


def test_a_painting_is_looked_at_once(perceive, monkeypatch):
    teach, looks = any_style(perceive(), [PAINTING]), []
    monkeypatch.setattr(teach, "_seen", lambda painting: looks.append(1) or means(painting))
    first, second = (teach(number) for number in (0, 1))
    assert looks == [1]
    assert first.inputs[1] is second.inputs[1]
    assert losses_of(first, PHOTOS[1]) != losses_of(second, PHOTOS[1])


def test_any_style_is_learned_from_its_lessons(perceive):
    network = AnyStyleNetwork(3, tiny.MEAN, (4, 6, 8, 10))
    teach = any_style(perceive(), [PAINTING], content=1)
    start(network, 1)
    network.hybridize(static_alloc=True, static_shape=True)
    made = Training(network, lambda number: teach(number % 2), rate=0.01, batch=2)
    losses = [made.advance(0)["loss"] for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]
