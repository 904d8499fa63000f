"""Contestant: the same layers, weights, losses and steps in plain PyTorch.

job["layout"]: "contiguous" or "channels_last"; job["bfloat16"]: whether autocast is on;
job["compiled"]: whether torch.compile translates network and losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, conv2d, relu

from benchmarks import scene
from benchmarks.processes import serve
from nstyle.losses.normalization import NORMALIZATIONS, Layer
from nstyle.options.options import Options

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class PyTorch:
    """Autograd through the network and the losses; SGD with momentum by hand."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._options = Options(**job["options"])
        torch.set_num_threads(job["options"]["threads"])
        self._layout, self._bfloat16 = LAYOUTS[job["layout"]], job["bfloat16"]
        self._layers = {
            name: (self._arranged(kernel), torch.from_numpy(bias))
            for name, (kernel, bias) in scene.read_arrays(job["arrays"]).items()
        }
        photo, painting, start = (
            self._arranged(np.load(job[name])) for name in ("photo", "painting", "start")
        )
        self._terms = self._targets(photo, painting)
        self._x, self._velocity = start, torch.zeros_like(start)
        self._judge = torch.compile(self._loss) if job["compiled"] else self._loss

    def _arranged(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(memory_format=self._layout)

    def _taps(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """relu1_1, ... -> (1, C, h, w)."""
        taps = {}
        for number, block in enumerate(scene.blocks_of(list(self._layers))):
            x = avg_pool2d(x, 2) if number else x
            for name in block:
                kernel, bias = self._layers[name]
                x = taps[name.replace("conv", "relu")] = relu(conv2d(x, kernel, bias, padding=1))
        return taps

    @torch.no_grad()
    def _targets(self, photo: torch.Tensor, painting: torch.Tensor) -> list[tuple[Any, ...]]:
        """(kind, layer, scale, target) of each term, as nstyle.losses.normalization scales them."""
        options, scales = self._options, NORMALIZATIONS[self._options.normalization]
        area, terms = photo.shape[2] * photo.shape[3], []
        sources = (
            ("content", options.content_layers, options.content_weight, self._taps(photo)),
            ("style", options.style_layers, options.style_weight, self._taps(painting)),
        )
        for kind, chosen, weight, taps in sources:
            wanted = chosen.weights
            for name, share in wanted.items():
                tap = taps[name]
                target = gram(tap) if kind == "style" else tap
                energy = float(target.square().sum())
                facts = Layer(tap.shape[1], tap.shape[2] * tap.shape[3], energy, area)
                scale = getattr(scales, kind)(facts) * weight * share / sum(wanted.values())
                terms.append((kind, name, scale, target))
        return terms

    def _loss(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            taps = self._taps(x)
            seen = [gram(taps[n]) if kind == "style" else taps[n] for kind, n, *_ in self._terms]
        loss = self._smoothness(x)
        for value, (_, _, scale, target) in zip(seen, self._terms):
            loss = loss + scale * (value.float() - target).square().sum()
        return loss

    def _smoothness(self, x: torch.Tensor) -> torch.Tensor:
        scale = self._options.tv_weight * NORMALIZATIONS[self._options.normalization].tv(x.numel())
        down, right = x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]
        return scale * (down.square().sum() + right.square().sum())

    def loss(self) -> float:
        """The loss at the point where it is."""
        with torch.no_grad():
            return float(self._judge(self._x))

    def run(self, iterations: int) -> None:
        """So many steps of gradient descent with momentum, as nstyle's sgd takes them."""
        options = self._options
        limit = options.step_limit / options.lr
        for _ in range(iterations):
            self._x.requires_grad_(True)
            loss = self._judge(self._x)
            (gradient,) = torch.autograd.grad(loss, self._x)
            self._x.requires_grad_(False)
            push = (gradient * gradient.numel()).clamp_(-limit, limit).mul_(options.lr)
            self._velocity.mul_(options.momentum).sub_(push)
            self._x.add_(self._velocity)
            loss.item()

    def lbfgs(
        self, start: np.ndarray, evaluations: int, low: torch.Tensor, high: torch.Tensor
    ) -> torch.Tensor:
        """The picture after so many evaluations, kept between low and high."""
        x = torch.from_numpy(start).requires_grad_(True)  # it must be contiguous
        limits = {"max_iter": evaluations, "max_eval": evaluations}
        # It shall not end before.
        optimizer = torch.optim.LBFGS([x], tolerance_grad=0, tolerance_change=0, **limits)

        def closure() -> torch.Tensor:
            with torch.no_grad():
                torch.clamp(x, low, high, out=x)
            optimizer.zero_grad()
            loss = self._judge(x.contiguous(memory_format=self._layout))
            loss.backward()
            return loss

        optimizer.step(closure)
        return torch.clamp(x.detach(), low, high)


def gram(features: torch.Tensor) -> torch.Tensor:
    """F F^T / (H W); positions go first, so that neither layout is copied."""
    flat = features[0].permute(1, 2, 0).flatten(0, 1)
    return flat.T @ flat / len(flat)


if __name__ == "__main__":
    serve(PyTorch)
