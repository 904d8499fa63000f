"""Contestant: the same painting networks, with the same values, in plain PyTorch, eager.

job: as of `one_pass`, and layout: "contiguous" or "channels_last".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import (
    avg_pool2d,
    conv2d,
    conv_transpose2d,
    instance_norm,
    interpolate,
    linear,
    pad,
    relu,
)

from benchmarks.processes import serve
from benchmarks.workers.pytorch import LAYOUTS
from nstyle.feedforward import network_file
from nstyle.feedforward.grain import grained
from nstyle.feedforward.network_file import ANY_STYLE
from nstyle.networks import layers
from nstyle.networks.weights import reader
from nstyle.system import locations

TAPS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
MULTIPLE, BLOCKS, SPREAD, RIM = 8, 5, 64.0, 16
# What a pixel becomes by bilinear interpolation (1, 3, 3, 1) and then the three values of a kernel,
# which a transposed convolution flips.
ENLARGED = torch.tensor(
    [np.convolve(row, [1, 3, 3, 1]) / 4 for row in np.eye(3)[::-1]], dtype=torch.float32
)


class OnePassPyTorch:
    """The style has been looked at before."""

    def __init__(self, job: dict[str, Any]) -> None:
        torch.set_num_threads(job["threads"])
        self._layout = LAYOUTS[job["layout"]]
        file = network_file.read(job["network"])
        self._values = {name: self._arranged(values) for name, values in file.arrays.items()}
        doubling = {
            name: torch.einsum("oihw,hy,wx->ioyx", kernel, ENLARGED, ENLARGED)
            for name, kernel in self._values.items()
            if name.startswith("doubled") and name.endswith("weight")
        }
        self._values |= {
            name: kernel.contiguous(memory_format=self._layout) for name, kernel in doubling.items()
        }
        self._photo, self._painted = np.load(job["photo"]), job["painted"]
        loaded = reader.load(
            locations.find("vgg19-slim")[1],
            layers.needed_convolutions(TAPS, layers.BLOCKS["vgg19-slim"]),
        )
        self._mean = torch.tensor(loaded.convention.mean).reshape(1, 3, 1, 1)
        self._encoder = {
            name: (self._arranged(kernel), torch.from_numpy(bias))
            for name, (kernel, bias) in loaded.arrays.items()
        }
        self._any = file.network == ANY_STYLE
        with torch.no_grad():
            self._looks = self._look(np.load(job["style"]))

    def _arranged(self, values: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        return tensor.to(memory_format=self._layout) if tensor.dim() == 4 else tensor

    def _taps(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        taps = {}
        for name, (kernel, bias) in self._encoder.items():
            if name.endswith("_1") and name != "conv1_1":
                x = avg_pool2d(x, 2)
            x = taps[name.replace("conv", "relu")] = relu(conv2d(x, kernel, bias, padding=1))
        return taps

    def _look(self, style: np.ndarray) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        taps = self._taps(self._padded(style))
        moments = {tap: torch.std_mean(taps[tap], (0, 2, 3), correction=0) for tap in TAPS}
        return {tap: (deviation, mean) for tap, (deviation, mean) in moments.items()}

    def _padded(self, x: np.ndarray) -> torch.Tensor:
        more = ((0, 0), (0, 0), (0, -x.shape[2] % MULTIPLE), (0, -x.shape[3] % MULTIPLE))
        return self._arranged(np.pad(x, more, mode="symmetric"))

    def _convolved(self, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        kernel, bias = (self._values[f"{name}_convolution_{kind}"] for kind in ("weight", "bias"))
        margin = kernel.shape[2] // 2
        return conv2d(pad(x, [margin] * 4, mode="reflect"), kernel, bias, stride=stride)

    def _styled(self, name: str, x: torch.Tensor, tap: str) -> torch.Tensor:
        kernel, bias = (self._values[f"{name}_prediction_{kind}"] for kind in ("weight", "bias"))
        predicted = linear(torch.cat(self._looks[tap]) - 1, kernel, bias)
        deviation, mean = predicted.chunk(2)
        return relu(normalised(self._convolved(name, x), deviation + 1, mean))

    def _any_style(self, photo: torch.Tensor) -> torch.Tensor:
        taps, x = self._taps(photo), None
        for depth, tap in enumerate(TAPS):
            parts = [] if x is None else [interpolate(x, scale_factor=2, mode="bilinear")]
            if depth < 3:
                parts.append(normalised(taps[tap], *self._looks[tap]))
            x = self._styled(f"joining_{tap}", torch.cat(parts, 1), tap)
            if depth < 3:
                x = self._styled(f"shaping_{tap}", x, tap)
        return self._picture(self._convolved("last", x))

    def _picture(self, x: torch.Tensor) -> torch.Tensor:
        return 255 * torch.sigmoid(x) - self._mean

    def _normalised(self, name: str, x: torch.Tensor) -> torch.Tensor:
        deviation, mean = (self._values[f"{name}_{kind}"] for kind in ("deviation", "mean"))
        return normalised(x, deviation, mean)

    def _doubled(self, name: str, x: torch.Tensor) -> torch.Tensor:
        kernel, bias = (self._values[f"{name}_convolution_{kind}"] for kind in ("weight", "bias"))
        # Of the padding, 2 px when doubled, and the kernel's overhang of 2 px nothing is kept.
        x = pad(x, [1] * 4, mode="replicate")
        return conv_transpose2d(x, kernel, bias, stride=2, padding=4)

    def _one_style(self, photo: torch.Tensor) -> torch.Tensor:
        x = photo / SPREAD
        for name, stride in (("first", 1), ("half", 2), ("quarter", 2)):
            x = relu(self._normalised(name, self._convolved(name, x, stride)))
        for name in (f"residual{number}" for number in range(1, BLOCKS + 1)):
            inner = relu(self._normalised(f"{name}_first", self._convolved(f"{name}_first", x)))
            x = x + self._normalised(f"{name}_second", self._convolved(f"{name}_second", inner))
        for name in ("doubled_half", "doubled_whole"):
            x = relu(self._normalised(name, self._doubled(name, x)))
        return self._picture(self._convolved("last", x))

    def _paint(self) -> np.ndarray:
        height, width = self._photo.shape[2:]
        with torch.inference_mode():
            painted = (
                self._any_style(self._padded(around(self._photo)))[..., RIM:, RIM:]
                if self._any
                else self._one_style(self._padded(grained(self._photo)))
            )
        return painted.numpy()[:, :, :height, :width]

    def loss(self) -> float:
        """As of `one_pass`."""
        painted = self._paint()
        np.save(self._painted, painted)
        return float(np.square(painted).mean())

    def run(self, iterations: int) -> None:
        """So many pictures."""
        for _ in range(iterations):
            self._paint()


def around(x: np.ndarray) -> np.ndarray:
    """x with mirrored px at all sides, which are painted and left out."""
    return np.pad(x, [(0, 0), (0, 0), (RIM, RIM), (RIM, RIM)], mode="symmetric")


def normalised(x: torch.Tensor, deviation: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Each channel with this deviation and mean."""
    return instance_norm(x, weight=deviation, bias=mean, eps=1e-5)


if __name__ == "__main__":
    serve(OnePassPyTorch)
