"""Builds the objective for pictures of one size: targets and losses. Loads MXNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.images.picture import Picture
from nstyle.losses.base import LossTerm
from nstyle.losses.style import STYLE_DISTANCES, blend
from nstyle.networks import preprocessing
from nstyle.networks.features import CompiledVGG
from nstyle.optimize import loss_terms
from nstyle.optimize.context import PaintContext
from nstyle.optimize.extractor import FeatureExtractor, load_network
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.objective import Objective
from nstyle.optimize.planning import memory
from nstyle.optimize.planning.plan import Budget, Plan
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.objective import TiledObjective
from nstyle.optimize.tiles.sources import FeatureSource, WholeImage
from nstyle.options.options import Options
from nstyle.system import backend, checksums
from nstyle.system.backend import nd

# (the losses of the options, the photo) -> further ones.
MoreTerms = Callable[[Sequence[LossTerm], FeatureSource], Sequence[LossTerm]]


@dataclass(frozen=True)
class PaintSetup:
    """The values all sizes of a painting share."""

    options: Options
    extractor: FeatureExtractor
    plan: Plan

    def array(self, picture: Picture) -> np.ndarray:
        """The network's input, float32 (1, 3, H, W), made anew each time."""
        return preprocessing.to_array(picture, self.extractor.convention, self.options.pixel_range)


def set_up(
    inputs: Inputs,
    options: Options,
    device: Any,
    context: PaintContext | None = None,
    budget: Budget = Budget(),  # noqa: B008, it is frozen
) -> PaintSetup:
    """The network loaded, the plan made. Raises WeightsError, OptionError."""
    extractor = load_network(inputs, options, device, context)
    plan = Plan(inputs, options, extractor, free_memory(budget, device), budget.regions)
    return PaintSetup(options, extractor, plan)


def free_memory(budget: Budget, device: Any) -> int | None:
    """Bytes a painting may take on the device; None for any. A budget in bytes is of a CPU's."""
    if device.device_type != "cpu" and budget.free is not None:
        return backend.free_memory(device)
    return (
        budget.free if isinstance(budget.free, int) or budget.free is None else memory.available()
    )


def build(setup: PaintSetup, inputs: Inputs) -> Objective:
    """The objective for these pictures, with its targets taken from photo and styles."""
    release_memory()  # of the size before
    paintings = look_at_paintings(setup, inputs)
    release_memory()
    return make_objective(setup, inputs, paintings, compiled(setup, inputs))


def look_at_paintings(setup: PaintSetup, inputs: Inputs) -> list[loss_terms.Shown]:
    """Style targets of each painting, at its size in `inputs`."""
    # One after another, as their layers are large.
    return [shown_by(setup, inputs, number) for number in range(len(inputs.styles))]


def shown_by(setup: PaintSetup, inputs: Inputs, number: int) -> loss_terms.Shown:
    """Style targets of a painting, cached if there is a cache; number: which."""
    painting, options, extractor = inputs.styles[number], setup.options, setup.extractor
    tiling = setup.plan.style_tiling(painting.size)

    def targets() -> loss_terms.Shown:
        view = extractor.view(setup.array(painting), tiling)
        return loss_terms.look_at(inputs, options, number, view)

    if extractor.styles is None:
        return targets()
    parts = [region.styles[number] for region in inputs.regions]
    chosen = options.style_layers, options.style_loss, options.pixel_range
    return extractor.styles.find((checksums.of_value([painting, parts]), chosen, tiling), targets)


def compiled(setup: PaintSetup, inputs: Inputs) -> CompiledVGG | TiledFeatures:
    """The network for photos of the size in `inputs`: for all of one at once, or its tiles."""
    size = inputs.photo.size
    tiling = setup.plan.tiling(size)
    if tiling is not None:
        return setup.extractor.pieces(tiling)
    return setup.extractor.features((1, 3, size[1], size[0]))


def release_memory() -> None:
    """Wait for MXNet, then return freed memory to the system."""
    nd.waitall()
    memory.give_back()


def make_objective(
    setup: PaintSetup,
    inputs: Inputs,
    paintings: Sequence[loss_terms.Shown],
    network: CompiledVGG | TiledFeatures,
    more: MoreTerms = lambda terms, view: (),
) -> Objective:
    """The objective; network: compiled for the photo's size; more: makes further losses."""
    photo, device = setup.array(inputs.photo), setup.extractor.device
    kept = inputs.kept
    # 1 where the picture may change, 0 where the photo is kept, (1, 1, H, W); None for all 1.
    free = None if kept is None else nd.array(1 - kept[np.newaxis, np.newaxis], ctx=device)
    clip_norm = setup.options.clip_norm * photo.size

    def terms(view: FeatureSource) -> list[LossTerm]:
        scales = setup.extractor.layer_scales
        usual = loss_terms.build_terms(inputs, setup.options, scales, view, paintings)
        return [*usual, *more(usual, view)]

    if isinstance(network, TiledFeatures):
        return TiledObjective(network, terms(TiledSource(network, photo)), clip_norm, free)
    view = WholeImage(network.forward(nd.array(photo, ctx=device)))
    return Objective(network, terms(view), clip_norm, free)


def distances(setup: PaintSetup, inputs: Inputs, x: np.ndarray) -> dict[str, float]:
    """Relative squared distances of an array to its photo and styles, by layer.

    "content:relu4_2": ||F - P||^2 / ||P||^2; "style:relu1_1": ||G - A||^2 / ||A||^2, A the blend.
    """
    content = setup.options.content_layers.weights
    style = {f"style:{name}": (name, None) for name in setup.options.style_layers.weights}

    def look(array: np.ndarray) -> FeatureSource:
        height, width = array.shape[2:]
        return setup.extractor.view(array, setup.plan.style_tiling((width, height)))

    def style_of(view: FeatureSource) -> dict[str, Any]:
        return loss_terms.measured(view, STYLE_DISTANCES["gram"], style)

    def content_of(view: FeatureSource) -> dict[str, Any]:
        return {f"content:{name}": [tap] for name, tap in view.features(content).items()}

    def relative(value: Any, target: Any) -> float:
        return float((nd.square(value - target).sum() / nd.square(target).sum()).asscalar())

    paintings = [style_of(look(setup.array(painting))) for painting in inputs.styles]
    targets = {name: blend([p[name] for p in paintings], inputs.shares) for name in style}
    targets.update(content_of(look(setup.array(inputs.photo))))
    view = look(x)
    values = {**style_of(view), **content_of(view)}
    return {name: relative(values[name][0], target[0]) for name, target in targets.items()}
