"""Errors of small networks against the teacher, on held-out pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import OptionError
from nstyle.networks.distill import linear_maps
from nstyle.networks.distill import teacher as room
from nstyle.networks.training import data
from nstyle.system.backend import nd

TINY = 1e-12  # of a layer that is always the same


@dataclass
class Fit:
    """One tap of one network: sums for the map, then the map, then sums of its errors."""

    student: Any = 0.0
    cross: Any = 0.0
    solved: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    squared: float = 0.0  # sum of squared errors
    gram: float = 0.0  # sum over pictures of ||G - A||^2
    gram_ratios: list[float] = field(default_factory=list)  # ||G - A|| / ||A|| per picture

    def learn(self, found: linear_maps.NormalEquations, positions: int) -> None:
        """Take in the moments of a training picture."""
        self.student += found.student[0].astype(np.float64) * positions
        self.cross += found.cross[0].astype(np.float64) * positions

    def judge(self, found: linear_maps.NormalEquations, positions: int) -> None:
        """Take in the errors of a held-out picture."""
        error, difference = linear_maps.compare(self.solved, found)
        norm = float(np.square(found.teacher[0], dtype=np.float64).sum())
        squared = float(np.square(difference[0], dtype=np.float64).sum())
        self.squared += float(error[0]) * positions
        self.gram += squared
        self.gram_ratios.append((squared / norm) ** 0.5 if norm else 0.0)


@dataclass
class Truth:
    """One tap of the teacher over the held-out pictures."""

    positions: int = 0
    total: Any = 0.0  # per channel
    power: float = 0.0
    gram: float = 0.0  # sum over pictures of ||A||^2

    def add(self, found: linear_maps.NormalEquations, positions: int) -> None:
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
    teacher: str,
    folders: Sequence[str],
    heldout: str,
    *,
    fitted_on: int = 80,
    short_edge: int = 256,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float]]]:
    """name -> tap -> errors of the networks (name -> file) on the held-out pictures, pooled.

    Each tap's map, linear with a bias and no ReLU after it, is fitted by least squares on
    `fitted_on` training pictures, the same for all networks; whole pictures, shrunk to
    `short_edge` px. "variance": sum of squared errors / sum of squared deviations from each
    channel's mean. "gram": sqrt(sum ||G - A||^2 / sum ||A||^2) over the pictures; "gram_mean":
    mean over the pictures of ||G - A|| / ||A||. Raises NStyleErrors for bad input.
    """
    training, kept_out = data.split(folders, heldout)
    if not kept_out:
        raise OptionError(f"{heldout}: lists no pictures to measure on")
    looks = Comparison(networks, room.read(teacher))
    fits = {name: {tap: Fit() for tap in taps} for name, taps in looks.taps.items()}
    truths = {tap: Truth() for tap in looks.teacher_taps}
    for picture in data.load(choose(training, fitted_on, seed), short_edge):
        for name, tap, found, positions in looks(picture):
            fits[name][tap].learn(found, positions)
    for some in fits.values():
        for fit in some.values():
            fit.solved = linear_maps.solve(fit.student, fit.cross)
    for picture in data.load(kept_out, short_edge):
        counted = set()
        for name, tap, found, positions in looks(picture):
            fits[name][tap].judge(found, positions)
            if tap not in counted:
                truths[tap].add(found, positions)
                counted.add(tap)
    return {
        name: {tap: _errors(fit, truths[tap]) for tap, fit in some.items()}
        for name, some in fits.items()
    }


class Comparison:
    """Runs networks (name -> file) and the teacher on pictures. taps: of each network."""

    def __init__(self, networks: Mapping[str, str], teacher: room.Teacher) -> None:
        self.teacher_taps = room.reached(teacher.blocks, len(teacher.widths))
        self._teacher = teacher.network(self.teacher_taps)
        files = {name: room.read(path) for name, path in networks.items()}
        self.taps = {
            name: [tap for tap in room.reached(f.blocks, len(f.widths)) if tap in self.teacher_taps]
            for name, f in files.items()
        }
        self._networks = {name: f.network(self.taps[name]) for name, f in files.items()}

    def __call__(
        self, picture: np.ndarray
    ) -> Iterator[tuple[str, str, linear_maps.NormalEquations, int]]:
        """(network, tap, moments, positions) of one picture, one after another."""
        x = nd.array(data.network_input([picture]))
        seen = {tap: linear_maps.columns(y) for tap, y in zip(self.teacher_taps, self._teacher(x))}
        for name, network in self._networks.items():
            for tap, output in zip(self.taps[name], network(x)):
                f = linear_maps.with_ones(output)
                yield name, tap, linear_maps.moments(f, seen[tap]), f.shape[2]


def choose(paths: Sequence[Path], count: int, seed: int) -> list[Path]:
    """So many of the paths, by chance, always the same."""
    order = np.random.default_rng(seed).permutation(len(paths))[:count]
    return [paths[i] for i in sorted(order)]


def _errors(fit: Fit, truth: Truth) -> dict[str, float]:
    return {
        "variance": fit.squared / max(truth.deviation(), TINY),
        "gram": (fit.gram / max(truth.gram, TINY)) ** 0.5,
        "gram_mean": float(np.mean(fit.gram_ratios)),
    }


def layer_scales(
    network: str,
    teacher: str,
    folders: Sequence[str],
    heldout: str | None,
    *,
    pictures_used: int = 60,
    short_edge: int = 288,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Layer -> what `networks.calibration` needs, of every ReLU of the network.

    Over training pictures. "channels" of the teacher; "content": its sum of squared features over
    the network's; "style": the same of squared Gram matrices per position. Raises NStyleErrors
    for bad input.
    """
    training, _ = data.split(folders, heldout)
    known = room.read(teacher)
    both = known, room.read(network, known.family)
    names = [f"relu{name[4:]}" for name in room.pairs(both[1].blocks, both[1].arrays)]
    networks = [some.network(names) for some in both]
    sums = {name: np.zeros((2, 2)) for name in names}
    for picture in data.load(choose(training, pictures_used, seed), short_edge):
        x = nd.array(data.network_input([picture]))
        for place, some in enumerate(networks):
            for name, output in zip(names, some(x)):
                f = linear_maps.columns(output)[0].asnumpy()
                gram = (f @ f.T).astype(np.float64)
                sums[name][place] += np.trace(gram), np.square(gram / f.shape[1]).sum()
    channels = dict(zip(names, both[0].widths))
    return {
        name: {"channels": channels[name], "content": float(a), "style": float(b)}
        for name, (a, b) in ((name, of[0] / of[1]) for name, of in sums.items())
    }
