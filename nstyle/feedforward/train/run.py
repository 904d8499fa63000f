"""Train a network that paints in one pass: one style, or any (see `feedforward`)."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nstyle.errors import WeightsError
from nstyle.feedforward import network_file, ready_styles
from nstyle.feedforward.ready_styles import READY, ReadyStyle
from nstyle.feedforward.train import dataset
from nstyle.feedforward.train.dataset import TrainingData
from nstyle.feedforward.train.options import TrainOptions
from nstyle.images import image_file
from nstyle.networks.training import curve
from nstyle.options.options import Options
from nstyle.system import files, runtime
from nstyle.system.interrupts import Postponement

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

    saved: the step that the last checkpoint is of, 0 where none could be written; checkpoint: its
    path; lost: what is incomplete or missing besides, "curve" or "preview".
    """

    steps: int
    seconds: float
    loss: float
    finished: bool
    saved: int
    checkpoint: str
    lost: Sequence[str] = ()


Listener = Callable[[TrainStep], Any]


def train(
    request: TrainOptions, options: Options, *, listeners: Sequence[Listener] = ()
) -> Trained:
    """Train, and write the network to `request.output` (see `feedforward.network_file`).

    options: the loss and the device (`request.loss({})` are the usual ones). With
    `request.resume` goes on from the checkpoint, with `steps` and as many threads to the same
    weights as a training never stopped. Listeners get a TrainStep after each step; Ctrl-C, or a
    listener that returns True, ends the training there, with a checkpoint and no network. Raises
    OptionError, ImageError, WeightsError, BackendError before the first step, DivergedError, and
    WeightsError where the network cannot be written.
    """
    data = dataset.gather(request, options)
    runtime.prepare(options.threads)
    from nstyle.feedforward.train import setup
    from nstyle.system import backend  # here, because these load MXNet

    planned = setup.plan(data, request, options, backend.device(options.gpu))
    curve.trim(request.curve, planned.training.step)
    training, saver = planned.training, TrainingSaver(planned, data, request)
    with Postponement() as ctrl_c:
        finished = run(training, request, [saver, *listeners, ctrl_c])
    saver.end(finished)
    facts = training.step, training.seconds, training.loss, finished
    return Trained(*facts, saver.saved, saver.place, saver.lost)


def run(training: Any, request: TrainOptions, listeners: Sequence[Listener]) -> bool:
    """All steps that are left; False where a listener ended it. Raises DivergedError."""
    began = time.monotonic() - training.seconds
    while (done := progress(training, request)) < 1:
        terms = training.advance(done)
        training.seconds = time.monotonic() - began
        left = training.seconds * (1 / progress(training, request) - 1)
        loss = terms.pop("loss")
        step = TrainStep(training.step, loss, terms, training.seconds, max(0.0, left))
        answers = [listener(step) for listener in listeners]
        if any(answer is True for answer in answers):
            return progress(training, request) >= 1
    return True


def progress(training: Any, request: TrainOptions) -> float:
    """Share of the training that is done; 1 is finished."""
    if request.steps is not None:
        return training.step / request.steps
    assert request.time_budget is not None  # see TrainOptions
    return training.seconds / request.time_budget


class TrainingSaver:
    """Writes what a training leaves behind: curve, preview, checkpoint, in the end the network.

    While it runs, a failure is said once and ends nothing: a full disk now need not be one later.
    """

    def __init__(self, planned: Any, data: TrainingData, request: TrainOptions) -> None:
        self._planned, self._data, self._request = planned, data, request
        self._training = planned.training
        self._failed: set[str] = set()
        self.place = request.saved  # of the newest checkpoint
        self.saved = self._training.step if data.saved else 0  # of which step the checkpoint is

    def __call__(self, step: TrainStep) -> None:
        """Saves and previews that are due after this step."""
        request = self._request
        self._attempt("curve", lambda: curve.append(request.curve, asdict(step)))
        if request.preview_steps and step.step % request.preview_steps == 0:
            self._attempt("preview", self._show)
        if step.step % request.save_steps == 0:
            self._attempt("checkpoint", self._save)

    def end(self, finished: bool) -> None:
        """The last checkpoint, or the network in its place. Raises WeightsError."""
        if self._training.step != self.saved:
            self._attempt("checkpoint", self._save if finished else self._save_somewhere)
        files.sweep_beside(self._request.saved)
        if not finished:
            return
        self._attempt("preview", self._show)
        self._write()
        if not self._request.keep_checkpoint:
            with contextlib.suppress(OSError):  # it may never have been written
                os.unlink(self._request.saved)

    @property
    def lost(self) -> Sequence[str]:
        """See Trained."""
        return sorted(self._failed - {"checkpoint"})

    def _attempt(self, what: str, write: Callable[[], Any]) -> None:
        try:
            write()
            if what != "curve":  # whose lost lines do not come back
                self._failed.discard(what)
        except OSError as error:  # ImageError is one
            if what not in self._failed:
                log.warning("the %s cannot be written (%s); training goes on", what, error)
            self._failed.add(what)

    def _save(self, path: str | None = None) -> None:
        self.place = path or self._request.saved
        self._training.save(self.place, self._data.setup)
        self.saved = self._training.step

    def _save_somewhere(self) -> None:
        try:
            self._save()
        except OSError as error:
            log.warning("the checkpoint cannot be written (%s)", error)
            if files.elsewhere(self._request.saved, self._save) is None:
                self.place = self._request.saved

    def _show(self) -> None:
        if self._request.preview and self._planned.preview:
            sheet = self._planned.preview.sheet(self._training.average(), self._training.step)
            image_file.write(sheet, self._request.preview, quality=QUALITY)

    def _write(self) -> None:
        request, training = self._request, self._training
        named = request.style_image or request.paintings[0]
        facts = {
            "style": os.path.splitext(os.path.basename(os.path.normpath(named)))[0],
            "steps": training.step,
            "seconds": training.seconds,
            "loss": training.loss,
            "options": self._data.setup,
        }
        arrays = training.average()
        ready = arrays.pop(READY, ())
        file = network_file.NetworkFile(
            request.network, self._planned.shape, arrays, facts, self._data.style
        )
        try:
            network_file.write(request.output, file, request.bits)
        except WeightsError:
            raise
        except OSError as error:
            place = files.elsewhere(request.output, lambda path: network_file.write(path, file))
            kept = f"; it is kept as {place}" if place else ""
            advice = f"; make room and --resume from {request.saved}" if self.saved else ""
            why = f"cannot be written ({error.strerror or error})"
            raise WeightsError(f"{request.output}: {why}{kept or advice}") from error
        if request.ready_output:
            self._write_ready(request.ready_output, ready)

    def _write_ready(self, path: str, numbers: Sequence[np.ndarray]) -> None:
        styles = {
            row.name: ReadyStyle(row.name, row.title, row.credit, own, painting)
            for (row, painting), own in zip(self._data.ready, numbers)
        }
        try:
            ready_styles.write(path, styles, self._request.output)
        except OSError as error:
            why = error.strerror or error
            raise WeightsError(f"{path}: cannot be written ({why}); the network is") from error
