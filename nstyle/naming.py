"""Whose names are these: arrays of a weights file recognised as VGG-16 or VGG-19."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nstyle import pixels
from nstyle.errors import WeightsError
from nstyle.layers import BLOCKS, convolutions
from nstyle.pixels import Convention

CAFFE_NAME = re.compile(r"(?:arg:)?conv(\d)_(\d)_(weight|bias)")
STRUCTURED_NAME = re.compile(r"features\.(\d+)\.(weight|bias)")
BATCH_NORM_NAME = re.compile(r"features\.\d+\.gamma|(?:arg:)?\w*vgg\d+_batchnorm\d+_gamma")
FAMILIES = ("vgg19", "vgg16")
BLOCK_ENDS = {"vgg19": "conv3_4", "vgg16": "conv3_3"}  # what conv4_1 cannot be without
PREFIXED_NAME = re.compile(r"(?:arg:)?\w*vgg\d+_conv(\d+)_(weight|bias)")
WHOLE_VGG16 = 13  # convolutions; a file that only numbers its layers and has so many is one

Names = dict[str, str]  # "conv1_1_weight" -> the file's own name


def recognise(
    arrays: Mapping[str, np.ndarray], path: str, model: str
) -> tuple[Names, Convention, str]:
    """Whose names these are: (our names -> the file's, convention, vgg16 or vgg19).

    Raises WeightsError where it is no VGG, or not the one asked for.
    """
    if any(BATCH_NORM_NAME.fullmatch(name) for name in arrays):
        raise WeightsError(f"--weights {path}: a VGG with batch normalisation; give one without")
    caffe = {f"conv{b}_{i}_{kind}": full for full, (b, i, kind) in matches(CAFFE_NAME, arrays)}
    convention = pixels.CAFFE if caffe else pixels.IMAGENET
    fits = {}
    for family in FAMILIES:
        names = caffe if caffe else gluon_names(arrays, family)
        if names and fits_family(names, arrays, family):
            fits[family] = names
    if not fits:
        some = ", ".join(list(arrays)[:3])
        raise WeightsError(
            f"--weights {path}: names of no VGG-16 or VGG-19 ({some}, ...); "
            "expected conv1_1_weight or features.0.weight, and so on"
        )
    asked = {"vgg19-slim": "vgg19", "auto": next(iter(fits))}.get(model, model)
    if asked not in fits:
        raise WeightsError(f"--model {model}: {path} holds a {next(iter(fits))}")
    return fits[asked], convention, asked


def fits_family(names: Names, arrays: Mapping[str, np.ndarray], family: str) -> bool:
    """Whether these can be a VGG of the family: no layer it lacks, no gap, widths that follow.

    VGG-16's names are a subset of VGG-19's, so a gap in block 3 tells them apart, and in files
    that only number their layers the change of width between blocks.
    """
    known = convolutions(BLOCKS[family])
    there = [layer for layer in known if f"{layer}_weight" in names]
    if not set(names) <= array_names(known):
        return False
    if there and "conv4_1" in there and BLOCK_ENDS[family] not in there:
        return False
    kernels = {layer: arrays[names[f"{layer}_weight"]] for layer in there}
    return not widths_change_inside(kernels, "conv3_3", "conv3_4")


def widths_change_inside(kernels: Mapping[str, np.ndarray], first: str, second: str) -> bool:
    """Whether a VGG numbered as VGG-19 would widen inside block 3, as only VGG-16 read so does."""
    if first not in kernels or second not in kernels:
        return False
    return bool(kernels[second].shape[0] >= 2 * kernels[first].shape[0])


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
            if partner(arrays, name).ndim != 2  # dense layers come after
        ]
        if found:
            kernels = sum(kind == "weight" for _, _, kind in found)
            if pattern is PREFIXED_NAME and model == "vgg19" and kernels == WHOLE_VGG16:
                return {}
            if any(index not in by_index for _, index, _ in found):
                return {}
            return {f"{by_index[index]}_{kind}": name for name, index, kind in found}
    return {}


def partner(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The weight that belongs to a bias, or the array itself where there is none."""
    weight = name[: -len("bias")] + "weight" if name.endswith("bias") else name
    return arrays.get(weight, arrays[name])


def gluon_places(blocks: Sequence[int]) -> list[int]:
    """Positions of the convolutions among GluonCV's features: conv, relu, ..., pool."""
    places, position = [], 0
    for count in blocks:
        places += [position + 2 * index for index in range(count)]
        position += 2 * count + 1
    return places
