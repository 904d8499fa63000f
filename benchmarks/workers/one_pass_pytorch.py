"""Contestant: the same painting networks, with the same values, in plain PyTorch, eager.

job: as of `one_pass`, numbers: of the style (.npy), and layout: "contiguous" or "channels_last".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import conv2d, conv_transpose2d, instance_norm, pad, relu

from benchmarks.processes import serve
from benchmarks.workers.pytorch import LAYOUTS
from nstyle.feedforward import network_file
from nstyle.feedforward.grain import grained
from nstyle.networks import preprocessing

MULTIPLE, SPREAD, RIM = 8, 64.0, 16
DEEP, MIDDLE = 5, 2
ENLARGING = ("to_quarter", "to_half", "to_whole")
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
        start = "image_"
        values = {n[len(start) :]: a for n, a in file.arrays.items() if n.startswith(start)}
        self._values = {name: self._arranged(array) for name, array in values.items()}
        for name in ENLARGING:
            kernel = self._values[f"{name}_convolution_weight"]
            whole = torch.einsum("oihw,hy,wx->ioyx", kernel, ENLARGED, ENLARGED)
            self._values[f"{name}_convolution_weight"] = whole.contiguous(
                memory_format=self._layout
            )
        self._numbers = torch.from_numpy(np.load(job["numbers"]))
        self._photo, self._painted = np.load(job["photo"]), job["painted"]
        self._mean = torch.tensor(preprocessing.CAFFE.mean).reshape(1, 3, 1, 1)
        if "mean" in file.shape:
            self._mean = torch.tensor(file.shape["mean"]).reshape(1, 3, 1, 1)

    def _arranged(self, values: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        return tensor.to(memory_format=self._layout) if tensor.dim() == 4 else tensor

    def _padded(self, x: np.ndarray) -> torch.Tensor:
        more = ((0, 0), (0, 0), (0, -x.shape[2] % MULTIPLE), (0, -x.shape[3] % MULTIPLE))
        return self._arranged(np.pad(x, more, mode="symmetric"))

    def _convolved(self, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        kernel, bias = (self._values[f"{name}_convolution_{kind}"] for kind in ("weight", "bias"))
        if name in ENLARGING:
            # Of the padding, 2 px when doubled, and the kernel's overhang of 2 px nothing is kept.
            x = pad(x, [1] * 4, mode="replicate")
            return conv_transpose2d(x, kernel, bias, stride=2, padding=4)
        margin = kernel.shape[2] // 2
        return conv2d(pad(x, [margin] * 4, mode="reflect"), kernel, bias, stride=stride)

    def _network(self, photo: torch.Tensor) -> torch.Tensor:
        numbers = iter(range(len(self._numbers)))

        def through(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
            x = self._convolved(name, x, stride)
            places = [[next(numbers) for _ in range(x.shape[1])] for _ in range(2)]
            deviation, mean = (self._numbers[place[0] : place[-1] + 1] for place in places)
            return instance_norm(x, weight=deviation + 1, bias=mean, eps=1e-5)

        def residual(name: str, x: torch.Tensor) -> torch.Tensor:
            return x + through(f"{name}_second", relu(through(f"{name}_first", x)))

        half = relu(through("half", photo / SPREAD, 2))
        quarter = relu(through("quarter", half, 2))
        x = relu(through("eighth", quarter, 2))
        for number in range(1, DEEP + 1):
            x = residual(f"deep{number}", x)
        x = quarter + through("to_quarter", x)
        for number in range(1, MIDDLE + 1):
            x = residual(f"middle{number}", x)
        x = half + through("to_half", x)
        x = relu(through("to_whole", relu(through("smooth_half", x))))
        return 255 * torch.sigmoid(self._convolved("last", x)) - self._mean

    def _paint(self) -> np.ndarray:
        height, width = self._photo.shape[2:]
        around = np.pad(self._photo, [(0, 0), (0, 0), (RIM, RIM), (RIM, RIM)], mode="symmetric")
        with torch.inference_mode():
            painted = self._network(self._padded(grained(around)))
        return painted.numpy()[:, :, RIM : RIM + height, RIM : RIM + width]

    def loss(self) -> float:
        """As of `one_pass`."""
        painted = self._paint()
        np.save(self._painted, painted)
        return float(np.square(painted).mean())

    def run(self, iterations: int) -> None:
        """So many pictures."""
        for _ in range(iterations):
            self._paint()


if __name__ == "__main__":
    serve(OnePassPyTorch)
