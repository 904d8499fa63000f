"""The one evaluator: losses of pictures of one size, as nstyle.evaluate gives them.

The network and its targets are loaded once, not once per picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.processes import answer_jobs
from nstyle.images.picture import Picture
from nstyle.optimize import inputs
from nstyle.options.options import Options
from nstyle.system import runtime


def losses(job: dict[str, Any]) -> Iterator[float]:
    """Of each of job["files"], arrays HxWx3 of 16 bits."""
    options = Options(**job["options"])
    width, height = job["size"]
    gathered = inputs.gather(job["content"], job["style"], options, size=(width, height))
    runtime.prepare(options.threads)
    from nstyle.networks import preprocessing
    from nstyle.optimize import problem  # here, because they load MXNet
    from nstyle.system import backend

    setup = problem.set_up(gathered, options, backend.device(options.gpu))
    objective = problem.build(setup, gathered)
    for file in job["files"]:
        floats = Picture(np.load(file)).floats()
        x = preprocessing.from_floats(floats, setup.extractor.convention, options.pixel_range)
        yield float(objective(objective.load(x))[0])


if __name__ == "__main__":
    job, send = answer_jobs()
    send(losses=list(losses(job)))
