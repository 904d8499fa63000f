"""Contestant: the way MXNet's example/neural-style of 2015 iterates, on a plainly imported MXNet.

One symbol with the Gram matrices as FullyConnected layers of a tap with itself, so that MXNet
differentiates through them; mx.optimizer.SGD; the relative change read once per epoch. The loss is
that example's own. Number of threads: whatever the environment says when MXNet is loaded.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benchmarks import scene
from benchmarks.processes import serve
from nstyle.options.options import Options
from nstyle.system import runtime

# Nothing but what MXNet needs to be importable; nstyle.system.backend would set threads.
runtime.restore_numpy_aliases()
if sys.version_info >= (3, 12):  # it has no distutils; setuptools brings its own
    import setuptools  # type: ignore[import-untyped]  # noqa: F401
import mxnet as mx  # noqa: E402

RATE, MOMENTUM, DECAY, CLIP = 0.1, 0.9, 0.005, 10.0
LATER_RATE = {"step": 10, "factor": 0.9}  # every 10 epochs the rate is multiplied by 0.9

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]  # conv name -> kernel OIHW, bias


def graph(arrays: Arrays, shape: tuple[int, ...], style: list[str], content: str) -> Any:
    """The symbol whose outputs are G' = F F^T of the style layers, then the content layer."""
    x, taps = mx.sym.Variable("data"), {}
    for number, block in enumerate(scene.blocks_of(list(arrays))):
        if number:
            x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg")
        for name in block:
            filters = len(arrays[name][1])
            x = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=name)
            x = taps[name.replace("conv", "relu")] = mx.sym.Activation(x, act_type="relu")
    grams = []
    for name in style:
        channels = len(arrays[name.replace("relu", "conv")][1])
        flat = mx.sym.Reshape(taps[name], shape=(channels, positions_of(name, shape)))
        grams.append(mx.sym.FullyConnected(flat, flat, no_bias=True, num_hidden=channels))
    return mx.sym.Group([*grams, taps[content]])


def positions_of(layer: str, shape: tuple[int, ...]) -> int:
    """How many positions relu4_2 has for a picture (1, 3, H, W): each pooling halves the edges."""
    halvings = int(layer[len("relu")]) - 1
    return (shape[2] >> halvings) * (shape[3] >> halvings)


class Example:
    """Bound once; targets taken from photo and painting of one size."""

    def __init__(self, job: dict[str, Any]) -> None:
        options = Options(**job["options"])
        self._weights = options.content_weight, options.style_weight
        style = list(options.style_layers.weights)
        (content,) = options.content_layers.weights
        arrays, photo = scene.read_arrays(job["arrays"]), np.load(job["photo"])
        self._bind(graph(arrays, photo.shape, style, content), arrays, photo.shape)
        positions = [positions_of(name, photo.shape) for name in style]
        self._grams = [gram.copy() for gram in self._forward(np.load(job["painting"]))[:-1]]
        self._scales = [len(gram) ** 2 * m for gram, m in zip(self._grams, positions)]
        self._content = self._forward(photo)[-1].copy()
        self._x = mx.nd.array(np.load(job["start"]))
        self._optimizer = mx.optimizer.SGD(
            learning_rate=RATE,
            momentum=MOMENTUM,
            wd=DECAY,
            clip_gradient=CLIP,
            lr_scheduler=mx.lr_scheduler.FactorScheduler(**LATER_RATE),
        )
        self._state = self._optimizer.create_state(0, self._x)

    def _bind(self, symbol: Any, arrays: Arrays, shape: tuple[int, ...]) -> None:
        values = {"data": mx.nd.zeros(shape)}
        for name, (kernel, bias) in arrays.items():
            values[f"{name}_weight"], values[f"{name}_bias"] = (
                mx.nd.array(kernel),
                mx.nd.array(bias),
            )
        self._data, self._gradient = values["data"], mx.nd.zeros(shape)
        wishes = {**dict.fromkeys(values, "null"), "data": "write"}
        self._executor = symbol.bind(mx.cpu(), values, {"data": self._gradient}, wishes)

    def _forward(self, x: Any) -> Any:
        self._data[:] = x
        return self._executor.forward(is_train=True)

    def _heads(self, outputs: Any) -> list[Any]:
        """(G' - A') / (2 C^2 M), of which both factors of F F^T get their share; F - P."""
        content, style = self._weights
        heads = [
            (seen - gram) * (style / (2 * scale))
            for seen, gram, scale in zip(outputs, self._grams, self._scales)
        ]
        return [*heads, (outputs[-1] - self._content) * content]

    def gradient(self) -> np.ndarray:
        """Of its loss at the point where it is, (1, 3, H, W)."""
        self._executor.backward(self._heads(self._forward(self._x)))
        return self._gradient.asnumpy()

    def loss(self) -> float:
        """||G' - A'||^2 / (4 C^2 M) + ||F - P||^2 / 2, weighted; the example never computed it."""
        content, style = self._weights
        *grams, tap = self._forward(self._x)
        total = content / 2 * mx.nd.square(tap - self._content).sum().asscalar()
        for seen, gram, scale in zip(grams, self._grams, self._scales):
            total += style / (4 * scale) * mx.nd.square(seen - gram).sum().asscalar()
        return float(total)

    def run(self, iterations: int) -> None:
        """So many epochs."""
        for _ in range(iterations):
            before = self._x.copy()
            self._executor.backward(self._heads(self._forward(self._x)))
            self._optimizer.update(0, self._x, self._gradient, self._state)
            eps = mx.nd.norm(before - self._x) / mx.nd.norm(self._x)
            eps.asnumpy()  # waits until all is done


if __name__ == "__main__":
    serve(Example)
