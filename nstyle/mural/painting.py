"""A mural from beginning to end: as transfer.run, the large sizes on the workers of a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from nstyle import inputs, runtime, transfer
from nstyle.dask_cluster import Connection
from nstyle.masking import Masks
from nstyle.mural.messages import EACH_EPOCH, Counted
from nstyle.mural.settings import Settings, check
from nstyle.mural.workers import Team, Workers
from nstyle.options import Options
from nstyle.records import Result, Step
from nstyle.resuming import Saver

log = logging.getLogger("nstyle")

# Pixels for each part from which on a size is painted in parts; the last one always is. Below, the
# margins are most of what the network sees.
WORTH = 512 * 512
KEEP_EVERY = 20  # epochs, where no checkpoints are asked for


class Mural:
    """How murals are painted. every: epochs that a lost worker costs at most.

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
        """See transfer.run. Raises BackendError where the cluster cannot be had, or is gone."""
        check(options)
        gathered = inputs.gather(content, style, options, masks=masks)
        begun = saver.begin(gathered) if saver else None
        settings = self._settings
        self.connection = Connection(settings.dask, settings.local, direct=True)
        with contextlib.closing(self.connection):
            if self.connection.dashboard:
                log.info("Dask's dashboard: %s", self.connection.dashboard)
            team = self._team(gathered.weights, options)
            return transfer.paint(
                gathered,
                options,
                listeners=[self._count, *listeners],
                preset=preset,
                saver=saver,
                begun=begun,
                build=self.building(team, gathered),
            )

    def building(self, team: Team, gathered: inputs.Inputs) -> Callable[..., Any]:
        """As problem.build; sizes that are worth it on a team. gathered: of the whole run."""

        def build(setting: Any, inputs: inputs.Inputs, options: Options, device: Any) -> Any:
            from nstyle import problem  # here, as it loads MXNet
            from nstyle.mural import building

            if self._objective is not None:
                self._objective.retire()
                self._objective = None
            width, height = size = inputs.photo.size
            if size != gathered.photo.size and width * height < WORTH * team.count:
                return problem.build(setting, inputs, options, device)
            about: dict[str, Any] = {"team": team, "counted": self.counted, "every": self._every}
            made = building.build(setting, inputs, options, device, **about)
            self._objective = made.executor
            return made

        return build

    def _team(self, weights: str, options: Options) -> Workers:
        local, connection = self._settings.local, self.connection
        assert connection is not None
        # Elsewhere they have those that they were started with.
        threads = options.threads or runtime.usable_cores()
        share = None if local is None else max(1, threads // local)
        return Workers(
            connection,
            self._settings.parts,
            os.path.abspath(weights),
            seen=local is not None,
            threads=share,
        )

    def _count(self, step: Step) -> None:
        self.epochs += bool(step.sent)

    def summary(self) -> str:
        """What travelled for an epoch, in a line."""
        if not self.epochs:
            return "nothing travelled"
        each = {kind: self.counted[kind] / self.epochs / 1e6 for kind in EACH_EPOCH}
        parts = ", ".join(f"{kind} {megabytes:.3g}" for kind, megabytes in each.items())
        return f"{sum(each.values()):.3g} MB travelled per epoch in parts ({parts})"
