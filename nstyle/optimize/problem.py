"""What is minimised: targets and terms for pictures of one size. Loads MXNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.images.picture import Picture
from nstyle.losses.image import LossTerm
from nstyle.losses.normalization import NORMALIZATIONS, Normalization
from nstyle.losses.style import STYLE_DISTANCES, blend
from nstyle.networks import preprocessing
from nstyle.networks.features import Features
from nstyle.networks.preprocessing import Preprocessing
from nstyle.optimize import loss_terms
from nstyle.optimize.extractor import FeatureExtractor
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.objective import Objective
from nstyle.optimize.planning import memory
from nstyle.optimize.planning.plan import Plan
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.objective import TiledObjective
from nstyle.optimize.tiles.sources import FeatureSource, WholeImage
from nstyle.options.options import Options
from nstyle.options.parse import parse_layers
from nstyle.system import checksums
from nstyle.system.backend import nd


@dataclass(frozen=True)
class Problem:
    """An objective, and what is needed to read its arrays.

    executor: an Objective, or what keeps its contract (see `mural`).
    """

    executor: Any
    picture: Picture
    convention: Preprocessing
    options: Options

    @property
    def photo(self) -> np.ndarray:
        """The content as float32 (1, 3, H, W) in the convention's space; made anew each time."""
        return preprocessing.to_array(self.picture, self.convention, self.options.pixel_range)

    @property
    def normalization(self) -> Normalization:
        """How the recipe scales its terms."""
        return NORMALIZATIONS[self.options.normalization]


def build(extractor: FeatureExtractor, inputs: Inputs, options: Options, device: Any) -> Problem:
    """The objective for these pictures, with its targets taken from photo and styles."""
    release_memory()  # of the size before
    paintings = look_at_paintings(extractor, inputs, options, device)
    release_memory()
    network = compiled(extractor, inputs, options, device)
    executor = make_executor(extractor, inputs, options, device, paintings, network)
    return Problem(executor, inputs.photo, extractor.convention, options)


def look_at_paintings(
    extractor: FeatureExtractor, inputs: Inputs, options: Options, device: Any
) -> list[loss_terms.Shown]:
    """What each painting shows to the style loss, at its size in `inputs`."""
    # One after another, as their layers are large.
    count = len(inputs.styles)
    return [shown_by(extractor, inputs, options, device, number) for number in range(count)]


def shown_by(
    extractor: FeatureExtractor, inputs: Inputs, options: Options, device: Any, number: int
) -> loss_terms.Shown:
    """What a painting shows; number: which. Not looked at again where that is kept."""
    painting = inputs.styles[number]
    tiling = Plan(inputs, options, extractor).style_tiling(painting.size)

    def look() -> loss_terms.Shown:
        x = preprocessing.to_array(painting, extractor.convention, options.pixel_range)
        return loss_terms.look_at(inputs, options, number, extractor.view(x, device, tiling))

    if extractor.looks is None:
        return look()
    parts = [region.styles[number] for region in inputs.regions]
    asked = options.style_layers, options.style_loss, options.pixel_range
    return extractor.looks.find((checksums.of_value([painting, parts]), asked, tiling), look)


def compiled(
    extractor: FeatureExtractor, inputs: Inputs, options: Options, device: Any
) -> Features | TiledFeatures:
    """The network for photos of the size in `inputs`: for all of one at once, or its tiles."""
    size = inputs.photo.size
    tiling = Plan(inputs, options, extractor).tiling(size)
    if tiling is not None:
        return extractor.pieces(tiling, device)
    return extractor.features((1, 3, size[1], size[0]), device)


def release_memory() -> None:
    """Of memory that is free once MXNet has done what it was told."""
    nd.waitall()
    memory.give_back()


def make_executor(
    extractor: FeatureExtractor,
    inputs: Inputs,
    options: Options,
    device: Any,
    paintings: Sequence[loss_terms.Shown],
    network: Features | TiledFeatures,
    more: Callable[
        [Sequence[LossTerm], FeatureSource], Sequence[LossTerm]
    ] = lambda terms, view: (),
) -> Objective:
    """The objective; network: compiled for the photo's size; more: from the summands of the options
    and the photo, those besides.
    """
    photo = preprocessing.to_array(inputs.photo, extractor.convention, options.pixel_range)
    knobs = {
        "device": device,
        "clip_norm": options.clip_norm * photo.size,
        "free": free_pixels(inputs, device),
    }

    def terms(view: FeatureSource) -> list[LossTerm]:
        found = loss_terms.build_terms(inputs, options, extractor.layer_scales, view, paintings)
        return [*found, *more(found, view)]

    if isinstance(network, TiledFeatures):
        return TiledObjective(network, terms(TiledSource(network, photo)), **knobs)
    view = WholeImage(network.forward(nd.array(photo, ctx=device)))
    return Objective(network, terms(view), **knobs)


def free_pixels(inputs: Inputs, device: Any) -> Any:
    """1 where the picture may change, 0 where the photo is kept, (1, 1, H, W); None for all 1."""
    kept = inputs.kept
    return None if kept is None else nd.array(1 - kept[np.newaxis, np.newaxis], ctx=device)


def distances(
    extractor: FeatureExtractor, inputs: Inputs, x: np.ndarray, options: Options, device: Any
) -> dict[str, float]:
    """Relative squared distances of an array to its photo and styles, by layer.

    "content:relu4_2": ||F - P||^2 / ||P||^2; "style:relu1_1": ||G - A||^2 / ||A||^2, A the blend.
    """
    content = parse_layers(options.content_layers, "content_layers")
    style = parse_layers(options.style_layers, "style_layers")
    plan = Plan(inputs, options, extractor)

    def look(array: np.ndarray) -> FeatureSource:
        height, width = array.shape[2:]
        return extractor.view(array, device, plan.style_tiling((width, height)))

    def of_picture(picture: Picture) -> FeatureSource:
        return look(preprocessing.to_array(picture, extractor.convention, options.pixel_range))

    def style_of(view: FeatureSource) -> dict[str, Any]:
        found = loss_terms.measured(
            view, STYLE_DISTANCES["gram"], {name: (name, None) for name in style}
        )
        return {f"style:{name}": target for name, target in found.items()}

    def content_of(view: FeatureSource) -> dict[str, Any]:
        return {f"content:{name}": [tap] for name, tap in view.features(content).items()}

    paintings = [style_of(of_picture(painting)) for painting in inputs.styles]
    wanted = {name: blend([p[name] for p in paintings], inputs.shares) for name in paintings[0]}
    wanted.update(content_of(of_picture(inputs.photo)))
    view = look(x)
    seen = {**style_of(view), **content_of(view)}
    return {name: relative(seen[name][0], target[0]) for name, target in wanted.items()}


def relative(value: Any, target: Any) -> float:
    """||value - target||^2 / ||target||^2."""
    return float((nd.square(value - target).sum() / nd.square(target).sum()).asscalar())
