"""The network a picture is painted with, loaded and cut at the deepest layer. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import OptionError
from nstyle.networks import calibration, layers, vgg
from nstyle.networks.calibration import LayerScale
from nstyle.networks.features import CompiledVGG
from nstyle.networks.layers import BOUNDARY
from nstyle.networks.preprocessing import Preprocessing
from nstyle.networks.weights import reader
from nstyle.optimize.context import STYLES, LRUCache, PaintContext
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.geometry import Reach, Tiling
from nstyle.optimize.tiles.sources import FeatureSource, WholeImage
from nstyle.options.options import Options
from nstyle.system import runtime
from nstyle.system.backend import nd

log = logging.getLogger("nstyle")


@dataclass(frozen=True)
class FeatureExtractor:
    """The network on its device, and what of it does not change with the pictures.

    loaded: about the weights, without their arrays, which the network has; widths: channels of the
    convolutions by name, in order; bfloat16: see in_bfloat16; styles: cache of targets, or None.
    """

    network: vgg.VGGFeatures
    device: Any
    loaded: reader.Weights
    widths: Mapping[str, int]
    convention: Preprocessing
    layer_scales: Mapping[str, LayerScale]
    bfloat16: bool = False
    styles: LRUCache | None = None

    @property
    def reach(self) -> Reach:
        """Receptive field of the network."""
        return geometry.reach(self.network.wanted, self.network.blocks)

    @property
    def reaches(self) -> tuple[Reach, Reach] | None:
        """The same before and behind the boundary; None where nothing is behind."""
        return geometry.reaches(self.network.wanted, self.network.blocks)

    def in_bfloat16(self, width: int) -> bool:
        """Whether gradients of a picture, or of a tile, so wide are computed in bfloat16."""
        return self.bfloat16 and width <= runtime.widest_in_bfloat16()

    def features(
        self, shape: Sequence[int], *, gradient: bool = True, rough: bool = False
    ) -> CompiledVGG:
        """The network compiled for pictures of this shape, (1, 3, H, W).

        rough: in bfloat16 without a gradient, too.
        """
        bfloat16 = (gradient or rough) and self.in_bfloat16(shape[3])
        knobs = {"device": self.device, "gradient": gradient, "bfloat16": bfloat16}
        return CompiledVGG(self.network, shape, **knobs)

    def pieces(self, tiling: Tiling, *, gradient: bool = True) -> TiledFeatures:
        """The network compiled for the tiles of a picture."""
        width, height = tiling.edges
        bfloat16 = gradient and self.in_bfloat16(width)
        knobs = {"device": self.device, "gradient": gradient, "bfloat16": bfloat16}
        shape = (1, 3, height, width)
        if tiling.behind is None:
            return TiledFeatures(CompiledVGG(self.network, shape, **knobs), tiling)
        near = [name for name in self.network.wanted if not layers.behind(name)]
        far = [name for name in self.network.wanted if layers.behind(name)]
        first = vgg.VGGSlice(self.network, list(dict.fromkeys([*near, BOUNDARY])))
        features = CompiledVGG(first, shape, **knobs)
        (width, height), channels = tiling.behind.edges, features.shapes[BOUNDARY][1]
        rest = vgg.VGGSlice(self.network, far, BOUNDARY)
        deep = CompiledVGG(rest, (1, channels, height, width), **knobs)
        behind = TiledFeatures(deep, tiling.behind, step=layers.stride(BOUNDARY))
        return TiledFeatures(features, tiling, behind=behind)

    def look(self, x: np.ndarray) -> dict[str, Any]:
        """Tap name -> (1, C, h, w) of an array, for once."""
        return self.features(x.shape, gradient=False).forward(nd.array(x, ctx=self.device))

    def view(self, x: np.ndarray, tiling: Tiling | None = None) -> FeatureSource:
        """The features of an array, once. tiling: None for all of it at once."""
        if tiling is None:
            return WholeImage(self.look(x))
        return TiledSource(self.pieces(tiling, gradient=False), x)


def load_network(
    inputs: Inputs, options: Options, device: Any, context: PaintContext | None = None
) -> FeatureExtractor:
    """The network cut at the deepest layer, kept in `context`. Raises WeightsError, OptionError."""
    taps = [*options.style_layers.weights]
    if options.content_weight or not options.style_weight:
        taps += options.content_layers.weights
    if context is None:
        return cut_network(inputs, options, device, taps)
    state = os.stat(inputs.weights)
    file = os.path.realpath(inputs.weights), state.st_mtime_ns, state.st_size
    names = "pooling", "pooling_ceil", "mean_subtraction", "precision", "weights_convention"
    chosen = tuple(getattr(options, name) for name in names)

    def load() -> FeatureExtractor:
        extractor = cut_network(inputs, options, device, taps)
        return dataclasses.replace(extractor, styles=LRUCache(STYLES))

    return context.networks.find((file, inputs.model, *taps, str(device), chosen), load)


def cut_network(
    inputs: Inputs, options: Options, device: Any, taps: Sequence[str]
) -> FeatureExtractor:
    """See load_network. taps: the layers that the losses look at."""
    file = reader.read(inputs.weights, inputs.model)
    blocks = layers.BLOCKS[file.family]
    layers.check_taps(taps, layers.taps(blocks), file.family)
    ordered = [name for name in layers.taps(blocks) if name in taps]
    needed = layers.needed_convolutions(ordered, blocks)
    loaded = reader.select(file, needed, options.weights_convention)
    network = vgg.build(
        blocks,
        loaded.arrays,
        ordered,
        pooling=loaded.pooling if options.pooling == "auto" else options.pooling,
        padding=loaded.padding,
        ceil=options.pooling_ceil,
        device=device,
    )
    convention = loaded.convention
    if not options.mean_subtraction:
        convention = convention.without_mean()
    return FeatureExtractor(
        network,
        device,
        dataclasses.replace(loaded, arrays={}),
        {name: len(bias) for name, (_, bias) in loaded.arrays.items()},
        convention,
        calibration.of(inputs.weights),
        uses_bfloat16(options, device, plain=loaded.padding == "zero"),
    )


def uses_bfloat16(options: Options, device: Any, *, plain: bool) -> bool:
    """Whether the network computes in bfloat16; plain: it pads with zeros only.

    Raises OptionError where the options say bfloat16 and it cannot be.
    """
    plain = plain and not options.pooling_ceil
    possible = plain and device.device_type == "cpu" and runtime.bfloat16_works()
    if options.precision == "bfloat16" and not possible:
        raise OptionError(
            "--precision: bfloat16 needs a CPU with AVX-512 and a network that pads with zeros "
            "alone; give auto or float32"
        )
    fast = options.precision == "auto" and possible and runtime.bfloat16_is_fast()
    chosen = fast or options.precision == "bfloat16"
    log.debug("precision: %s", "bfloat16" if chosen else "float32")
    return chosen
