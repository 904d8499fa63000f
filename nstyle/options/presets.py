"""Defaults, then a preset's differences, then what the user typed; and what to do without VGG."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from typing import Any

from nstyle.errors import OptionError
from nstyle.options.field import build
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.parse import brief, nearest
from nstyle.options.presets_table import PRESETS, Preset
from nstyle.system import locations

__all__ = ["PRESETS", "Preset", "delivery", "resolve"]

log = logging.getLogger("nstyle")

SLIM = locations.DEFAULT


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
        if not isinstance(base, Options):
            raise OptionError(f"options: {brief(base)} is no nstyle.Options; give its fields alone")
        return build(Options, {**dataclasses.asdict(base), **typed})
    differences = differences_of(preset, Options)
    if typed.get("weights") is not None:
        differences.pop("model", None)  # the file says what it is
    usual = differences.get("optimizer", "sgd")
    if not is_word(typed.get("optimizer", usual), usual):
        differences.pop("lr", None)  # it was another optimiser's
    if "max_long_edge" in typed:
        differences.pop("size", None)  # the user's wish about the size counts
    meant, as_asked = differences.get("model", SLIM), is_word(typed.get("model"), SLIM)
    installed = any(map(os.path.isfile, locations.candidates(meant)))
    if meant != SLIM and (as_asked or ("model" not in typed and not installed)):
        why = "as asked" if as_asked else f"{meant} is not installed"
        log.info("preset %s runs on %s, %s", preset, SLIM, why)
        differences["model"] = SLIM
    return build(Options, {**differences, **typed})


def is_word(value: Any, word: str) -> bool:
    """Whether the value is this word; an array compares with it element by element."""
    return isinstance(value, str) and value == word


def delivery(typed: Mapping[str, Any], preset: str | None = None) -> OutputOptions:
    """The same for what a run leaves behind. Raises OptionError."""
    return build(OutputOptions, {**differences_of(preset, OutputOptions), **typed})


def differences_of(preset: str | None, cls: type) -> dict[str, Any]:
    """The preset's values for the fields of Options or OutputOptions. Raises OptionError."""
    if preset is None:
        return {}
    if not isinstance(preset, str) or preset not in PRESETS:
        raise OptionError(f"--preset: {brief(preset)} is none of {nearest(preset, PRESETS)}")
    names = {entry.name for entry in dataclasses.fields(cls)}
    return {n: value for n, (value, _) in PRESETS[preset].values.items() if n in names}
