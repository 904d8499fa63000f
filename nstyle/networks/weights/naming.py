"""Whose names are these: arrays of a weights file recognised as VGG-16 or VGG-19.

A scheme is how one family of files names its convolutions; with it come the order of a kernel's
axes and the convention of the picture it wants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nstyle.errors import WeightsError
from nstyle.networks.layers import BLOCKS, convolutions, taps
from nstyle.networks.preprocessing import CAFFE, CAFFE_BGR, TORCHVISION, Preprocessing
from nstyle.networks.weights.formats import archive
from nstyle.networks.weights.formats.archive import HWIO, OIHW, ROTATED, Layout, Stored

BLOCK_ENDS = {"vgg19": "conv3_4", "vgg16": "conv3_3"}  # what conv4_1 cannot be without
WHOLE_VGG16 = 13  # convolutions; a file that only numbers its layers and has so many is one
BATCH_NORM_NAME = re.compile(
    r"(?:.*\.)?\d+\.(gamma|running_mean)|(?:arg:)?\w*vgg\d+_batchnorm\d+_gamma"
    r"|(?:.*\.)?bn\d_\d\..*|(?:.*/)?batch_?norm\w*/.*",
)
OPTIMISER = re.compile(r"(?:.*[./])?optimizer")  # its state is named as the arrays are
KINDS = {  # what files call the two arrays of a layer
    **dict.fromkeys(("weight", "weights", "W", "kernel", "filters", "0"), "weight"),
    **dict.fromkeys(("bias", "b", "biases", "1"), "bias"),
}


@dataclass(frozen=True)
class Scheme:
    """Names of one family of files.

    pattern: its last group is the kind of array, those before say which layer; places: blocks of
    a VGG -> those groups joined by "_", for each convolution in order. convention: None where the
    names do not tell. mixed: dense layers are named like convolutions.
    """

    pattern: str
    places: Callable[[Sequence[int]], list[str]]
    convention: Preprocessing | None
    layout: Layout
    mixed: bool = False


def block_places(blocks: Sequence[int]) -> list[str]:
    """Block and number in it: 1_1, 1_2, 2_1, ..."""
    return [name[len("conv") :] for name in convolutions(blocks)]


def gluon_places(blocks: Sequence[int]) -> list[str]:
    """Positions of the convolutions among GluonCV's features: conv, relu, ..., pool."""
    return [str(place) for place, name in enumerate(taps(blocks)) if name.startswith("conv")]


def padded_places(blocks: Sequence[int]) -> list[str]:
    """Positions where a layer of padding stands before each convolution: pad, conv, ..., pool."""
    return [str(int(place) + 1) for place in gluon_places(blocks)]


def numbers(blocks: Sequence[int]) -> list[str]:
    """Only counted: 0, 1, 2, ..."""
    return [str(index) for index in range(sum(blocks))]


# What stands before: of MXNet, and of whatever holds the network, such as DataParallel's module.
IN = r"(?:arg:)?(?:[\w-]+[./])*?"
# The first whose names are in a file is its scheme.
SCHEMES = (
    # Caffe's layers in MXNet's example
    Scheme(IN + r"conv(\d)_(\d)_(weight|bias)", block_places, CAFFE, OIHW),
    # PyTorch's modules with Caffe's names (Gatys, MSG-Net) or Keras's
    Scheme(IN + r"(?:conv|block)(\d)(?:_|[._]conv)(\d)\.(weight|bias)", block_places, None, OIHW),
    # Keras with Caffe's names: conv1_1/conv1_1_W:0, conv1_1/kernel:0
    Scheme(
        r"(?:.*/)?conv(\d)_(\d)/(?:conv\1_\2_|vars/(?=[01])|(?=kernel|bias(?!es)))"
        r"(W|b|kernel|bias|[01])(?:_\d+)?(?::0)?",
        block_places,
        None,
        HWIO,
    ),
    # TensorFlow's vgg16_weights.npz, TF-Slim's conv1/conv1_1/weights, MatConvNet
    Scheme(
        IN + r"conv(\d)_(\d)(?:_|/)(W|b|weights|filters|biases)(?::0)?", block_places, CAFFE, HWIO
    ),
    # Keras's applications: block1_conv1/block1_conv1_W_1:0, block1_conv1/kernel:0, and nested
    Scheme(
        r"(?:.*/)?block(\d)_conv(\d)(?:_\d+)?/"
        r"(?:block\1_conv\2_|vars/)?(W|b|kernel|bias|[01])(?:_\d+)?(?::0)?",
        block_places,
        CAFFE_BGR,
        HWIO,
    ),
    # Keras 3: layers/conv2d/vars/0, layers/conv2d_1/vars/0
    Scheme(r"(?:.*/)?conv2d(?:_(\d+))?/vars/([01])", numbers, CAFFE_BGR, HWIO),
    # Keras with Theano, before 1.0
    Scheme(r"layer_(\d+)/param_([01])", padded_places, CAFFE_BGR, ROTATED, mixed=True),
    # GluonCV and torchvision, and what cuts its features at places of ReLUs
    Scheme(
        IN + r"(?:features|slice\d)\.(?:module\.)?(\d+)\.(weight|bias)",
        gluon_places,
        TORCHVISION,
        OIHW,
        mixed=True,
    ),
    # Gluon with prefixes
    Scheme(r"(?:arg:)?\w*vgg\d+_conv(\d+)_(weight|bias)", numbers, TORCHVISION, OIHW, mixed=True),
    # the features alone: 0.weight, 2.weight
    Scheme(
        r"(?!.*(?:classifier|decoder|head|fc))" + IN + r"(\d+)\.(weight|bias)",
        gluon_places,
        None,
        OIHW,
        mixed=True,
    ),
)


class Part(NamedTuple):
    """A name of the file taken apart: what its layer's names begin with, the place, the kind."""

    name: str
    stem: str
    place: str
    kind: str


def recognise(
    arrays: Mapping[str, Stored], path: str, model: str
) -> tuple[str, Mapping[str, str], Scheme]:
    """(vgg16 or vgg19, names such as conv1_1_weight -> the file's, what these say of the file).

    Raises WeightsError where it is no VGG, or not the one asked for.
    """
    if any(BATCH_NORM_NAME.fullmatch(name) for name in arrays):
        raise archive.refusal(path, "a VGG with batch normalisation; give one without")
    scheme, parts = scheme_of(arrays)
    check_alone(parts, path)
    shapes = {name: array.shape for name, array in arrays.items()}
    read_as = {family: names_for(family, scheme, parts, shapes) for family in BLOCK_ENDS}
    fitting = [family for family, names in read_as.items() if names]
    if not fitting:
        some = ascii(", ".join(list(arrays)[:3]))[1:-1][:100]
        raise archive.refusal(
            path,
            f"names of no VGG-16 or VGG-19 ({some}, ...); "
            "expected conv1_1_weight or features.0.weight, and so on",
        )
    family = fitting[0] if model == "auto" else model.removesuffix("-slim")
    if family not in fitting:
        raise WeightsError(f"--model {model}: {archive.shown(path)} holds a {fitting[0]}")
    return family, read_as[family], scheme


def scheme_of(arrays: Mapping[str, Stored]) -> tuple[Scheme, list[Part]]:
    """The first scheme whose names are in a file, and those names taken apart; or no names."""
    for scheme in SCHEMES:
        parts, dense = [], set()
        for name, array in arrays.items():
            match = re.fullmatch(scheme.pattern, name)
            if match is None or OPTIMISER.match(name):
                continue
            *where, kind = match.groups(default="0")
            stem = name[: match.start(len(where) + 1)]
            if len(array.shape) == 2:
                dense.add(stem)
            parts.append(Part(name, stem, "_".join(where), KINDS[kind]))
        parts = [part for part in parts if not (scheme.mixed and part.stem in dense)]
        if parts:
            break
    return scheme, parts


def check_alone(parts: Sequence[Part], path: str) -> None:
    """Raises WeightsError where two arrays claim one place, as two networks in a file do."""
    seen: dict[tuple[str, str], str] = {}
    for part in parts:
        other = seen.setdefault((part.place, part.kind), part.name)
        if other != part.name:
            both = ascii(f"{other} and {part.name}")[1:-1][:200]
            raise archive.refusal(path, f"two networks ({both}); save one of them alone")


def names_for(
    family: str, scheme: Scheme, parts: Sequence[Part], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, str]:
    """The names read as those of a family; empty where they cannot be."""
    layers = convolutions(BLOCKS[family])
    by_place = dict(zip(scheme.places(BLOCKS[family]), layers))
    if any(part.place not in by_place for part in parts):
        return {}
    names = {f"{by_place[part.place]}_{part.kind}": part.name for part in parts}
    weights = {layer: names.get(f"{layer}_weight") for layer in layers}
    kernels = {layer: shapes[name] for layer, name in weights.items() if name}
    # VGG-16's names are a subset of VGG-19's: the end of block 3 tells, where block 4 is there.
    if "conv4_1" in kernels and BLOCK_ENDS[family] not in kernels:
        return {}
    by_number = scheme.places is not block_places
    if by_number and widens(kernels, scheme.layout, "conv3_3", "conv3_4"):
        return {}
    if scheme.places is numbers and miscounted(kernels, family, scheme.layout):
        return {}
    return names


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
