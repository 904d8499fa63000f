"""A mural from beginning to end: as api.run, the large sizes on the workers of a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from nstyle import api
from nstyle.distributed.actors import DaskActors
from nstyle.distributed.dask_cluster import Connection
from nstyle.distributed.messages import EACH_EPOCH, Counted
from nstyle.distributed.options import Settings, check
from nstyle.images.regions import Masks
from nstyle.optimize import inputs
from nstyle.optimize.checkpoint import Saver
from nstyle.optimize.records import Result, Step
from nstyle.options.options import Options
from nstyle.system import runtime

log = logging.getLogger("nstyle")

# Pixels for each part from which on a size is painted in parts; the last one always is. Below, the
# margins are most of what the network sees.
WORTH = 512 * 512
KEEP_EVERY = 20  # epochs, where no checkpoints are asked for


class Mural:
    """Paints murals. every: epochs that a lost worker costs at most.

    counted: bytes that travelled; epochs: that were painted in parts; connection: to the cluster
    while one is painted; saver: of the last one.
    """

    def __init__(self, settings: Settings, every: int = KEEP_EVERY) -> None:
        self._settings, self._every = settings, every or KEEP_EVERY
        self.counted, self.epochs = Counted(), 0
        self.connection: Connection | None = None
        self.saver: Saver | None = None
        self._objective: Any = None

    def run(
        self,
        content: Any,
        style: Any,
        options: Options,
        *,
        masks: Masks | None = None,
        listeners: Sequence[Callable[[Step], Any]] = (),
        preset: str | None = None,
        saver: Saver | None = None,
    ) -> Result:
        """See api.run. Raises BackendError where the cluster cannot be had, or is gone."""
        check(options)
        self.saver = saver
        gathered = inputs.gather(content, style, options, masks=masks)
        begun = saver.begin(gathered) if saver else None
        settings, local, threads = self._settings, self._settings.local, None
        if local is not None:
            threads = max(1, (options.threads or runtime.usable_cores()) // local)
        self.connection = Connection(settings.dask, local, direct=True)
        with contextlib.closing(self.connection):
            if self.connection.dashboard:
                log.info("Dask's dashboard: %s", self.connection.dashboard)
            weights = os.path.abspath(gathered.weights)
            actors = DaskActors(self.connection, settings.parts, weights, threads)
            return api.paint(
                gathered,
                options,
                listeners=[self._count, *listeners],
                preset=preset,
                saver=saver,
                begun=begun,
                build=self.building(actors, gathered),
            )

    def building(self, actors: DaskActors, gathered: inputs.Inputs) -> Callable[..., Any]:
        """As problem.build; sizes that are worth it by the actors. gathered: of the whole run."""

        def build(setup: Any, inputs: inputs.Inputs) -> Any:
            from nstyle.distributed import objective
            from nstyle.optimize import problem  # here, as it loads MXNet

            if self._objective is not None:
                self._objective.retire()
                self._objective = None
            width, height = size = inputs.photo.size
            if size != gathered.photo.size and width * height < WORTH * actors.count:
                return problem.build(setup, inputs)
            self._objective = objective.build(
                setup, inputs, actors=actors, counted=self.counted, every=self._every
            )
            return self._objective

        return build

    def _count(self, step: Step) -> None:
        self.epochs += bool(step.sent)

    def summary(self) -> str:
        """A line about the bytes of an epoch."""
        if not self.epochs:
            return "nothing travelled"
        megabytes = {kind: self.counted[kind] / self.epochs / 1e6 for kind in EACH_EPOCH}
        parts = ", ".join(f"{kind} {count:.3g}" for kind, count in megabytes.items())
        return f"{sum(megabytes.values()):.3g} MB travelled per epoch in parts ({parts})"
