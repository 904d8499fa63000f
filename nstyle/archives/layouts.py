"""In which order files keep the axes of a convolution's kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How a file keeps a kernel.

    axes: where out, in, height and width are; rotated: by 180 degrees.
    """

    axes: tuple[int, int, int, int]
    wanted: str  # for messages
    rotated: bool = False

    def fits(self, kernel: tuple[int, ...], bias: tuple[int, ...]) -> bool:
        """Whether these are the shapes of a convolution of VGG."""
        if len(kernel) != 4:
            return False
        out, _, height, width = (kernel[axis] for axis in self.axes)
        return (height, width) == (3, 3) and bias == (out,)

    def channels(self, kernel: tuple[int, ...]) -> int:
        """What a kernel of this shape gives; 0 where it has not four dimensions."""
        return kernel[self.axes[0]] if len(kernel) == 4 else 0

    def to_oihw(self, kernel: np.ndarray) -> np.ndarray:
        """The kernel as (out, in, height, width), not rotated."""
        kernel = kernel.transpose(self.axes)
        return np.ascontiguousarray(kernel[:, :, ::-1, ::-1] if self.rotated else kernel)


OIHW = Layout((0, 1, 2, 3), "(out, in, 3, 3)")
HWIO = Layout((3, 2, 0, 1), "(3, 3, in, out)")
# Theano's convolution turns the kernel over, as mathematics has it; everybody else's does not.
ROTATED = Layout((0, 1, 2, 3), "(out, in, 3, 3)", rotated=True)
