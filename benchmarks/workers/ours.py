"""Contestant: this project's own network, losses and optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.processes import serve
from nstyle import inputs, runtime
from nstyle.options import Options


class Ours:
    """nstyle's objective and minimiser, without the loop's listeners."""

    def __init__(self, job: dict[str, Any]) -> None:
        options = Options(**job["options"])
        width, height = job["size"]
        gathered = inputs.gather(job["content"], job["style"], options, size=(width, height))
        runtime.prepare(options.threads)
        from nstyle import backend, painter, problem  # here, because they load MXNet

        device = backend.device(options.gpu)
        setting = problem.load_network(gathered, options, device)
        task = problem.build(setting, gathered, options, device)
        self._objective: Any = task.executor
        self._minimise = painter.minimiser(options, task.normalization, task.photo.size)
        self._x: Any = self._objective.load(np.load(job["start"]))
        self._state: dict[str, Any] | None = None

    def loss(self) -> float:
        """The loss at the point where it is."""
        return float(self._objective(self._x)[0])

    def run(self, iterations: int) -> None:
        """So many steps of the optimiser."""
        done = 0

        def observe(x: Any, loss: float, state: dict[str, Any]) -> bool:
            nonlocal done
            done, self._state = done + 1, state
            return done >= iterations

        self._x = self._minimise(self._objective, self._x, observe=observe, state=self._state)
        self._objective.norm(self._x)  # waits until the last step is done


if __name__ == "__main__":
    serve(Ours)
