"""`nstyle models`: the networks that are installed, and how to get the others."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import Any

from nstyle.cli.console import OK, put
from nstyle.options import options
from nstyle.system import locations

HOW = ("use", "remove", "get")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `models`."""
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def work(args: argparse.Namespace) -> int:
    """List them on stdout; the exit code."""
    rows = networks()
    put(json.dumps(rows, indent=2) if args.json else "\n".join(map(as_text, rows)))
    return OK


def networks() -> list[dict[str, Any]]:
    """One row per network: name, path, bytes, kind, HOW; None for what does not apply."""
    rows = [
        row(name, locations.PRETRAINED / file, kind="built in", use=f"--model {name}")
        for name, file in locations.BUILT_IN.items()
    ]
    for name in options.MODELS:
        if name == "auto" or name in locations.BUILT_IN:
            continue
        path = next(filter(os.path.isfile, locations.candidates(name)), None)
        if path is None:
            rows.append(row(name, None, kind="missing", get=f"nstyle download --model {name}"))
        else:
            rows.append(removable(name, path, use=f"--model {name}"))
    listed = {os.path.realpath(entry["path"]) for entry in rows if entry["path"]}
    return [*rows, *(other(path) for real, path in files().items() if real not in listed)]


def files() -> dict[str, Path]:
    """Real path -> path of every weights file in the folders of weights, and of parts of one."""
    return {
        os.path.realpath(path): path
        for folder in locations.folders()
        for path in inside(folder)
        if path.name.endswith((*locations.EXTENSIONS, ".part")) and os.path.isfile(path)
    }


def inside(folder: Path) -> list[Path]:
    """Files of a folder; none if it is absent or unreadable."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def other(path: Path) -> dict[str, Any]:
    """The row of a file that no --model stands for."""
    if path.suffix == ".part":
        get = f"nstyle download --model {path.name.split('.')[0]} --folder {quoted(path.parent)}"
        return removable(path.name, path, kind="part of a download", get=get)
    return removable(path.stem, path, use=f"--weights {quoted(path)}")


def removable(name: str, path: Path, kind: str = "", **how: str) -> dict[str, Any]:
    """The row of a file that may be removed; its kind is its extension where none is given."""
    return row(name, path, kind=kind or path.suffix[1:], remove=f"rm {quoted(path)}", **how)


def row(name: str, path: Path | None, *, kind: str, **how: str) -> dict[str, Any]:
    """Facts about a network; how: some of HOW."""
    where = os.path.abspath(path) if path else None
    size = path.stat().st_size if path else None
    facts = {"name": name, "path": where, "bytes": size, "kind": kind}
    return {**facts, **{key: how.get(key) for key in HOW}}


def as_text(entry: dict[str, Any]) -> str:
    """The same for people: a line, and one for each thing to do."""
    size = f", {entry['bytes'] / 1e6:.1f} MB: {entry['path']}" if entry["path"] else ""
    lines = [f"{entry['name']}  {entry['kind']}{size}"]
    lines += [f"    {key}: {entry[key]}" for key in HOW if entry[key]]
    return "\n".join(lines)


def quoted(path: Path) -> str:
    """A full path as a shell wants it."""
    return shlex.quote(os.path.abspath(path))
