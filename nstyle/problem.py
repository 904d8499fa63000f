"""What is minimised: network, targets and terms for pictures of one size. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import (
    layers,
    likeness,
    memory,
    networks,
    pixels,
    pyramid,
    runtime,
    targets,
    tiles,
    weights,
)
from nstyle.backend import nd
from nstyle.balance import NORMALIZATIONS, Normalization
from nstyle.errors import OptionError
from nstyle.executor import Executor, Features, Term
from nstyle.inputs import Inputs
from nstyle.likeness import Likeness
from nstyle.options import Options
from nstyle.picture import Picture
from nstyle.pieces import InPieces, Pieces
from nstyle.pixels import Convention
from nstyle.planning import Demand
from nstyle.styles import STYLE_LOSSES, blend
from nstyle.syntax import parse_layers
from nstyle.tiled import TiledExecutor
from nstyle.tiles import Reach, Tiling
from nstyle.views import View, Whole

log = logging.getLogger("nstyle")

# Small sizes cost little, and where the large strokes go is decided there: rounded gradients would
# lead to another picture, as good, but not the same.
FLOAT32_UP_TO = 300


@dataclass(frozen=True)
class Problem:
    """An objective, and what is needed to read its arrays."""

    executor: Executor
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


@dataclass(frozen=True)
class Setting:
    """The network, and what of it does not change with the pictures.

    loaded: about the weights, without their arrays, which the network has; widths: channels of the
    convolutions by name, in order; free: bytes that were to be had when it was loaded, None where
    nobody knows, or where they do not count.
    """

    network: networks.TappedVGG
    loaded: weights.Weights
    widths: Mapping[str, int]
    convention: Convention
    likeness: Mapping[str, Likeness]
    bfloat16: bool = False
    free: int | None = None

    @property
    def reach(self) -> Reach:
        """How far the network sees."""
        return tiles.reach(self.network.wanted, self.network.blocks)

    def in_bfloat16(self, edges: Sequence[int]) -> bool:
        """Whether a picture with these edges is painted in bfloat16."""
        return self.bfloat16 and max(edges) > FLOAT32_UP_TO

    def features(
        self,
        shape: Sequence[int],
        device: Any,
        *,
        gradient: bool = True,
        bfloat16: bool | None = None,
    ) -> Features:
        """The network compiled for pictures of this shape, (1, 3, H, W).

        bfloat16: whether to compute in it where that cannot be told from the shape.
        """
        if bfloat16 is None:
            bfloat16 = gradient and self.in_bfloat16(shape[2:])
        return Features(self.network, shape, device=device, gradient=gradient, bfloat16=bfloat16)

    def pieces(self, tiling: Tiling, device: Any, *, gradient: bool = True) -> Pieces:
        """The network compiled for the tiles of a picture."""
        width, height = tiling.edges
        bfloat16 = gradient and self.in_bfloat16(tiling.size)
        shape = (1, 3, height, width)
        features = self.features(shape, device, gradient=gradient, bfloat16=bfloat16)
        return Pieces(features, tiling, device=device)

    def look(self, x: np.ndarray, device: Any) -> dict[str, Any]:
        """Tap name -> (1, C, h, w) of an array, for once."""
        features = self.features(x.shape, device, gradient=False)
        return features.forward(nd.array(x, ctx=device))

    def view(self, x: np.ndarray, device: Any, tiling: Tiling | None = None) -> View:
        """What an array shows, for once. tiling: None for all of it at once."""
        if tiling is None:
            return Whole(self.look(x, device))
        return InPieces(self.pieces(tiling, device, gradient=False), x)


def load_network(inputs: Inputs, options: Options, device: Any) -> Setting:
    """The network cut at the deepest layer, with its weights. Raises WeightsError, OptionError."""
    wanted = [*parse_layers(options.style_layers, "style_layers")]
    if options.content_weight or not options.style_weight:
        wanted += parse_layers(options.content_layers, "content_layers")
    file = weights.read(inputs.weights, inputs.model)
    blocks = layers.BLOCKS[file.family]
    layers.check_taps(wanted, layers.taps(blocks), file.family)
    ordered = [name for name in layers.taps(blocks) if name in wanted]
    loaded = weights.select(file, layers.needed_convolutions(ordered, blocks))
    pooling = loaded.pooling if options.pooling == "auto" else options.pooling
    network = networks.build(
        blocks,
        loaded.arrays,
        ordered,
        pooling=pooling,
        padding=loaded.padding,
        ceil=options.pooling_ceil,
        border=largest_border(inputs, options),
        device=device,
    )
    convention = loaded.convention
    if not options.mean_subtraction:
        convention = convention.without_mean()
    widths = {name: len(bias) for name, (_, bias) in loaded.arrays.items()}
    return Setting(
        network,
        dataclasses.replace(loaded, arrays={}),
        widths,
        convention,
        likeness.of(inputs.weights),
        uses_bfloat16(options, device, plain=loaded.padding == "zero"),
        memory.available() if device.device_type == "cpu" else None,
    )


def largest_border(inputs: Inputs, options: Options) -> int:
    """The border asked for, or what the smallest picture on the way can be mirrored by."""
    edges = [edge for picture in (inputs.photo, *inputs.styles) for edge in picture.size]
    if options.scales != 1:
        edges.append(pyramid.MIN_EDGE)
    return min(options.border, min(edges) - 1)


def uses_bfloat16(options: Options, device: Any, *, plain: bool) -> bool:
    """Whether the network computes in bfloat16. plain: it pads with zeros only.

    Raises OptionError where bfloat16 is asked for and cannot be.
    """
    plain = plain and not options.border and not options.pooling_ceil
    possible = plain and device.device_type == "cpu" and runtime.bfloat16_works()
    if options.precision == "bfloat16" and not possible:
        raise OptionError(
            "--precision: bfloat16 needs a CPU with AVX-512 and a network that pads with zeros "
            "alone; give auto or float32"
        )
    fast = options.precision == "auto" and possible and runtime.amx_granted()
    chosen = fast or options.precision == "bfloat16"
    log.debug("precision: %s", "bfloat16" if chosen else "float32")
    return chosen


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
    demand, shown = Demand(inputs, options, setting), []
    for number, painting in enumerate(inputs.styles):  # in turn, as their layers are large
        x = pixels.to_array(painting, setting.convention, options.pixel_range)
        tiling = demand.style_tiling(painting.size)
        shown.append(targets.look_at(inputs, options, number, setting.view(x, device, tiling)))
    return shown


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
    more: Sequence[Term] = (),
) -> Executor:
    """The objective; network: compiled for the photo's size; more: summands besides those of the
    options.
    """
    photo = pixels.to_array(inputs.photo, setting.convention, options.pixel_range)
    knobs = {
        "device": device,
        "clip_norm": options.clip_norm * photo.size,
        "free": free_pixels(inputs, device),
    }

    def terms(view: View) -> list[Term]:
        found = targets.build_terms(inputs, options, setting.likeness, view, paintings)
        return [*found, *more]

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
