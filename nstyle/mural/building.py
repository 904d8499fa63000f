"""What is minimised where a picture lies in parts: as problem.build, for a team. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nstyle import layers, memory, problem, targets
from nstyle.errors import OptionError
from nstyle.executor import Term
from nstyle.inputs import Inputs
from nstyle.moments import Statistics
from nstyle.mural.crew import Crew
from nstyle.mural.geometry import Block, Box, blocks, tiles_for
from nstyle.mural.messages import Counted, Order, Summand
from nstyle.mural.spread import SpreadObjective
from nstyle.mural.workers import Team
from nstyle.options import Options
from nstyle.picture import Picture
from nstyle.pieces import whole_shapes
from nstyle.planning import Demand
from nstyle.problem import Problem
from nstyle.setting import Setting
from nstyle.tiles import Tiling
from nstyle.views import Asked

log = logging.getLogger("nstyle")


class InParts:
    """A view (see views.View) of the photo that the parts hold: its features stay with them."""

    def __init__(self, crew: Crew, tiling: Tiling, device: Any) -> None:
        facts = crew.facts[0]
        self.shapes = whole_shapes(facts.shapes, tiling.tiles[-1])
        self.device, self._crew = device, crew

    def statistics(self, asked: Mapping[Any, Asked], *, mean: bool) -> dict[Any, Statistics]:
        """See View; nobody asks for those of a photo."""
        raise NotImplementedError

    def features(self, names: Iterable[str]) -> dict[str, Any]:
        """What stands for features that are elsewhere: the sum of their squares."""
        facts = self._crew.facts.values()
        return {name: sum(fact.energies[name] for fact in facts) for name in names}

    def energy(self, features: Any) -> float:
        """See View."""
        return float(features)


def build(
    setting: Setting,
    inputs: Inputs,
    options: Options,
    device: Any,
    *,
    team: Team,
    counted: Counted,
    every: int,
) -> Problem:
    """The objective for these pictures. every: see SpreadObjective. Raises OptionError."""
    problem.let_go()  # of the size before
    paintings = [
        problem.shown_by(setting, inputs, options, device, number)
        for number in range(len(inputs.styles))
    ]
    problem.let_go()
    size = inputs.photo.size
    tiling, parts = divided(setting, inputs, options, team)
    log.info("%dx%d, parts: %d, %s", *size, len(parts), tiling)
    crew = Crew(team, orders(setting, inputs, options, parts), counted)
    view = InParts(crew, tiling, device)
    terms = targets.build_terms(inputs, options, setting.likeness, view, paintings)
    crew.aim({number: [summand(term, part) for term in terms] for number, part in enumerate(parts)})
    clip_norm = options.clip_norm * 3 * size[0] * size[1]
    about = {"device": device, "clip_norm": clip_norm, "every": every}
    objective = SpreadObjective(crew, size, terms, **about)
    return Problem(objective, inputs.photo, setting.convention, options)


def divided(
    setting: Setting, inputs: Inputs, options: Options, team: Team
) -> tuple[Tiling, list[Block]]:
    """The tiles, and the parts that they are in. Raises OptionError where a worker has no room."""
    demand, free = Demand(inputs, options, setting), team.free()

    def fits(part: tuple[int, int], edges: tuple[int, int]) -> bool:
        return memory.fits(demand.of_part(part, edges), free)

    size = inputs.photo.size
    tiling = tiles_for(size, setting.reach, options.tile, team.count, fits)
    parts = blocks(tiling, team.count)
    most = max((part.seen.size for part in parts), key=lambda edges: edges[0] * edges[1])
    if not fits(most, tiling.edges):
        needed = memory.shown(demand.of_part(most, tiling.edges))
        raise OptionError(
            f"--dask: a part of {most[0]}x{most[1]} needs about {needed} of memory, a worker has "
            f"{memory.shown(free or 0)} for it; give more workers, or a smaller --max-long-edge"
        )
    return tiling, parts


def orders(
    setting: Setting, inputs: Inputs, options: Options, parts: Sequence[Block]
) -> list[Order]:
    """What each part is to be."""
    bfloat16, kept = setting.in_bfloat16(inputs.photo.size), inputs.kept
    chosen = dataclasses.replace(options, precision="bfloat16" if bfloat16 else "float32")
    made = []
    for number, part in enumerate(parts):
        seen, own = part.seen, part.own
        photo = inputs.photo.pixels[seen.top : seen.bottom, seen.left : seen.right]
        free = None if kept is None else own.of(1 - kept[np.newaxis, np.newaxis])
        made.append(
            Order(
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
    """See Order."""
    here = parts[number]
    found = {
        other: (here.seen.common(part.own), part.seen.common(here.own))
        for other, part in enumerate(parts)
        if other != number
    }
    return {other: both for other, both in found.items() if any(both)}


def summand(term: Term, part: Block) -> Summand:
    """A term as a part must know it."""
    moments, weight, positions = term.moments, None, None
    if moments is not None:
        positions = moments.positions
        if moments.weight is not None:
            step, (width, height) = layers.stride(term.layer), part.seen.size
            top, left = part.seen.top // step, part.seen.left // step
            # One more than may be needed: the part knows which way pooling rounds.
            bottom, right = top + height // step + 1, left + width // step + 1
            weight = moments.weight[:, :, top:bottom, left:right].asnumpy()[0, 0]
    return Summand(term.kind, term.layer, term.scale, term.form, weight, positions)
