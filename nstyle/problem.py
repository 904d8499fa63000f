"""What is minimised: targets and terms for pictures of one size. Loads MXNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import fingerprints, memory, pixels, targets
from nstyle.backend import nd
from nstyle.balance import NORMALIZATIONS, Normalization
from nstyle.executor import Executor, Features, Term
from nstyle.inputs import Inputs
from nstyle.options import Options
from nstyle.picture import Picture
from nstyle.pieces import InPieces, Pieces
from nstyle.pixels import Convention
from nstyle.planning import Demand
from nstyle.setting import Setting, load_network
from nstyle.styles import STYLE_LOSSES, blend
from nstyle.syntax import parse_layers
from nstyle.tiled import TiledExecutor
from nstyle.views import View, Whole

__all__ = ["Problem", "Setting", "build", "distances", "load_network"]


@dataclass(frozen=True)
class Problem:
    """An objective, and what is needed to read its arrays.

    executor: an Executor, or what keeps its contract (see `mural`).
    """

    executor: Any
    picture: Picture
    convention: Convention
    options: Options

    @property
    def photo(self) -> np.ndarray:
        """The content as float32 (1, 3, H, W) in the convention's space; made anew each time."""
        return pixels.to_array(self.picture, self.convention, self.options.pixel_range)

    @property
    def normalization(self) -> Normalization:
        """How the recipe scales its terms."""
        return NORMALIZATIONS[self.options.normalization]


def build(setting: Setting, inputs: Inputs, options: Options, device: Any) -> Problem:
    """The objective for these pictures, with its targets taken from photo and styles."""
    let_go()  # of the size before
    paintings = look_at_paintings(setting, inputs, options, device)
    let_go()
    network = compiled(setting, inputs, options, device)
    executor = make_executor(setting, inputs, options, device, paintings, network)
    return Problem(executor, inputs.photo, setting.convention, options)


def look_at_paintings(
    setting: Setting, inputs: Inputs, options: Options, device: Any
) -> list[targets.Shown]:
    """What each painting shows to the style loss, at its size in `inputs`."""
    # One after another, as their layers are large.
    count = len(inputs.styles)
    return [shown_by(setting, inputs, options, device, number) for number in range(count)]


def shown_by(
    setting: Setting, inputs: Inputs, options: Options, device: Any, number: int
) -> targets.Shown:
    """What a painting shows; number: which. Not looked at again where that is kept."""
    painting = inputs.styles[number]
    tiling = Demand(inputs, options, setting).style_tiling(painting.size)

    def look() -> targets.Shown:
        x = pixels.to_array(painting, setting.convention, options.pixel_range)
        return targets.look_at(inputs, options, number, setting.view(x, device, tiling))

    if setting.looks is None:
        return look()
    parts = [region.styles[number] for region in inputs.regions]
    asked = options.style_layers, options.style_loss, options.pixel_range
    return setting.looks.find((fingerprints.of_value([painting, parts]), asked, tiling), look)


def compiled(setting: Setting, inputs: Inputs, options: Options, device: Any) -> Features | Pieces:
    """The network for photos of the size in `inputs`: for all of one at once, or its tiles."""
    size = inputs.photo.size
    tiling = Demand(inputs, options, setting).tiling(size)
    if tiling is not None:
        return setting.pieces(tiling, device)
    return setting.features((1, 3, size[1], size[0]), device)


def let_go() -> None:
    """Of memory that is free once MXNet has done what it was told."""
    nd.waitall()
    memory.give_back()


def make_executor(
    setting: Setting,
    inputs: Inputs,
    options: Options,
    device: Any,
    paintings: Sequence[targets.Shown],
    network: Features | Pieces,
    more: Callable[[Sequence[Term], View], Sequence[Term]] = lambda terms, view: (),
) -> Executor:
    """The objective; network: compiled for the photo's size; more: from the summands of the options
    and the photo, those besides.
    """
    photo = pixels.to_array(inputs.photo, setting.convention, options.pixel_range)
    knobs = {
        "device": device,
        "clip_norm": options.clip_norm * photo.size,
        "free": free_pixels(inputs, device),
    }

    def terms(view: View) -> list[Term]:
        found = targets.build_terms(inputs, options, setting.likeness, view, paintings)
        return [*found, *more(found, view)]

    if isinstance(network, Pieces):
        return TiledExecutor(network, terms(InPieces(network, photo)), **knobs)
    view = Whole(network.forward(nd.array(photo, ctx=device)))
    return Executor(network, terms(view), **knobs)


def free_pixels(inputs: Inputs, device: Any) -> Any:
    """1 where the picture may change, 0 where the photo is kept, (1, 1, H, W); None for all 1."""
    kept = inputs.kept
    return None if kept is None else nd.array(1 - kept[np.newaxis, np.newaxis], ctx=device)


def distances(
    setting: Setting, inputs: Inputs, x: np.ndarray, options: Options, device: Any
) -> dict[str, float]:
    """Relative squared distances of an array to its photo and styles, by layer.

    "content:relu4_2": ||F - P||^2 / ||P||^2; "style:relu1_1": ||G - A||^2 / ||A||^2, A the blend.
    """
    content = parse_layers(options.content_layers, "content_layers")
    style = parse_layers(options.style_layers, "style_layers")
    demand = Demand(inputs, options, setting)

    def look(array: np.ndarray) -> View:
        height, width = array.shape[2:]
        return setting.view(array, device, demand.style_tiling((width, height)))

    def of_picture(picture: Picture) -> View:
        return look(pixels.to_array(picture, setting.convention, options.pixel_range))

    def style_of(view: View) -> dict[str, Any]:
        found = targets.measured(view, STYLE_LOSSES["gram"], {name: (name, None) for name in style})
        return {f"style:{name}": target for name, target in found.items()}

    def content_of(view: View) -> dict[str, Any]:
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
