"""`nstyle presets`: the known recipes, what they change and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from nstyle.cli.console import OK, put
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.presets import PRESETS, Preset


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `presets`."""
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def work(args: argparse.Namespace) -> int:
    """List them on stdout; the exit code."""
    if args.json:
        table = {name: as_table(preset) for name, preset in PRESETS.items()}
        put(json.dumps(table, indent=2))
    else:
        put("\n\n".join(as_text(name, preset) for name, preset in PRESETS.items()))
    return OK


def as_table(preset: Preset) -> dict[str, Any]:
    """{"about": line, "values": {field: {"value", "default", "reason"}}}."""
    usual = {**dataclasses.asdict(Options()), **dataclasses.asdict(OutputOptions())}
    values = {
        name: {"value": value, "default": usual[name], "reason": reason}
        for name, (value, reason) in preset.values.items()
    }
    return {"about": preset.about, "values": values}


def as_text(name: str, preset: Preset) -> str:
    """`name - about`, then a line per field that differs, in columns."""
    table = as_table(preset)["values"]
    pairs = {field: f"{field} = {facts['value']}" for field, facts in table.items()}
    width = max(map(len, pairs.values()), default=0)
    lines = [
        f"  {pairs[field]:<{width}}   (default {facts['default']})  # {facts['reason']}"
        for field, facts in table.items()
    ]
    return "\n".join([f"{name} - {preset.about}", *lines])
