"""Weights files: found, recognised by what is in them, checked, never guessed at silently."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nstyle import pixels
from nstyle.errors import WeightsError
from nstyle.layers import BLOCKS, convolutions
from nstyle.pixels import Convention

log = logging.getLogger("nstyle")

PRETRAINED = Path(__file__).parent / "pretrained"
BUILT_IN = {"vgg19-slim": "vgg19-slim.params"}
BUILT_IN_SHA256 = {
    "vgg19-slim": "770d1607b1c38ee2721ce4af07bd62cf8eb77fb1773c0bec11a584348b193c9e",
}
# Files whose padding and pooling differ from VGG's and that cannot say so themselves:
# SHA-256 -> (padding, pooling).
KNOWN_FILES = {
    # Collaborative-Distillation's 16x smaller VGG-19 encoder, with its 1x1 maps.
    "62dff35af2d701a3b5a0c31e29641b8463efe54627bf825aee7e8d078cb20a49": ("reflect", "max"),
}
PARAMS_MAGIC = (0x112).to_bytes(8, "little")  # MXNet's list of NDArrays

CAFFE_NAME = re.compile(r"(?:arg:)?conv(\d)_(\d)_(weight|bias)")
STRUCTURED_NAME = re.compile(r"features\.(\d+)\.(weight|bias)")
PREFIXED_NAME = re.compile(r"(?:arg:)?\w*vgg\d+_conv(\d+)_(weight|bias)")


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
    notes: Sequence[str] = field(default=())

    @property
    def widths(self) -> list[int]:
        """Channels per convolution, in order."""
        return [kernel.shape[0] for kernel, _ in self.arrays.values()]


def cache_folder() -> Path:
    """Where downloaded weights live: $NSTYLE_CACHE, else the user's cache folder."""
    if "NSTYLE_CACHE" in os.environ:
        return Path(os.environ["NSTYLE_CACHE"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nstyle"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nstyle"


def folders() -> list[Path]:
    """Where weights files are looked for, in order."""
    return [Path("model"), cache_folder()]


def find(model: str) -> tuple[str, str]:
    """(model, path) for a model's name or "auto". Raises WeightsError naming both ways out."""
    if model in BUILT_IN:
        return model, str(PRETRAINED / BUILT_IN[model])
    for folder in folders():
        path = folder / f"{'vgg19' if model == 'auto' else model}.params"
        if path.is_file():
            return path.stem, str(path)
    if model == "auto":
        return "vgg19-slim", str(PRETRAINED / BUILT_IN["vgg19-slim"])
    places = " or ".join(str(folder / f"{model}.params") for folder in folders())
    raise WeightsError(
        f"--model {model}: its weights are not installed ({places}); "
        f"get them with download.sh, or use the built-in --model vgg19-slim"
    )


def load(path: str, wanted: Iterable[str], *, model: str = "auto") -> Weights:
    """Read the convolutions a network needs.

    wanted: names of the convolutions (networks.needed_convolutions), model: what the user asked
    for, or "auto". Raises WeightsError for a file that is not there, no VGG, another VGG than
    asked for, or whose needed arrays are missing, misshapen or not finite.
    """
    found = read_arrays(path)
    names, convention, seen_model = recognise(found, path, model)
    if PRETRAINED in Path(path).parents:
        check_built_in(path)
    arrays = {name: take(found, names, name, path) for name in wanted}
    check_chain(arrays, path)
    padding, pooling = properties(path)
    first = next(iter(arrays))
    arrays[first] = (pixels.fold(convention, arrays[first][0]), arrays[first][1])
    ignored = len(found) - 2 * len(arrays)
    if ignored:
        log.debug("%s: %d arrays beyond what is needed are ignored", path, ignored)
    if seen_model == "vgg19" and arrays[first][0].shape[0] < 64:
        seen_model = "vgg19-slim"
    return Weights(seen_model, arrays, convention, padding, pooling, path)


def model_in(path: str) -> str:
    """vgg16 or vgg19: which of them a file holds. Raises WeightsError."""
    return recognise(read_arrays(path), path, "auto")[2]


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """All arrays of a .params file, as float32. Raises WeightsError."""
    from nstyle.backend import mx, nd  # here, so that finding and refusing stays light

    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "no such file"
        raise WeightsError(f"--weights {path}: {what}; give an MXNet .params file of a VGG")
    try:
        with file.open("rb") as stream:
            magic = stream.read(8)
        if magic != PARAMS_MAGIC:
            raise WeightsError(f"--weights {path}: not an MXNet .params file (by its content)")
        loaded = nd.load(path)
    except (mx.MXNetError, OSError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        reason = str(error).strip().splitlines()[-1][:200] if str(error).strip() else "damaged"
        raise WeightsError(f"--weights {path}: damaged or not readable ({reason})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"--weights {path}: its arrays have no names, so no VGG can be built")
    return {name: array.astype("float32").asnumpy() for name, array in loaded.items()}


def check_built_in(path: str) -> None:
    """Refuse a damaged file of the package. Raises WeightsError."""
    model = next(name for name, file in BUILT_IN.items() if file == Path(path).name)
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != BUILT_IN_SHA256[model]:
        raise WeightsError(f"{path}: the built-in network is damaged; install nstyle again")


def properties(path: str) -> tuple[str, str]:
    """(padding, pooling) the file was made for."""
    if Path(path).stat().st_size < 2**24:  # the known exceptions are small
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return KNOWN_FILES.get(digest, ("zero", "avg"))
    return "zero", "avg"


Names = dict[str, str]  # "conv1_1_weight" -> the file's own name


def recognise(
    arrays: Mapping[str, np.ndarray], path: str, model: str
) -> tuple[Names, Convention, str]:
    """Whose names these are: (our names -> the file's, convention, vgg16 or vgg19).

    Raises WeightsError where it is no VGG, or not the one asked for.
    """
    names = {f"conv{b}_{i}_{kind}": full for full, (b, i, kind) in matches(CAFFE_NAME, arrays)}
    convention, candidates = pixels.CAFFE, ["vgg19", "vgg16"]
    if names:
        fits = [m for m in candidates if set(names) <= array_names(convolutions(BLOCKS[m]))]
    else:
        convention = pixels.IMAGENET
        by_model = {m: gluon_names(arrays, m) for m in candidates}
        fits = [m for m in candidates if by_model[m]]
        names = by_model[fits[0]] if fits else {}
    if any("gamma" in name for name in arrays) and fits:
        raise WeightsError(f"--weights {path}: a VGG with batch normalisation; give one without")
    if not fits:
        some = ", ".join(list(arrays)[:3])
        raise WeightsError(
            f"--weights {path}: names of no VGG-16 or VGG-19 ({some}, ...); "
            "expected conv1_1_weight or features.0.weight, and so on"
        )
    asked = "vgg19" if model == "vgg19-slim" else model
    if asked == "auto":
        return names, convention, fits[0]
    if asked not in fits:
        raise WeightsError(f"--model {model}: {path} holds a {fits[0]}")
    return names if convention is pixels.CAFFE else by_model[asked], convention, asked


def matches(pattern: re.Pattern[str], names: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """(name, groups) of the names that fit a pattern as a whole."""
    found = ((name, pattern.fullmatch(name)) for name in names)
    return [(name, match.groups()) for name, match in found if match]


def array_names(layers: Iterable[str]) -> set[str]:
    """conv1_1 -> conv1_1_weight, conv1_1_bias."""
    return {f"{layer}_{kind}" for layer in layers for kind in ("weight", "bias")}


def gluon_names(arrays: Mapping[str, np.ndarray], model: str) -> Names:
    """Our names -> Gluon's for this model, empty where they do not fit it."""
    layers = convolutions(BLOCKS[model])
    structured = {str(place): layer for place, layer in zip(gluon_places(BLOCKS[model]), layers)}
    numbered = {str(index): layer for index, layer in enumerate(layers)}
    for pattern, by_index in ((STRUCTURED_NAME, structured), (PREFIXED_NAME, numbered)):
        found = [
            (name, index, kind)
            for name, (index, kind) in matches(pattern, arrays)
            if arrays[name.replace("bias", "weight")].ndim == 4  # dense layers come after
        ]
        if found:
            if any(index not in by_index for _, index, _ in found):
                return {}
            return {f"{by_index[index]}_{kind}": name for name, index, kind in found}
    return {}


def gluon_places(blocks: Sequence[int]) -> list[int]:
    """Positions of the convolutions among GluonCV's features: conv, relu, ..., pool."""
    places, position = [], 0
    for count in blocks:
        places += [position + 2 * index for index in range(count)]
        position += 2 * count + 1
    return places


def take(
    arrays: Mapping[str, np.ndarray], names: Names, layer: str, path: str
) -> tuple[np.ndarray, np.ndarray]:
    """(kernel, bias) of a convolution. Raises WeightsError if missing, misshapen, not finite."""
    for kind in ("weight", "bias"):
        if f"{layer}_{kind}" not in names:
            raise WeightsError(
                f"--weights {path}: {layer}_{kind} is missing, which the chosen layers need"
            )
    kernel, bias = (arrays[names[f"{layer}_{kind}"]] for kind in ("weight", "bias"))
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
