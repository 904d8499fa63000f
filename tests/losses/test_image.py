"""The question sheet for each loss: known values, a case by hand, shapes, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
# name: (the loss of one argument on the device, the same in numpy)
CASES: dict[str, tuple[Callable[[Any], Any], Callable[[np.ndarray], float]]] = {
    "content": (
        lambda x: image.content(x, nd.array(CONTENT_TARGET), 0.7),
        lambda x: content(x, CONTENT_TARGET.astype(np.float64), 0.7),
    ),
    "squared_variation": (
        lambda x: image.squared_variation(x, 0.7),
        lambda x: squared(x, 0.7),
    ),
    "laplacian_variation": (
        lambda x: image.laplacian_variation(x, 0.7),
        lambda x: laplacian(x, 0.7),
    ),
    "power_variation": (
        lambda x: image.power_variation(x, 0.7),
        lambda x: power(x, 0.7),
    ),
    "temporal": (
        lambda x: image.temporal(x, HELD, 0.7),
        lambda x: temporal(x, CONTENT_TARGET.astype(np.float64), TRUST.astype(np.float64), 0.7),
    ),
    "colours": (
        lambda x: image.colours(x, nd.array(COLOURS), 0.7),
        lambda x: colours(x, COLOURS.astype(np.float64), 0.7),
    ),
}


def central_differences(function: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    x, gradient = x.astype(np.float64), np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        gradient[index] = (function(x + step) - function(x - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_that_of_the_transcription(name):
    on_device, in_numpy = CASES[name]
    value, _ = on_device(nd.array(values(3)))
    assert value.shape == (1,)
    assert value.asscalar() == pytest.approx(in_numpy(values(3).astype(np.float64)), rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_central_differences(name):
    on_device, in_numpy = CASES[name]
    _, gradient = on_device(nd.array(values(3)))
    assert gradient.shape == SHAPE
    expected = central_differences(in_numpy, values(3))
    error = np.abs(gradient.asnumpy() - expected).max()
    assert error < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_proportional_to_the_scale(name):
    loss = getattr(image, name)
    targets = {"content": nd.array(CONTENT_TARGET), "temporal": HELD, "colours": nd.array(COLOURS)}
    target = [targets[name]] if name in targets else []
    arguments = [nd.array(values(3)), *target]
    (one, slope), (three, steep) = loss(*arguments, 1.0), loss(*arguments, 3.0)
    assert three.asscalar() == pytest.approx(3 * one.asscalar(), rel=1e-6)
    error = np.abs(steep.asnumpy() - 3 * slope.asnumpy()).max()
    assert error < 1e-6 * np.abs(steep.asnumpy()).max()


@pytest.mark.parametrize("name", CASES)
def test_the_argument_is_not_changed(name):
    x = nd.array(values(3))
    CASES[name][0](x)
    assert (x.asnumpy() == values(3)).all()


def test_features_equal_to_the_target_have_no_content_loss():
    value, gradient = image.content(nd.array(values(1)), nd.array(values(1)), 5.0)
    assert value.asscalar() == 0
    assert not gradient.asnumpy().any()


def test_content_by_hand():
    features, target = nd.array([[[[1, 2], [3, 4]]]]), nd.array([[[[1, 0], [0, 4]]]])
    value, gradient = image.content(features, target, 0.5)
    assert value.asscalar() == 6.5  # (4 + 9) / 2
    assert gradient.asnumpy().tolist() == [[[[0, 2], [3, 0]]]]


def test_content_refuses_another_shape():
    with pytest.raises(mx.MXNetError):
        image.content(nd.zeros((1, 3, 5, 7)), nd.zeros((1, 3, 5, 8)), 1.0)


# ---- total variation ----

FORMS = list(image.VARIATIONS)


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_have_their_names(form):
    assert image.VARIATIONS[form] is getattr(image, f"{form}_variation")


@pytest.mark.parametrize("form", ["squared", "power"])
def test_a_constant_picture_has_no_total_variation(form):
    value, gradient = image.VARIATIONS[form](nd.ones((1, 3, 6, 5)) * 100, 5.0)
    assert value.asscalar() == 0
    assert not gradient.asnumpy().any()


def test_a_constant_picture_has_a_laplacian_at_its_border_only():
    _, gradient = image.laplacian_variation(nd.ones((1, 3, 6, 5)) * 100, 4.0)
    found = gradient.asnumpy()[0]
    assert not found[:, 1:-1, 1:-1].any()
    assert (found[:, 1:-1, 0] == 50).all() and (found[:, 0, 0] == 100).all()
    value, gradient = image.laplacian_variation(nd.zeros((1, 3, 6, 5)), 4.0)
    assert value.asscalar() == 0 and not gradient.asnumpy().any()


def test_squared_variation_by_hand():
    value, gradient = image.squared_variation(nd.array([[[[0, 1], [0, 3]]]]), 0.5)
    assert value.asscalar() == 7  # (1 + 9 + 0 + 4) / 2
    assert gradient.asnumpy().tolist() == [[[[-1, -1], [-3, 5]]]]


def test_laplacian_variation_by_hand():
    value, gradient = image.laplacian_variation(nd.array([[[[0, 1], [0, 3]]]]), 8.0)
    # K x: 4 x minus the neighbours
    assert gradient.asnumpy().tolist() == [[[[-1, 1], [-3, 11]]]]
    assert value.asscalar() == (1 * 1 + 3 * 11) / 2


def test_power_variation_by_hand():
    value, gradient = image.power_variation(nd.array([[[[4, 4], [0, 9]]]]), 2.0)
    assert value.asscalar() == pytest.approx(2 * 16**1.25)  # a = 16, b = 0
    # 2 * 1.25 * 16^0.25 * 2 * 4
    assert gradient.asnumpy().tolist() == [[[[40, 0], [-40, 0]]]]


def test_power_variation_leaves_out_what_only_the_last_row_and_column_have():
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 3, 3] = 7
    value, gradient = image.power_variation(nd.array(x), 1.0)
    assert value.asscalar() == 0 and not gradient.asnumpy().any()


@pytest.mark.parametrize("form", FORMS)
def test_total_variation_is_added_up_over_the_channels(form):
    x, loss = values(3), image.VARIATIONS[form]
    whole, gradient = loss(nd.array(x), 1.0)
    parts = [loss(nd.array(x[:, c : c + 1]), 1.0) for c in range(3)]
    assert whole.asscalar() == pytest.approx(sum(v.asscalar() for v, _ in parts), rel=1e-5)
    joined = np.concatenate([g.asnumpy() for _, g in parts], axis=1)
    assert np.allclose(gradient.asnumpy(), joined, rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_total_variation_refuses_what_is_no_picture(form):
    with pytest.raises((mx.MXNetError, ValueError, IndexError)):
        image.VARIATIONS[form](nd.zeros((5, 7)), 1.0)[1].wait_to_read()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("height", "rows"), [(11, 3), (11, 5), (10, 3), (11, 10), (11, 99), (2, 1)]
)
def test_total_variation_in_strips_is_that_of_the_whole(form, height, rows):
    x = np.random.default_rng(1).normal(0, 9, (1, 3, height, 6)).astype(np.float32)
    value, gradient = image.VARIATIONS[form](nd.array(x), 0.7)
    before = nd.array(np.random.default_rng(2).normal(0, 1, x.shape))
    found = before.copy()
    total = image.add_variation(form, nd.array(x), 0.7, found, rows)
    assert total.asscalar() == pytest.approx(value.asscalar(), rel=1e-5)
    assert np.allclose((found - before).asnumpy(), gradient.asnumpy(), rtol=1e-4, atol=1e-4)


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


def test_the_change_in_time_by_hand():
    x, moved = nd.array([[[[1, 2]], [[3, 4]]]]), nd.array([[[[1, 0]], [[0, 4]]]])
    value, gradient = image.temporal(x, (moved, nd.array([[[[1, 0.5]]]])), 2.0)
    assert value.asscalar() == 22  # 2 (9 + 4 / 2)
    assert gradient.asnumpy().tolist() == [[[[0, 4]], [[12, 0]]]]


def test_what_is_not_believed_is_free():
    value, gradient = image.temporal(nd.array(values(3)), (HELD[0], HELD[1] * 0), 5.0)
    assert value.asscalar() == 0 and not gradient.asnumpy().any()


@pytest.mark.parametrize("rows", [1, 2, 5, 9])
def test_the_change_in_time_in_strips_is_that_of_the_whole(rows):
    x, gradient = nd.array(values(3)), nd.array(values(4))
    value, slope = image.temporal(x, HELD, 0.7)
    found = image.add_temporal(x, HELD, 0.7, gradient, rows)
    assert found.asscalar() == pytest.approx(value.asscalar(), rel=1e-5)
    assert np.allclose(gradient.asnumpy(), slope.asnumpy() + values(4), rtol=1e-5, atol=1e-5)


def test_strokes_may_move_within_a_cell_but_not_colours_from_cell_to_cell():
    x = values(3, (1, 3, 8, 8))
    kept = image.averaged(nd.array(x), (2, 2))
    assert kept.shape == (3, 2, 2)
    flipped = x.reshape(1, 3, 2, 4, 2, 4)[:, :, :, ::-1, :, ::-1].reshape(x.shape)
    for moved, same in ((flipped, True), (x[:, :, ::-1], False)):
        value, _ = image.colours(nd.array(moved.copy()), kept, 1.0)
        assert (value.asscalar() < 1e-9) == same
