"""Frames painted by optimisation: each from the last one, moved, and held to it by a temporal loss.

Ruder, Dosovitskiy & Brox (arXiv:1604.08610), its short-term consistency. MXNet is loaded by the
first frame that is painted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import colours, fingerprints, inputs, memory, pixels, planning, runtime, transfer
from nstyle.errors import OptionError
from nstyle.fields import as_typed
from nstyle.film.frames import Last, Painted
from nstyle.inputs import Inputs
from nstyle.masking import Masks
from nstyle.options import Options, shaping
from nstyle.picture import Picture
from nstyle.workplace import Workplace


class Room(Workplace):
    """A film's, where as much memory is taken to be free as when it was begun: that decides how
    large tiles are, and with them how sums are rounded. begun: bytes, None before.
    """

    begun: int | None = None
    parts = 1  # what comes into view, see Objectives.hold

    def free(self) -> int | None:
        """See Workplace."""
        if self.begun is None:
            self.begun = super().free()
        return self.begun


class Optimising:
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
        self._workplace, self._restored = Room(), False

    def order(self) -> dict[str, object]:
        """See FramePainter."""
        return {**as_typed(Options, shaping(self.options)), **fingerprints.of(self.first)}

    def paint(self, given: Inputs, last: Last | None) -> Painted:
        """See FramePainter. Raises KeyboardInterrupt, DivergedError."""
        runtime.prepare(self.options.threads)
        from nstyle import painter  # here, because they load MXNet
        from nstyle.film.objectives import Objectives

        if self._objectives is None:
            setting, device = painter.set_up(self.first, self.options, self._workplace)
            self._check_memory(setting)
            self._objectives = Objectives(setting, device, self.options)
        objectives, options = self._objectives, self._going_on if last else self.options
        given = self._beginning(given, last)
        painting = painter.Painting(
            given,
            options,
            objectives.setting,
            objectives.device,
            self._listeners,
            build=lambda setting, inputs, options, device: objectives(inputs),
        )
        watch = painting.run()
        if watch.stopped == "interrupted":
            raise KeyboardInterrupt
        x, convention = painter.on_host(watch.x), objectives.setting.convention
        values = Picture.from_floats(pixels.to_floats(x, convention, options.pixel_range))
        return Painted(values, painting.finished(watch.x), len(watch.history))

    def _check_memory(self, setting: Any) -> None:
        """Refuse tiles of a film gone on with that were made for more memory than there is now."""
        now = memory.available()
        if not self._restored or setting.free is None:
            return
        need = planning.Demand(self.first, self.options, setting).needed(self.first.photo.size)
        if not memory.fits(need, now):
            raise OptionError(
                f"the film was begun with {memory.shown(setting.free)} of memory free and needs "
                f"about {memory.shown(need)}, {memory.shown(now or 0)} are free now; free some, or "
                "begin anew with --restart"
            )

    def _beginning(self, given: Inputs, last: Last | None) -> Inputs:
        """With what a frame begins; the objective is told what it is held to."""
        if last is not None:
            moved = last.moved()
            self._objectives.hold(moved, last.link.trust, self._weight)
            start = begun(given.photo, moved, last.link.trust)
            return dataclasses.replace(given, start=start)
        self._objectives.hold(None)
        if not planning.begins_painted(given, self.options):
            return given
        guess = transfer.first_guess(given, self.options, self._workplace)
        return dataclasses.replace(given, start=guess)

    def state(self) -> dict[str, np.ndarray]:
        """See FramePainter: what decides how large tiles are."""
        room = self._workplace.begun
        return {} if room is None else {"free": np.array(room)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See FramePainter."""
        if "free" in state:
            self._workplace.begun, self._restored = int(state["free"]), True


def begun(photo: Picture, moved: Picture, trust: np.ndarray) -> Picture:
    """The last frame where it is to be believed; the photo, in its colours, where it is not.

    Smeared paint from elsewhere would stay (not so in the paper, which begins with it).
    """
    plain = colours.match(photo, moved).floats()
    return Picture.from_floats(plain + trust[..., np.newaxis] * (moved.floats() - plain))
