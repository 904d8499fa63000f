"""The loss of a painted photo: content and style, as in `optimize`. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.losses.base import LossTerm
from nstyle.losses.style import StyleLoss
from nstyle.networks import preprocessing
from nstyle.optimize import loss_terms
from nstyle.optimize.extractor import FeatureExtractor
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.loss_terms import Shown
from nstyle.optimize.objective import Objective
from nstyle.optimize.tiles.sources import WholeImage
from nstyle.options.options import Options
from nstyle.system.backend import nd

Taps = dict[str, Any]


class PerceptualLoss:
    """The loss network for photos of one shape, (1, 3, H, W); its memory is kept from call to call.

    inputs: any photo of that size, in `photo`; its regions and shares are used.
    """

    def __init__(self, extractor: FeatureExtractor, inputs: Inputs, options: Options) -> None:
        shape = (1, 3, inputs.photo.height, inputs.photo.width)
        self.extractor, self._inputs, self._options = extractor, inputs, options
        self._features = extractor.features(shape)
        self._looking = extractor.features(shape, gradient=False, rough=True)

    def see(self, x: np.ndarray) -> Taps:
        """Tap name -> (1, C, h, w), to be kept. x: float32 (1, 3, H, W)."""
        exact = self._options.content_layers.weights  # content is compared with float32
        return {
            name: nd.amp_cast(tap, dtype="float32") if name in exact else tap.copy()
            for name, tap in self._looking.forward(self.load(x)).items()
        }

    def load(self, x: np.ndarray) -> Any:
        """The array on the network's device."""
        return nd.array(x, ctx=self.extractor.device)

    def style(self) -> Shown:
        """Style targets of the painting in `inputs`, at its own size."""
        painting = self._inputs.styles[0]
        x = preprocessing.to_array(painting, self.extractor.convention, self._options.pixel_range)
        return self.shown(self.extractor.look(x))

    def shown(self, taps: Taps) -> Shown:
        """Style targets from a painting's layers."""
        return loss_terms.look_at(self._inputs, self._options, 0, WholeImage(taps))

    def terms(self, photo: Taps, shown: Shown) -> list[LossTerm]:
        """The summands of the painter's loss for a photo and a style."""
        return loss_terms.build_terms(
            self._inputs, self._options, self.extractor.layer_scales, WholeImage(photo), [shown]
        )

    def content(self, photo: Taps) -> list[LossTerm]:
        """Those of its content alone."""
        layer_scales = self.extractor.layer_scales
        return loss_terms.content_terms(
            self._inputs, self._options, layer_scales, WholeImage(photo)
        )

    def objective(self, terms: list[LossTerm]) -> Objective:
        """Calls with (1, 3, H, W) give loss and gradient."""
        return Objective(self._features, terms)


def style_loss(terms: list[LossTerm], taps: Taps) -> float:
    """The sum of the terms of style for a picture with these taps."""
    values = [term.value(taps[term.layer]) for term in terms if isinstance(term, StyleLoss)]
    return float(nd.concat(*values, dim=0).sum().asscalar())


def weighted(terms: list[LossTerm], factors: Mapping[str, float]) -> list[LossTerm]:
    """The terms, each times the factor of its kind."""
    return [term.times(factors[term.kind]) for term in terms]
