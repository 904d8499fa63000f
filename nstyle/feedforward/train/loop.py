"""Training a painting network, lesson by lesson: the loop knows nothing of what is taught.

Loads MXNet. One picture at a time (see `blocks.InstanceNorm`); gradients of a batch are summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nstyle.errors import DivergedError
from nstyle.feedforward.blocks import trained
from nstyle.feedforward.train.options import KIND
from nstyle.networks.training import checkpoint
from nstyle.networks.training.muon import Muon
from nstyle.system.backend import autograd, nd

AVERAGE = 0.99
RECENT = 0.98  # how much of the running mean of the loss stays at a step
RISE = 20  # steps until the rate is reached
FALL = 0.5  # of the training, at its end, in which the rate falls
LAST_RATE = 0.01


class TrainingSample(NamedTuple):
    """inputs: of the network; objective: its output -> (loss, gradient), with `terms` afterwards.

    Terms are shared out by their kind, the part before the first colon.
    """

    inputs: Sequence[Any]
    objective: Any


class Training:
    """All that changes from step to step. lessons: number, counted from 0 -> Lesson.

    clip: the largest norm of a step's gradient; scales: of the rate by a parameter's name; rise:
    steps until the rate is reached; seconds: for who measures them, kept in the checkpoint; loss: a
    running mean.
    """

    def __init__(
        self,
        network: Any,
        lessons: Callable[[int], TrainingSample],
        *,
        rate: float,
        batch: int,
        clip: float = math.inf,
        scales: Mapping[str, float] | None = None,
        rise: int = RISE,
    ) -> None:
        self._network, self._lessons = network, lessons
        self._rate, self._batch, self._clip, self._rise = rate, batch, clip, rise
        self.step, self.seconds, self.loss = 0, 0.0, math.nan
        self._parameters = trained(network)
        for parameter in self._parameters.values():
            parameter.grad_req = "add"
        weights = {name: p.data() for name, p in self._parameters.items()}
        self._optimizer = Muon(weights, average=AVERAGE, scales=scales)

    def advance(self, progress: float) -> dict[str, float]:
        """One step; gives "loss" and its parts by kind, means over the batch.

        progress: 0..1, how much of the training is done. Raises DivergedError.
        """
        sums: dict[str, float] = {}
        for number in range(self.step * self._batch, (self.step + 1) * self._batch):
            loss, terms = self._study(self._lessons(number))
            for name, value in {"loss": loss, **terms}.items():
                kind = name.split(":")[0]  # "style:relu1_1" -> "style"
                sums[kind] = sums.get(kind, 0.0) + value / self._batch
        if not math.isfinite(sums["loss"]):
            raise DivergedError(
                f"the loss is {sums['loss']} at step {self.step + 1}; give a smaller learning rate"
            )
        gradients = {name: p.grad() for name, p in self._parameters.items()}
        limit(list(gradients.values()), self._clip)
        rate = self._rate * schedule(self.step, progress, self._rise)
        self._optimizer.update(gradients, rate=rate, count=self.step + 1)
        for parameter in self._parameters.values():
            parameter.zero_grad()
        keep = min(RECENT, self.step / (self.step + 1))
        self.loss = sums["loss"] if self.step == 0 else self.loss * keep + sums["loss"] * (1 - keep)
        self.step += 1
        return sums

    def _study(self, lesson: TrainingSample) -> tuple[float, Mapping[str, float]]:
        with autograd.record():
            output = self._network(*lesson.inputs)
        loss, gradient = lesson.objective(output.detach())
        output.backward(gradient / self._batch)
        return float(loss), lesson.objective.terms

    def average(self) -> dict[str, np.ndarray]:
        """The averaged network's values by name."""
        return self._optimizer.values()

    def save(self, path: str, setup: Mapping[str, Any]) -> None:
        """Write everything the next step depends on."""
        groups = self._optimizer.groups()
        groups["so far"] = {"seconds": np.array([self.seconds]), "loss": np.array([self.loss])}
        checkpoint.save(path, KIND, self.step, groups, setup)

    def restore(self, saved: checkpoint.TrainingState) -> None:
        """Go on from what `save` wrote for a training that was set up the same.

        Raises WeightsError where the arrays are those of another.
        """
        so_far = {"seconds": (1,), "loss": (1,)}
        checkpoint.check_groups(saved, {**self._optimizer.groups(), "so far": so_far})
        self.step = saved.step
        self.seconds = float(saved.groups["so far"]["seconds"][0])
        self.loss = float(saved.groups["so far"]["loss"][0])
        self._optimizer.restore(saved.groups)


def limit(arrays: Sequence[Any], most: float) -> None:
    """Shrink all, in place, so that their common norm is `most` at most."""
    if math.isinf(most):
        return
    squares = nd.multi_sum_sq(*arrays, num_arrays=len(arrays))
    norm = float(squares.sum().asscalar()) ** 0.5
    for array in arrays if norm > most else ():
        array *= most / norm


def schedule(step: int, progress: float, rise: int = RISE) -> float:
    """Factor of the learning rate: a short rise, constant, in the second half a cosine down."""
    begun = min(1.0, (step + 1) / rise)
    late = min(1.0, max(0.0, (progress - (1 - FALL)) / FALL))
    return begun * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * late)))
