"""A network, what it is taught and how it is seen to learn, put together. Loads MXNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nstyle import pixels, problem
from nstyle.backend import nd
from nstyle.feedforward import ONE_STYLE, SHOWN, TAPS
from nstyle.feedforward.decoder import Decoder
from nstyle.feedforward.grain import grained
from nstyle.feedforward.lessons import AnyStyleLessons, OneStyleLessons
from nstyle.feedforward.looks import look
from nstyle.feedforward.material import Example, Material
from nstyle.feedforward.options import TrainOptions
from nstyle.feedforward.parameters import fill, start
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
    """shape: of the network, for its file; preview: None where nothing is held out."""

    shape: dict[str, Any]
    training: Training
    preview: Preview | None


def plan(found: Material, wanted: TrainOptions, options: Options, device: Any) -> Course:
    """Everything built and filled, at the step the checkpoint was at. Raises WeightsError."""
    setting = problem.load_network(found.given, options, device)
    network = build(wanted, setting, device)
    if found.start:
        fill(network, found.start.arrays, found.start.path)
    network.hybridize(static_alloc=True, static_shape=True)
    perception = Perception(setting, found.given, options, device)
    lessons = lessons_of(found, wanted, options, perception)
    assert wanted.rate is not None  # see TrainOptions
    begun = Training(network, lessons, rate=wanted.rate, batch=wanted.batch)
    if found.saved:
        begun.restore(found.saved)
    entries = [Entry(each, inputs_of(each, setting, device)) for each in found.examples]
    preview = Preview(build(wanted, setting, device), entries, setting.convention, found.style)
    return Course(shape_of(wanted, setting), begun, preview if entries else None)


def shape_of(wanted: TrainOptions, setting: Setting) -> dict[str, Any]:
    """As NetworkFile has it. An encoder says itself what its mean is."""
    mean = {"mean": list(setting.convention.mean)} if wanted.network == ONE_STYLE else {}
    return {**wanted.shape, **mean}


def build(wanted: TrainOptions, setting: Setting, device: Any) -> Any:
    """The network with random values."""
    shape = shape_of(wanted, setting)
    if wanted.network == ONE_STYLE:
        network = ResidualNetwork(**shape)
    else:
        channels = {tap: setting.widths[tap.replace("relu", "conv")] for tap in TAPS}
        network = Decoder(channels, setting.convention.mean, **shape)
    start(network, wanted.seed, device)
    return network


def lessons_of(
    found: Material, wanted: TrainOptions, options: Options, perception: Perception
) -> OneStyleLessons | AnyStyleLessons:
    """What the network is taught."""
    knobs: dict[str, Any] = {
        "crop": wanted.crop,
        "batch": 1,
        "convention": perception.setting.convention,
    }
    photos = Crops(found.photos, seed=wanted.seed + 1, **knobs)
    if wanted.network == ONE_STYLE:
        return OneStyleLessons(perception, photos, seed=wanted.seed, colours=wanted.colours)
    paintings = Recoloured(
        Crops(found.paintings, seed=wanted.seed + 2, **knobs),
        seed=wanted.seed,
        convention=perception.setting.convention,
    )
    share = options.content_weight / Options.content_weight
    return AnyStyleLessons(perception, photos, paintings, content=CONTENT * share)


def inputs_of(example: Example, setting: Setting, device: Any) -> list[Any]:
    """What the network is given of an example."""
    photo = pixels.to_array(example.photo, setting.convention)
    if example.painting is None:
        return [nd.array(grained(photo), ctx=device)]
    painting = pixels.to_array(example.painting, setting.convention)
    seen = setting.look(photo, device)
    taps = [seen[tap].copy() for tap in TAPS[:SHOWN]]
    return taps + look(setting.look(painting, device))
