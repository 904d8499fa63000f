"""A network, what it is taught and how it is seen to learn, put together. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from nstyle.images import contact_sheet
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.networks.training.data import Crops, Recoloured
from nstyle.optimize.extractor import load_network
from nstyle.optimize.problem import FeatureExtractor
from nstyle.options.options import Options
from nstyle.system.backend import autograd, nd

# What the photo's content counts beside the style for any style, at --content-weight 10.
CONTENT = 0.2


@dataclass(frozen=True)
class Preview:
    """Paints the same photos at any time of a training.

    network: one for this alone, filled with other values each time; examples: each with what the
    network is given of it; style: shown at the left.
    """

    network: Any
    examples: Sequence[tuple[Example, Sequence[Any]]]
    convention: preprocessing.Preprocessing
    style: Picture | None

    def sheet(self, arrays: Mapping[str, np.ndarray], step: int) -> Picture:
        """A sheet painted by a network with these values. step: for the label."""
        fill(self.network, arrays, "the training")
        rows = [self._row(example, inputs) for example, inputs in self.examples]
        names = [example.name for example, _ in self.examples]
        if self.style is None:
            columns, beside = ["photo", "painting", f"step {step}"], {}
        else:
            columns, beside = ["photo", f"step {step}"], {"style": self.style}
        return contact_sheet.contact_sheet(rows, names, columns, beside)

    def _row(self, example: Example, inputs: Sequence[Any]) -> list[Picture]:
        with autograd.train_mode():  # statistics are this picture's
            output = self.network(*inputs).asnumpy()
        painted = Picture.from_floats(preprocessing.to_floats(output, self.convention), bits=8)
        shown = [example.photo, example.painting, painted]
        return [picture for picture in shown if picture is not None]


@dataclass(frozen=True)
class TrainingSetup:
    """shape: of the network, for its file; preview: None where nothing is held out."""

    shape: dict[str, Any]
    training: Training
    preview: Preview | None


def plan(data: TrainingData, request: TrainOptions, options: Options, device: Any) -> TrainingSetup:
    """Everything built and filled, at the step the checkpoint was at. Raises WeightsError."""
    extractor = load_network(data.inputs, options, device)
    network = build(request, extractor, device)
    if data.start:
        fill(network, data.start.arrays, data.start.path)
    network.hybridize(static_alloc=True, static_shape=True)
    perception = PerceptualLoss(extractor, data.inputs, options)
    lessons = lessons_of(data, request, options, perception)
    assert request.rate is not None  # see TrainOptions
    begun = Training(network, lessons, rate=request.rate, batch=request.batch)
    if data.saved:
        begun.restore(data.saved)
    examples = [(each, inputs_of(each, extractor, device)) for each in data.examples]
    network = build(request, extractor, device)
    preview = Preview(network, examples, extractor.convention, data.style)
    return TrainingSetup(shape_of(request, extractor), begun, preview if examples else None)


def shape_of(request: TrainOptions, extractor: FeatureExtractor) -> dict[str, Any]:
    """As NetworkFile has it. An encoder says itself what its mean is."""
    mean = {"mean": list(extractor.convention.mean)} if request.network == ONE_STYLE else {}
    return {**request.shape, **mean}


def build(request: TrainOptions, extractor: FeatureExtractor, device: Any) -> Any:
    """The network with random values."""
    shape = shape_of(request, extractor)
    if request.network == ONE_STYLE:
        network = ResidualNetwork(**shape)
    else:
        channels = {tap: extractor.widths[tap.replace("relu", "conv")] for tap in TAPS}
        network = Decoder(channels, extractor.convention.mean, **shape)
    start(network, request.seed, device)
    return network


def lessons_of(
    data: TrainingData, request: TrainOptions, options: Options, perception: PerceptualLoss
) -> OneStyleSamples | AnyStyleSamples:
    """The training samples."""
    convention, seed = perception.extractor.convention, request.seed
    photos = Crops(data.photos, request.crop, 1, seed + 1, convention)
    if request.network == ONE_STYLE:
        return OneStyleSamples(perception, photos, seed=seed, colours=request.colours)
    paintings = Recoloured(
        Crops(data.paintings, request.crop, 1, seed + 2, convention), seed, convention
    )
    share = options.content_weight / Options.content_weight
    return AnyStyleSamples(perception, photos, paintings, content=CONTENT * share)


def inputs_of(example: Example, extractor: FeatureExtractor, device: Any) -> list[Any]:
    """The network's inputs for an example."""
    photo = preprocessing.to_array(example.photo, extractor.convention)
    if example.painting is None:
        return [nd.array(grained(photo), ctx=device)]
    painting = preprocessing.to_array(example.painting, extractor.convention)
    seen = extractor.look(photo)
    return [seen[tap].copy() for tap in TAPS[:SHOWN]] + look(extractor.look(painting))
