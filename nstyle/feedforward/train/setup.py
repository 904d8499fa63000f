"""A network, what it is taught and how it is seen to learn, put together. Loads MXNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nstyle.feedforward import ONE_STYLE, SHOWN, TAPS
from nstyle.feedforward.any_style import look
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.decoder import Decoder
from nstyle.feedforward.one_style import grained
from nstyle.feedforward.residual import ResidualNetwork
from nstyle.feedforward.train.dataset import Example, TrainingData
from nstyle.feedforward.train.loop import Training
from nstyle.feedforward.train.objectives import AnyStyleSamples, OneStyleSamples
from nstyle.feedforward.train.options import TrainOptions
from nstyle.feedforward.train.perceptual_loss import PerceptualLoss
from nstyle.feedforward.train.preview import Entry, Preview
from nstyle.networks import preprocessing
from nstyle.networks.training.augment import Recoloured
from nstyle.networks.training.data import Crops
from nstyle.optimize.extractor import load_network
from nstyle.optimize.problem import FeatureExtractor
from nstyle.options.options import Options
from nstyle.system.backend import nd

# What the photo's content counts beside the style for any style, at --content-weight 10.
CONTENT = 0.2


@dataclass(frozen=True)
class TrainingSetup:
    """shape: of the network, for its file; preview: None where nothing is held out."""

    shape: dict[str, Any]
    training: Training
    preview: Preview | None


def plan(found: TrainingData, wanted: TrainOptions, options: Options, device: Any) -> TrainingSetup:
    """Everything built and filled, at the step the checkpoint was at. Raises WeightsError."""
    extractor = load_network(found.given, options, device)
    network = build(wanted, extractor, device)
    if found.start:
        fill(network, found.start.arrays, found.start.path)
    network.hybridize(static_alloc=True, static_shape=True)
    perception = PerceptualLoss(extractor, found.given, options, device)
    lessons = lessons_of(found, wanted, options, perception)
    assert wanted.rate is not None  # see TrainOptions
    begun = Training(network, lessons, rate=wanted.rate, batch=wanted.batch)
    if found.saved:
        begun.restore(found.saved)
    entries = [Entry(each, inputs_of(each, extractor, device)) for each in found.examples]
    preview = Preview(build(wanted, extractor, device), entries, extractor.convention, found.style)
    return TrainingSetup(shape_of(wanted, extractor), begun, preview if entries else None)


def shape_of(wanted: TrainOptions, extractor: FeatureExtractor) -> dict[str, Any]:
    """As NetworkFile has it. An encoder says itself what its mean is."""
    mean = {"mean": list(extractor.convention.mean)} if wanted.network == ONE_STYLE else {}
    return {**wanted.shape, **mean}


def build(wanted: TrainOptions, extractor: FeatureExtractor, device: Any) -> Any:
    """The network with random values."""
    shape = shape_of(wanted, extractor)
    if wanted.network == ONE_STYLE:
        network = ResidualNetwork(**shape)
    else:
        channels = {tap: extractor.widths[tap.replace("relu", "conv")] for tap in TAPS}
        network = Decoder(channels, extractor.convention.mean, **shape)
    start(network, wanted.seed, device)
    return network


def lessons_of(
    found: TrainingData, wanted: TrainOptions, options: Options, perception: PerceptualLoss
) -> OneStyleSamples | AnyStyleSamples:
    """The training samples."""
    knobs: dict[str, Any] = {
        "crop": wanted.crop,
        "batch": 1,
        "convention": perception.extractor.convention,
    }
    photos = Crops(found.photos, seed=wanted.seed + 1, **knobs)
    if wanted.network == ONE_STYLE:
        return OneStyleSamples(perception, photos, seed=wanted.seed, colours=wanted.colours)
    paintings = Recoloured(
        Crops(found.paintings, seed=wanted.seed + 2, **knobs),
        seed=wanted.seed,
        convention=perception.extractor.convention,
    )
    share = options.content_weight / Options.content_weight
    return AnyStyleSamples(perception, photos, paintings, content=CONTENT * share)


def inputs_of(example: Example, extractor: FeatureExtractor, device: Any) -> list[Any]:
    """The network's inputs for an example."""
    photo = preprocessing.to_array(example.photo, extractor.convention)
    if example.painting is None:
        return [nd.array(grained(photo), ctx=device)]
    painting = preprocessing.to_array(example.painting, extractor.convention)
    seen = extractor.look(photo, device)
    taps = [seen[tap].copy() for tap in TAPS[:SHOWN]]
    return taps + look(extractor.look(painting, device))
