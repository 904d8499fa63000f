"""The number of worker processes, and of threads of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nstyle.batch import gpus
from nstyle.batch.jobs import Job
from nstyle.networks import layers
from nstyle.networks.layers import BLOCKS
from nstyle.optimize.planning import costs, memory
from nstyle.options.options import Options
from nstyle.system import locations

VGG_WIDTHS = (64, 128, 256, 512, 512)  # channels of the blocks


def arrange(
    jobs: Sequence[Job], workers: int | str, threads: int | None, cores: int, free: int | None
) -> tuple[int, int]:
    """(processes, threads of each) for these jobs. workers: a number, or "auto".

    One thread each, as threads wait for each other at every layer, and processes do not
    (`python -m benchmarks.batch` measures it). So there are as many processes as cores, as jobs, as
    memory holds; cores that are left over become threads. A GPU paints one picture at a time.
    """
    if workers == "auto":
        most = 1 if gpus.wanted(jobs) else max(1, cores // (threads or 1))
        if free is not None:
            most = min(most, free // max(need(job.options) for job in jobs))
        workers = max(1, most)
    count = min(int(workers), len(jobs))
    return count, threads or max(1, cores // count)


def need(options: Options) -> int:
    """Bytes that a painting takes, about: with a photo of 4:3 that is larger than the result."""
    model = locations.find(options.model)[0] if options.weights is None else "vgg19"
    names = layers.convolutions(BLOCKS[model])
    widths = locations.WIDTHS.get(model) or [VGG_WIDTHS[int(name[4]) - 1] for name in names]
    wanted = options.style_layers.weights
    edges = options.size.edges if options.size else (None, None)
    long_edge = max(filter(None, edges), default=options.max_long_edge)
    size = long_edge, math.ceil(long_edge * 3 / 4)
    style = memory.scaled(size, math.ceil(long_edge * options.style_scale))
    return memory.needed(costs.network(dict(zip(names, widths)), wanted), size, style)
