"""Frames painted by optimisation: each from the last one, moved, and held to it by a temporal loss.

Ruder, Dosovitskiy & Brox (arXiv:1604.08610), its short-term consistency. The first frame that is
painted loads MXNet.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import api
from nstyle.errors import OptionError
from nstyle.images import color
from nstyle.images.picture import Picture
from nstyle.images.regions import Masks
from nstyle.networks import preprocessing
from nstyle.optimize import inputs
from nstyle.optimize.context import PaintContext
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.planning import memory, plan
from nstyle.options.field import as_typed
from nstyle.options.options import Options, shaping
from nstyle.system import checksums, runtime
from nstyle.video.frames import Last, Painted

NEW = 1  # regions where the style counts on its own: what comes into view, see Objectives.hold


class OptimizationPainter:
    """See frames.FramePainter. Raises what inputs.gather does.

    weight: of the temporal loss; epochs: at most for a frame that goes on from the one before;
    listeners: are called with every Step.
    """

    def __init__(
        self,
        frame: Picture,
        styles: Sequence[Any],
        options: Options,
        masks: Masks | None = None,
        *,
        weight: float,
        epochs: int,
        listeners: Sequence[Callable[[Any], Any]] = (),
    ) -> None:
        self.options, self._weight, self._listeners = options, weight, listeners
        most = min(epochs, options.max_num_epochs)
        self._going_on = dataclasses.replace(options, scales=1, max_num_epochs=most)
        self.first = inputs.gather(frame, styles, options, masks=masks)
        self._objectives: Any = None
        self._context = PaintContext()
        # Bytes that were free when the film was begun: they decide how large tiles are, and with
        # them how sums are rounded.
        self._begun: int | None = None
        self._restored = False

    def order(self) -> dict[str, object]:
        """See FramePainter."""
        return {**as_typed(Options, shaping(self.options)), **checksums.of(self.first)}

    def paint(self, inputs: Inputs, last: Last | None) -> Painted:
        """See FramePainter. Raises KeyboardInterrupt, DivergedError."""
        runtime.prepare(self.options.threads)
        from nstyle.optimize import multiscale  # here, because they load MXNet
        from nstyle.video.temporal_objective import Objectives

        if self._objectives is None:
            free = "auto" if self._begun is None else self._begun
            budget = plan.Budget(free, regions=NEW)
            setup = multiscale.set_up(self.first, self.options, self._context, budget)
            self._check_memory(setup.plan)
            self._begun = setup.plan.free
            self._objectives = Objectives(setup)
        objectives, options = self._objectives, self._going_on if last else self.options
        inputs = self._beginning(inputs, last)
        sizes = copy.copy(objectives.setup.plan)
        sizes.limits = plan.epoch_limits(options, inputs)  # this frame's; tiles are the film's
        painting = multiscale.Painting(
            inputs,
            dataclasses.replace(objectives.setup, options=options, plan=sizes),
            self._listeners,
            build=lambda setup, inputs: objectives(inputs),
        )
        watch = painting.run()
        if watch.stopped == "interrupted":
            raise KeyboardInterrupt
        x, convention = multiscale.on_host(watch.x), objectives.setup.extractor.convention
        values = Picture.from_floats(preprocessing.to_floats(x, convention, options.pixel_range))
        return Painted(values, painting.finished(watch.x), len(watch.history))

    def _check_memory(self, made: plan.Plan) -> None:
        """Refuse tiles of a film gone on with that were made for more memory than there is now."""
        now = memory.available()
        if not self._restored or made.free is None:
            return
        need = made.needed(self.first.photo.size)
        if not memory.fits(need, now):
            raise OptionError(
                f"the film was begun with {memory.shown(made.free)} of memory free and needs "
                f"about {memory.shown(need)}, {memory.shown(now or 0)} are free now; free some, or "
                "begin anew with --restart"
            )

    def _beginning(self, inputs: Inputs, last: Last | None) -> Inputs:
        """With what a frame begins; the objective is told what it is held to."""
        if last is not None:
            moved, trust = last.link.moved(last.painted), last.link.trust
            self._objectives.hold(moved, trust, self._weight)
            return dataclasses.replace(inputs, start=begun(inputs.photo, moved, trust))
        self._objectives.hold(None)
        if not plan.begins_painted(inputs, self.options):
            return inputs
        guess = api.first_guess(inputs, self.options, self._context)
        return dataclasses.replace(inputs, start=guess)

    def state(self) -> dict[str, np.ndarray]:
        """See FramePainter: what decides how large tiles are."""
        return {} if self._begun is None else {"free": np.array(self._begun)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See FramePainter."""
        if "free" in state:
            self._begun, self._restored = int(state["free"]), True


def begun(photo: Picture, moved: Picture, trust: np.ndarray) -> Picture:
    """The last frame where it is to be believed; the photo, in its colours, where it is not.

    Smeared paint from elsewhere would stay (not so in the paper, which begins with it).
    """
    plain = color.match(photo, moved).floats()
    return Picture.from_floats(plain + trust[..., np.newaxis] * (moved.floats() - plain))
