"""A picture painted by plain PyTorch: L-BFGS from the photo, at one size.

As PyTorch's users do it: torch.optim.LBFGS as it comes, and the picture is clamped before each
evaluation. job["evaluations"]: of the loss, after which it ends.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.processes import answer_jobs
from benchmarks.workers.painting import Album
from benchmarks.workers.pytorch import PyTorch
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.networks.weights import reader


def paint(job: dict[str, Any]) -> dict[str, Any]:
    """As workers.painting answers; an epoch is an evaluation of loss and gradient."""
    album = Album(Path(job["folder"]), job["began"], 0.0, 0.0)
    contestant = PyTorch(job)
    options = job["options"]
    convention = reader.read(options["weights"], options["model"]).convention
    black = torch.tensor(convention.mean).reshape(1, 3, 1, 1).neg()
    startup, began = album.seconds(), time.perf_counter()
    x = contestant.lbfgs(np.load(job["photo"]), job["evaluations"], black, black + 255)
    painting = time.perf_counter() - began
    floats = preprocessing.to_floats(x.numpy(), convention)
    album.keep(Picture.from_floats(floats, bits=16), album.seconds(), job["evaluations"])
    return {
        "startup": startup,
        "total": album.moments[-1]["seconds"],
        "seconds_per_epoch": painting / job["evaluations"],
        "epochs": job["evaluations"],
        "stopped": "evaluations",
        "moments": album.moments,
    }


if __name__ == "__main__":
    job, send = answer_jobs()
    send(**paint(job))
