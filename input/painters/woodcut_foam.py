"""The foam of ``woodcut_wave``: billows, hooked claws and flying drops."""

from __future__ import annotations

import numpy as np

from .woodcut_plates import LINE, Plates, ribbon


def foam_crest(
    plates: Plates, rng: np.random.Generator, path: np.ndarray, size: float, hand: int
) -> None:
    """Billowing foam along a crest: outlined puffs, shaded on the lower side."""
    inward = np.array([0.0, 1.0])
    for layer in range(3):
        at = rng.permutation(len(path))
        fade = np.sin(np.pi * (at + 8) / (len(path) + 16)) ** 0.6
        reach = (2 - layer) * size * 0.75 * fade[:, None] * inward
        spots = path[at] + reach + rng.normal(0, size * 0.28, (len(at), 2))
        radii = size * fade * rng.uniform(0.28, 0.72, len(at))
        _puffs(plates, rng, spots, radii, hand)


def _puffs(
    plates: Plates, rng: np.random.Generator, spots: np.ndarray, radii: np.ndarray, hand: int
) -> None:
    """Merge round puffs into one billow: a common outline, blue undersides, engraved curls."""
    keep = radii > 0.0020
    discs = np.concatenate([spots, radii[:, None]], 1)[keep].tolist()
    for x, y, r in discs:
        plates.disc(x, y, r + LINE * 0.75, ("key",))
    for x, y, r in discs:
        plates.disc(x, y, r, ("pale",))
    for x, y, r in discs:
        plates.disc(x + hand * r * 0.16, y - r * 0.24, r * 0.80, ())
    for x, y, r in discs:
        turn = np.linspace(0, 2.6, 10) + rng.uniform(-0.4, 1.4)
        spiral = r * 0.80 * np.linspace(1.0, 0.55, 10)
        path = np.stack([x + spiral * np.cos(turn), y + spiral * np.sin(turn)], 1)
        widths = LINE * 0.75 * np.sin(np.linspace(0.1, np.pi - 0.1, 10))
        plates.line(path, widths, "key" if rng.random() < 0.5 else "mid")


def claws(
    plates: Plates,
    rng: np.random.Generator,
    roots: np.ndarray,
    length: float,
    heading: float,
    hand: int,
) -> None:
    """Foam fingers that reach from the roots and hook over like claws."""
    for k, root in enumerate(roots):
        fade = 0.55 + 0.45 * np.sin(np.pi * (k + 1) / (len(roots) + 1))
        reach = length * fade * rng.uniform(0.75, 1.2)
        angle = heading + rng.normal(0, 0.25)
        limbs = _claw(rng, root, angle, reach, hand, depth=2)
        for extra, inks in ((LINE * 1.7, ("key",)), (0.0, ("pale",)), (-0.30, ())):
            for path, widths in limbs:
                wide = widths * (1 + extra) if extra < 0 else widths + extra
                move = np.array([0.0, -0.08 * widths.max()]) if extra < 0 else 0.0
                plates.cover(ribbon(path + move, wide), inks)
                tip = path[-1] if extra >= 0 else path[-2]
                plates.disc(tip[0], tip[1], max(wide[-1] * 0.55, 0.0006), inks)
    size = length * 0.15
    spots = np.repeat(roots, 5, axis=0) + rng.normal(0, size * 0.8, (len(roots) * 5, 2))
    _puffs(plates, rng, spots, size * rng.uniform(0.35, 1.0, len(spots)), hand)


def _claw(
    rng: np.random.Generator,
    root: np.ndarray,
    angle: float,
    length: float,
    hand: int,
    depth: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """A tapering hook with smaller hooks growing from its outer side."""
    s = np.linspace(0, 1, 16)
    turn = angle + hand * (0.5 * s + 2.3 * s**1.8)
    step = np.stack([np.cos(turn), np.sin(turn)], 1) * length / len(s)
    path = root + np.cumsum(step, axis=0)
    widths = length * (0.30 * (1 - s) ** 0.9 * np.minimum(1, 0.35 + 3 * s) + 0.022)
    limbs = [(path, widths)]
    if depth and length > 0.016:
        for at in (3, 5, 8, 11):
            side = -hand if at != 5 else hand * 0.8
            bud = turn[at] + side * rng.uniform(0.45, 0.95)
            size = length * rng.uniform(0.36, 0.52)
            limbs += _claw(rng, path[at], bud, size, hand, depth - 1)
    return limbs


def spray(plates: Plates, rng: np.random.Generator) -> None:
    """Drops that fly off the crest."""
    for _ in range(200):
        turn, far = rng.uniform(-1.3, 1.5), rng.gamma(2.0, 0.035) + 0.02
        x, y = 0.47 + far * np.cos(turn) + 0.05, 0.20 + far * np.sin(turn)
        r = rng.uniform(0.0007, 0.0028) * np.exp(-far * 2)
        if y > 0.42 or (x < 0.52 and y > 0.2):
            continue
        plates.disc(x, y, r + LINE * 0.45, ("key",))
        plates.disc(x, y, r, ())
