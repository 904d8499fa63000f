"""Each loss against a transcription in numpy; strips against the whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nstyle.losses import image
from nstyle.system.backend import mx, nd

SHAPE = (1, 3, 5, 7)


def values(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


# ---- transcriptions in float64 ----


def content(x: np.ndarray, target: np.ndarray, scale: float) -> float:
    return scale * float(np.square(x - target).sum())


def squared(x: np.ndarray, scale: float) -> float:
    across, down = np.diff(x, axis=3), np.diff(x, axis=2)
    return scale * float(np.square(across).sum() + np.square(down).sum())


def laplacian(x: np.ndarray, scale: float) -> float:
    """scale / 2 <x, K x>, pixel by pixel; outside the picture is zero."""
    total = 0.0
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for _, c, i, j in np.ndindex(*x.shape):
        near = wide[0, c, i : i + 3, j : j + 3]
        kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]) / 8
        total += near[1, 1] * (near * kernel).sum() / 2
    return scale * float(total)


def power(x: np.ndarray, scale: float) -> float:
    """scale * sum of (a + b)^1.25, pixel by pixel; not the last row and column."""
    total = 0.0
    for _, c, i, j in np.ndindex(1, x.shape[1], x.shape[2] - 1, x.shape[3] - 1):
        here, below, right = x[0, c, i, j], x[0, c, i + 1, j], x[0, c, i, j + 1]
        total += ((here - below) ** 2 + (here - right) ** 2) ** 1.25
    return scale * float(total)


def temporal(x: np.ndarray, moved: np.ndarray, trust: np.ndarray, scale: float) -> float:
    """Pixel by pixel: how far it is from what the frame before says, times the trust in that."""
    return scale * float((trust * np.square(x - moved)).sum())


def colours(x: np.ndarray, target: np.ndarray, scale: float) -> float:
    """Cell by cell: rows 0-1 and 2-4, columns 0-1, 2-4 and 5-6."""
    total, downs, acrosses = 0.0, (0, 2, 5), (0, 2, 5, 7)
    for c, i, j in np.ndindex(*target.shape):
        cell = x[0, c, downs[i] : downs[i + 1], acrosses[j] : acrosses[j + 1]]
        total += (cell.sum() / cell.size - target[c, i, j]) ** 2
    return scale * float(total)


CONTENT_TARGET = values(1)
COLOURS = values(4, (3, 2, 3))
TRUST = np.random.default_rng(2).uniform(0, 1, (1, 1, *SHAPE[2:])).astype(np.float32)
HELD = [nd.array(CONTENT_TARGET), nd.array(TRUST)]  # what the frame before says
# name of the loss: (its transcription, its targets)
CASES: dict[str, tuple[Callable[..., float], list[np.ndarray]]] = {
    "content": (content, [CONTENT_TARGET]),
    "squared_variation": (squared, []),
    "laplacian_variation": (laplacian, []),
    "power_variation": (power, []),
    "temporal": (temporal, [CONTENT_TARGET, TRUST]),
    "colours": (colours, [COLOURS]),
}


def central_differences(function: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    x, gradient = x.astype(np.float64), np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        gradient[index] = (function(x + step) - function(x - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_the_transcription(name):
    transcription, targets = CASES[name]
    on_device = [HELD] if name == "temporal" else [nd.array(target) for target in targets]
    x = nd.array(values(3))
    value, gradient = getattr(image, name)(x, *on_device, 0.7)

    def in_numpy(x: np.ndarray) -> float:
        return transcription(x, *(target.astype(np.float64) for target in targets), 0.7)

    assert value.shape == (1,) and gradient.shape == SHAPE
    assert value.asscalar() == pytest.approx(in_numpy(values(3).astype(np.float64)), rel=1e-5)
    expected = central_differences(in_numpy, values(3))
    error = np.abs(gradient.asnumpy() - expected).max()
    assert error < 1e-5 * np.abs(expected).max()
    assert (x.asnumpy() == values(3)).all()


# ---- total variation ----

FORMS = list(image.VARIATIONS)


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_have_their_names_and_refuse_what_is_no_picture(form):
    assert image.VARIATIONS[form] is getattr(image, f"{form}_variation")
    with pytest.raises((mx.MXNetError, ValueError, IndexError)):
        image.VARIATIONS[form](nd.zeros((5, 7)), 1.0)[1].wait_to_read()
    with pytest.raises(mx.MXNetError):
        image.content(nd.zeros((1, 3, 5, 7)), nd.zeros((1, 3, 5, 8)), 1.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("height", "rows"), [(11, 3), (11, 5), (10, 3), (11, 10), (11, 99), (2, 1)]
)
def test_total_variation_in_strips_is_that_of_the_whole(form, height, rows):
    x, before = nd.array(values(1, (1, 3, height, 6))), values(2, (1, 3, height, 6))
    value, slope = image.VARIATIONS[form](x, 0.7)
    gradient = nd.array(before)
    total = image.add_variation(form, x, 0.7, gradient, rows)
    assert total.asscalar() == pytest.approx(value.asscalar(), rel=1e-5)
    assert np.allclose(gradient.asnumpy(), slope.asnumpy() + before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_a_large_picture_has_several_strips(form, monkeypatch):
    heights = []
    plain = image.VARIATIONS[form]

    def watched(x, scale):
        heights.append(x.shape[2])
        return plain(x, scale)

    monkeypatch.setitem(image.VARIATIONS, form, watched)
    x = nd.zeros((1, 3, 2 * image.STRIP + 9, 4))
    image.add_variation(form, x, 1.0, nd.zeros(x.shape))
    assert max(heights) == image.STRIP + 2  # a row of both neighbours
    assert len([height for height in heights if height > 1]) == 3


# ---- the change in time ----


@pytest.mark.parametrize("rows", [1, 2, 5, 9])
def test_the_change_in_time_in_strips_is_that_of_the_whole(rows):
    x, gradient = nd.array(values(3)), nd.array(values(4))
    value, slope = image.temporal(x, HELD, 0.7)
    total = image.add_temporal(x, HELD, 0.7, gradient, rows)
    assert total.asscalar() == pytest.approx(value.asscalar(), rel=1e-5)
    assert np.allclose(gradient.asnumpy(), slope.asnumpy() + values(4), rtol=1e-5, atol=1e-5)


def test_strokes_may_move_within_a_cell_but_not_colours_from_cell_to_cell():
    x = values(3, (1, 3, 8, 8))
    kept = image.averaged(nd.array(x), (2, 2))
    assert kept.shape == (3, 2, 2)
    flipped = x.reshape(1, 3, 2, 4, 2, 4)[:, :, :, ::-1, :, ::-1].reshape(x.shape)
    for moved, same in ((flipped, True), (x[:, :, ::-1], False)):
        value, _ = image.colours(nd.array(moved.copy()), kept, 1.0)
        assert (value.asscalar() < 1e-9) == same
