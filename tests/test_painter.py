"""`--preset mxnet` against a plain numpy transcription of the example of 2015."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny
from skimage.transform import resize

from nstyle import painter
from nstyle.transfer import stylize

STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
CONTENT_LAYER = "relu4_2"
PHOTO, PAINTING = tiny.picture(1, (100, 75)), tiny.picture(2, (70, 90))
LONG_EDGE = 48  # 48 x 36

Taps = dict[str, np.ndarray]


def sized(picture: np.ndarray) -> np.ndarray:
    """At the photo's size cut by int(), without smoothing; 0..1 times 256 minus mean; 3xHxW."""
    height, width = PHOTO.shape[:2]
    factor = LONG_EDGE / max(height, width)
    shape = int(height * factor), int(width * factor)
    floats = resize(picture / 255.0, shape, order=1, mode="reflect", anti_aliasing=False)
    return (floats * 256 - tiny.MEAN).transpose(2, 0, 1)


def backward(arrays: tiny.Arrays, taps: Taps, heads: Taps) -> np.ndarray:
    """Gradients with respect to taps -> gradient with respect to the picture."""
    names = [name for name in taps if name in heads]
    gradient = np.zeros_like(taps[names[-1]])
    for name in reversed(list(taps)[: list(taps).index(names[-1]) + 1]):
        gradient = gradient + heads.get(name, 0)
        before = list(taps)[list(taps).index(name) - 1]
        if name.startswith("relu"):
            gradient = gradient * (taps[name] > 0)
        elif name.startswith("pool"):
            spread = gradient.repeat(2, axis=1).repeat(2, axis=2) / 4
            missing = np.subtract(taps[before].shape, spread.shape)
            gradient = np.pad(spread, [(0, count) for count in missing])
        else:  # the transposed convolution: kernels turned round, channels exchanged
            kernel = arrays[name][0].astype(np.float64)[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
            gradient = tiny.convolve(gradient, kernel, np.zeros(len(kernel)), "zero")
    return gradient


class Example2015:
    """The gradient of the example, which knew no loss."""

    def __init__(self, content_weight: float, style_weight: float) -> None:
        self.arrays = tiny.random_arrays(deep=False)
        self.content_weight, self.style_weight = content_weight, style_weight
        self.target = tiny.taps_of(self.arrays, sized(PHOTO))[CONTENT_LAYER]
        painting = tiny.taps_of(self.arrays, sized(PAINTING))
        self.grams = {name: self.gram(painting[name]) for name in STYLE_LAYERS}

    @staticmethod
    def gram(tap: np.ndarray) -> np.ndarray:
        """Not normalised."""
        flat = tap.reshape(len(tap), -1)
        return flat @ flat.T

    def gradient(self, x: np.ndarray) -> np.ndarray:
        taps = tiny.taps_of(self.arrays, x)
        heads = {CONTENT_LAYER: (taps[CONTENT_LAYER] - self.target) * self.content_weight}
        for name in STYLE_LAYERS:
            flat = taps[name].reshape(len(taps[name]), -1)
            head = (self.gram(taps[name]) - self.grams[name]) @ flat
            head *= self.style_weight / (flat.shape[0] ** 2 * flat.shape[1])
            heads[name] = head.reshape(taps[name].shape)
        return backward(self.arrays, taps, heads)

    def eps(self, x: np.ndarray, epochs: int) -> list[float]:
        """SGD of 2015: ||x_old - x_new|| / ||x_new|| of each epoch."""
        found, momentum = [], np.zeros_like(x)
        for epoch in range(epochs):
            rate = 0.1 * 0.9 ** (epoch // 10)
            update = np.clip(self.gradient(x), -10, 10) + 0.005 * x
            momentum = 0.9 * momentum - rate * update
            found.append(float(np.linalg.norm(momentum) / np.linalg.norm(x + momentum)))
            x = x + momentum
        return found


def test_the_transcriptions_backward_pass_is_that_of_central_differences():
    example = Example2015(10.0, 1.0)
    arrays, x = example.arrays, sized(PHOTO)
    chance = np.random.default_rng(1)
    taps = tiny.taps_of(arrays, x)
    heads = {name: chance.normal(size=taps[name].shape) for name in ("relu2_1", "relu4_2")}
    gradient = backward(arrays, taps, heads)
    direction = chance.normal(size=x.shape)

    def value(x: np.ndarray) -> float:
        there = tiny.taps_of(arrays, x)
        return sum(float((there[name] * head).sum()) for name, head in heads.items())

    seen = (value(x + 1e-5 * direction) - value(x - 1e-5 * direction)) / 2e-5
    assert seen == pytest.approx(float((gradient * direction).sum()), rel=1e-4)


@pytest.fixture
def starts(monkeypatch) -> list[np.ndarray]:
    """Where each run began."""
    seen: list[np.ndarray] = []
    real = painter.start_values

    def recorded(*args: Any, **kwargs: Any) -> np.ndarray:
        seen.append(real(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(painter, "start_values", recorded)
    return seen


# With the example's weights nearly every value of the gradient is clipped, and where it is not,
# rounding differences grow; with the small ones hardly any is, so that the formulas show.
@pytest.mark.parametrize(
    ("content_weight", "style_weight", "in_10", "in_40"),
    [(10.0, 1.0, 0.002, 0.05), (0.1, 1e-4, 1e-4, 1e-3)],
)
def test_the_preset_takes_the_steps_of_the_example(
    weights_file, starts, content_weight, style_weight, in_10, in_40
):
    result = stylize(
        PHOTO,
        PAINTING,
        preset="mxnet",
        weights=weights_file,
        max_long_edge=LONG_EDGE,
        content_weight=content_weight,
        style_weight=style_weight,
        max_num_epochs=40,
        stop_eps=0,
        gpu=-1,
    )
    assert result.picture.size == (48, 36)
    assert starts[0].shape == (1, 3, 36, 48)
    assert 0.09 < np.abs(starts[0]).max() <= 0.1
    example = Example2015(content_weight, style_weight)
    expected = np.array(example.eps(starts[0][0].astype(np.float64), 40))
    error = np.abs(np.array([step.eps for step in result.history]) / expected - 1)
    assert error[:10].max() < in_10
    assert error.max() < in_40
