"""Train the small network to see as VGG-19 sees; `measure` tells how well it does.

Each tap of the student goes through a 1x1 linear map to the teacher's width (least squares,
`distillation.maps`); the loss of a tap is its squared error over the teacher's variance plus
0.3 times the squared Gram error over the squared Gram norm. Adam with a cosine decay; the network
that is kept is the exponential average of all steps' (Polyak & Juditsky 1992).
"""

from __future__ import annotations

import math
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nstyle.distillation import student
from nstyle.distillation.measuring import measure, ratios
from nstyle.distillation.student import WIDTHS
from nstyle.distillation.teachers import Teachers
from nstyle.distillation.training import Errors, Training
from nstyle.errors import DivergedError, OptionError
from nstyle.learning import checkpoint, curve, pictures

__all__ = ["WIDTHS", "DistillOptions", "DistillStep", "distill", "measure", "ratios"]

# Pictures are kept in memory with a short edge of so many crops.
KEPT_CROPS = 2.25


@dataclass(frozen=True)
class DistillOptions:
    """Everything `distill` can be told; raises OptionError for what cannot be.

    `width` multiplies all `widths`; `crop` is in px; `heldout` is a file of paths, one per line,
    relative to its own folder; without `start` the student begins with random values. `steps` is
    the only one of the numbers that may differ when a training is resumed.
    """

    teachers: tuple[str, ...]
    pictures: tuple[str, ...]
    output: str
    heldout: str | None = None
    start: str | None = None
    widths: tuple[int, ...] = WIDTHS
    width: float = 1.0
    steps: int = 6000
    batch: int = 8
    crop: int = 128
    rate: float = 6e-4
    seed: int = 0
    checkpoint: str | None = None
    curve: str | None = None
    save_steps: int = 50

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("batch", 1), ("crop", 32), ("save_steps", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise OptionError(f"{name} is at least {low}, not {getattr(self, name)}")
        if not 0 < self.rate < 1:
            raise OptionError(f"rate is above 0 and below 1, not {self.rate}")
        for name in ("teachers", "pictures"):
            if not getattr(self, name):
                raise OptionError(f"{name}: none given; give at least one")
        student.scaled_widths(self.widths, self.width)
        for name in ("output", "checkpoint", "curve"):
            path = getattr(self, name)
            if path and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
                raise OptionError(f"{name} {path}: there is no such folder; make it first")

    def channels(self) -> list[int]:
        """Of conv1_1 ... conv5_1."""
        return student.scaled_widths(self.widths, self.width)


@dataclass(frozen=True)
class DistillStep:
    """One step of the training, for listeners and the curve."""

    step: int
    steps: int
    loss: float
    rate: float
    seconds: float  # since this run began
    taps: dict[str, dict[str, float]] = field(default_factory=dict)  # "variance", "gram"


Listener = Callable[[DistillStep], Any]


def distill(options: DistillOptions, *, listener: Listener | None = None) -> student.Arrays:
    """Train a student and write it, scaled and in float16, to `options.output`.

    Goes on from `options.checkpoint` where there is one. The listener gets a DistillStep after
    each step. Returns the arrays written, in float32. Raises OptionError, WeightsError or
    ImageError for bad input before the first step, DivergedError when the loss is not finite.
    """
    files, _ = pictures.split(options.pictures, options.heldout)
    teachers = Teachers(options.teachers)
    arrays = _start(options)
    loaded = pictures.load(files, round(options.crop * KEPT_CROPS))
    crops = pictures.Crops(loaded, crop=options.crop, batch=options.batch, seed=options.seed)
    training = Training(arrays, teachers, crops, rate=options.rate, steps=options.steps)
    setup = _setup(options, len(loaded))
    if checkpoint.exists(options.checkpoint):
        training.restore(str(options.checkpoint), setup)
    else:
        training.calibrate()
    curve.trim(options.curve, training.step)
    _run(training, options, setup, listener)
    arrays = training.finish()
    student.write(options.output, arrays)
    return arrays


def _start(options: DistillOptions) -> student.Arrays:
    if options.start is None:
        return student.random_arrays(options.channels(), options.seed)
    return student.widened_arrays(options.start, options.channels(), options.seed)


def _setup(options: DistillOptions, picture_count: int) -> dict[str, Any]:
    """What a checkpoint must agree on: files by their content, whatever their names."""
    chosen = {name: getattr(options, name) for name in ("batch", "crop", "rate", "seed")}
    return {
        **chosen,
        "widths": options.channels(),
        "start": _checksum(options.start) if options.start else "random",
        "teachers": [_checksum(path) for path in options.teachers],
        "pictures": picture_count,
    }


def _checksum(path: str) -> str:
    return f"{Path(path).name} (crc32 {zlib.crc32(Path(path).read_bytes()):08x})"


def _run(
    training: Training, options: DistillOptions, setup: dict[str, Any], listener: Listener | None
) -> None:
    start = time.monotonic()
    while training.step < options.steps:
        rate = training.rate()
        loss, errors = training.advance()
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at step {training.step}; give a smaller learning rate"
            )
        taps = _describe(errors)
        seconds = time.monotonic() - start
        step = DistillStep(training.step, options.steps, loss, rate, seconds, taps)
        curve.append(options.curve, asdict(step))
        if options.checkpoint and _is_due(step, options.save_steps):
            training.save(options.checkpoint, setup)
        if listener:
            listener(step)


def _describe(errors: Errors) -> dict[str, dict[str, float]]:
    """The Gram error not squared, as `measure` gives it."""
    return {tap: {"variance": v, "gram": math.sqrt(g)} for tap, (v, g) in errors.items()}


def _is_due(step: DistillStep, save_steps: int) -> bool:
    return step.step % save_steps == 0 or step.step == step.steps
