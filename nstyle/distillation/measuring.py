"""How well networks see what the teachers see, on pictures nobody trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.backend import nd
from nstyle.distillation import maps, student
from nstyle.distillation.teachers import TAPS, Teachers
from nstyle.learning import pictures


@dataclass
class Fit:
    """One tap of one network: sums for the map, then the map, then sums of its errors."""

    student: Any = 0.0
    cross: Any = 0.0
    solved: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    squared: float = 0.0  # sum of squared errors
    gram: float = 0.0  # sum over pictures of ||G - A||^2
    gram_ratios: list[float] = field(default_factory=list)  # ||G - A|| / ||A|| per picture

    def learn(self, found: maps.Moments, positions: int) -> None:
        """Take in the moments of a training picture."""
        self.student += found.student[0].astype(np.float64) * positions
        self.cross += found.cross[0].astype(np.float64) * positions

    def judge(self, found: maps.Moments, positions: int) -> None:
        """Take in the errors of a held-out picture."""
        error, difference = maps.compare(self.solved, found)
        norm = float(np.square(found.teacher[0], dtype=np.float64).sum())
        squared = float(np.square(difference[0], dtype=np.float64).sum())
        self.squared += float(error[0]) * positions
        self.gram += squared
        self.gram_ratios.append((squared / norm) ** 0.5 if norm else 0.0)


@dataclass
class Truth:
    """One tap of the teachers over the held-out pictures."""

    positions: int = 0
    total: Any = 0.0  # per channel
    power: float = 0.0
    gram: float = 0.0  # sum over pictures of ||A||^2

    def add(self, found: maps.Moments, positions: int) -> None:
        """Take in a held-out picture."""
        self.positions += positions
        self.total = self.total + found.cross[0, :, -1].astype(np.float64) * positions
        self.power += float(np.trace(found.teacher[0], dtype=np.float64)) * positions
        self.gram += float(np.square(found.teacher[0], dtype=np.float64).sum())

    def deviation(self) -> float:
        """Sum of squared deviations from each channel's mean."""
        return self.power - float(np.square(self.total).sum()) / self.positions


def measure(
    networks: Mapping[str, str],
    teachers: Sequence[str],
    folders: Sequence[str],
    heldout: str,
    *,
    fitted_on: int = 150,
    short_edge: int = 288,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float]]]:
    """name -> tap -> errors of the networks (name -> file) on the held-out pictures, pooled.

    Each tap's map, linear with a bias and no ReLU after it, is fitted by least squares on
    `fitted_on` training pictures, the same for all networks; whole pictures, shrunk to
    `short_edge` px. "variance": sum of squared errors / sum of squared deviations from each
    channel's mean. "gram": sqrt(sum ||G - A||^2 / sum ||A||^2) over the pictures; "gram_mean":
    mean over the pictures of ||G - A|| / ||A||. Raises NStyleErrors for bad input.
    """
    training, kept_out = pictures.split(folders, heldout)
    students = {name: student.read(path) for name, path in networks.items()}
    teacher = Teachers(teachers)
    fits = {name: {tap: Fit() for tap in TAPS} for name in networks}
    truths = {tap: Truth() for tap in TAPS}
    for picture in pictures.load(choose(training, fitted_on, seed), short_edge):
        for name, tap, found, positions in _look(picture, students, teacher):
            fits[name][tap].learn(found, positions)
    for some in fits.values():
        for fit in some.values():
            fit.solved = maps.solve(fit.student, fit.cross)
    for picture in pictures.load(kept_out, short_edge):
        for name, tap, found, positions in _look(picture, students, teacher):
            fits[name][tap].judge(found, positions)
            if name == next(iter(students)):
                truths[tap].add(found, positions)
    return {
        name: {tap: _errors(fit, truths[tap]) for tap, fit in some.items()}
        for name, some in fits.items()
    }


def choose(paths: Sequence[Path], count: int, seed: int) -> list[Path]:
    """So many of the paths, by chance, always the same."""
    order = np.random.default_rng(seed).permutation(len(paths))[:count]
    return [paths[i] for i in sorted(order)]


def _look(picture: np.ndarray, students: Mapping[str, Any], teacher: Teachers) -> Any:
    """(network, tap, moments, positions) of one picture, one after another."""
    x = nd.array(pictures.network_input([picture]))
    seen = {tap: maps.columns(y) for tap, y in teacher(x).items()}
    for name, network in students.items():
        for tap, output in zip(TAPS, network(x)):
            f = maps.with_ones(output)
            yield name, tap, maps.moments(f, seen[tap]), f.shape[2]


def _errors(fit: Fit, truth: Truth) -> dict[str, float]:
    return {
        "variance": fit.squared / truth.deviation(),
        "gram": (fit.gram / truth.gram) ** 0.5,
        "gram_mean": float(np.mean(fit.gram_ratios)),
    }


def ratios(new: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, float]:
    """Kind of error -> mean over the taps of new / first, for two of `measure`'s results."""
    kinds = next(iter(new.values())).keys()
    return {kind: float(np.mean([new[t][kind] / first[t][kind] for t in TAPS])) for kind in kinds}


def likeness(
    network: str,
    teachers: Sequence[str],
    folders: Sequence[str],
    heldout: str,
    *,
    pictures_used: int = 150,
    short_edge: int = 288,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Tap -> what nstyle.likeness needs, pooled over training pictures.

    "channels" of the teacher; "content": its sum of squared features over the network's; "style":
    the same of squared Gram matrices per position. Raises NStyleErrors for bad input.
    """
    training, _ = pictures.split(folders, heldout)
    students, teacher = {"": student.read(network)}, Teachers(teachers)
    sums = {tap: np.zeros(4) for tap in TAPS}
    channels: dict[str, int] = {}
    for picture in pictures.load(choose(training, pictures_used, seed), short_edge):
        for _, tap, found, positions in _look(picture, students, teacher):
            theirs, ours = found.teacher[0], found.student[0, :-1, :-1]  # the last is the bias
            channels[tap] = len(theirs)
            sums[tap] += [
                np.trace(theirs, dtype=np.float64) * positions,
                np.trace(ours, dtype=np.float64) * positions,
                np.square(theirs, dtype=np.float64).sum(),
                np.square(ours, dtype=np.float64).sum(),
            ]
    return {
        tap: {"channels": channels[tap], "content": a / b, "style": c / d}
        for tap, (a, b, c, d) in sums.items()
    }
