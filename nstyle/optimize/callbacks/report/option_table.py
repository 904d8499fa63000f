"""The options of a run, those that differ from the defaults first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nstyle.optimize.callbacks.report.html import note, table
from nstyle.options.field import shown
from nstyle.options.options import Options, shaping


def options(chosen: Mapping[str, Any]) -> str:
    """Those that differ with their defaults, then all of them, folded."""
    usual = defaults(chosen)
    names = {entry.name: shown(entry) for entry in dataclasses.fields(Options)}
    rows = {
        name: [names.get(name, name), typed(value), typed(usual.get(name))]
        for name, value in chosen.items()
    }
    other = [row for name, row in rows.items() if chosen[name] != usual.get(name)]
    every = table("options", ["option", "value"], [row[:2] for row in rows.values()])
    folded = f"<details><summary>All {len(rows)} options</summary>\n{every}</details>\n"
    if not other:
        return note("All as they are by default.") + folded
    return table("options", ["option", "value", "default"], other) + folded


def defaults(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults; some depend on the optimiser."""
    plain = Options()
    same = Options(optimizer=chosen.get("optimizer", plain.optimizer))
    return {**shaping(same), "optimizer": plain.optimizer}


def typed(value: Any) -> str:
    """A value as one would type it, or a dash."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)
