"""The objective of a film's frames, compiled once, with the temporal loss. Loads MXNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nstyle.images.picture import Picture
from nstyle.images.sizes import Size
from nstyle.losses.base import LossTerm
from nstyle.optimize import loss_terms, problem
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.objective import Objective
from nstyle.optimize.problem import PaintSetup
from nstyle.optimize.tiles.sources import FeatureSource
from nstyle.system.backend import nd


class Objectives:
    """As problem.build, for frame after frame; the extractor caches statistics of styles."""

    def __init__(self, setup: PaintSetup) -> None:
        self.setup = setup
        self._size: Size | None = None
        self._network: Any = None
        self._held: tuple[LossTerm, ...] = ()
        self._new: np.ndarray | None = None

    def hold(
        self, moved: Picture | None, trust: np.ndarray | None = None, weight: float = 0.0
    ) -> None:
        """Hold the next frame to the one before, moved; None: not. trust: (H, W), 0..1.

        Where that says nothing the style counts on its own: the picture as a whole has it already,
        and what comes into view would stay a photo.
        """
        self._held, self._new = (), None if trust is None else 1 - trust
        if moved is None or trust is None or not weight:
            return
        arrays = (self.setup.array(moved), trust[np.newaxis, np.newaxis])
        loaded = (nd.array(array, ctx=self.setup.extractor.device) for array in arrays)
        self._held = (loss_terms.temporal_term(self.setup.options, weight, *loaded),)

    def __call__(self, inputs: Inputs) -> Objective:
        """The objective of a frame at one of its sizes."""
        size, setup = inputs.photo.size, self.setup
        if size != self._size:
            self._network = None  # frees the other size's memory
            problem.release_memory()
        paintings = problem.look_at_paintings(setup, inputs)
        if self._network is None:
            problem.release_memory()
            self._network = problem.compiled(setup, inputs)
            self._size = size
        return problem.make_objective(setup, inputs, paintings, self._network, self._more)

    def _more(self, terms: Sequence[LossTerm], photo: FeatureSource) -> list[LossTerm]:
        """The additional losses of a frame that continues another."""
        new = [] if self._new is None else loss_terms.once_more(terms, photo, self._new)
        return [*new, *self._held]
