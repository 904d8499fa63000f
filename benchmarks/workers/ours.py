"""Contestant: this project's own network, losses and optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.processes import serve
from nstyle.optimize import inputs
from nstyle.options.options import Options
from nstyle.system import runtime


class Ours:
    """nstyle's objective and minimiser, without the loop's listeners."""

    def __init__(self, job: dict[str, Any]) -> None:
        options = Options(**job["options"])
        width, height = job["size"]
        gathered = inputs.gather(job["content"], job["style"], options, size=(width, height))
        runtime.prepare(options.threads)
        from nstyle.optimize import multiscale, problem
        from nstyle.system import backend

        setup = problem.set_up(gathered, options, backend.device(options.gpu))
        self._objective: Any = problem.build(setup, gathered)
        self._minimise = multiscale.minimiser(options, 3 * width * height)
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
