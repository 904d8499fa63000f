"""A mural from beginning to end: as api.run, the large sizes on the workers of a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from nstyle import api
from nstyle.distributed.actors import ActorPool, DaskActors
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
    while one is painted.
    """

    def __init__(self, settings: Settings, every: int = KEEP_EVERY) -> None:
        self._settings, self._every = settings, every or KEEP_EVERY
        self.counted, self.epochs = Counted(), 0
        self.connection: Connection | None = None
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
        gathered = inputs.gather(content, style, options, masks=masks)
        begun = saver.begin(gathered) if saver else None
        settings = self._settings
        self.connection = Connection(settings.dask, settings.local, direct=True)
        with contextlib.closing(self.connection):
            if self.connection.dashboard:
                log.info("Dask's dashboard: %s", self.connection.dashboard)
            actors = self._actor_pool(gathered.weights, options)
            return api.paint(
                gathered,
                options,
                listeners=[self._count, *listeners],
                preset=preset,
                saver=saver,
                begun=begun,
                build=self.building(actors, gathered),
            )

    def building(self, actors: ActorPool, gathered: inputs.Inputs) -> Callable[..., Any]:
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
            knobs: dict[str, Any] = {"counted": self.counted, "every": self._every}
            task = objective.build(setup, inputs, actors=actors, **knobs)
            self._objective = task.objective
            return task

        return build

    def _actor_pool(self, weights: str, options: Options) -> DaskActors:
        local, connection = self._settings.local, self.connection
        assert connection is not None
        # Elsewhere they have those that they were started with.
        threads = options.threads or runtime.usable_cores()
        share = None if local is None else max(1, threads // local)
        return DaskActors(
            connection,
            self._settings.parts,
            os.path.abspath(weights),
            seen=local is not None,
            threads=share,
        )

    def _count(self, step: Step) -> None:
        self.epochs += bool(step.sent)

    def summary(self) -> str:
        """A line about the bytes of an epoch."""
        if not self.epochs:
            return "nothing travelled"
        each = {kind: self.counted[kind] / self.epochs / 1e6 for kind in EACH_EPOCH}
        parts = ", ".join(f"{kind} {megabytes:.3g}" for kind, megabytes in each.items())
        return f"{sum(each.values()):.3g} MB travelled per epoch in parts ({parts})"
