"""Defaults, then a preset's differences, then what the user typed; and what to do without VGG."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from nstyle import layers, places
from nstyle.delivery import Delivery
from nstyle.errors import OptionError, WeightsError
from nstyle.options import Options, build
from nstyle.recipes import PRESETS, Preset
from nstyle.syntax import nearest, parse_layers

__all__ = ["PRESETS", "Preset", "delivery", "find", "resolve"]

log = logging.getLogger("nstyle")

SLIM = "vgg19-slim"


def find(preset: str) -> Preset:
    """The preset of that name. Raises OptionError."""
    if preset not in PRESETS:
        raise OptionError(f"--preset: {preset!r} is none of {nearest(preset, PRESETS)}")
    return PRESETS[preset]


def resolve(typed: Mapping[str, Any], preset: str | None = None) -> Options:
    """Defaults, then the preset's differences, then what the user typed.

    A preset whose network is not installed is run with vgg19-slim, said in one line; what the user
    typed is never replaced. Raises OptionError for an unknown preset or a bad value.
    """
    differences = differences_of(preset, Options)
    if preset is None:
        return build(Options, typed)
    if typed.get("weights") is not None:
        differences.pop("model", None)  # the file says what it is
    usual = differences.get("optimizer", "sgd")
    if typed.get("optimizer", usual) != usual:
        differences.pop("lr", None)  # it was another optimiser's
    if "max_long_edge" in typed:
        differences.pop("size", None)  # the user's wish about the size counts
    differences = fitted(differences, typed, preset)
    return build(Options, {**differences, **typed})


def delivery(typed: Mapping[str, Any], preset: str | None = None) -> Delivery:
    """The same for what a run leaves behind. Raises OptionError."""
    return build(Delivery, {**differences_of(preset, Delivery), **typed})


def differences_of(preset: str | None, cls: type) -> dict[str, Any]:
    """The preset's values for the fields of Options or Delivery."""
    names = {entry.name for entry in dataclasses.fields(cls)}
    values = find(preset).values if preset is not None else {}
    return {name: value for name, (value, _) in values.items() if name in names}


def fitted(differences: Mapping[str, Any], typed: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """The preset's differences for the network that is there, with a line where it is another."""
    meant = differences.get("model", "auto")
    model = typed.get("model", meant)
    if "model" not in typed and not installed(meant):
        model = SLIM
    if model == "auto":
        model, _ = places.find(model)
    if model != SLIM or typed.get("weights") is not None:
        return dict(differences)
    moved: dict[str, str] = {}
    changed = {
        name: nearest_layers(differences[name], name, moved)
        for name in ("content_layers", "style_layers")
        if name in differences and name not in typed
    }
    replaced = {}
    if meant not in (SLIM, "auto"):
        replaced = {"model": SLIM}
        why = "as asked" if typed.get("model") == SLIM else f"{meant} is not installed"
        words = [f"; {layer} becomes {below}" for layer, below in moved.items()]
        log.info("preset %s runs on %s, %s%s", preset, SLIM, why, "".join(words))
    return {**differences, **changed, **replaced}


def installed(model: str) -> bool:
    """Whether the weights of the model are there."""
    try:
        places.find(model)
    except WeightsError:
        return False
    return True


def nearest_layers(text: str, name: str, moved: dict[str, str]) -> str:
    """Layers that vgg19-slim lacks replaced by the nearest below (also noted in `moved`)."""
    order, there = (layers.taps(layers.BLOCKS[model]) for model in ("vgg19", SLIM))
    found: dict[str, float] = {}
    for layer, weight in parse_layers(text, name).items():
        kind = layer.rstrip("_0123456789")
        upto = order[: order.index(layer) + 1]
        below = [tap for tap in upto if tap in there and tap.startswith(kind)][-1]
        found[below] = found.get(below, 0.0) + weight
        if below != layer:
            moved[layer] = below
    if not moved:
        return text
    return ",".join(f"{layer}:{weight:g}" for layer, weight in found.items())
