"""Whose names are these: arrays of a weights file recognised as VGG-16 or VGG-19.

A scheme is how one family of files names its convolutions; with it come the order of a kernel's
axes and the convention of the picture it wants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nstyle.errors import WeightsError
from nstyle.networks import preprocessing
from nstyle.networks.layers import BLOCKS, convolutions
from nstyle.networks.preprocessing import Preprocessing
from nstyle.networks.weights.formats.archive import (
    HWIO,
    OIHW,
    ROTATED,
    Layout,
    Stored,
    refusal,
    shown,
)

FAMILIES = ("vgg19", "vgg16")
BLOCK_ENDS = {"vgg19": "conv3_4", "vgg16": "conv3_3"}  # what conv4_1 cannot be without
WHOLE_VGG16 = 13  # convolutions; a file that only numbers its layers and has so many is one
BATCH_NORM_NAME = re.compile(
    r"features\.\d+\.(gamma|running_mean)|(?:arg:)?\w*vgg\d+_batchnorm\d+_gamma"
    r"|(?:.*/)?batch_?norm\w*/.*",
)
KINDS = {  # what files call the two arrays of a layer
    **dict.fromkeys(("weight", "W", "kernel", "filters", "0"), "weight"),
    **dict.fromkeys(("bias", "b", "biases", "1"), "bias"),
}

Names = dict[str, str]  # "conv1_1_weight" -> the file's own name


@dataclass(frozen=True)
class Scheme:
    """Names of one family of files.

    pattern: its last group is the kind of array, those before say which layer; places: blocks of
    a VGG -> those groups joined by "_", for each convolution in order. mixed: dense layers are
    named like convolutions. consecutive: nothing but the number of layers tells VGG-16 from VGG-19.
    """

    pattern: re.Pattern[str]
    places: Callable[[Sequence[int]], list[str]]
    convention: Preprocessing
    layout: Layout
    mixed: bool = False
    consecutive: bool = False


@dataclass(frozen=True)
class Recognised:
    """Our names -> the file's, and what they say. family: "vgg16" or "vgg19"."""

    names: Names
    family: str
    convention: Preprocessing
    layout: Layout


def block_places(blocks: Sequence[int]) -> list[str]:
    """Block and number in it: 1_1, 1_2, 2_1, ..."""
    return [name[len("conv") :] for name in convolutions(blocks)]


def gluon_places(blocks: Sequence[int]) -> list[str]:
    """Positions of the convolutions among GluonCV's features: conv, relu, ..., pool."""
    places, position = [], 0
    for count in blocks:
        places += [str(position + 2 * index) for index in range(count)]
        position += 2 * count + 1
    return places


def padded_places(blocks: Sequence[int]) -> list[str]:
    """Positions where a layer of padding stands before each convolution: pad, conv, ..., pool."""
    return [str(int(place) + 1) for place in gluon_places(blocks)]


def numbers(blocks: Sequence[int]) -> list[str]:
    """Only counted: 0, 1, 2, ..."""
    return [str(index) for index in range(sum(blocks))]


# The first whose names are in a file is its scheme.
SCHEMES = (
    # Caffe's layers in MXNet's example
    Scheme(
        re.compile(r"(?:arg:)?conv(\d)_(\d)_(weight|bias)"), block_places, preprocessing.CAFFE, OIHW
    ),
    # TensorFlow's vgg16_weights.npz
    Scheme(re.compile(r"conv(\d)_(\d)_(W|b)"), block_places, preprocessing.CAFFE, HWIO),
    # MatConvNet
    Scheme(re.compile(r"conv(\d)_(\d)/(filters|biases)"), block_places, preprocessing.CAFFE, HWIO),
    # Keras's applications: block1_conv1/block1_conv1_W_1:0, block1_conv1/kernel:0, and nested
    Scheme(
        re.compile(
            r"(?!optimizer)(?:.*/)?block(\d)_conv(\d)(?:_\d+)?/"
            r"(?:block\1_conv\2_)?(W|b|kernel|bias)(?:_\d+)?(?::0)?"
        ),
        block_places,
        preprocessing.CAFFE_BGR,
        HWIO,
    ),
    # Keras 3: layers/conv2d/vars/0, layers/conv2d_1/vars/0
    Scheme(
        re.compile(r"(?!optimizer)(?:.*/)?layers/conv2d(?:_(\d+))?/vars/([01])"),
        numbers,
        preprocessing.CAFFE_BGR,
        HWIO,
        consecutive=True,
    ),
    # Keras with Theano, before 1.0
    Scheme(
        re.compile(r"layer_(\d+)/param_([01])"),
        padded_places,
        preprocessing.CAFFE_BGR,
        ROTATED,
        mixed=True,
    ),
    # GluonCV and torchvision
    Scheme(
        re.compile(r"features\.(\d+)\.(weight|bias)"),
        gluon_places,
        preprocessing.IMAGENET,
        OIHW,
        mixed=True,
    ),
    # Gluon with prefixes
    Scheme(
        re.compile(r"(?:arg:)?\w*vgg\d+_conv(\d+)_(weight|bias)"),
        numbers,
        preprocessing.IMAGENET,
        OIHW,
        mixed=True,
        consecutive=True,
    ),
)


@dataclass(frozen=True)
class Found:
    """A name of the file taken apart: which layer by its place, weight or bias."""

    name: str
    place: str
    kind: str
    dense: bool  # its layer has an array of two dimensions


def recognise(arrays: Mapping[str, Stored], path: str, model: str) -> Recognised:
    """Whose names these are.

    Raises WeightsError where it is no VGG, or not the one asked for.
    """
    if any(BATCH_NORM_NAME.fullmatch(name) for name in arrays):
        raise refusal(path, "a VGG with batch normalisation; give one without")
    fits = {family: names for family in FAMILIES if (names := names_for(family, arrays))}
    if not fits:
        some = ascii(", ".join(list(arrays)[:3]))[1:-1][:100]
        raise refusal(
            path,
            f"names of no VGG-16 or VGG-19 ({some}, ...); "
            "expected conv1_1_weight or features.0.weight, and so on",
        )
    asked = next(iter(fits)) if model == "auto" else model.removesuffix("-slim")
    if asked not in fits:
        raise WeightsError(f"--model {model}: {shown(path)} holds a {next(iter(fits))}")
    return fits[asked]


def names_for(family: str, arrays: Mapping[str, Stored]) -> Recognised | None:
    """The names read as those of a family, or None where they cannot be."""
    scheme, found = scheme_of(arrays)
    if scheme is None:
        return None
    layers = convolutions(BLOCKS[family])
    by_place = dict(zip(scheme.places(BLOCKS[family]), layers))
    if not found or any(part.place not in by_place for part in found):
        return None
    names = {f"{by_place[part.place]}_{part.kind}": part.name for part in found}
    shapes = {layer: arrays[names[f"{layer}_weight"]].shape for layer in there(names, layers)}
    if gap(shapes, family):
        return None
    by_number = scheme.places is not block_places
    if by_number and widens(shapes, scheme.layout, "conv3_3", "conv3_4"):
        return None
    if scheme.consecutive and miscounted(shapes, family, scheme.layout):
        return None
    return Recognised(names, family, scheme.convention, scheme.layout)


def scheme_of(arrays: Mapping[str, Stored]) -> tuple[Scheme | None, list[Found]]:
    """The first scheme whose names are in a file, and those names taken apart."""
    for scheme in SCHEMES:
        found = [part for part in parts(scheme, arrays) if not (scheme.mixed and part.dense)]
        if found:
            return scheme, found
    return None, []


def parts(scheme: Scheme, arrays: Mapping[str, Stored]) -> list[Found]:
    """The names that fit a scheme, taken apart."""
    found = ((name, scheme.pattern.fullmatch(name)) for name in arrays)
    cut = [(name, match.groups(default="0")) for name, match in found if match]
    flat = {groups[:-1] for name, groups in cut if arrays[name].ndim == 2}
    return [
        Found(name, "_".join(groups[:-1]), KINDS[groups[-1]], groups[:-1] in flat)
        for name, groups in cut
    ]


def there(names: Names, layers: Iterable[str]) -> list[str]:
    """The layers that have a kernel."""
    return [layer for layer in layers if f"{layer}_weight" in names]


def gap(shapes: Mapping[str, tuple[int, ...]], family: str) -> bool:
    """Whether the end of block 3 is missing, where block 4 is there.

    VGG-16's names are a subset of VGG-19's, so this tells them apart.
    """
    return "conv4_1" in shapes and BLOCK_ENDS[family] not in shapes


def miscounted(shapes: Mapping[str, tuple[int, ...]], family: str, layout: Layout) -> bool:
    """Whether layers that are only counted are rather the other family's.

    VGG-19 up to conv5_1 has as many as all of VGG-16; where they widen tells; else, VGG-16.
    """
    if family == "vgg16":
        return widens(shapes, layout, "conv4_1", "conv4_2")
    return len(shapes) == WHOLE_VGG16 and not widens(shapes, layout, "conv3_4", "conv4_1")


def widens(shapes: Mapping[str, tuple[int, ...]], layout: Layout, first: str, second: str) -> bool:
    """Whether a VGG numbered as VGG-19 would widen inside block 3, as only VGG-16 read so does."""
    if first not in shapes or second not in shapes:
        return False
    before, after = (layout.channels(shapes[layer]) for layer in (first, second))
    return after >= 2 * before > 0
