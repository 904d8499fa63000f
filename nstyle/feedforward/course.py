"""A network, what it is taught and how it is seen to learn, put together. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nstyle import pixels, problem
from nstyle.backend import nd
from nstyle.errors import WeightsError
from nstyle.feedforward import ONE_STYLE, training
from nstyle.feedforward.decoder import TAPS, Decoder
from nstyle.feedforward.lessons import AnyStyle, OneStyle
from nstyle.feedforward.looks import look
from nstyle.feedforward.material import Example, Material
from nstyle.feedforward.options import TrainOptions
from nstyle.feedforward.perception import Perception
from nstyle.feedforward.preview import Entry, Preview
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.feedforward.training import Training
from nstyle.learning.pictures import Crops
from nstyle.learning.recolouring import Recoloured
from nstyle.options import Options
from nstyle.problem import Setting

# What the photo's content counts beside the style for any style, at --content-weight 10.
CONTENT = 0.2


@dataclass(frozen=True)
class Course:
    """shape: what the network's constructor was told; preview: None where nothing is held out."""

    shape: Mapping[str, Any]
    training: Training
    preview: Preview | None


def plan(found: Material, wanted: TrainOptions, options: Options, device: Any) -> Course:
    """Everything built and filled, at the step the checkpoint was at. Raises WeightsError."""
    setting = problem.load_network(found.given, options, device)
    shape = {**wanted.shape, "mean": list(setting.convention.mean)}
    if wanted.network != ONE_STYLE:
        shape["channels"] = {tap: setting.widths[tap.replace("relu", "conv")] for tap in TAPS}
    if found.start and dict(found.start.shape) != shape:
        raise WeightsError(f"--start: {wanted.start} was trained with another network's eyes")
    network = build(wanted.network, shape, seed=wanted.seed, device=device)
    if found.start:
        training.fill(network, found.start.arrays)
    network.hybridize(static_alloc=True, static_shape=True)
    perception = Perception(setting, found.given, options, device)
    lessons = lessons_of(found, wanted, options, perception)
    begun = Training(network, lessons, rate=wanted.rate, batch=wanted.batch)
    if found.saved:
        begun.restore(found.saved)
    entries = [Entry(each, inputs_of(each, setting, device)) for each in found.examples]
    painter = build(wanted.network, shape, seed=wanted.seed, device=device)
    preview = Preview(painter, entries, setting.convention, found.style)
    return Course(shape, begun, preview if entries else None)


def build(kind: str, shape: Mapping[str, Any], *, seed: int = 0, device: Any = None) -> Any:
    """A network with random values. kind: ONE_STYLE or ANY_STYLE; shape: as in NetworkFile."""
    network = (ResidualNetwork if kind == ONE_STYLE else Decoder)(**shape)
    training.start(network, seed, device)
    return network


def lessons_of(
    found: Material, wanted: TrainOptions, options: Options, perception: Perception
) -> OneStyle | AnyStyle:
    """What the network is taught."""
    knobs: dict[str, Any] = {
        "crop": wanted.crop,
        "batch": 1,
        "convention": perception.setting.convention,
    }
    photos = Crops(found.photos, seed=wanted.seed + 1, **knobs)
    if wanted.network == ONE_STYLE:
        return OneStyle(perception, photos)
    paintings = Recoloured(
        Crops(found.paintings, seed=wanted.seed + 2, **knobs),
        seed=wanted.seed,
        convention=perception.setting.convention,
    )
    share = options.content_weight / Options.content_weight
    return AnyStyle(perception, photos, paintings, content=CONTENT * share)


def inputs_of(example: Example, setting: Setting, device: Any) -> list[Any]:
    """What the network is given of an example."""
    photo = pixels.to_array(example.photo, setting.convention)
    if example.painting is None:
        return [nd.array(photo, ctx=device)]
    painting = pixels.to_array(example.painting, setting.convention)
    seen = setting.look(photo, device)
    taps = [seen[tap].copy() for tap in TAPS[:3]]
    return taps + look(setting.look(painting, device))
