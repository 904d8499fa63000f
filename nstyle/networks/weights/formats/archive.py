"""Arrays by name, with shapes known before values: the common form of all formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nstyle.errors import NStyleError, WeightsError
from nstyle.system import extras


@dataclass(frozen=True)
class Layout:
    """A kernel in a file: where out, in, height and width are; rotated: by 180 degrees."""

    axes: tuple[int, int, int, int]
    shape: str  # of a kernel, for messages
    rotated: bool = False

    def fits(self, kernel: tuple[int, ...], bias: tuple[int, ...]) -> bool:
        """Whether these are the shapes of a convolution of VGG."""
        if len(kernel) != 4:
            return False
        out, _, height, width = (kernel[axis] for axis in self.axes)
        return (height, width) == (3, 3) and bias == (out,)

    def channels(self, kernel: tuple[int, ...]) -> int:
        """Output channels of a kernel; 0 unless it has four dimensions."""
        return kernel[self.axes[0]] if len(kernel) == 4 else 0

    def to_oihw(self, kernel: np.ndarray) -> np.ndarray:
        """The kernel as (out, in, height, width), not rotated."""
        kernel = kernel.transpose(self.axes)
        return np.ascontiguousarray(kernel[:, :, ::-1, ::-1] if self.rotated else kernel)


OIHW = Layout((0, 1, 2, 3), "(out, in, 3, 3)")
HWIO = Layout((3, 2, 0, 1), "(3, 3, in, out)")
# Theano's convolution turns the kernel over, as mathematics has it; everybody else's does not.
ROTATED = Layout((0, 1, 2, 3), "(out, in, 3, 3)", rotated=True)
# Values of a network are packed to hardly less than half; what says more would fill the memory.
PACKED, SMALL = 50, 2**20
MAX_DIMENSIONS, MAX_ARRAYS = 32, 20_000


@dataclass(frozen=True)
class Stored:
    """An array that may still be in its file; values() brings it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    values: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Archive:
    """Arrays by the names the file has; mean: RGB, 0..255, where the file states it."""

    path: str
    arrays: Mapping[str, Stored]
    mean: tuple[float, float, float] | None = None

    def read(self, name: str) -> np.ndarray:
        """The values of one array, as they are. Raises WeightsError where they are damaged."""
        with refusing(self.path):
            return self.arrays[name].values()


def in_file(
    path: str,
    kinds: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]],
    values: Callable[[str, str], np.ndarray],
) -> Archive:
    """Arrays that stay in their file. kinds: name -> (shape, type); values: path, name -> array."""
    arrays = {name: Stored(*kinds[name], partial(values, path, name)) for name in kinds}
    return Archive(path, arrays)


def check_packed(path: str, name: str, size: int, stored: int) -> None:
    """Refuse an array of `size` bytes of which the file has far too few. Raises WeightsError."""
    if size > PACKED * stored + SMALL:
        shown_name = ascii(name)[1:-1][:100]
        raise refusal(path, f"damaged: {shown_name} has {size} bytes, of which {stored} are there")


def shown(path: str) -> str:
    """A path as it can stand in a message of one line."""
    return path if path.isprintable() else json.dumps(path)


def refusal(path: str, reason: str) -> WeightsError:
    """The error for a file, in one line."""
    return WeightsError(f"--weights {shown(path)}: {reason}")


def absent(path: str, kind: str) -> WeightsError:
    """The error for a kind of file whose library is not installed."""
    return refusal(
        path, f"reading {kind} needs a library that is not installed: {extras.advice('weights')}"
    )


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Whatever a library raises inside becomes a WeightsError; our own refusals pass through."""
    try:
        yield
    except (NStyleError, ImportError):
        raise
    except Exception as error:  # broken bytes make these libraries raise nearly anything
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = lines[-1].strip()[:200] if lines else type(error).__name__
        plain = reason if reason.isprintable() else ascii(reason)
        raise refusal(path, f"damaged or not readable ({plain})") from error
