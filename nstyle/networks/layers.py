"""VGG as a table: blocks, convolutions, taps by name. Knows no framework.

Simonyan & Zisserman, "Very deep convolutional networks" (arXiv:1409.1556). A tap is the output
of a layer: `relu4_2` is the second convolution of block 4 after its ReLU.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from nstyle.errors import OptionError

# Where a network is divided that is to see tiles in two steps (see tiles): what is before is large
# and sees a few pixels, what is behind sees far and is small.
BOUNDARY = "pool2"

# Convolutions per block. The built-in network has VGG-16's as far as the deepest layer that a
# recipe asks for; vgg19-slim is that of earlier versions.
BLOCKS = {
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
    "vgg16-slim": (2, 2, 3, 3, 2),
    "vgg19-slim": (2, 2, 4, 4, 1),
}


def convolutions(blocks: Sequence[int]) -> list[str]:
    """Names of the convolutions in order: conv1_1, conv1_2, conv2_1, ..."""
    return [f"conv{b}_{i}" for b, count in enumerate(blocks, 1) for i in range(1, count + 1)]


def taps(blocks: Sequence[int]) -> list[str]:
    """Names of all taps in order: conv1_1, relu1_1, ..., pool1, conv2_1, ..."""
    names = []
    for block, count in enumerate(blocks, 1):
        for index in range(1, count + 1):
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        names.append(f"pool{block}")
    return names


def check_taps(wanted: Iterable[str], available: Sequence[str], model: str) -> None:
    """Raise OptionError for a layer the network lacks, naming the nearest."""
    for name in wanted:
        if name not in available:
            near = difflib.get_close_matches(name, available, n=1, cutoff=0.0)
            raise OptionError(
                f"no layer {name!r} in {model}: its layers are {available[0]} ... "
                f"{available[-1]}; did you mean {near[0]!r}?"
            )


def needed_convolutions(wanted: Iterable[str], blocks: Sequence[int]) -> list[str]:
    """The convolutions up to the deepest of the wanted taps."""
    names = taps(blocks)
    deepest = max(names.index(name) for name in wanted)
    return [name for name in names[: deepest + 1] if name.startswith("conv")]


def stride(tap: str) -> int:
    """Pixels from one position of a tap to the next."""
    block = int(tap[4])
    return 2**block if tap.startswith("pool") else 2 ** (block - 1)


def sight(tap: str, blocks: Sequence[int]) -> int:
    """Pixels that a tap sees beyond those its position stands for, on each side."""
    names = taps(blocks)
    before = names[: names.index(tap) + 1]
    return sum(stride(name) for name in before if name.startswith("conv"))


def behind(tap: str) -> bool:
    """Whether a tap lies behind BOUNDARY."""
    return tap != BOUNDARY and stride(tap) >= stride(BOUNDARY)
