"""Pictures in the middle of being painted by the small network itself.

Its own paintings drift to where it is wrong, and photos alone never show that to the teacher. A
pool of crops is painted in the style of others (Gatys et al., arXiv:1508.06576), a few steps now
and then, with random weights; a picture that was visited often enough makes room for a new one. All
that is random depends on the seed and the number of the visit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nstyle.networks import preprocessing
from nstyle.networks.distill import teacher as room
from nstyle.networks.distill.linear_maps import columns, each_mixed, each_outer
from nstyle.networks.distill.teacher import Arrays
from nstyle.system.backend import autograd, nd

STYLE_TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_TAP = "relu4_2"
POOL, TOGETHER = 12, 2  # pictures in all, and of a visit
VISITS, STEPS = 8, 10  # of a picture's life; of a visit
MOMENTUM = 0.8
FIRST_NUMBER = 2**29  # of the crops: those below are trained on as they are
# Drawn evenly in their logarithm: what content counts beside style; grey levels of a step.
CONTENT, PACE = (0.01, 3.0), (0.7, 5.0)
FROM_NOISE = 0.25  # of the pictures begin there, more or less


class Paintings:
    """The pool. crops: number -> (N, 3, H, W) for the number of a batch, N at least 2.

    blocks: of the network's family; count: of its convolutions. State: `state`, arrays by name.
    """

    def __init__(
        self, crops: Callable[[int], np.ndarray], blocks: tuple[int, ...], count: int, *, seed: int
    ) -> None:
        self._crops, self._seed = crops, seed
        self._blocks = blocks
        self._network: Any = None
        reached = room.reached(blocks, count)
        self._style_taps = [tap for tap in STYLE_TAPS if tap in reached]
        self._content_tap = CONTENT_TAP if CONTENT_TAP in reached else reached[-1]
        pictures = np.concatenate([self._photos(slot, 0)[:1] for slot in range(POOL)])
        self.state = {"pictures": pictures, "speeds": np.zeros_like(pictures)}
        self._low, self._high = preprocessing.limits(preprocessing.CAFFE, 255.0)

    def visit(self, number: int, arrays: Arrays) -> None:
        """Paint on with the network of these arrays. number: of the visit, from 0."""
        self._fill(arrays)
        slots = [(number * TOGETHER + i) % POOL for i in range(TOGETHER)]
        # A slot's age in visits; the slots begin at different ages.
        ages = [(number * TOGETHER + i) // POOL + slot % VISITS for i, slot in enumerate(slots)]
        lives = [(slot, age // VISITS) for slot, age in zip(slots, ages)]
        chances = [np.random.default_rng([self._seed, *life, 4]) for life in lives]
        tasks = [Task(self._photos(*life)[:2], c) for life, c in zip(lives, chances)]
        for slot, age, task in zip(slots, ages, tasks):
            if age % VISITS == 0:
                self.state["pictures"][slot] = task.start
                self.state["speeds"][slot] = 0
        targets = self._targets(tasks)
        x, speed = (self.state[name][slots] for name in ("pictures", "speeds"))
        # Steps of one length would never settle: they get shorter from visit to visit.
        paces = [task.pace * (1 - age % VISITS / VISITS) for task, age in zip(tasks, ages)]
        pace = np.array(paces, np.float32).reshape(-1, 1, 1, 1)
        for _ in range(STEPS):
            slope = self._slope(x, targets)
            size = np.sqrt(np.square(slope).mean(axis=(1, 2, 3), keepdims=True)) + 1e-20
            speed = np.float32(MOMENTUM) * speed + slope / size
            x = np.clip(x - pace * np.float32(1 - MOMENTUM) * speed, self._low, self._high)
        self.state["pictures"][slots], self.state["speeds"][slots] = x, speed

    def some(self, step: int, count: int) -> np.ndarray:
        """So many pictures for the batch of this step."""
        return self.state["pictures"][[(step * count + i) % POOL for i in range(count)]]

    def _photos(self, slot: int, generation: int) -> np.ndarray:
        return self._crops(FIRST_NUMBER + generation * POOL + slot)

    def _fill(self, arrays: Arrays) -> None:
        if self._network is None:
            taps = list(dict.fromkeys([*self._style_taps, self._content_tap]))
            self._network = room.build(self._blocks, arrays, taps)
            return
        for name, pair in self._network.parameters_by_layer().items():
            for parameter, kind in zip(pair, ("weight", "bias")):
                parameter.set_data(nd.array(arrays[f"{name}_{kind}"]))

    def _targets(self, tasks: list[Task]) -> list[Target]:
        both = np.concatenate([task.photos for task in tasks])
        seen = dict(zip(self._network.wanted, self._network(nd.array(both))))
        targets = []
        for tap in self._style_taps:
            grams = gram(seen[tap][1::2])
            norms = nd.square(grams).sum(axis=(1, 2))
            weights = nd.array([task.weights[tap] for task in tasks]) / (norms + 1e-12)
            targets.append(Target(tap, grams, weights))
        content = seen[self._content_tap][0::2]
        norms = nd.square(content).sum(axis=(1, 2, 3))
        weights = nd.array([task.content for task in tasks]) / (norms + 1e-12)
        return [*targets, Target(self._content_tap, content, weights, content=True)]

    def _slope(self, x: np.ndarray, targets: list[Target]) -> np.ndarray:
        data = nd.array(x)
        data.attach_grad()
        with autograd.record():
            seen = dict(zip(self._network.wanted, self._network(data)))
        heads: dict[str, Any] = {}
        for target in targets:
            head = target.head(seen[target.tap])
            heads[target.tap] = heads[target.tap] + head if target.tap in heads else head
        autograd.backward([seen[tap] for tap in heads], list(heads.values()))
        return np.asarray(data.grad.asnumpy())


class Task:
    """Content, style and settings of a picture. photos: (2, 3, H, W), content and style."""

    def __init__(self, photos: np.ndarray, chance: np.random.Generator) -> None:
        self.photos = photos
        self.content = float(np.exp(chance.uniform(*np.log(CONTENT))))
        self.pace = float(np.exp(chance.uniform(*np.log(PACE))))
        self.weights = {tap: float(chance.uniform(0.2, 1)) for tap in STYLE_TAPS}
        share = chance.uniform(0.3, 1) if chance.random() < FROM_NOISE else 0.0
        noise = chance.normal(0, 40, photos[0].shape)
        self.start = (photos[0] * (1 - share) + noise * share).astype(np.float32)


class Target:
    """A tap's Gram matrices (N, C, C), or its features (N, C, h, w) as content; weights: (N,)."""

    def __init__(self, tap: str, values: Any, weights: Any, *, content: bool = False) -> None:
        self.tap, self._values, self._weights, self._content = tap, values, weights, content

    def head(self, f: Any) -> Any:
        """Gradient of weight x squared distance, with respect to f (N, C, h, w)."""
        if self._content:
            factors = (2 * self._weights).reshape((-1, 1, 1, 1))
            return nd.broadcast_mul(f - self._values, factors)
        positions = f.shape[2] * f.shape[3]
        factors = (4 / positions * self._weights).reshape((-1, 1, 1))
        kernel = nd.broadcast_mul(gram(f) - self._values, factors)
        return each_mixed(kernel, columns(f)).reshape(f.shape)


def gram(f: Any) -> Any:
    """(N, C, h, w) -> Gram matrices per position, (N, C, C)."""
    flat = columns(f)
    return each_outer(flat, flat) / flat.shape[2]
