"""Paints pictures one after another in this process and tells how much memory it holds."""

from __future__ import annotations

import gc
from typing import Any

from benchmarks.processes import answer_jobs
from nstyle.optimize import inputs
from nstyle.optimize.planning import memory
from nstyle.optimize.records import Step
from nstyle.options import presets
from nstyle.system import runtime


def paint(job: dict[str, Any]) -> dict[str, Any]:
    """job: content, style, options, long edges, every -> held memory after every so many epochs.

    "pictures": bytes held after each picture; "epochs": after every so many epochs of the last;
    "peak": of the whole process; "estimate": what would have been said before the last.
    """
    held, on_the_way = [], []

    def watch(step: Step) -> None:
        if step.epoch % job["every"] == 0:
            on_the_way.append(memory.resident())

    estimate = 0
    for edge in job["long_edges"]:
        on_the_way.clear()
        options = presets.resolve({**job["options"], "max_long_edge": edge})
        gathered = inputs.gather(job["content"], job["style"], options)
        runtime.prepare(options.threads)
        from nstyle.optimize import multiscale, problem
        from nstyle.system import backend

        setup = problem.set_up(gathered, options, backend.device(options.gpu))
        estimate = setup.plan.needed(gathered.photo.size)
        del setup
        multiscale.paint(gathered, options, listeners=[watch])
        gc.collect()
        held.append(memory.resident())
    return {
        "pictures": held,
        "epochs": on_the_way,
        "estimate": estimate,
    }


if __name__ == "__main__":
    job, send = answer_jobs()
    send(**paint(job))
