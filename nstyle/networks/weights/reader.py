"""Weights files: found, recognised by what is in them, checked, never guessed at silently."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nstyle.errors import WeightsError
from nstyle.networks import preprocessing
from nstyle.networks.preprocessing import Preprocessing
from nstyle.networks.weights import formats
from nstyle.networks.weights.convention import choose
from nstyle.networks.weights.eight_bits import unpacked
from nstyle.networks.weights.formats.archive import Archive, refusal
from nstyle.networks.weights.naming import Scheme, recognise
from nstyle.system.locations import BUILT_IN, BUILT_IN_SHA256, PRETRAINED

log = logging.getLogger("nstyle")

# Files whose padding and pooling differ from VGG's and that cannot say so themselves:
# SHA-256 -> (padding, pooling).
KNOWN_FILES = {
    # Collaborative-Distillation's 16x smaller VGG-19 encoder, with its 1x1 maps.
    "62dff35af2d701a3b5a0c31e29641b8463efe54627bf825aee7e8d078cb20a49": ("reflect", "max"),
}
SCALE = "_scale"  # ending of the array that holds the factors of a kernel of integers
VGG_FIRST_WIDTH = 64  # channels of conv1_1; a file with fewer is called slim
MAX_VALUES = 2**24  # of a kernel; VGG's largest has 2.4 million


@dataclass(frozen=True)
class Weights:
    """Convolutions of a VGG by name, ready for this house's arrays (see preprocessing.fold).

    arrays: conv name -> (kernel OIHW, bias O), float32.
    """

    model: str
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
    convention: Preprocessing
    padding: str = "zero"
    pooling: str = "avg"
    path: str = ""

    @property
    def widths(self) -> list[int]:
        """Channels per convolution, in order."""
        return [kernel.shape[0] for kernel, _ in self.arrays.values()]


@dataclass(frozen=True)
class WeightsFile:
    """A file that was opened and recognised; most kinds keep their values in the file till then.

    family: vgg16 or vgg19; names: ours, as conv1_1_weight -> the file's own.
    """

    archive: Archive
    family: str
    names: Mapping[str, str]
    scheme: Scheme

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.archive.path


def load(
    path: str, wanted: Sequence[str], *, model: str = "auto", convention: str = "auto"
) -> Weights:
    """read() and select() in one. Raises WeightsError."""
    return select(read(path, model), wanted, convention)


def read(path: str, model: str = "auto") -> WeightsFile:
    """Read a weights file and recognise it; model: what the user asked for, or "auto".

    Raises WeightsError for a file that is not there, damaged, no VGG, or not the one asked for.
    """
    if PRETRAINED in Path(path).resolve().parents:
        check_built_in(path)
    archive = formats.read(path)
    return WeightsFile(archive, *recognise(archive.arrays, path, model))


def select(file: WeightsFile, wanted: Sequence[str], asked: str = "auto") -> Weights:
    """The convolutions a network needs, in order (layers.needed_convolutions).

    asked: the convention of its pictures, see convention.choose. Raises WeightsError where a needed
    array is missing, misshapen or not finite.
    """
    arrays = {name: take(file, name) for name in wanted}
    check_chain(arrays, file.path)
    padding, pooling = "zero", "avg"
    if Path(file.path).stat().st_size < 2**24:  # as KNOWN_FILES are
        padding, pooling = KNOWN_FILES.get(checksum(file.path), (padding, pooling))
    first = wanted[0]
    kernel, bias = arrays[first]
    chosen = choose(file.path, kernel, file.scheme.convention, asked)
    if file.archive.mean is not None:
        chosen = replace(chosen, mean=file.archive.mean)
    arrays[first] = preprocessing.fold(chosen, kernel), bias
    needed = {file.names[f"{name}_{kind}"] for name in wanted for kind in ("weight", "bias")}
    ignored = [name for name in file.archive.arrays if name.removesuffix(SCALE) not in needed]
    if ignored:
        log.debug("%s: %d arrays beyond what is needed are ignored", file.path, len(ignored))
    slim = arrays[first][0].shape[0] < VGG_FIRST_WIDTH
    model = f"{file.family}-slim" if slim else file.family
    return Weights(model, arrays, chosen, padding, pooling, file.path)


def check_built_in(path: str) -> None:
    """Refuse a damaged file of the package. Raises WeightsError."""
    model = next((name for name, file in BUILT_IN.items() if file == Path(path).name), None)
    if model and checksum(path) != BUILT_IN_SHA256[model]:
        raise WeightsError(f"{path}: the built-in network is damaged; install nstyle again")


def checksum(path: str) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def take(file: WeightsFile, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """(kernel OIHW, bias) of a convolution, float32; where the kernel is of integers, its factors,
    one per output channel, are multiplied in. Raises WeightsError if missing, misshapen, not
    finite.
    """
    check_shapes(file, layer)
    kernel, bias = (
        floats(file, layer, file.names[f"{layer}_{kind}"]) for kind in ("weight", "bias")
    )
    kernel = file.scheme.layout.to_oihw(kernel)
    scale = file.names[f"{layer}_weight"] + SCALE
    if scale in file.archive.arrays:  # in 8 bits, see distill.student
        if (shape := file.archive.arrays[scale].shape) != (len(kernel),):
            raise refusal(file.path, f"{layer} has {len(kernel)} channels, but factors {shape}")
        factors = floats(file, layer, scale)
        with np.errstate(over="ignore"):
            kernel = finite(file, layer, unpacked(kernel, factors))
    return kernel, bias


def check_shapes(file: WeightsFile, layer: str) -> None:
    """Raises WeightsError for a layer that is absent or no convolution of 3x3; reads no values."""
    for name in (f"{layer}_weight", f"{layer}_bias"):
        if name not in file.names:
            raise refusal(file.path, f"{name} is missing, which the chosen layers need")
    kernel, bias = (
        file.archive.arrays[file.names[f"{layer}_{kind}"]].shape for kind in ("weight", "bias")
    )
    if not file.scheme.layout.fits(kernel, bias) or math.prod(kernel) > MAX_VALUES:
        expected = f"a VGG's are {file.scheme.layout.shape} and (out,)"
        raise refusal(file.path, f"{layer} has shapes {kernel} and {bias}; {expected}")


def floats(file: WeightsFile, layer: str, name: str) -> np.ndarray:
    """An array as float32. Raises WeightsError where its values are no finite numbers."""
    dtype = file.archive.arrays[name].dtype
    if dtype.kind not in "fiu":
        raise refusal(file.path, f"{layer} holds {dtype}; a VGG's are real numbers")
    return finite(file, layer, file.archive.read(name))


def finite(file: WeightsFile, layer: str, values: np.ndarray) -> np.ndarray:
    """The values as float32. Raises WeightsError where one is not finite."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        raise refusal(file.path, f"{layer} holds values that are not finite")
    return single


def check_chain(arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str) -> None:
    """Each layer must take as many channels as the one before gives. Raises WeightsError."""
    channels, before = 3, "the picture"
    for layer, (kernel, _) in arrays.items():
        if kernel.shape[1] != channels:
            raise refusal(
                path, f"{layer} takes {kernel.shape[1]} channels, but {before} has {channels}"
            )
        channels, before = kernel.shape[0], layer
