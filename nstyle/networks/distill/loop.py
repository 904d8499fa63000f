"""Fine-tuning: the small network, its optimiser, its maps and paintings, between two steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nstyle.networks.distill import linear_maps
from nstyle.networks.distill.paintings import Paintings
from nstyle.networks.distill.teacher import Arrays, Teacher, reached, widths_of
from nstyle.networks.training import checkpoint
from nstyle.networks.training.adam import Adam
from nstyle.networks.vgg import VGGFeatures
from nstyle.system.backend import autograd, mx, nd

KIND = "nstyle distill"  # of checkpoint
WARMUP_STEPS = 50
LAST_RATE = 0.01  # of the first, at the end of the cosine
AVERAGE = 0.998
CALIBRATION_BATCHES = 24
CALIBRATION_START = 2**30  # batches of these numbers are never trained on
REFIT_STEPS = 4
PAINTED = 0.5  # of each batch
VISIT_STEPS = 6  # from one visit of the paintings to the next
# Of the largest layers one row in so many is compared, another each step: they are seen well, and
# looking at all of them takes longer than the network.
ROWS = {"relu1_1": 8, "relu2_1": 4, "relu3_1": 2}
# relu1_1 is what fine texture is made of, and its error is so small that it would not count.
TAP_WEIGHTS = {"relu1_1": 2.0}
Errors = dict[str, tuple[float, float]]  # tap -> (variance error, squared Gram error)


class Training:
    """All that changes from step to step.

    arrays: where the student starts; crops: number -> batch (N, 3, H, W). A kernel's steps are
    `rate` times its values' mean magnitude, so that one rate fits all layers.
    """

    def __init__(
        self,
        arrays: Arrays,
        teacher: Teacher,
        crops: Callable[[int], np.ndarray],
        *,
        rate: float,
        seed: int,
    ) -> None:
        self._crops, self._rate = crops, rate
        widths = widths_of(teacher.blocks, arrays)
        self.taps = reached(teacher.blocks, len(widths))
        self._known, self._teacher = teacher, teacher.network(self.taps)
        self.step = 0
        self.seconds = 0.0  # that all steps took
        self.maps = linear_maps.Maps()
        self.variances: dict[str, float] = {}
        self._network = VGGFeatures(teacher.blocks, widths, self.taps)
        self._parameters = filled(self._network, arrays)
        weights = {name: p.data() for name, p in self._parameters.items()}
        scales = {name: float(np.abs(a).mean()) + 1e-12 for name, a in arrays.items()}
        self._adam = Adam(weights, average=AVERAGE, scales=scales)
        self._paintings = Paintings(crops, teacher.blocks, len(arrays) // 2, seed=seed)

    def calibrate(self) -> None:
        """Learn the teacher's variances and the first maps."""
        powers: dict[str, list[np.ndarray]] = {tap: [] for tap in self.taps}
        means: dict[str, list[np.ndarray]] = {tap: [] for tap in self.taps}
        for batch in calibration(self._crops, CALIBRATION_BATCHES):
            x = nd.array(batch)
            for tap, output, y in zip(self.taps, self._network(x), self._teacher(x)):
                seen = linear_maps.moments(linear_maps.with_ones(output), linear_maps.columns(y))
                self.maps.remember(tap, seen)
                powers[tap].append(np.trace(seen.teacher, axis1=1, axis2=2).mean())
                means[tap].append(seen.cross[:, :, -1].mean(axis=0))
        for tap in self.taps:
            mean = np.mean(means[tap], axis=0)
            variance = float(np.mean(powers[tap]) - np.square(mean).sum())
            self.variances[tap] = max(variance, 1e-12)  # 0 of a layer that is always the same
        self.maps.refit()

    def advance(self, done: float) -> tuple[float, Errors]:
        """One step; gives the loss before it and the errors per tap. done: share of the training,
        0..1, by which the rate falls.
        """
        x = nd.array(self._batch())
        seen = self._teacher(x)
        with autograd.record():
            outputs = self._network(x)
        errors, heads = {}, []
        for tap, output, y in zip(self.taps, outputs, seen):
            variance, gram, gradient = self._compare(tap, output, y)
            errors[tap] = variance, gram
            heads.append(gradient)
        autograd.backward(list(outputs), heads)
        gradients = {name: p.grad() for name, p in self._parameters.items()}
        self._adam.update(gradients, rate=self.rate(done), count=self.step + 1)
        self.step += 1
        if self.step % REFIT_STEPS == 0:
            self.maps.refit()
        loss = sum(
            TAP_WEIGHTS.get(tap, 1.0) * (variance + linear_maps.GRAM_WEIGHT * gram)
            for tap, (variance, gram) in errors.items()
        )
        return loss, errors

    def _batch(self) -> np.ndarray:
        batch = self._crops(self.step)
        painted = max(1, round(PAINTED * len(batch)))
        if self.step % VISIT_STEPS == 0:
            self._paintings.visit(self.step // VISIT_STEPS, self._adam.values("weight"))
        batch[:painted] = self._paintings.some(self.step, painted)
        return batch

    def _compare(self, tap: str, output: Any, teacher: Any) -> tuple[float, float, Any]:
        """Both errors of a tap and the loss's gradient of it, (N, C, h, w)."""
        every = ROWS.get(tap, 1)
        first = self.step % every
        rows = output[:, :, first::every]
        f, y = linear_maps.with_ones(rows), linear_maps.columns(teacher[:, :, first::every])
        seen = linear_maps.moments(f, y)
        m, variance = self.maps.solved[tap], self.variances[tap]
        error, gram, gradient = linear_maps.loss(f, y, m, seen, variance)
        self.maps.remember(tap, seen)
        head = gradient[:, :-1].reshape(rows.shape) * TAP_WEIGHTS.get(tap, 1.0)
        if every == 1:
            return error, gram, head
        whole = nd.zeros(output.shape)
        whole[:, :, first::every] = head
        return error, gram, whole

    def rate(self, done: float) -> float:
        """Of the coming step, relative to each kernel's mean magnitude: a short rise, then half a
        cosine.
        """
        rise = min(1.0, (self.step + 1) / WARMUP_STEPS)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return self._rate * rise * (LAST_RATE + (1 - LAST_RATE) * fall)

    def average(self) -> Arrays:
        """The averaged network's values."""
        return self._adam.values()

    def save(self, path: str, setup: Mapping[str, Any]) -> None:
        """Write everything the next step depends on."""
        groups = {**self._adam.groups(), "maps": self.maps.state, "solved": self.maps.solved}
        groups["variance"] = {tap: np.array([v]) for tap, v in self.variances.items()}
        groups["scale"] = {name: np.array([v]) for name, v in self._adam.scales.items()}
        groups["painting"] = self._paintings.state
        groups["time"] = {"seconds": np.array([self.seconds])}
        checkpoint.save(path, KIND, self.step, groups, setup)

    def restore(self, saved: checkpoint.TrainingState) -> None:
        """Go on from what `save` wrote. Raises WeightsError where the arrays are of another."""
        checkpoint.check_groups(saved, self._expected())
        self.step, groups = saved.step, saved.groups
        self._adam.restore(groups)
        self.maps.state, self.maps.solved = groups["maps"], groups["solved"]
        self.variances = {tap: float(v[0]) for tap, v in groups["variance"].items()}
        self._adam.scales = {name: float(v[0]) for name, v in groups["scale"].items()}
        self._paintings.state = groups["painting"]
        self.seconds = float(groups["time"]["seconds"][0])

    def _expected(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint holds: arrays or shapes by group and name."""
        maps: dict[str, tuple[int, ...]] = {}
        solved: dict[str, tuple[int, ...]] = {}
        for tap in self.taps:
            name = tap.replace("relu", "conv")
            small = len(self._parameters[f"{name}_bias"].data()) + 1
            large = len(self._known.arrays[f"{name}_bias"])
            maps[f"count/{tap}"] = (1,)
            maps[f"student/{tap}"] = (small, small)
            solved[tap] = maps[f"cross/{tap}"] = (large, small)
        return {
            **self._adam.groups(),
            "maps": maps,
            "solved": solved,
            "variance": dict.fromkeys(self.taps, (1,)),
            "scale": dict.fromkeys(self._adam.scales, (1,)),
            "painting": self._paintings.state,
            "time": {"seconds": (1,)},
        }


def calibration(crops: Callable[[int], np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Batches for statistics, always the same."""
    return (crops(CALIBRATION_START + i) for i in range(count))


def filled(network: VGGFeatures, arrays: Arrays) -> dict[str, Any]:
    """The parameters by name of a network that is ready to be trained, with these values."""
    network.initialize(ctx=mx.cpu())
    network(nd.zeros((1, 3, 32, 32)))  # the shapes become known
    parameters = {}
    for name, pair in network.parameters_by_layer().items():
        parameters[f"{name}_weight"], parameters[f"{name}_bias"] = pair
    for name, parameter in parameters.items():
        parameter.set_data(nd.array(arrays[name]))
    network.hybridize(static_alloc=True, static_shape=True)
    return parameters
