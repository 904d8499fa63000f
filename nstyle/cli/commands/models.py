"""`nstyle models`: the networks that are installed, and how to get the others."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import Any

from nstyle.cli.console import OK
from nstyle.options import options
from nstyle.system import locations


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `models`."""
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def work(words: argparse.Namespace) -> int:
    """List them on stdout; the exit code."""
    rows = networks()
    print(json.dumps(rows, indent=2) if words.json else "\n".join(map(as_text, rows)))
    return OK


def networks() -> list[dict[str, Any]]:
    """One row per network: built in, installed, half downloaded, missing.

    Keys: name, path, bytes, kind, and how to use, remove, get it; None where that does not apply.
    """
    rows = [
        row(name, locations.PRETRAINED / file, kind="built in", use=f"--model {name}")
        for name, file in locations.BUILT_IN.items()
    ]
    known = [name for name in options.MODELS if name != "auto" and name not in locations.BUILT_IN]
    for name in known:
        first = next((path for path in locations.candidates(name) if os.path.isfile(path)), None)
        if first is None:
            rows.append(row(name, None, kind="missing", get=f"nstyle download --model {name}"))
        else:
            rows.append(installed(name, first, f"--model {name}"))
    listed = {real(entry["path"]) for entry in rows if entry["path"]}
    for path in files():
        if real(path) not in listed:
            rows.append(other(path))
    return rows


def files() -> list[Path]:
    """Every weights file in the folders of weights, once, and every part of one."""
    ends = (*locations.EXTENSIONS, ".part")
    found = {
        real(path): path
        for folder in locations.folders()
        for path in inside(folder)
        if path.name.endswith(ends) and os.path.isfile(path)
    }
    return list(found.values())


def inside(folder: Path) -> list[Path]:
    """Files of a folder; none if it is absent or unreadable."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def other(path: Path) -> dict[str, Any]:
    """A file that no --model stands for."""
    if path.suffix == ".part":
        get = f"nstyle download --model {path.name.split('.')[0]} --folder {quoted(path.parent)}"
        return {**installed(path.name, path, None), "kind": "part of a download", "get": get}
    return installed(path.stem, path, f"--weights {quoted(path)}")


def installed(name: str, path: Path, use: str | None) -> dict[str, Any]:
    """A row of a file that may be removed."""
    return row(name, path, kind=path.suffix[1:], use=use, remove=f"rm {quoted(path)}")


def row(
    name: str,
    path: Path | None,
    *,
    kind: str,
    use: str | None = None,
    remove: str | None = None,
    get: str | None = None,
) -> dict[str, Any]:
    """Lines about a network."""
    where = os.path.abspath(path) if path else None
    size = path.stat().st_size if path else None
    facts = {"use": use, "remove": remove, "get": get}
    return {"name": name, "path": where, "bytes": size, "kind": kind, **facts}


def as_text(entry: dict[str, Any]) -> str:
    """The same for people: a line, and one for each thing to do."""
    size = f", {entry['bytes'] / 1e6:.1f} MB: {entry['path']}" if entry["path"] else ""
    lines = [f"{entry['name']}  {entry['kind']}{size}"]
    lines += [f"    {key}: {entry[key]}" for key in ("use", "remove", "get") if entry[key]]
    return "\n".join(lines)


def real(path: str | Path) -> str:
    """One name per file."""
    return os.path.realpath(path)


def quoted(path: Path) -> str:
    """A full path as a shell wants it."""
    return shlex.quote(os.path.abspath(path))
