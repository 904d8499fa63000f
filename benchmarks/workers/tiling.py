"""Paints one picture at growing sizes and tells of each: tiles, seconds of epochs and first looks.

job: content, style, output, options; free: bytes that shall seem to be free, 0 for what there is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.processes import answer_jobs
from nstyle import api
from nstyle.optimize import inputs
from nstyle.optimize.planning import memory
from nstyle.options import presets
from nstyle.system import runtime


def paint(job: dict[str, Any]) -> dict[str, Any]:
    """The sizes, smallest first; the picture is written to job["output"]."""
    if job["free"]:
        memory.available = lambda root="/": int(job["free"])
    options = presets.resolve(job["options"])
    gathered = inputs.gather(job["content"], job["style"], options)
    runtime.prepare(options.threads)
    noted = note_sizes()
    result = api.paint(gathered, options)
    result.save(job["output"])
    for scale, facts in enumerate(noted, 1):
        steps = [step for step in result.history if step.scale == scale]
        facts.update(width=steps[0].width, height=steps[0].height)
        facts["seconds"] = typical([step.seconds for step in steps])
        facts["first_look"] = typical(facts.pop("looks"))
    return {"sizes": noted}


def note_sizes() -> list[dict[str, Any]]:
    """Of each size from now on: tiles, how often a pixel is seen, first looks."""
    from nstyle.optimize import problem  # here, because they load MXNet
    from nstyle.optimize.tiles import features
    from nstyle.system.backend import nd

    noted: list[dict[str, Any]] = []
    build, first_pass = problem.build, features.TiledFeatures.first_pass

    def build_noted(*words: Any) -> Any:
        noted.append({"tiles": "at once", "seen": 1.0, "looks": []})
        objective = build(*words)
        tiling = getattr(objective, "tiling", None)
        if tiling is not None:
            noted[-1].update(tiles=str(tiling).partition(" ")[2], seen=tiling.overlap)
        noted[-1]["looks"].clear()
        return objective

    def first_pass_timed(*words: Any) -> Any:
        nd.waitall()
        began = time.perf_counter()
        found = first_pass(*words)
        nd.waitall()
        noted[-1]["looks"].append(time.perf_counter() - began)
        return found

    problem.build, features.TiledFeatures.first_pass = build_noted, first_pass_timed
    return noted


def typical(seconds: Sequence[float]) -> float | None:
    """The median without the first, if there are others; None of nothing."""
    return median(seconds[1:] or seconds) if seconds else None


if __name__ == "__main__":
    job, send = answer_jobs()
    send(**paint(job))
