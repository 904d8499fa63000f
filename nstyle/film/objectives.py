"""What is minimised for a film's frames, the network compiled once. Loads MXNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nstyle import pixels, problem, targets
from nstyle.backend import nd
from nstyle.executor import Term
from nstyle.inputs import Inputs
from nstyle.options import Options
from nstyle.picture import Picture
from nstyle.problem import Problem, Setting
from nstyle.pyramid import Size
from nstyle.views import View


class Objectives:
    """As problem.build, for frame after frame; what its styles show is kept by the setting."""

    def __init__(self, setting: Setting, device: Any, options: Options) -> None:
        self.setting, self.device, self._options = setting, device, options
        self._size: Size | None = None
        self._network: Any = None
        self._held: tuple[Term, ...] = ()
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
        target = pixels.to_array(moved, self.setting.convention, self._options.pixel_range)
        arrays = (target, trust[np.newaxis, np.newaxis])
        loaded = (nd.array(array, ctx=self.device) for array in arrays)
        self._held = (targets.temporal_term(self._options, weight, *loaded),)

    def __call__(self, given: Inputs) -> Problem:
        """The problem of a frame at one of its sizes."""
        size, options = given.photo.size, self._options
        if size != self._size:
            self._network = None  # frees the other size's memory
            problem.let_go()
        paintings = problem.look_at_paintings(self.setting, given, options, self.device)
        if self._network is None:
            problem.let_go()
            self._network = problem.compiled(self.setting, given, options, self.device)
            self._size = size
        executor = problem.make_executor(
            self.setting, given, options, self.device, paintings, self._network, self._more
        )
        return Problem(executor, given.photo, self.setting.convention, options)

    def _more(self, terms: Sequence[Term], photo: View) -> list[Term]:
        """What a frame that goes on from another is made of, besides."""
        new = [] if self._new is None else targets.once_more(terms, photo, self._new)
        return [*new, *self._held]
