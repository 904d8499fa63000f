"""A trained painting network in one file: what it is, how it was made, its values. Pure numpy.

A checkpoint file (see `system.checkpoint_file`) of its own kind: facts as JSON, values in float16,
SHA-256 at the end.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from nstyle import __version__
from nstyle.errors import CheckpointError, WeightsError
from nstyle.feedforward import ANY_STYLE, ONE_STYLE, STRUCTURE
from nstyle.images import codecs, image_file
from nstyle.images.picture import Picture
from nstyle.networks.training.checkpoint import half
from nstyle.networks.weights.eight_bits import packed, unpacked
from nstyle.system import checkpoint_file

__all__ = ["ANY_STYLE", "ONE_STYLE", "NetworkFile", "read", "write"]

KIND = "painting network"
FORM = {  # of its facts
    "network": (ANY_STYLE, ONE_STYLE),
    "shape": dict,
    "about": dict,
    "thumbnail": (str, None),
}
SHAPES: dict[str, dict[str, Any]] = {
    ANY_STYLE: {"widths": lambda found: is_widths(found)},
    ONE_STYLE: {"widths": lambda found: is_widths(found), "mean": lambda mean: is_colour(mean)},
}
THUMBNAIL = 256  # px, long edge


@dataclass(frozen=True)
class NetworkFile:
    """network: ANY_STYLE or ONE_STYLE; shape: what its constructor is told; arrays: float32.

    about: version, options of the training, "style" (a name) and the like; thumbnail: of the style.
    """

    network: str
    shape: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Any] = field(default_factory=dict)
    thumbnail: Picture | None = None
    path: str = "the network"


def write(path: str, file: NetworkFile, bits: int = 16) -> None:
    """Write atomically. Raises WeightsError for values that float16 cannot hold, OSError.

    bits: 16 for float16; 8 for kernels in 8 bits with a factor per channel, half the size.
    """
    small = {name for name in file.arrays if bits == 8 and name.endswith("weight")}
    kernels = {name: packed(file.arrays[name]) for name in small}
    rest = {name: a for name, a in file.arrays.items() if name not in small}
    groups = {
        "values": {name: half(path, values) for name, values in rest.items()},
        "integers": {name: integers for name, (integers, _) in kernels.items()},
        "factors": {name: factors for name, (_, factors) in kernels.items()},
    }
    facts = {
        "network": file.network,
        "structure": STRUCTURE[file.network],
        "shape": dict(file.shape),
        "about": {"version": __version__, **file.about},
        "thumbnail": encoded(file.thumbnail) if file.thumbnail else None,
    }
    checkpoint_file.write(path, KIND, facts, groups)


def read(path: str) -> NetworkFile:
    """Raises WeightsError: absent, no such file, damaged, or made by a version to come or by one
    whose networks were others.
    """
    try:
        facts, groups = checkpoint_file.read(os.fspath(path), KIND, FORM)
    except CheckpointError as error:
        reason = str(error).replace("is no checkpoint", "is no painting network")
        raise WeightsError(f"{reason}; give a file that nstyle train wrote") from error
    if facts.get("structure", 1) != STRUCTURE.get(facts["network"]):
        raise WeightsError(
            f"{path}: is of a version of nstyle whose networks paint otherwise; train anew"
        )
    halves = groups.get("values", {})
    if any(values.dtype != np.float16 for values in halves.values()):
        raise WeightsError(f"{path}: its values are not in float16; train anew")
    arrays = {name: values.astype(np.float32) for name, values in halves.items()}
    for name, integers in groups.get("integers", {}).items():
        factors = groups.get("factors", {}).get(name, np.empty(0))
        if integers.dtype != np.int8 or factors.shape != integers.shape[:1]:
            raise WeightsError(f"{path}: {name} is not in 8 bits as it should be; train anew")
        arrays[name] = unpacked(integers, factors)
    check_shape(path, facts["network"], facts["shape"], arrays)
    try:
        picture = decoded(facts["thumbnail"]) if facts["thumbnail"] else None
    except Exception as error:  # pillow raises nearly anything
        raise WeightsError(f"{path}: its thumbnail is damaged; train anew") from error
    return NetworkFile(facts["network"], facts["shape"], arrays, facts["about"], picture, path)


def is_widths(found: Any) -> bool:
    """Whether it is a list of channels as ImageNetwork takes it."""
    return checkpoint_file.agrees(found, [int]) and len(found) == 4


def is_colour(mean: Any) -> bool:
    """Whether it is three numbers of 0..255."""
    known = checkpoint_file.agrees(mean, [float]) and len(mean) == 3
    return known and all(0 <= value <= 255 for value in mean)


def check_shape(
    path: str, network: str, shape: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Refuse what would make no network, or one without end. Raises WeightsError."""
    widths = shape.get("widths", ())
    edges = {edge for values in arrays.values() for edge in values.shape}
    if (
        set(shape) != set(SHAPES[network])
        or not checkpoint_file.agrees(shape, SHAPES[network])
        or not edges.issuperset(widths)
    ):
        raise WeightsError(
            f"{path}: its shape {str(shape)[:100]} is that of no network; train anew"
        )


def encoded(picture: Picture) -> str:
    """A small JPEG as text."""
    small = picture.to_pil().convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return base64.b64encode(codecs.saved(small, "JPEG", quality=85)).decode()


def decoded(text: str) -> Picture:
    """The picture of such a text. Raises ImageError."""
    with Image.open(io.BytesIO(base64.b64decode(text)), formats=["JPEG"]) as opened:
        return image_file.read(opened)
