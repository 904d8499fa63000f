"""Builds the objective of a picture in parts, as problem.build does. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle.distributed.actors import ActorPool
from nstyle.distributed.messages import Counted, PartSpec, TermSpec
from nstyle.distributed.partition import Block, Box, blocks, tiles_for
from nstyle.distributed.pool import PartPool
from nstyle.distributed.spread import DistributedObjective
from nstyle.errors import OptionError
from nstyle.images.picture import Picture
from nstyle.losses.base import LossTerm
from nstyle.losses.statistics import Statistics
from nstyle.networks import layers
from nstyle.optimize import loss_terms, problem
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.planning import memory
from nstyle.optimize.problem import PaintSetup, PaintTask
from nstyle.optimize.tiles.features import whole_shapes
from nstyle.optimize.tiles.geometry import Tiling
from nstyle.optimize.tiles.sources import Asked

log = logging.getLogger("nstyle")


class RemoteSource:
    """A sources.FeatureSource of the photo that the parts hold: its features stay with them."""

    def __init__(self, pool: PartPool, tiling: Tiling, device: Any) -> None:
        facts = pool.facts[0]
        self.shapes = whole_shapes(facts.shapes, tiling.tiles[-1])
        self.device, self._pool = device, pool

    def statistics(self, asked: Mapping[Any, Asked], *, mean: bool) -> dict[Any, Statistics]:
        """See FeatureSource; nobody asks for those of a photo."""
        raise NotImplementedError

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """In place of features that are elsewhere, the sum of their squares."""
        facts = self._pool.facts.values()
        return {name: sum(fact.energies[name] for fact in facts) for name in names}

    def energy(self, features: Any) -> float:
        """See FeatureSource."""
        return float(features)


def build(
    setup: PaintSetup,
    inputs: Inputs,
    *,
    actors: ActorPool,
    counted: Counted,
    every: int,
) -> PaintTask:
    """The objective for these pictures. every: see DistributedObjective. Raises OptionError."""
    problem.release_memory()  # of the size before
    paintings = problem.look_at_paintings(setup, inputs)
    problem.release_memory()
    size, options, device = inputs.photo.size, setup.options, setup.device
    extractor = setup.extractor
    tiling, parts = divided(setup, inputs, actors)
    log.info("%dx%d, parts: %d, %s", *size, len(parts), tiling)
    pool = PartPool(actors, part_specs(setup, inputs, parts), counted)
    view = RemoteSource(pool, tiling, device)
    terms = loss_terms.build_terms(inputs, options, extractor.layer_scales, view, paintings)
    specs = [[term_spec(term, part) for term in terms] for part in parts]
    pool.set_losses(dict(enumerate(specs)))
    clip_norm = options.clip_norm * 3 * size[0] * size[1]
    about = {"device": device, "clip_norm": clip_norm, "every": every}
    objective = DistributedObjective(pool, size, terms, **about)
    return PaintTask(objective, inputs.photo, extractor.convention, options)


def divided(setup: PaintSetup, inputs: Inputs, actors: ActorPool) -> tuple[Tiling, list[Block]]:
    """The tiles, and the parts that they are in. Raises OptionError where a worker has no room."""
    plan, free = setup.plan, actors.free()

    def fits(part: tuple[int, int], edges: tuple[int, int]) -> bool:
        return memory.fits(plan.of_part(part, edges), free)

    size = inputs.photo.size
    tiling = tiles_for(size, setup.extractor.reach, setup.options.tile, actors.count, fits)
    parts = blocks(tiling, actors.count)
    most = max((part.seen.size for part in parts), key=lambda edges: edges[0] * edges[1])
    if not fits(most, tiling.edges):
        needed = memory.shown(plan.of_part(most, tiling.edges))
        raise OptionError(
            f"--dask: a part of {most[0]}x{most[1]} needs about {needed} of memory, a worker has "
            f"{memory.shown(free or 0)} for it; give more workers, or a smaller --max-long-edge"
        )
    return tiling, parts


def part_specs(setup: PaintSetup, inputs: Inputs, parts: Sequence[Block]) -> list[PartSpec]:
    """The specification of each part."""
    bfloat16, kept = setup.extractor.in_bfloat16(inputs.photo.size), inputs.kept
    chosen = dataclasses.replace(setup.options, precision="bfloat16" if bfloat16 else "float32")
    made = []
    for number, part in enumerate(parts):
        seen, own = part.seen, part.own
        photo = inputs.photo.pixels[seen.top : seen.bottom, seen.left : seen.right]
        free = None if kept is None else own.of(1 - kept[np.newaxis, np.newaxis])
        made.append(
            PartSpec(
                number,
                part,
                neighbours(number, parts),
                Picture(np.ascontiguousarray(photo)),
                free,
                inputs.model,
                chosen,
                bfloat16,
            )
        )
    return made


def neighbours(number: int, parts: Sequence[Block]) -> dict[int, tuple[Box | None, Box | None]]:
    """See PartSpec."""
    here = parts[number]
    found = {
        other: (here.seen.common(part.own), part.seen.common(here.own))
        for other, part in enumerate(parts)
        if other != number
    }
    return {other: both for other, both in found.items() if any(both)}


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
