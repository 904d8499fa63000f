"""A small network that sees as a complete VGG does; `measure` tells how well it does.

It starts in closed form from the teacher's own channels (`compress`) and is then fine-tuned. Each
tap of the student goes through a 1x1 linear map to the teacher's width (least squares,
`linear_maps`); the loss of a tap is its squared error over the teacher's variance plus 0.3 times
the squared Gram error over the squared Gram norm. Half of each batch are pictures that the student
itself is painting (`paintings`). Adam with a cosine decay; the network that is kept is the
exponential average of all steps' (Polyak & Juditsky 1992).
"""

from __future__ import annotations

import logging
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nstyle.errors import DivergedError, OptionError, WeightsError
from nstyle.networks.distill import student, teacher
from nstyle.networks.distill.compress import compress
from nstyle.networks.distill.evaluate import measure
from nstyle.networks.distill.loop import KIND, Training, calibration
from nstyle.networks.distill.options import DistillOptions
from nstyle.networks.distill.teacher import Arrays, Teacher
from nstyle.networks.layers import convolutions
from nstyle.networks.training import checkpoint, curve, data
from nstyle.system.files import elsewhere

log = logging.getLogger("nstyle")

__all__ = ["DistillOptions", "DistillStep", "distill", "measure"]

# Pictures are kept in memory with a short edge of so many crops; crops are enlarged by at most so
# much.
KEPT_CROPS, ENLARGED = 2.0, 1.6
# Of the crops that the closed form looks at, about: it needs 800 bytes for each with a VGG's 64
# channels.
CLOSED_FORM_PIXELS = 3_600_000


@dataclass(frozen=True)
class DistillStep:
    """One step of the training, for listeners and the curve."""

    step: int
    loss: float
    rate: float
    seconds: float  # that all steps took
    taps: dict[str, dict[str, float]] = field(default_factory=dict)  # "variance", "gram"


Listener = Callable[[DistillStep], Any]


def distill(options: DistillOptions, *, listener: Listener | None = None) -> Arrays:
    """Make a small network and write it to `options.output`.

    Goes on from `options.checkpoint` where there is one. The listener gets a DistillStep after
    each step. Returns the arrays, in float32. Raises OptionError, WeightsError or ImageError for
    bad input before the first step, DivergedError when the loss is not finite.
    """
    options.check_written()
    files, _ = data.split(options.pictures, options.heldout)
    known = teacher.read(str(options.teacher), convention=options.weights_convention)
    channels = options.channels(known.widths)
    arrays = _start(options, known, channels)
    loaded = [*data.load(files, round(options.crop * KEPT_CROPS)).values()]
    crops = data.Crops(
        loaded, crop=options.crop, batch=options.batch, seed=options.seed, enlarged=ENLARGED
    )
    setup, saved = _setup(options, channels, len(loaded)), None
    if options.steps and checkpoint.exists(options.checkpoint):
        saved = checkpoint.read(str(options.checkpoint), KIND)
        checkpoint.agree(saved, setup)
        checkpoint.check_groups(saved, {"weight": _shapes(known, channels)})
        arrays = dict(saved.groups["weight"])
    if arrays is None:
        count = CLOSED_FORM_PIXELS // (options.batch * options.crop**2)
        arrays = compress(known, channels, calibration(crops, max(1, count)))
    if options.steps:
        varied = data.Recoloured(crops, seed=options.seed)
        training = Training(arrays, known, varied, rate=options.rate, seed=options.seed)
        if saved:
            training.restore(saved)
        else:
            training.calibrate()
        curve.trim(options.curve, training.step)
        _run(training, options, setup, listener)
        arrays = training.average()
    _write(str(options.output), arrays, options.bits)
    return arrays


def _write(output: str, arrays: Arrays, bits: int) -> None:
    """Raises WeightsError; what cannot be written there is kept elsewhere."""
    try:
        student.write(output, arrays, bits)
    except WeightsError:
        raise
    except OSError as error:
        place = elsewhere(output, lambda path: student.write(path, arrays, bits))
        kept = f"; it is kept as {place}" if place else ""
        why = error.strerror or error
        raise WeightsError(f"--output: {output} cannot be written ({why}){kept}") from error


def _start(options: DistillOptions, known: Teacher, channels: list[int]) -> Arrays | None:
    """The network to go on from, if one was named. Raises OptionError for other widths."""
    if options.start is None:
        return None
    start = teacher.read(options.start, known.family)
    if (start.family, start.widths) != (known.family, channels):
        widths, expected = (",".join(map(str, each)) for each in (start.widths, channels))
        raise OptionError(
            f"--start: {options.start} is a {start.family} of the widths {widths}; "
            f"not a {known.family} of {expected}"
        )
    return start.arrays


def _setup(options: DistillOptions, channels: list[int], picture_count: int) -> dict[str, Any]:
    """The facts a checkpoint must agree on: weights by content, pictures by number."""
    asked = options.weights_convention  # absent where none was asked for, as it was before
    return {
        **({} if asked == "auto" else {"weights_convention": asked}),
        **{name: getattr(options, name) for name in ("batch", "crop", "rate", "seed")},
        "widths": channels,
        "start": _checksum(options.start) if options.start else "closed form",
        "teacher": _checksum(str(options.teacher)),
        "pictures": picture_count,
    }


def _shapes(known: Teacher, channels: list[int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, before, width in zip(convolutions(known.blocks), [3, *channels], channels):
        shapes.update({f"{name}_weight": (width, before, 3, 3), f"{name}_bias": (width,)})
    return shapes


def _checksum(path: str) -> str:
    return f"crc32 {zlib.crc32(Path(path).read_bytes()):08x}"


def _run(
    training: Training, options: DistillOptions, setup: dict[str, Any], listener: Listener | None
) -> None:
    told = False
    while (done := _done(training, options)) < 1:
        start = time.monotonic()
        rate = training.rate(done)
        loss, errors = training.advance(done)
        training.seconds += time.monotonic() - start
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at step {training.step}; give a smaller learning rate"
            )
        # The Gram error not squared, as `measure` gives it.
        taps = {tap: {"variance": v, "gram": math.sqrt(g)} for tap, (v, g) in errors.items()}
        step = DistillStep(training.step, loss, rate, training.seconds, taps)
        try:
            curve.append(options.curve, asdict(step))
            if options.checkpoint and (
                training.step % options.save_steps == 0 or _done(training, options) >= 1
            ):
                training.save(options.checkpoint, setup)
        except OSError as error:  # a full disk now need not be one later
            if not told:
                log.warning("curve or checkpoint cannot be written (%s); it goes on", error)
            told = True
        if listener:
            listener(step)


def _done(training: Training, options: DistillOptions) -> float:
    """Share of the training that is done, by steps or by time, whichever is more."""
    by_time = training.seconds / (60 * options.minutes) if options.minutes else 0.0
    return max(training.step / options.steps, by_time)
