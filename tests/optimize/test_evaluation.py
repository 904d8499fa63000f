"""evaluate(): loss, terms, gradient of any picture; score(): distances per layer."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle import evaluate
from nstyle.errors import ImageError, OptionError
from nstyle.optimize import evaluation
from nstyle.options import presets

PHOTO, STYLE = tiny.picture(1), tiny.picture(2, (48, 40))


@pytest.fixture
def options(weights_file):
    return {"weights": weights_file, "gpu": -1, "threads": 1}


def transcribed(picture: np.ndarray, other: np.ndarray, gram: bool, tap: str) -> float:
    """||F - P||^2 / ||P||^2 of features or of Gram matrices per position."""
    seen = []
    for pixels in (picture, other):
        f = tiny.taps_of(tiny.random_arrays(), tiny.to_input(pixels))[tap]
        flat = f.reshape(len(f), -1)
        seen.append(flat @ flat.T / flat.shape[1] if gram else flat)
    return float(np.square(seen[0] - seen[1]).sum() / np.square(seen[1]).sum())


def test_the_gradient_is_that_of_the_loss(options):
    chance = np.random.default_rng(3)
    image = PHOTO / 255 + chance.normal(0, 0.1, PHOTO.shape)  # leaves 0..1
    found = evaluate(image, PHOTO, STYLE, **options)
    assert found.gradient.shape == PHOTO.shape and found.gradient.dtype == np.float32
    assert found.loss == pytest.approx(sum(found.terms.values()), rel=1e-6)
    direction = found.gradient / np.abs(found.gradient).max() * 2e-3
    up, down = (evaluate(image + s * direction, PHOTO, STYLE, **options).loss for s in (1, -1))
    assert (up - down) / 2 == pytest.approx(float((found.gradient * direction).sum()), rel=0.01)


def test_the_terms_are_those_of_a_transcription(options):
    other = tiny.picture(5)
    terms = evaluate(other, PHOTO, PHOTO, style_layers="relu3_1", **options).terms
    content = transcribed(other, PHOTO, False, "relu4_2")
    assert terms["content:relu4_2"] == pytest.approx(30 * 1.5 * content, rel=1e-4)
    style = transcribed(other, PHOTO, True, "relu3_1")
    assert terms["style:relu3_1"] == pytest.approx(1500 * style, rel=1e-4)


def test_a_picture_is_judged_at_its_own_size_with_the_presets_options(options):
    large = tiny.picture(1, (80, 64))
    found = evaluate(PHOTO, large, STYLE, max_long_edge=16, preset="keras-book", **options)
    assert found.gradient.shape == PHOTO.shape and "content:relu5_2" in found.terms


@pytest.mark.parametrize(
    ("image", "words", "error"),
    [
        (np.full((32, 40, 3), np.nan), {}, ImageError),
        (np.zeros((8, 8, 3)), {}, ImageError),
        (PHOTO, {"content_wight": 3}, OptionError),
        (PHOTO, {"content_layers": "relu9_1"}, OptionError),
    ],
)
def test_bad_input_is_refused(options, image, words, error):
    with pytest.raises(error):
        evaluate(image, PHOTO, STYLE, **words, **options)
    with pytest.raises(OptionError):
        evaluate(PHOTO, PHOTO, [], **options)
    with pytest.raises(OptionError):
        evaluate(PHOTO, PHOTO, STYLE, options={"lr": 1})


def test_scores_are_relative_squared_distances_at_each_layer(options):
    chosen = presets.resolve({**options, "content_layers": "relu2_1,relu4_2:3"})
    pictures = [tiny.picture(7), PHOTO]
    first, same = evaluation.score(pictures, PHOTO, PHOTO, chosen)
    for name, found in first.layers.items():
        kind, tap = name.split(":")
        expected = transcribed(pictures[0], PHOTO, kind == "style", tap)
        assert found == pytest.approx(expected, rel=1e-4), name
    assert len(first.layers) == 7
    weighed = first.layers["content:relu2_1"] + 3 * first.layers["content:relu4_2"]
    assert first.content == pytest.approx(weighed / 4)
    style = [value for name, value in first.layers.items() if name.startswith("style")]
    assert first.style == pytest.approx(np.mean(style))
    assert same.content == same.style == 0
    bad = evaluation.score([PHOTO, "absent.png"], PHOTO, PHOTO, chosen)
    with pytest.raises(ImageError):  # before the first score
        next(bad)
