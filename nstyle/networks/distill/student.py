"""The small network's file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nstyle.networks.distill.teacher import Arrays
from nstyle.networks.training.checkpoint import half
from nstyle.networks.weights.eight_bits import packed
from nstyle.networks.weights.reader import SCALE
from nstyle.system.backend import mx, nd
from nstyle.system.files import atomic_write


def write(path: str | os.PathLike[str], arrays: Arrays, bits: int = 16) -> None:
    """Write the arrays atomically, named `arg:conv1_1_weight` and so on.

    bits: 16 for float16; 8 for kernels of integers with a factor per output channel, named
    `arg:conv1_1_weight_scale`. Raises WeightsError when a value does not fit float16.
    """
    small: Arrays = {}
    for name, values in arrays.items():
        if bits == 8 and name.endswith("_weight"):
            small[name], small[name + SCALE] = packed(values)
        else:
            small[name] = half(path, values)
    named = {f"arg:{name}": nd.array(a, dtype=a.dtype) for name, a in small.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "arrays.params")
        mx.nd.save(str(file), named)
        data = file.read_bytes()
    atomic_write(path, lambda stream: stream.write(data))
