"""The number of worker processes, and of threads of each.

`python -m nstyle.batch.workers` counts GPUs, as MXNet is not loaded here; only where this machine
has a device that could be one.
"""

from __future__ import annotations

import contextlib
import glob
import math
from collections.abc import Sequence

from nstyle.batch.jobs import Job
from nstyle.networks import layers
from nstyle.networks.layers import BLOCKS
from nstyle.optimize.planning import costs, memory
from nstyle.options.options import Options
from nstyle.system import locations, processes

# NVIDIA's on Linux, in WSL2, and on boards with both in one chip; without one CUDA finds nothing.
GPU_DEVICES = ("/dev/nvidia[0-9]*", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")
SECONDS = 60  # to load MXNet
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
        gpus = {job.options.gpu for job in jobs}
        on_gpu = bool(gpus - {"auto", -1}) or ("auto" in gpus and gpu_count() > 0)
        most = 1 if on_gpu else max(1, cores // (threads or 1))
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
    edges = options.size.edges if options.size else (None, None)
    long_edge = max(filter(None, edges), default=options.max_long_edge)
    size = long_edge, math.ceil(long_edge * 3 / 4)
    style = memory.scaled(size, math.ceil(long_edge * options.style_scale))
    network = costs.network(dict(zip(names, widths)), options.style_layers.weights)
    return memory.needed(network, size, style)


def gpu_count() -> int:
    """GPUs that MXNet can use, 0 where it cannot be loaded."""
    if not any(map(glob.glob, GPU_DEVICES)):
        return 0
    with contextlib.closing(processes.Worker("nstyle.batch.workers")) as counter:
        with contextlib.suppress(processes.Ended, TimeoutError):
            return int(counter.ask({}, SECONDS)["count"])
        return 0


if __name__ == "__main__":
    say = processes.speaker()
    for _ in processes.requests():
        from nstyle.system import backend

        say({"count": backend.gpu_count()})
