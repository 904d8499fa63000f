"""Tables for people, JSON for programs, and what machine it was."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nstyle.system import runtime

CPU_FACTS = Path("/proc/cpuinfo")
AMX_FLAG = "amx_bf16"

Column = tuple[str, str, Callable[[Any], str]]  # key of a row, heading, how a value is shown


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Rows under headings: the first columns of words to the left, numbers to the right."""
    cells = [[heading for _, heading, _ in columns]]
    for row in rows:
        values = [(row.get(key), show) for key, _, show in columns]
        cells.append(["-" if value is None else show(value) for value, show in values])
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    sides = [str.ljust if show is str else str.rjust for _, _, show in columns]
    return "\n".join(
        "  ".join(side(cell, width) for side, cell, width in zip(sides, line, widths)).rstrip()
        for line in cells
    )


def seconds(value: float) -> str:
    """Four digits at most, so that a hundredth of a second is seen where it matters."""
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def megabytes(value: float) -> str:
    """Bytes as MB (10^6)."""
    return f"{value / 1e6:.0f}"


def general(value: float) -> str:
    """Five digits."""
    return f"{value:.5g}"


def cpu_entries(name: str, path: Path = CPU_FACTS) -> str:
    """What Linux says of the first core under a name, "" where nobody tells."""
    if not path.is_file():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def has_amx(path: Path = CPU_FACTS) -> bool:
    """Whether the CPU multiplies bfloat16 matrices in tiles."""
    return AMX_FLAG in cpu_entries("flags", path).split()


def facts(threads: int) -> dict[str, Any]:
    """Versions and machine."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "not installed"
    cpu = cpu_entries("model name") or platform.processor()
    about = {**runtime.describe(), "torch": torch, "cpu": cpu}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # of the last minute
    return {**about, "amx": has_amx(), "threads": threads, "load": load}


def write_json(path: str | None, report: Mapping[str, Any]) -> None:
    """The report in a file, if one is wanted."""
    if path is not None:
        Path(path).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def numbers(text: str) -> list[int]:
    """256,512 -> [256, 512], for argparse."""
    return [int(word) for word in text.split(",")]


def words(text: str) -> list[str]:
    """ours,torch -> ["ours", "torch"], for argparse."""
    return [word.strip() for word in text.split(",") if word.strip()]
