"""The terms of the loss with their targets, taken from photo and paintings. Loads MXNet."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np

from nstyle.errors import OptionError
from nstyle.images.masks import shown
from nstyle.images.regions import at_size, softened
from nstyle.losses.base import LossTerm
from nstyle.losses.image import ContentLoss, TemporalLoss, TotalVariation
from nstyle.losses.normalization import NORMALIZATIONS, TEMPORAL, Layer, Normalization
from nstyle.losses.statistics import FeatureStatistics
from nstyle.losses.style import STYLE_DISTANCES, StyleDistance, StyleLoss, Target, blend
from nstyle.networks import calibration
from nstyle.networks.calibration import LayerScale
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.tiles.sources import FeatureSource, Place
from nstyle.options.options import Options
from nstyle.options.words import Layers

log = logging.getLogger("nstyle")

# Positions below which a region has no statistics worth the name at a layer.
FEWEST = 8
SOFT_EDGE = 1 / 128  # deviation of a region's edge, of the photo's long edge

# What one painting shows: (layer, number of the region) -> target, or None for too little of it.
Shown = Mapping[tuple[str, int], Optional[Target]]


def look_at(inputs: Inputs, options: Options, number: int, view: FeatureSource) -> Shown:
    """Style targets of a painting. number: which."""
    places = {
        (name, region): (name, weight)
        for name in options.style_layers.weights
        for region, weight in enumerate(inputs.where(number))
    }
    return measured(view, STYLE_DISTANCES[options.style_loss], places)


def build_terms(
    inputs: Inputs,
    options: Options,
    layer_scales: Mapping[str, LayerScale],
    photo: FeatureSource,
    paintings: Sequence[Shown],
) -> list[LossTerm]:
    """The terms of the loss. photo: at the result's size; layer_scales: see FeatureExtractor."""
    terms: list[LossTerm] = []
    if options.content_weight:
        terms += content_terms(inputs, options, layer_scales, photo)
    if options.style_weight:
        terms += style_terms(inputs, options, layer_scales, photo, paintings)
    if options.tv_weight:
        scale = NORMALIZATIONS[options.normalization].tv(3 * math.prod(inputs.photo.size))
        terms.append(TotalVariation(options.tv_weight * scale, options.tv_form))
    if not terms:
        raise OptionError("--keep-mask: leaves nothing to paint; make more of it black")
    return terms


def temporal_term(options: Options, weight: float, moved: Any, trust: Any) -> LossTerm:
    """The term that holds a film's frame to the one before; moved, trust: see image.temporal.

    weight: 0 or more; about how many times the network's own wishes it counts.
    """
    scale = weight * TEMPORAL * NORMALIZATIONS[options.normalization].tv(moved.size)
    return TemporalLoss(scale, (moved, trust))


def content_terms(
    inputs: Inputs, options: Options, layer_scales: Mapping[str, LayerScale], photo: FeatureSource
) -> list[LossTerm]:
    """One per content layer."""
    scales, area = NORMALIZATIONS[options.normalization], math.prod(inputs.photo.size)
    terms: list[LossTerm] = []
    shares = layer_weights(options.content_layers, scales)
    for name, target in photo.features(shares).items():
        shape, energy = photo.shapes[name], photo.energy(target)
        like = calibration.nearest(layer_scales, name, channels=shape[1])
        layer = Layer(like.channels, shape[2] * shape[3], energy * like.content, area)
        scale = scales.content(layer)
        scale *= options.content_weight * shares[name] * like.content
        terms.append(ContentLoss(name, scale, target))
    return terms


def style_terms(
    inputs: Inputs,
    options: Options,
    layer_scales: Mapping[str, LayerScale],
    photo: FeatureSource,
    paintings: Sequence[Shown],
) -> list[LossTerm]:
    """One per style layer and region."""
    scales, area = NORMALIZATIONS[options.normalization], math.prod(inputs.photo.size)
    distance = STYLE_DISTANCES[options.style_loss]
    # As keras-prisma: a style that takes the result's size has no strokes to scale.
    strength = options.style_weight * (options.style_scale if options.fit == "stretch" else 1.0)
    places = places_of(inputs)
    terms: list[LossTerm] = []
    for name, share in layer_weights(options.style_layers, scales).items():
        shape, statistics = photo.shapes[name], None
        like = calibration.nearest(layer_scales, name, channels=shape[1])
        for number, (region, everywhere) in enumerate(places):
            weight = None if everywhere is None else at_size(everywhere, (shape[3], shape[2]))
            part = 1.0 if weight is None else float(weight.mean())
            target = blended([shown[name, number] for shown in paintings], inputs.shares)
            if target is None or (weight is not None and weight.sum() < FEWEST):
                place = f"region {region}" if region else "the picture"
                too = "too small, or too much of it kept"
                log.info("%s: %s, for %s; left out there", place, too, name)
                continue
            # As VGG-19 would have it.
            energy = distance.energy(target) * like.style
            layer = Layer(like.channels, shape[2] * shape[3], energy, area)
            scale = scales.style(layer) * strength * share * like.style * part
            statistics = FeatureStatistics(
                shape, device=photo.device, weight=weight, share=statistics
            )
            ready = distance.ready(target)
            terms.append(StyleLoss(name, scale, options.style_loss, statistics, ready, region))
    return terms


def once_more(terms: Sequence[LossTerm], photo: FeatureSource, part: np.ndarray) -> list[LossTerm]:
    """The terms of style again, of a part of the picture alone. part: weights (H, W).

    What is small in a picture counts little in its sums, so that it may stay without style. Each
    position counts as it does in the whole.
    """
    further: list[LossTerm] = []
    for term in terms:
        if not isinstance(term, StyleLoss):
            continue
        shape = photo.shapes[term.layer]
        weight = at_size(part, (shape[3], shape[2]))
        if term.statistics.weight is not None:
            weight = weight * term.statistics.weight.asnumpy()[0, 0]
        if weight.sum() >= FEWEST:
            moments = photo.moments(term.layer, weight)
            scale = term.scale * moments.positions / term.statistics.positions
            region = f"{term.region} new".strip()
            further.append(
                dataclasses.replace(term, scale=scale, statistics=moments, region=region)
            )
    return further


def blended(targets: Sequence[Target | None], shares: Sequence[float]) -> Target | None:
    """The blend of the targets that are not None; None where there are no others."""
    pairs = [(target, share) for target, share in zip(targets, shares) if target is not None]
    total = sum(share for _, share in pairs)
    return blend([t for t, _ in pairs], [share / total for _, share in pairs]) if pairs else None


def places_of(inputs: Inputs) -> list[tuple[str, np.ndarray | None]]:
    """(name, weights (H, W) at the photo's size) of the regions, with soft edges, without what is
    kept. Where there are no regions one place; its weights None for all of the photo.
    """
    size = inputs.photo.size
    free = None if inputs.kept is None else 1 - inputs.kept
    if not inputs.regions:
        return [("", free)]
    edges = [at_size(region.content, size) for region in inputs.regions]
    soft = softened(edges, SOFT_EDGE * max(size))
    return [
        (shown(region.colour), weight if free is None else weight * free)
        for region, weight in zip(inputs.regions, soft)
    ]


def measured(
    view: FeatureSource, distance: StyleDistance, places: Mapping[Any, Place]
) -> dict[Any, Target | None]:
    """Style targets by key; None where there is too little. places: with weights of any size."""
    sized: dict[Any, Place] = {}
    for key, (name, part) in places.items():
        height, width = view.shapes[name][2:]
        weight = None if part is None else at_size(part, (width, height))
        if weight is None or weight.sum() >= FEWEST:
            sized[key] = name, weight
    statistics = view.statistics(sized, mean=distance.mean)
    return {key: distance.measure(statistics[key]) if key in statistics else None for key in places}


def layer_weights(chosen: Layers, scales: Normalization) -> dict[str, float]:
    """Layers with weights, divided by their sum where the recipe says so."""
    total = sum(chosen.weights.values()) if scales.share_layers else 1.0
    return {name: weight / total for name, weight in chosen.weights.items()}
