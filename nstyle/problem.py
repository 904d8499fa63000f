"""What is minimised: network, targets and terms for pictures of one size. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import layers, likeness, losses, networks, pixels, pyramid, runtime, weights
from nstyle.backend import nd
from nstyle.balance import NORMALIZATIONS, Layer, Normalization
from nstyle.errors import OptionError
from nstyle.executor import Executor, Features, Term
from nstyle.inputs import Inputs
from nstyle.likeness import Likeness
from nstyle.moments import Moments
from nstyle.options import Options
from nstyle.pixels import Convention
from nstyle.styles import STYLE_LOSSES, StyleLoss
from nstyle.syntax import parse_layers

log = logging.getLogger("nstyle")

# Small sizes cost little, and where the large strokes go is decided there: rounded gradients would
# lead to another picture, as good, but not the same.
FLOAT32_UP_TO = 300


@dataclass(frozen=True)
class Problem:
    """An objective, and what is needed to read its arrays.

    photo: the content as float32 (1, 3, H, W) in the convention's space.
    """

    executor: Executor
    photo: np.ndarray
    convention: Convention
    normalization: Normalization
    model: str


@dataclass(frozen=True)
class Setting:
    """The network, and what of it does not change with the pictures.

    loaded: about the weights, without their arrays, which the network has; widths: channels of the
    convolutions by name, in order.
    """

    network: networks.TappedVGG
    loaded: weights.Weights
    widths: Mapping[str, int]
    convention: Convention
    likeness: Mapping[str, Likeness]
    bfloat16: bool = False

    def in_bfloat16(self, edges: Sequence[int]) -> bool:
        """Whether a picture with these edges is painted in bfloat16."""
        return self.bfloat16 and max(edges) > FLOAT32_UP_TO

    def features(self, shape: Sequence[int], device: Any, *, gradient: bool = True) -> Features:
        """The network compiled for pictures of this shape, (1, 3, H, W)."""
        bfloat16 = gradient and self.in_bfloat16(shape[2:])
        return Features(self.network, shape, device=device, gradient=gradient, bfloat16=bfloat16)


def load_network(inputs: Inputs, options: Options, device: Any) -> Setting:
    """The network cut at the deepest layer, with its weights. Raises WeightsError, OptionError."""
    wanted = [
        *parse_layers(options.content_layers, "content_layers"),
        *parse_layers(options.style_layers, "style_layers"),
    ]
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
    bfloat16 = uses_bfloat16(options, device, plain=loaded.padding == "zero")
    widths = {name: len(bias) for name, (_, bias) in loaded.arrays.items()}
    about = dataclasses.replace(loaded, arrays={})
    return Setting(network, about, widths, convention, likeness.of(inputs.weights), bfloat16)


def largest_border(inputs: Inputs, options: Options) -> int:
    """The border asked for, or what the smallest picture on the way can be mirrored by."""
    edges = [*inputs.photo.size, *inputs.style.size]
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
    """The objective for these pictures, with its targets taken from photo and style."""
    photo = pixels.to_array(inputs.photo, setting.convention, options.pixel_range)
    style = pixels.to_array(inputs.style, setting.convention, options.pixel_range)
    normalization = NORMALIZATIONS[options.normalization]
    features = setting.features(photo.shape, device)
    terms = build_terms(setting, features, photo, style, options, device)
    executor = Executor(features, terms, device=device, clip_norm=options.clip_norm * photo.size)
    return Problem(executor, photo, setting.convention, normalization, setting.loaded.model)


def build_terms(
    setting: Setting,
    features: Features,
    photo: np.ndarray,
    style: np.ndarray,
    options: Options,
    device: Any,
) -> list[Term]:
    """The summands of the loss, with their targets taken from photo and style."""
    scales = NORMALIZATIONS[options.normalization]
    loss = STYLE_LOSSES["gram"]
    style_weights = layer_weights(options.style_layers, scales)
    targets = style_targets(setting, style, style_weights, loss, device)
    taps = features.forward(nd.array(photo, ctx=device))
    area = photo.shape[2] * photo.shape[3]
    # As keras-prisma: a style that takes the result's size has no strokes to scale.
    strength = options.style_weight * (options.style_scale if options.fit == "stretch" else 1.0)
    terms = []
    for name, share in layer_weights(options.content_layers, scales).items():
        target = losses.as_float32(taps[name]).copy()
        like = likeness.nearest(setting.likeness, name, channels=target.shape[1])
        energy = float(losses.dot(target, target).asscalar())
        scale = scales.content(layer_facts(taps[name], energy, area, like, like.content))
        scale *= options.content_weight * share * like.content
        terms.append(Term("content", name, scale, target))
    for name, share in style_weights.items():
        like = likeness.nearest(setting.likeness, name, channels=taps[name].shape[1])
        energy = loss.energy(targets[name])
        scale = scales.style(layer_facts(taps[name], energy, area, like, like.style))
        scale *= strength * share * like.style
        moments = Moments(taps[name].shape, device=device)
        target = loss.ready(targets[name])
        terms.append(Term("style", name, scale, target, form="gram", moments=moments))
    if options.tv_weight:
        scale = options.tv_weight * scales.tv(photo.size)
        terms.append(Term("tv", "", scale, form=options.tv_form))
    return terms


def style_targets(
    setting: Setting, style: np.ndarray, names: Iterable[str], loss: StyleLoss, device: Any
) -> dict[str, Any]:
    """What a style loss measures of a painting at each layer, for once."""
    taps = forward(setting, style, device)
    return {name: measured(taps[name], loss) for name in names}


def measured(tap: Any, loss: StyleLoss) -> Any:
    """What a style loss measures of a layer, for once."""
    return loss.measure(Moments(tap.shape, device=tap.context).of(tap, mean=loss.mean))


def layer_weights(text: str, scales: Normalization) -> dict[str, float]:
    """Layers with weights, divided by their sum where the recipe says so."""
    chosen = parse_layers(text, "layers")
    total = sum(chosen.values()) if scales.share_layers else 1.0
    return {name: weight / total for name, weight in chosen.items()}


def layer_facts(tap: Any, energy: float, area: int, like: Likeness, factor: float) -> Layer:
    """What a normalisation may ask about a layer, as VGG-19 would answer. tap: (1, C, h, w)."""
    return Layer(like.channels, tap.shape[2] * tap.shape[3], energy * factor, area)


def distances(
    setting: Setting, inputs: Inputs, x: np.ndarray, options: Options, device: Any
) -> dict[str, float]:
    """Relative squared distances of an array to its photo and painting, by layer.

    "content:relu4_2": ||F - P||^2 / ||P||^2; "style:relu1_1": ||G - A||^2 / ||A||^2.
    """
    content = parse_layers(options.content_layers, "content_layers")
    style = parse_layers(options.style_layers, "style_layers")
    painting = pixels.to_array(inputs.style, setting.convention, options.pixel_range)
    photo = pixels.to_array(inputs.photo, setting.convention, options.pixel_range)
    gram = STYLE_LOSSES["gram"]

    def style_of(taps: Mapping[str, Any]) -> dict[str, Any]:
        return {f"style:{name}": measured(taps[name], gram)[0] for name in style}

    targets = style_of(forward(setting, painting, device))
    taps = forward(setting, photo, device)
    targets.update({f"content:{name}": losses.as_float32(taps[name]).copy() for name in content})
    taps = forward(setting, x, device)
    seen = style_of(taps)
    seen.update({f"content:{name}": losses.as_float32(taps[name]) for name in content})
    return {
        name: float((nd.square(seen[name] - target).sum() / nd.square(target).sum()).asscalar())
        for name, target in targets.items()
    }


def forward(setting: Setting, x: np.ndarray, device: Any) -> dict[str, Any]:
    """Tap name -> (1, C, h, w) of an array, for once."""
    features = setting.features(x.shape, device, gradient=False)
    return features.forward(nd.array(x, ctx=device))
