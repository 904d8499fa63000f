"""The student, its optimiser and its maps, between two steps of a training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nstyle.backend import autograd, nd
from nstyle.distillation import maps, student
from nstyle.distillation.teachers import TAPS, Teachers
from nstyle.learning import checkpoint
from nstyle.learning.adam import Adam
from nstyle.learning.pictures import Crops

KIND = "nstyle distill"  # of checkpoint
WARMUP_STEPS = 50
# Adam's steps are as large as the rate: the kernel on pixels is that much smaller than others.
RATE_SCALES = {"conv1_1_weight": 1 / student.PIXEL_SPREAD}
LAST_RATE = 0.01  # of the first, at the end of the cosine
AVERAGE = 0.998
CALIBRATION_BATCHES = 24
CALIBRATION_START = 2**30  # batches of these numbers are never trained on
REFIT_STEPS = 2
# relu1_1 is what fine texture is made of, and its error is so small that it would not count.
TAP_WEIGHTS = {tap: 2.0 if tap == "relu1_1" else 1.0 for tap in TAPS}
Errors = dict[str, tuple[float, float]]  # tap -> (variance error, squared Gram error)


class Training:
    """All that changes from step to step.

    arrays: where the student starts; `rate` and `steps`: the schedule.
    """

    def __init__(
        self, arrays: student.Arrays, teachers: Teachers, crops: Crops, *, rate: float, steps: int
    ) -> None:
        self._teachers, self._crops = teachers, crops
        self._rate, self._steps = rate, steps
        self.step = 0
        self.maps = maps.Maps()
        self.variances: dict[str, float] = {}
        self._use(arrays)
        self._adam = Adam(self._weights, average=AVERAGE, scales=RATE_SCALES)

    def _use(self, arrays: student.Arrays) -> None:
        self._network = student.build(arrays)
        self._parameters = {}
        for name, pair in self._network.parameters_by_layer().items():
            self._parameters[f"{name}_weight"], self._parameters[f"{name}_bias"] = pair
        self._weights = {name: p.data() for name, p in self._parameters.items()}

    def calibrate(self) -> None:
        """Learn the teacher's variances and the first maps."""
        powers: dict[str, list[np.ndarray]] = {tap: [] for tap in TAPS}
        means: dict[str, list[np.ndarray]] = {tap: [] for tap in TAPS}
        for batch in self.calibration():
            x = nd.array(batch)
            seen = self._teachers(x)
            for tap, output in zip(TAPS, self._network(x)):
                found = maps.moments(maps.with_ones(output), maps.columns(seen[tap]))
                self.maps.remember(tap, found)
                powers[tap].append(np.trace(found.teacher, axis1=1, axis2=2).mean())
                means[tap].append(found.cross[:, :, -1].mean(axis=0))
        for tap in TAPS:
            mean = np.mean(means[tap], axis=0)
            self.variances[tap] = float(np.mean(powers[tap]) - np.square(mean).sum())
        self.maps.refit()

    def calibration(self) -> Iterator[np.ndarray]:
        """Batches for statistics, always the same."""
        return (self._crops(CALIBRATION_START + i) for i in range(CALIBRATION_BATCHES))

    def advance(self) -> tuple[float, Errors]:
        """One step; gives the loss before it and the errors per tap."""
        x = nd.array(self._crops(self.step))
        seen = self._teachers(x)
        with autograd.record():
            outputs = self._network(x)
        errors, heads = {}, []
        for tap, output in zip(TAPS, outputs):
            variance, gram, gradient = self._compare(tap, output, seen[tap])
            errors[tap] = variance, gram
            heads.append(gradient)
        autograd.backward(list(outputs), heads)
        gradients = {name: p.grad() for name, p in self._parameters.items()}
        self._adam.update(self._weights, gradients, rate=self.rate(), count=self.step + 1)
        self.step += 1
        if self.step % REFIT_STEPS == 0:
            self.maps.refit()
        return total(errors), errors

    def _compare(self, tap: str, output: Any, teacher: Any) -> tuple[float, float, Any]:
        """Both errors of a tap and the loss's gradient of it, (N, C, h, w)."""
        f, y = maps.with_ones(output), maps.columns(teacher)
        found = maps.moments(f, y)
        m, variance = self.maps.solved[tap], self.variances[tap]
        error, gram, gradient = maps.loss(f, y, m, found, variance)
        self.maps.remember(tap, found)
        head = gradient[:, :-1].reshape(output.shape) * np.float32(TAP_WEIGHTS[tap])
        return error, gram, nd.array(head)

    def rate(self) -> float:
        """Learning rate of the coming step: a short rise, then half a cosine."""
        rise = min(1.0, (self.step + 1) / min(WARMUP_STEPS, 1 + self._steps // 10))
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self._steps)))
        return self._rate * rise * (LAST_RATE + (1 - LAST_RATE) * fall)

    def average(self) -> student.Arrays:
        """The averaged network's values."""
        return {name: value.asnumpy() for name, value in self._adam.average.items()}

    def finish(self) -> student.Arrays:
        """The averaged network, every layer with a mean activation of 1."""
        return student.scale_to_mean_one(self.average(), self.calibration())

    def save(self, path: str, setup: Mapping[str, Any]) -> None:
        """Write everything the next step depends on."""
        groups: dict[str, dict[str, np.ndarray]] = {
            kind: {name: value.asnumpy() for name, value in some.items()}
            for kind, some in {"weight": self._weights, **self._adam.groups()}.items()
        }
        groups["maps"], groups["solved"] = self.maps.state, self.maps.solved
        groups["variance"] = {tap: np.array([v]) for tap, v in self.variances.items()}
        checkpoint.save(path, KIND, self.step, groups, setup)

    def restore(self, path: str, setup: Mapping[str, Any]) -> None:
        """Go on from what `save` wrote. Raises WeightsError, OptionError."""
        self.step, groups = checkpoint.load(path, KIND, setup)
        self._use(groups["weight"])
        for kind, own in self._adam.groups().items():
            for name in own:
                own[name][:] = nd.array(groups[kind][name])
        self.maps.state, self.maps.solved = groups["maps"], groups["solved"]
        self.variances = {tap: float(v[0]) for tap, v in groups["variance"].items()}


def total(errors: Errors) -> float:
    """The loss: both errors of every tap, weighted."""
    return sum(TAP_WEIGHTS[tap] * (v + maps.GRAM_WEIGHT * g) for tap, (v, g) in errors.items())
