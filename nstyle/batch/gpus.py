"""Whether a batch paints on a GPU, learned without loading MXNet here.

`python -m nstyle.batch.gpus` counts them, only where this machine has a device that could be one.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Sequence

from nstyle.batch.jobs import Job
from nstyle.system import processes

# NVIDIA's on Linux, in WSL2, and on boards with both in one chip; without one CUDA finds nothing.
DEVICES = ("/dev/nvidia[0-9]*", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")
SECONDS = 60  # to load MXNet


def wanted(jobs: Sequence[Job]) -> bool:
    """Whether any of the jobs is painted on a GPU: by its index, or because there is one."""
    chosen = {job.options.gpu for job in jobs}
    return any(isinstance(gpu, int) and gpu >= 0 for gpu in chosen) or (
        "auto" in chosen and count() > 0
    )


def count() -> int:
    """GPUs that MXNet can use, 0 where it cannot be loaded."""
    if not any(map(glob.glob, DEVICES)):
        return 0
    counter = processes.Worker("nstyle.batch.gpus")
    try:
        with contextlib.suppress(processes.Ended, TimeoutError):
            return int(counter.ask({}, SECONDS)["count"])
        return 0
    finally:
        counter.close()


def main() -> None:
    """Answer each request with the number of GPUs."""
    say = processes.speaker()
    for _ in processes.requests():
        from nstyle.system import backend

        say({"count": backend.gpu_count()})


if __name__ == "__main__":
    main()
