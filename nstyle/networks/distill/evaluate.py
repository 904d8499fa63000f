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
    """One tap of one network: sums for its map, the map, then sums over the held-out pictures."""

    student: Any = 0.0
    cross: Any = 0.0
    solved: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    positions: int = 0
    total: Any = 0.0  # of the teacher's values, per channel
    power: float = 0.0  # of their squares
    squared: float = 0.0  # of squared errors
    grams: list[tuple[float, float]] = field(default_factory=list)  # ||G - A||^2, ||A||^2

    def learn(self, seen: linear_maps.NormalEquations, positions: int) -> None:
        """Take in the moments of a training picture."""
        self.student += seen.student[0].astype(np.float64) * positions
        self.cross += seen.cross[0].astype(np.float64) * positions

    def judge(self, seen: linear_maps.NormalEquations, positions: int) -> None:
        """Take in the moments of a held-out picture."""
        error, difference = linear_maps.compare(self.solved, seen)
        self.squared += float(error[0]) * positions
        self.grams.append((square_sum(difference[0]), square_sum(seen.teacher[0])))
        self.positions += positions
        self.total += seen.cross[0, :, -1].astype(np.float64) * positions
        self.power += float(np.trace(seen.teacher[0], dtype=np.float64)) * positions

    def errors(self) -> dict[str, float]:
        """As `measure` gives them."""
        deviation = self.power - float(np.square(self.total).sum()) / self.positions
        difference, whole = (sum(column) for column in zip(*self.grams))
        ratios = [(apart / norm) ** 0.5 if norm else 0.0 for apart, norm in self.grams]
        return {
            "variance": self.squared / max(deviation, TINY),
            "gram": (difference / max(whole, TINY)) ** 0.5,
            "gram_mean": float(np.mean(ratios)),
        }


def square_sum(values: np.ndarray) -> float:
    """The sum of the squares."""
    return float(np.square(values, dtype=np.float64).sum())


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
    compare = Comparison(networks, room.read(teacher))
    fits = {name: {tap: Fit() for tap in taps} for name, taps in compare.taps.items()}
    for picture in data.load(choose(training, fitted_on, seed), short_edge).values():
        for name, tap, seen, positions in compare(picture):
            fits[name][tap].learn(seen, positions)
    for by_tap in fits.values():
        for fit in by_tap.values():
            fit.solved = linear_maps.solve(fit.student, fit.cross)
    for picture in data.load(kept_out, short_edge).values():
        for name, tap, seen, positions in compare(picture):
            fits[name][tap].judge(seen, positions)
    return {
        name: {tap: fit.errors() for tap, fit in by_tap.items()} for name, by_tap in fits.items()
    }


class Comparison:
    """Runs networks (name -> file) and the teacher on pictures. taps: of each network."""

    def __init__(self, networks: Mapping[str, str], teacher: room.Teacher) -> None:
        self._teacher_taps = room.reached(teacher.blocks, len(teacher.widths))
        self._teacher = teacher.network(self._teacher_taps)
        self.taps: dict[str, list[str]] = {}
        self._networks: dict[str, Any] = {}
        for name, path in networks.items():
            file = room.read(path)
            reached = room.reached(file.blocks, len(file.widths))
            self.taps[name] = [tap for tap in reached if tap in self._teacher_taps]
            self._networks[name] = file.network(self.taps[name])

    def __call__(
        self, picture: np.ndarray
    ) -> Iterator[tuple[str, str, linear_maps.NormalEquations, int]]:
        """(network, tap, moments, positions) of one picture, one after another."""
        x = nd.array(data.network_input([picture]))
        seen = {tap: linear_maps.columns(y) for tap, y in zip(self._teacher_taps, self._teacher(x))}
        for name, network in self._networks.items():
            for tap, output in zip(self.taps[name], network(x)):
                f = linear_maps.with_ones(output)
                yield name, tap, linear_maps.moments(f, seen[tap]), f.shape[2]


def choose(paths: Sequence[Path], count: int, seed: int) -> list[Path]:
    """So many of the paths, by chance, always the same."""
    order = np.random.default_rng(seed).permutation(len(paths))[:count]
    return [paths[i] for i in sorted(order)]


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
    the network's; "style": the same of squared Gram matrices per position. Raises NStyleErrors.
    """
    training, _ = data.split(folders, heldout)
    known = room.read(teacher)
    small = room.read(network, known.family)
    names = [f"relu{name[4:]}" for name in room.pairs(small.blocks, small.arrays)]
    networks = known.network(names), small.network(names)
    sums = {name: np.zeros((2, 2)) for name in names}
    for picture in data.load(choose(training, pictures_used, seed), short_edge).values():
        x = nd.array(data.network_input([picture]))
        for place, each in enumerate(networks):
            for name, output in zip(names, each(x)):
                f = linear_maps.columns(output)[0].asnumpy()
                gram = (f @ f.T).astype(np.float64)
                sums[name][place] += np.trace(gram), np.square(gram / f.shape[1]).sum()
    ratios = {name: whole / part for name, (whole, part) in sums.items()}
    return {
        name: {"channels": channels, "content": float(ratio[0]), "style": float(ratio[1])}
        for channels, (name, ratio) in zip(known.widths, ratios.items())
    }
