"""1x1 linear maps from the student's taps to the teacher's: least squares, and their losses.

With f the student's features and a constant 1, y the teacher's (both positions as columns), all
we need of a picture is three small matrices per position: S = f f', C = y f', A = y y'. The best
map is M = C S^-1 (over many pictures); its squared error is tr(M S M' - 2 C M' + A), its Gram
matrix M S M'. So the maps are never trained by gradient steps: they are solved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.losses.products import mixed, outer
from nstyle.system.backend import nd

# Added to the diagonal, relative to its mean, so that channels that are always 0 do no harm.
RIDGE = 1e-5
# Weight of the Gram error in the training loss; the squared error has 1.
GRAM_WEIGHT = 0.3


@dataclass
class NormalEquations:
    """S (c+1, c+1), C (t, c+1), A (t, t) per picture (N first) or their mean; divided by H W."""

    student: np.ndarray
    cross: np.ndarray
    teacher: np.ndarray


def columns(tap: Any) -> Any:
    """A tap (N, C, h, w) -> (N, C, h w), a copy.

    The method `reshape` would share the tap's memory, and the layers of `products` may bring that
    into plain order in place, while others read it.
    """
    return nd.reshape(tap, shape=(0, 0, -1))


def with_ones(tap: Any) -> Any:
    """A tap (N, C, h, w) -> (N, C + 1, h w), the last channel 1."""
    values = columns(tap)
    return nd.concat(values, nd.ones((len(values), 1, values.shape[2])), dim=1)


def moments(f: Any, y: Any) -> NormalEquations:
    """Of features with ones (N, c+1, P) and teacher taps (N, t, P), one for each picture."""
    pairs = ((f, f), (y, f), (y, y))
    return NormalEquations(*(each_outer(a, b).asnumpy() / np.float32(f.shape[2]) for a, b in pairs))


def each_outer(a: Any, b: Any) -> Any:
    """A B^T for each picture of a (N, m, P) and b (N, k, P): (N, m, k)."""
    return nd.stack(*(outer(one, other) for one, other in zip(_rows(a), _rows(b))))


def solve(student: np.ndarray, cross: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """The least squares map (t, c+1), last column the bias, from mean S and C; float64."""
    diagonal = np.arange(len(student) - 1)  # the bias is not held small
    student = student.astype(np.float64)
    student[diagonal, diagonal] *= 1 + ridge
    student[diagonal, diagonal] += ridge * student[diagonal, diagonal].mean() + 1e-12
    return np.linalg.solve(student, cross.T.astype(np.float64)).T


def each_mixed(kernels: Iterable[Any], x: Any) -> Any:
    """A kernel (m, c) of its own for each picture of x (N, c, P): (N, m, P)."""
    pictures = (nd.expand_dims(one, axis=0) for one in _rows(x))
    return nd.concat(*(mixed(k, one) for k, one in zip(kernels, pictures)), dim=0)


def _rows(x: Any) -> list[Any]:
    """Copies of x[0], x[1], ..."""
    return list(nd.split_v2(x, len(x), axis=0, squeeze_axis=True)) if len(x) > 1 else [x[0]]


class Maps:
    """The maps of a training: solved from running means of S and C over the last batches."""

    def __init__(self, memory: float = 0.98) -> None:
        self._memory = memory
        self.state: dict[str, np.ndarray] = {}
        self.solved: dict[str, np.ndarray] = {}

    def remember(self, tap: str, seen: NormalEquations) -> None:
        """Take a batch's moments into the running means."""
        count = self.state.get(f"count/{tap}", np.zeros(1)) + 1
        share = max(1 - self._memory, 1 / count[0])  # a plain mean as long as there are few
        self.state[f"count/{tap}"] = count
        for kind, value in (("student", seen.student), ("cross", seen.cross)):
            key, new = f"{kind}/{tap}", value.mean(axis=0)
            old = self.state.get(key, np.zeros_like(new))
            self.state[key] = old + (new - old) * np.float32(share)

    def refit(self) -> None:
        """Solve all maps anew."""
        for key, student in self.state.items():
            kind, tap = key.split("/")
            if kind == "student":
                m = solve(student, self.state[f"cross/{tap}"])
                self.solved[tap] = m.astype(np.float32)


def loss(
    f: Any, y: Any, m: np.ndarray, seen: NormalEquations, variance: float
) -> tuple[float, float, Any]:
    """(squared error / variance, squared Gram error / squared Gram norm, gradient of the loss).

    Means over the batch. The gradient, with respect to f (N, c+1, P), is that of the first plus
    GRAM_WEIGHT times the second, in closed form.
    """
    errors, difference = compare(m, seen)
    norms = np.square(seen.teacher).sum(axis=(1, 2)) + 1e-12
    gram_errors = np.square(difference).sum(axis=(1, 2)) / norms
    scale = 2.0 / (f.shape[0] * f.shape[2])
    inner = difference * (2 * GRAM_WEIGHT * scale / norms)[:, None, None]
    turned = nd.array(m.T)
    inner = nd.array(inner) + nd.eye(len(m)) * (scale / variance)
    kernels = [outer(outer(turned, k), turned) for k in inner]
    gradient = each_mixed(kernels, f) - mixed(turned, y) * (scale / variance)
    return float(errors.mean()) / variance, float(gram_errors.mean()), gradient


def compare(m: np.ndarray, seen: NormalEquations) -> tuple[np.ndarray, np.ndarray]:
    """Per picture: squared error per position (N,), Gram matrix less the teacher's (N, t, t)."""
    map_ = nd.array(m)
    gram = np.stack([outer(outer(map_, nd.array(s)), map_).asnumpy() for s in seen.student])
    crossed = (m * seen.cross).sum(axis=(1, 2))
    error = np.trace(gram, axis1=1, axis2=2) - 2 * crossed
    return error + np.trace(seen.teacher, axis1=1, axis2=2), gram - seen.teacher
