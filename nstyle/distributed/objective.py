"""Builds the objective of a picture in parts, as problem.build does. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.actors import DaskActors
from nstyle.distributed.messages import Counted, PartSpec, TermSpec
from nstyle.distributed.partition import Block, Box, blocks, largest, tiles_for
from nstyle.distributed.pool import PartPool
from nstyle.distributed.spread import DistributedObjective
from nstyle.errors import OptionError
from nstyle.images.picture import Picture
from nstyle.losses.base import LossTerm
from nstyle.networks import layers
from nstyle.optimize import loss_terms, problem
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.planning import memory
from nstyle.optimize.problem import PaintSetup
from nstyle.optimize.tiles.features import whole_shapes
from nstyle.optimize.tiles.geometry import Tiling
from nstyle.optimize.tiles.sources import FeatureSource

log = logging.getLogger("nstyle")


class RemoteSource(FeatureSource):
    """The photo that the parts hold: its features stay with them."""

    def __init__(self, pool: PartPool, tiling: Tiling, device: Any) -> None:
        self.shapes = whole_shapes(pool.facts[0].shapes, tiling.tiles[-1])
        self.device, self._pool = device, pool

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """In place of features that are elsewhere, the sum of their squares."""
        facts = self._pool.facts.values()
        return {name: sum(fact.energies[name] for fact in facts) for name in names}

    def energy(self, features: Any) -> float:
        """See FeatureSource."""
        return float(features)


def build(
    setup: PaintSetup, inputs: Inputs, *, actors: DaskActors, counted: Counted, every: int
) -> DistributedObjective:
    """The objective for these pictures. every: see DistributedObjective. Raises OptionError."""
    problem.release_memory()  # of the size before
    paintings = problem.look_at_paintings(setup, inputs)
    problem.release_memory()
    size, options, device = inputs.photo.size, setup.options, setup.extractor.device
    tiling, parts = divided(setup, inputs, actors)
    log.info("%dx%d, parts: %d, %s", *size, len(parts), tiling)
    pool = PartPool(actors, part_specs(setup, inputs, parts), counted)
    view = RemoteSource(pool, tiling, device)
    terms = loss_terms.build_terms(inputs, options, setup.extractor.layer_scales, view, paintings)
    pool.set_losses([[term_spec(term, part) for term in terms] for part in parts])
    clip_norm = options.clip_norm * 3 * math.prod(size)
    return DistributedObjective(pool, size, terms, device=device, clip_norm=clip_norm, every=every)


def divided(setup: PaintSetup, inputs: Inputs, actors: DaskActors) -> tuple[Tiling, list[Block]]:
    """The tiles, and the parts that they are in. Raises OptionError where a worker has no room."""
    plan, free = setup.plan, actors.free()

    def fits(part: tuple[int, int], edges: tuple[int, int]) -> bool:
        return memory.fits(plan.of_part(part, edges), free)

    size = inputs.photo.size
    tiling = tiles_for(size, setup.extractor.reach, setup.options.tile, actors.count, fits)
    parts = blocks(tiling, actors.count)
    width, height = most = largest(parts)
    if not fits(most, tiling.edges):
        needed = memory.shown(plan.of_part(most, tiling.edges))
        raise OptionError(
            f"--dask: a part of {width}x{height} needs about {needed} of memory, a worker has "
            f"{memory.shown(free or 0)} for it; give more workers, or a smaller --max-long-edge"
        )
    return tiling, parts


def part_specs(setup: PaintSetup, inputs: Inputs, parts: Sequence[Block]) -> list[PartSpec]:
    """The specification of each part."""
    bfloat16 = setup.extractor.bfloat16
    options = dataclasses.replace(setup.options, precision="bfloat16" if bfloat16 else "float32")
    free = None if inputs.kept is None else 1 - inputs.kept[np.newaxis, np.newaxis]
    specs = []
    for number, part in enumerate(parts):
        photo = Picture(np.ascontiguousarray(inputs.photo.pixels[part.seen.slices[1:]]))
        free_here = None if free is None else free[part.own.slices]
        around = neighbours(number, parts)
        specs.append(PartSpec(part, around, photo, free_here, inputs.model, options))
    return specs


def neighbours(number: int, parts: Sequence[Block]) -> dict[int, tuple[Box | None, Box | None]]:
    """By number of another part: (what this one sees of what that one owns, what that one sees of
    what this one owns), rectangles of the whole picture.
    """
    here = parts[number]
    pairs = {
        other: (here.seen.common(part.own), part.seen.common(here.own))
        for other, part in enumerate(parts)
        if other != number
    }
    return {other: pair for other, pair in pairs.items() if any(pair)}


def term_spec(term: LossTerm, part: Block) -> TermSpec:
    """A term as a part must know it."""
    bare, statistics = term.without_arrays(), term.statistics
    if statistics is None:
        return TermSpec(bare)
    if statistics.weight is None:
        return TermSpec(bare, None, statistics.positions)
    step, (width, height) = layers.stride(term.layer), part.seen.size
    top, left = part.seen.top // step, part.seen.left // step
    # One more than may be needed: the part knows which way pooling rounds.
    bottom, right = top + height // step + 1, left + width // step + 1
    weight = statistics.weight[:, :, top:bottom, left:right].asnumpy()[0, 0]
    return TermSpec(bare, weight, statistics.positions)
