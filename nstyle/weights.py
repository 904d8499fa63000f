"""Weights files: found, recognised by what is in them, checked, never guessed at silently."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nstyle import pixels
from nstyle.errors import WeightsError
from nstyle.naming import recognise
from nstyle.pixels import Convention
from nstyle.places import BUILT_IN, BUILT_IN_SHA256, PRETRAINED

log = logging.getLogger("nstyle")

# Files whose padding and pooling differ from VGG's and that cannot say so themselves:
# SHA-256 -> (padding, pooling).
KNOWN_FILES = {
    # Collaborative-Distillation's 16x smaller VGG-19 encoder, with its 1x1 maps.
    "62dff35af2d701a3b5a0c31e29641b8463efe54627bf825aee7e8d078cb20a49": ("reflect", "max"),
}
VGG_FIRST_WIDTH = 64  # channels of conv1_1; a file with fewer is called slim
PARAMS_MAGIC = (0x112).to_bytes(8, "little")  # MXNet's list of NDArrays


@dataclass(frozen=True)
class Weights:
    """Convolutions of a VGG by name, ready for this house's arrays (see pixels.fold).

    arrays: conv name -> (kernel OIHW, bias O), float32.
    """

    model: str
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
    convention: Convention
    padding: str = "zero"
    pooling: str = "avg"
    path: str = ""

    @property
    def widths(self) -> list[int]:
        """Channels per convolution, in order."""
        return [kernel.shape[0] for kernel, _ in self.arrays.values()]


@dataclass(frozen=True)
class WeightsFile:
    """A file that was read and recognised. family: "vgg16" or "vgg19"."""

    path: str
    family: str
    convention: Convention
    arrays: Mapping[str, np.ndarray]
    names: Mapping[str, str]  # "conv1_1_weight" -> the file's own name


def load(path: str, wanted: Sequence[str], *, model: str = "auto") -> Weights:
    """read() and select() in one. Raises WeightsError."""
    return select(read(path, model), wanted)


def read(path: str, model: str = "auto") -> WeightsFile:
    """Read a weights file and recognise it; model: what the user asked for, or "auto".

    Raises WeightsError for a file that is not there, damaged, no VGG, or not the one asked for.
    """
    if PRETRAINED in Path(path).resolve().parents:
        check_built_in(path)
    arrays = read_arrays(path)
    names, convention, family = recognise(arrays, path, model)
    return WeightsFile(path, family, convention, arrays, names)


def select(file: WeightsFile, wanted: Sequence[str]) -> Weights:
    """The convolutions a network needs, in order (layers.needed_convolutions).

    Raises WeightsError where a needed array is missing, misshapen or not finite.
    """
    arrays = {name: take(file.arrays, file.names, name, file.path) for name in wanted}
    check_chain(arrays, file.path)
    padding, pooling = properties(file.path)
    first = wanted[0]
    arrays[first] = (pixels.fold(file.convention, arrays[first][0]), arrays[first][1])
    ignored = len(file.arrays) - 2 * len(arrays)
    if ignored:
        log.debug("%s: %d arrays beyond what is needed are ignored", file.path, ignored)
    slim = file.family == "vgg19" and arrays[first][0].shape[0] < VGG_FIRST_WIDTH
    model = "vgg19-slim" if slim else file.family
    return Weights(model, arrays, file.convention, padding, pooling, file.path)


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """All arrays of a .params file, as they are. Raises WeightsError."""
    from nstyle.backend import mx, nd  # here, so that finding and refusing stays light

    check_format(path)
    try:
        loaded = nd.load(path)
    except (mx.MXNetError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1][:200] if str(error).strip() else "damaged"
        raise WeightsError(f"--weights {path}: damaged or not readable ({reason})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"--weights {path}: its arrays have no names, so no VGG can be built")
    return {name: array.asnumpy() for name, array in loaded.items()}


def check_format(path: str) -> None:
    """Refuse what is not there or, by its first bytes, no .params file; MXNet is not needed.

    Raises WeightsError.
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "no such file"
        shown = path if path.isprintable() else repr(path)
        raise WeightsError(f"--weights {shown}: {what}; give an MXNet .params file of a VGG")
    try:
        with open(path, "rb") as stream:
            magic = stream.read(len(PARAMS_MAGIC))
    except OSError as error:
        raise WeightsError(f"--weights {path}: cannot be read ({error.strerror})") from error
    if magic != PARAMS_MAGIC:
        raise WeightsError(f"--weights {path}: not an MXNet .params file (by its content)")


def check_built_in(path: str) -> None:
    """Refuse a damaged file of the package. Raises WeightsError."""
    model = next((name for name, file in BUILT_IN.items() if file == Path(path).name), None)
    if model and hashlib.sha256(Path(path).read_bytes()).hexdigest() != BUILT_IN_SHA256[model]:
        raise WeightsError(f"{path}: the built-in network is damaged; install nstyle again")


def properties(path: str) -> tuple[str, str]:
    """(padding, pooling) the file was made for."""
    if Path(path).stat().st_size < 2**24:  # the known exceptions are small
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return KNOWN_FILES.get(digest, ("zero", "avg"))
    return "zero", "avg"


def take(
    arrays: Mapping[str, np.ndarray], names: Mapping[str, str], layer: str, path: str
) -> tuple[np.ndarray, np.ndarray]:
    """(kernel, bias) of a convolution. Raises WeightsError if missing, misshapen, not finite."""
    for kind in ("weight", "bias"):
        if f"{layer}_{kind}" not in names:
            raise WeightsError(
                f"--weights {path}: {layer}_{kind} is missing, which the chosen layers need"
            )
    kernel, bias = (
        arrays[names[f"{layer}_{kind}"]].astype(np.float32) for kind in ("weight", "bias")
    )
    if kernel.ndim != 4 or kernel.shape[2:] != (3, 3) or bias.shape != kernel.shape[:1]:
        raise WeightsError(
            f"--weights {path}: {layer} has shapes {kernel.shape} and {bias.shape}; "
            "a VGG's are (out, in, 3, 3) and (out,)"
        )
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise WeightsError(f"--weights {path}: {layer} holds values that are not finite")
    return kernel, bias


def check_chain(arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str) -> None:
    """Each layer must take as many channels as the one before gives. Raises WeightsError."""
    channels, before = 3, "the picture"
    for layer, (kernel, _) in arrays.items():
        if kernel.shape[1] != channels:
            raise WeightsError(
                f"--weights {path}: {layer} takes {kernel.shape[1]} channels, "
                f"but {before} has {channels}"
            )
        channels, before = kernel.shape[0], layer
