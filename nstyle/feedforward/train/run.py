"""Train a network that paints in one pass: one style, or any (see `feedforward`)."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nstyle.errors import WeightsError
from nstyle.feedforward import network_file
from nstyle.feedforward.train import dataset
from nstyle.feedforward.train.dataset import TrainingData
from nstyle.feedforward.train.options import TrainOptions
from nstyle.images import image_file
from nstyle.networks.training import curve
from nstyle.options.options import Options
from nstyle.system import files, runtime
from nstyle.system.interrupts import Postponement

__all__ = ["TrainOptions", "TrainStep", "Trained", "train"]

log = logging.getLogger("nstyle")

QUALITY = 85  # of the preview's JPEG


@dataclass(frozen=True)
class TrainStep:
    """One step, for listeners and the curve. seconds: spent on the training; left: about."""

    step: int
    loss: float
    terms: Mapping[str, float]  # by kind: content, style, tv, colours; those there are
    seconds: float
    left: float


@dataclass(frozen=True)
class Trained:
    """The result of a training. loss: a running mean; finished: False where it was ended.

    saved: the step that the last checkpoint is of, 0 where none could be written.
    """

    steps: int
    seconds: float
    loss: float
    finished: bool
    saved: int


Listener = Callable[[TrainStep], Any]


def train(wanted: TrainOptions, options: Options, *, listeners: Sequence[Listener] = ()) -> Trained:
    """Train, and write the network to `wanted.output` (see `feedforward.network_file`).

    options: the loss and the device (`wanted.loss({})` are the usual ones). With
    `wanted.resume` goes on from the checkpoint, with `steps` and as many threads to the same
    weights as a training never stopped. Listeners get a TrainStep after each step; Ctrl-C, or a
    listener that returns True, ends the training there, with a checkpoint and no network. Raises
    OptionError, ImageError, WeightsError, BackendError before the first step, DivergedError, and
    WeightsError where the network cannot be written.
    """
    found = dataset.gather(wanted, options)
    runtime.prepare(options.threads)
    from nstyle.feedforward.train import setup
    from nstyle.system import backend  # here, because these load MXNet

    planned = setup.plan(found, wanted, options, backend.device(options.gpu))
    curve.trim(wanted.curve, planned.training.step)
    keeper = TrainingSaver(planned, found, wanted)
    with Postponement() as ctrl_c:
        finished = run(planned.training, wanted, [keeper, *listeners, ctrl_c])
    keeper.end(finished)
    made = planned.training
    return Trained(made.step, made.seconds, made.loss, finished, keeper.saved)


def run(training: Any, wanted: TrainOptions, listeners: Sequence[Listener]) -> bool:
    """All steps that are left; False where a listener ended it. Raises DivergedError."""
    began = time.monotonic() - training.seconds
    while (done := progress(training, wanted)) < 1:
        said = training.advance(done)
        training.seconds = time.monotonic() - began
        left = training.seconds * (1 / progress(training, wanted) - 1)
        loss = said.pop("loss")
        step = TrainStep(training.step, loss, said, training.seconds, max(0.0, left))
        wishes = [listener(step) for listener in listeners]
        if any(wish is True for wish in wishes):
            return progress(training, wanted) >= 1
    return True


def progress(training: Any, wanted: TrainOptions) -> float:
    """Share of the training that is done; 1 is finished."""
    if wanted.steps is not None:
        return training.step / wanted.steps
    assert wanted.time_budget is not None  # see TrainOptions
    return training.seconds / wanted.time_budget


class TrainingSaver:
    """Writes what a training leaves behind: curve, preview, checkpoint, in the end the network.

    While it runs, a failure is said once and ends nothing: a full disk now need not be one later.
    """

    def __init__(self, planned: Any, found: TrainingData, wanted: TrainOptions) -> None:
        self._planned, self._found, self._wanted = planned, found, wanted
        self._training = planned.training
        self._failed: set[str] = set()
        self.saved = self._training.step if found.saved else 0  # of which step the checkpoint is

    def __call__(self, step: TrainStep) -> None:
        """Saves and previews that are due after this step."""
        wanted = self._wanted
        self._attempt("curve", lambda: curve.append(wanted.curve, asdict(step)))
        if wanted.preview_steps and step.step % wanted.preview_steps == 0:
            self._attempt("preview", self._show)
        if step.step % wanted.save_steps == 0:
            self._attempt("checkpoint", self._save)

    def end(self, finished: bool) -> None:
        """The last checkpoint, or the network in its place. Raises WeightsError."""
        if self._training.step != self.saved:
            self._attempt("checkpoint", self._save, last=not finished)
        files.sweep_beside(self._wanted.saved)
        if not finished:
            return
        self._attempt("preview", self._show)
        self._write()
        if not self._wanted.keep_checkpoint:
            with contextlib.suppress(OSError):  # it may never have been written
                os.unlink(self._wanted.saved)

    def _attempt(self, what: str, write: Callable[[], Any], *, last: bool = False) -> None:
        """last: nothing comes after it."""
        try:
            write()
        except OSError as error:  # ImageError is one
            if last or what not in self._failed:
                then = "" if last else "; training goes on"
                log.warning("the %s cannot be written (%s)%s", what, error, then)
            self._failed.add(what)

    def _save(self) -> None:
        self._training.save(self._wanted.saved, self._found.setup)
        self.saved = self._training.step

    def _show(self) -> None:
        if self._wanted.preview and self._planned.preview:
            sheet = self._planned.preview.sheet(self._training.average(), self._training.step)
            image_file.write(sheet, self._wanted.preview, quality=QUALITY)

    def _write(self) -> None:
        wanted, training = self._wanted, self._training
        named = wanted.style_image or wanted.paintings[0]
        facts = {
            "style": os.path.splitext(os.path.basename(os.path.normpath(named)))[0],
            "steps": training.step,
            "seconds": training.seconds,
            "loss": training.loss,
            "options": self._found.setup,
        }
        file = network_file.NetworkFile(
            wanted.network, self._planned.shape, training.average(), facts, self._found.style
        )
        try:
            network_file.write(wanted.output, file)
        except WeightsError:
            raise
        except OSError as error:
            going_on = f"; make room and --resume from {wanted.saved}" if self.saved else ""
            reason = error.strerror or error
            raise WeightsError(
                f"{wanted.output}: cannot be written ({reason}){going_on}"
            ) from error
