"""The loss of any picture, for people with an optimiser of their own, and scores to compare tools.

Nothing is painted here: pictures are judged at their own size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import ImageError
from nstyle.images import image_file as images
from nstyle.images.color import LUMA
from nstyle.optimize import inputs
from nstyle.optimize.context import PaintContext
from nstyle.options import presets
from nstyle.options.options import Options
from nstyle.options.words import Layers
from nstyle.system import runtime


@dataclass(frozen=True)
class Evaluation:
    """loss: the sum of `terms`; gradient: float32 HxWx3, with respect to pixels in 0..1."""

    loss: float
    terms: Mapping[str, float]
    gradient: np.ndarray


@dataclass(frozen=True)
class Score:
    """Distances of a picture from photo and painting; 0 is the same.

    layers: "content:relu4_2" -> ||F - P||^2 / ||P||^2, "style:relu1_1" -> ||G - A||^2 / ||A||^2 (G,
    A Gram matrices per position). content, style: their means, weighted as the layers are.
    """

    content: float
    style: float
    layers: Mapping[str, float]


def evaluate(
    image: Any,
    content: Any,
    style: Any,
    *,
    preset: str | None = None,
    options: Options | None = None,
    **fields: Any,
) -> Evaluation:
    """The loss of `image` with respect to a photo and a painting, its terms and its gradient.

    image: as for stylize, or HxWx3 floats that may leave 0..1; it is judged at its own size, to
    which the photo is brought. options: an Options; fields: single ones of its fields; "auto" for
    the precision means float32 here. Raises OptionError, ImageError, WeightsError, BackendError.
    Gatys et al. (arXiv:1508.06576), equation 7.
    """
    if not isinstance(options, Options) or options.precision == "auto":
        fields = {"precision": "float32", **fields}
    chosen = presets.resolve(fields, preset, options)
    values = floats_of(image, chosen)
    gathered, setup = set_up(values, content, style, chosen)
    from nstyle.networks import preprocessing
    from nstyle.optimize import problem  # here, because they load MXNet

    objective = problem.build(setup, gathered)
    if gathered.chroma is not None:
        values = np.repeat((values @ LUMA.astype(np.float32))[..., np.newaxis], 3, axis=2)
    x = preprocessing.from_floats(values, setup.extractor.convention, chosen.pixel_range)
    loss, gradient = objective(objective.load(x))
    slope = objective.read(gradient)[0].transpose(1, 2, 0) * np.float32(chosen.pixel_range)
    return Evaluation(float(loss), dict(objective.terms), np.ascontiguousarray(slope))


def score(pictures: Iterable[Any], content: Any, style: Any, options: Options) -> Iterator[Score]:
    """Scores of pictures, one after another, each at its own size. Raises as evaluate does."""
    context = PaintContext()
    pictures = list(pictures)
    for picture in pictures:  # before any work: a bad one shall not be found after the good ones
        floats_of(picture, options)
    for picture in pictures:
        values = floats_of(picture, options)
        gathered, setup = set_up(values, content, style, options, context)
        from nstyle.networks import preprocessing
        from nstyle.optimize import problem  # here, because they load MXNet

        x = preprocessing.from_floats(values, setup.extractor.convention, options.pixel_range)
        distances = problem.distances(setup, gathered, x)
        content_mean = mean(distances, "content", options.content_layers)
        yield Score(content_mean, mean(distances, "style", options.style_layers), distances)


def set_up(
    values: np.ndarray,
    content: Any,
    style: Any,
    options: Options,
    context: PaintContext | None = None,
) -> tuple[inputs.Inputs, Any]:
    """(inputs at the size of these HxWx3 values, the problem.PaintSetup for them)."""
    size = values.shape[1], values.shape[0]
    gathered = inputs.gather(content, style, options, size=size)
    runtime.prepare(options.threads)
    from nstyle.optimize import problem  # here, because they load MXNet
    from nstyle.system import backend

    return gathered, problem.set_up(gathered, options, backend.device(options.gpu), context)


def floats_of(picture: Any, options: Options) -> np.ndarray:
    """HxWx3 floats of anything stylize takes; arrays of HxWx3 floats may leave 0..1."""
    plain = isinstance(picture, np.ndarray) and picture.dtype.kind == "f" and picture.ndim == 3
    if not plain or picture.shape[2] != 3 or min(picture.shape[:2]) < images.MIN_EDGE:
        return images.read(picture, max_pixels=options.max_pixels).floats()
    if not np.isfinite(picture).all():
        raise ImageError("the given picture has values that are not finite")
    return np.asarray(picture, np.float32)


def mean(distances: Mapping[str, float], kind: str, layers: Layers) -> float:
    """The mean over the layers of a kind, by their weights."""
    total = sum(weight * distances[f"{kind}:{name}"] for name, weight in layers.weights.items())
    return total / sum(layers.weights.values())
