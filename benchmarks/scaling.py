"""What a mural on more machines would take, calculated from what benchmarks.mural measured.

    python -m benchmarks.mural --kill --json mural.json
    python -m benchmarks.scaling mural.json [--edge 31623] [--machines 1 10 100]

The bytes of strips are those of the parts' geometry, of statistics those measured for each worker;
seconds are those of one worker for each pixel that its network sees, times the pixels that the
largest part's network sees, and bytes over the links: each worker's strips, and the statistics of
all workers, which go to and from one client. Nothing is computed while something travels.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting
from nstyle.distributed.objective import neighbours
from nstyle.distributed.partition import Block, blocks, tiles_for
from nstyle.networks import layers
from nstyle.optimize.planning import memory
from nstyle.optimize.tiles import geometry

MODEL, DEEPEST = "vgg19", "relu5_1"  # the built-in network sees as far
PICTURE, GRADIENT = 3 * 4, 3 * 8  # bytes of a pixel: float32, float64
COLUMNS: list[reporting.Column] = [
    ("machines", "machines", str),
    ("tiles", "tiles", str),
    ("seen", "seen", lambda value: f"{value:.2f}"),
    ("compute", "s compute", reporting.seconds),
    ("strips", "MB strips, each", lambda value: f"{value / 1e6:.1f}"),
    ("moments", "MB statistics, client", lambda value: f"{value / 1e6:.1f}"),
    ("links", "s on links", reporting.seconds),
    ("epoch", "s per epoch", reporting.seconds),
    ("speed", "speed", lambda value: f"{value:.1f}"),
    ("client", "GB at the client", lambda value: f"{value / 1e9:.1f}"),
]


def parts_of(edge: int, count: int, tile: int | str, deepest: str = DEEPEST) -> list[Block]:
    """The parts of a square."""
    reach = geometry.reach([deepest], layers.BLOCKS[MODEL])
    tiling = tiles_for((edge, edge), reach, tile, count, lambda part, edges: True)
    return blocks(tiling, count)


def seen(part: Block) -> int:
    """Pixels that the network of a part sees in one look."""
    return len(part.tiling.tiles) * math.prod(part.tiling.edges)


def strips(parts: Sequence[Block], number: int) -> int:
    """Bytes that a part sends in an epoch: of the picture, and of the gradient."""
    total = 0
    for mine, theirs in neighbours(number, parts).values():
        total += PICTURE * math.prod(theirs.size) if theirs else 0
        total += GRADIENT * math.prod(mine.size) if mine else 0
    return total


def measured(found: dict[str, Any]) -> dict[str, float]:
    """Seconds of one worker for a pixel that is seen; bytes of statistics for each worker."""
    rows = [row for row in found["rows"] if "workers" in row]
    one = min(rows, key=lambda row: row["workers"])
    parts = parts_of(found["edge"], one["workers"], found["tile"])
    return {
        "pixel": one["seconds"] / max(map(seen, parts)),
        "moments": one["moments"] / one["workers"],
    }


def calculated(
    facts: dict[str, float], edge: int, machines: int, tile: int | str, link: float
) -> dict[str, Any]:
    """A row. link: bytes per second of each machine."""
    parts = parts_of(edge, machines, tile)
    most = max(strips(parts, number) for number in range(len(parts)))
    compute = facts["pixel"] * max(seen(part) for part in parts)
    moments = facts["moments"] * len(parts)
    links = (most + moments) / link
    return {
        "machines": len(parts),
        "tiles": sum(len(part.tiling.tiles) for part in parts),
        "seen": sum(seen(part) for part in parts) / edge**2,
        "compute": compute,
        "strips": most,
        "moments": moments,
        "links": links,
        "epoch": compute + links,
        "client": memory.IN_TILES * edge**2,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The door; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("measured", metavar="FILE", help="--json of benchmarks.mural")
    parser.add_argument("--edge", type=int, default=31623, help="px of the square")
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--tile", default="512", help="px that a tile owns")
    parser.add_argument("--gigabit", type=float, default=10.0, help="of each machine's link")
    words = parser.parse_args(argv)
    found = json.loads(Path(words.measured).read_text(encoding="utf-8"))
    facts = measured(found)
    link = words.gigabit * 1e9 / 8
    rows = [calculated(facts, words.edge, count, words.tile, link) for count in words.machines]
    for row in rows:
        row["speed"] = rows[0]["epoch"] / row["epoch"]
    print(f"calculated, not measured: {words.edge}x{words.edge}, {words.gigabit:g} Gbit/s")
    print(reporting.table(rows, COLUMNS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
