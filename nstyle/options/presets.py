"""Defaults, then a preset's differences, then what the user typed; and what to do without VGG."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from nstyle.errors import OptionError, WeightsError
from nstyle.options.options import Options, build
from nstyle.options.output import OutputOptions
from nstyle.options.parse import nearest
from nstyle.options.presets_table import PRESETS, Preset
from nstyle.system import locations

__all__ = ["PRESETS", "Preset", "delivery", "find", "resolve"]

log = logging.getLogger("nstyle")

SLIM = locations.DEFAULT


def find(preset: str) -> Preset:
    """The preset of that name. Raises OptionError."""
    if preset not in PRESETS:
        raise OptionError(f"--preset: {preset!r} is none of {nearest(preset, PRESETS)}")
    return PRESETS[preset]


def resolve(
    typed: Mapping[str, Any], preset: str | None = None, base: Options | None = None
) -> Options:
    """Defaults, then the preset's differences, then what the user typed.

    base: options to start from instead of the defaults; a preset cannot be combined with them.

    A preset whose network is not installed is run with the built-in one, said in one line; what the
    user typed is never replaced. Raises OptionError for an unknown preset or a bad value.
    """
    if base is not None:
        if preset is not None:
            raise OptionError(
                f"preset: {preset!r} cannot be together with options=; give one of them"
            )
        return build(Options, {**dataclasses.asdict(base), **typed})
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


def delivery(typed: Mapping[str, Any], preset: str | None = None) -> OutputOptions:
    """The same for what a run leaves behind. Raises OptionError."""
    return build(OutputOptions, {**differences_of(preset, OutputOptions), **typed})


def differences_of(preset: str | None, cls: type) -> dict[str, Any]:
    """The preset's values for the fields of Options or OutputOptions."""
    names = {entry.name for entry in dataclasses.fields(cls)}
    values = find(preset).values if preset is not None else {}
    return {name: value for name, (value, _) in values.items() if name in names}


def fitted(differences: Mapping[str, Any], typed: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """The preset's differences for the network that is there, with a line where it is another."""
    meant = differences.get("model", SLIM)
    if meant == SLIM or typed.get("weights") is not None:
        return dict(differences)
    if typed.get("model") != SLIM and ("model" in typed or installed(meant)):
        return dict(differences)
    why = "as asked" if typed.get("model") == SLIM else f"{meant} is not installed"
    log.info("preset %s runs on %s, %s", preset, SLIM, why)
    return {**differences, "model": SLIM}


def installed(model: str) -> bool:
    """Whether the weights of the model are there."""
    try:
        locations.find(model)
    except WeightsError:
        return False
    return True
