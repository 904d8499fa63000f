"""A network, what it is taught and how it is seen to learn, put together. Loads MXNet."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.feedforward import ONE_STYLE, ready_styles
from nstyle.feedforward.any_style import AnyStyle
from nstyle.feedforward.blocks import fill, start
from nstyle.feedforward.grain import grained
from nstyle.feedforward.network_file import NetworkFile
from nstyle.feedforward.one_style import OneStyleNetwork
from nstyle.feedforward.ready_styles import READY
from nstyle.feedforward.style_prediction import AnyStyleNetwork, Encoder
from nstyle.feedforward.train.dataset import Example, TrainingData
from nstyle.feedforward.train.loop import Training
from nstyle.feedforward.train.objectives import AnyStyleSamples, OneStyleSamples, chosen
from nstyle.feedforward.train.options import LOSS_OF, TrainOptions
from nstyle.feedforward.train.perceptual_loss import PerceptualLoss
from nstyle.images import contact_sheet
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.networks.training.data import Crops, Recoloured, WholePictures
from nstyle.optimize.extractor import load_network
from nstyle.optimize.problem import FeatureExtractor
from nstyle.options.options import Options
from nstyle.system.backend import autograd, nd

# What the photo's content counts beside the style for any style, at --content-weight 10.
CONTENT = 0.4
# The largest norm of any style's gradient. It is 2 to 5 usually; a pair whose gradient is ten times
# larger would undo what hundreds of steps have learned.
CLIP = 5.0
ENLARGED = 1.6  # how much crops are enlarged at most
FASTER = 20.0  # rate of ready styles' numbers over that of the rest: each is seen seldom
VERSIONS = 4  # of each painting, in size and colours
MANY = 600  # paintings that say which statistics are usual


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
    encoder = Encoder(device) if request.paintings else None
    network = build(data, request, extractor, encoder, device)
    if data.start:
        fill(network, begun_with(data.start, data, device), data.start.path)
    elif encoder:
        _, which, paintings = pictures_of(data, request, extractor.convention)
        numbers = range(min(MANY, VERSIONS * len(data.paintings)))
        seen = [encoder(paintings(which(number))).asnumpy() for number in numbers]
        network.predictor.standardise(np.concatenate(seen))
    network.hybridize(static_alloc=True, static_shape=True)
    perception = PerceptualLoss(extractor, data.inputs, options)
    lessons = lessons_of(data, request, options, perception, encoder)
    assert request.rate is not None  # see TrainOptions
    clip = CLIP if encoder else math.inf
    knobs: dict[str, Any] = {"clip": clip, "scales": {READY: FASTER}}
    begun = Training(network, lessons, rate=request.rate, batch=request.batch, **knobs)
    if data.saved:
        begun.restore(data.saved)
    look = functools.partial(inputs_of, extractor=extractor, device=device, encoder=encoder)
    examples = [(each, look(each, ready=len(data.ready))) for each in data.examples]
    network = build(data, request, extractor, encoder, device)
    preview = Preview(network, examples, extractor.convention, data.style)
    return TrainingSetup(shape_of(request, extractor), begun, preview if examples else None)


def begun_with(file: NetworkFile, data: TrainingData, device: Any) -> Mapping[str, np.ndarray]:
    """Values to begin with: those of the file, and for the styles that the new one shall have of
    its own what the file learned or predicts.
    """
    if file.network == ONE_STYLE or not (data.style or data.ready):
        return file.arrays
    network = AnyStyle(file, device)
    if data.style:
        shared = {name: a for name, a in file.arrays.items() if name.startswith("image_")}
        return {**shared, "style": network.look_at(data.style).asnumpy()}
    known = ready_styles.beside(file.path)
    numbers = [
        known[row.name].numbers if row.name in known else network.look_at(painting).asnumpy()
        for row, painting in data.ready
    ]
    return {**file.arrays, READY: np.stack(numbers)}


def shape_of(request: TrainOptions, extractor: FeatureExtractor) -> dict[str, Any]:
    """As NetworkFile has it. An encoder says itself what its mean is."""
    mean = {"mean": list(extractor.convention.mean)} if request.network == ONE_STYLE else {}
    return {**request.shape, **mean}


def build(
    data: TrainingData,
    request: TrainOptions,
    extractor: FeatureExtractor,
    encoder: Encoder | None,
    device: Any,
) -> Any:
    """The network with random values; it computes as the loss network does."""
    shape = {**shape_of(request, extractor), "bfloat16": extractor.in_bfloat16(request.crop)}
    if encoder is None:
        network = OneStyleNetwork(**shape)
    else:
        shape |= {"mean": extractor.convention.mean, "ready": len(data.ready)}
        network = AnyStyleNetwork(encoder.count, **shape)
    start(network, request.seed, device)
    return network


def lessons_of(
    data: TrainingData,
    request: TrainOptions,
    options: Options,
    perception: PerceptualLoss,
    encoder: Encoder | None,
) -> OneStyleSamples | AnyStyleSamples:
    """The training samples."""
    convention, seed = perception.extractor.convention, request.seed
    if encoder is None:
        photos = Crops(data.photos, request.crop, 1, seed + 1, convention)
        return OneStyleSamples(perception, photos, seed=seed, colours=request.colours)
    photos, which, paintings = pictures_of(data, request, convention)
    share = options.content_weight / LOSS_OF[request.network]["content_weight"]
    ready = [preprocessing.to_array(painting, convention) for _, painting in data.ready]
    knobs: dict[str, Any] = {"content": CONTENT * share, "seen": encoder, "seed": seed}
    knobs["ready"] = ready
    return AnyStyleSamples(perception, photos, which, paintings, **knobs)


def pictures_of(data: TrainingData, request: TrainOptions, convention: Any) -> tuple[Any, Any, Any]:
    """Photos by number, crops of one size, enlarged, too, as people paint larger; the painting's
    number by number; whole paintings by theirs.
    """
    edge, seed = request.crop, request.seed
    photos = Crops(data.photos, edge, 1, seed + 1, convention, ENLARGED)
    paintings = WholePictures(data.paintings, edge, VERSIONS, seed + 2, convention)
    return photos, paintings.which, Recoloured(paintings, seed, convention)


def inputs_of(
    example: Example,
    extractor: FeatureExtractor,
    device: Any,
    encoder: Encoder | None,
    ready: int = 0,
) -> list[Any]:
    """The network's inputs for an example. ready: how many ready styles it has."""
    photo = preprocessing.to_array(example.photo, extractor.convention)
    if encoder is None or example.painting is None:
        return [nd.array(grained(photo), ctx=device)]
    painting = preprocessing.to_array(example.painting, extractor.convention)
    inputs = [nd.array(grained(photo), ctx=device), encoder(painting)]
    return [*inputs, nd.array(chosen(None, ready), ctx=device)] if ready else inputs
