"""Memory: what painting at a size takes, and what there is. Arithmetic; knows no framework.

The numbers were fitted to the peaks of real runs on a CPU (MXNet 1.9.1, oneDNN): see
`python -m benchmarks.memory` and docs/performance.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

from nstyle.images.sizes import MIN_EDGE, Size
from nstyle.optimize.planning.costs import BETWEEN, TILE, Divided, Network, in_layers

BASE = 200 * 2**20  # Python, numpy, MXNet
PARAMETERS = 2.4  # the file's arrays, MXNet's, and oneDNN's order of some
# Bytes per pixel where float32 pictures take 12: photo, style, gradients, temporaries.
PICTURE, STYLE_PICTURE = 520, 120
# How often the largest layer and the tapped ones are there in the style's one forward pass.
STYLE_LARGEST, STYLE_TAPPED = 0.8, 1.2
STYLE_IN_TILES = 24  # per pixel, where the network sees the style in tiles
REGIONS, EACH_REGION = 3.7, 0.12  # tapped layers, weighted
# Where the network sees tiles: per pixel of the picture, and for a region.
IN_TILES, EACH_REGION_IN_TILES = 96, 12  # and see costs.BETWEEN
BFLOAT16 = 0.87  # of a painting's activations and pictures: not all becomes half as large
# The heap after smaller sizes has holes; more where the network is divided.
SEVERAL_SIZES, SEVERAL_DIVIDED = 1.02, 1.25
DELIVERED = 62  # bytes per pixel of a finished picture that is brought to another size
# Arrays of scipy's L-BFGS-B, float64: those of the start, and two more per step it remembers.
LBFGS, LBFGS_BOUNDED, LBFGS_PAIR, LBFGS_PAIRS = 16, 42, 2, 20


def needed(
    costs: Network,
    size: Size,
    style: Size,
    *,
    bfloat16: bool = False,
    doubles: int = 0,
    sizes: int = 1,
    regions: int = 0,
    final: Size | None = None,
    tile: Size | None = None,
    style_tile: Size | None = None,
    parts: Divided | None = None,
) -> int:
    """Peak resident memory of the whole process for painting at `size`, in bytes.

    style: size of the style picture; doubles: float64 arrays of the picture's size that the
    optimiser holds (see lbfgs_arrays); sizes: how many are painted one after another; regions: of
    masks, a keep mask alone being one; final: the size the finished picture is brought to, where
    that is another; tile, style_tile: of the tiles that the network sees, None for all at once;
    parts: of a network that is divided.
    """
    area = math.prod(size)
    most = painting(costs, area, tile, regions, BFLOAT16 if bfloat16 else 1.0, parts)
    several = SEVERAL_SIZES if parts is None else SEVERAL_DIVIDED
    most = most * (several if sizes > 1 else 1.0) + doubles * 24 * area
    if final not in (None, size):
        most += DELIVERED * math.prod(final or size)
    most = max(most, looking(costs, math.prod(style), style_tile))
    return int(BASE + PARAMETERS * costs.parameters + most)


def painting(
    costs: Network,
    area: int,
    tile: Size | None,
    regions: int,
    precision: float,
    parts: Divided | None = None,
) -> float:
    """Bytes for pictures and gradients of so many pixels, and for the network that sees them."""
    if tile is None:
        weighted = (REGIONS + EACH_REGION * regions) * costs.tapped if regions else 0.0
        return area * (PICTURE + in_layers(costs) + weighted) * precision
    whole = area * (IN_TILES + costs.content + EACH_REGION_IN_TILES * regions)
    if parts is not None:
        seen = parts.seen(tile, weighted=regions > 0)
        return whole + area * BETWEEN * parts.boundary + seen * precision
    weighted = costs.tapped if regions else 0.0
    return whole + math.prod(tile) * (TILE + in_layers(costs) + weighted) * precision


def looking(costs: Network, area: int, tile: Size | None) -> float:
    """Bytes for taking the statistics of a style picture of so many pixels."""
    layers = STYLE_LARGEST * costs.largest + STYLE_TAPPED * costs.tapped
    if tile is None:
        return area * (STYLE_PICTURE + layers)
    return area * STYLE_IN_TILES + math.prod(tile) * (STYLE_PICTURE + layers + costs.largest)


def lbfgs_arrays(steps: int, *, bounded: bool) -> int:
    """Number of float64 arrays of the picture's size that L-BFGS holds after so many steps."""
    return (LBFGS_BOUNDED if bounded else LBFGS) + LBFGS_PAIR * min(steps, LBFGS_PAIRS)


def kept_by_amx(area: int, sizes: int, tiled: bool) -> int:
    """Bytes that oneDNN's kernels in AMX keep for themselves, as `benchmarks.memory` found."""
    return 10**9 if tiled else min(350 * 10**6, 2000 * area) // (1 if sizes > 1 else 2)


def fits(need: int, free: int | None) -> bool:
    """Whether a process that is already loaded gets what it needs; yes where nobody knows."""
    return free is None or need - BASE <= free


def largest_long_edge(size: Size, free: int, need: Callable[[Size], int]) -> int:
    """The largest long edge, in px, of a picture of this aspect that fits; 0 where none does.

    need: size -> bytes. No larger than that of `size`; above 100 a multiple of 10.
    """
    low, high = math.ceil(MIN_EDGE * max(size) / min(size)), max(size)
    if not fits(need(scaled(size, low)), free):
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        if fits(need(scaled(size, middle)), free):
            low = middle
        else:
            high = middle - 1
    return low - low % 10 if low > 100 else low


def scaled(size: Size, long_edge: int) -> Size:
    """The aspect of a size with another long edge."""
    scale = long_edge / max(size)
    return round(size[0] * scale), round(size[1] * scale)


def shown(count: float) -> str:
    """Bytes for people: 0.64 GB, 1.3 GB, 40 GB."""
    return f"{count / 1e9:.{0 if count >= 9.95e9 else 1 if count >= 0.995e9 else 2}f} GB"


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes (0 where nobody tells)."""
    if os.name != "posix":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def resident() -> int:
    """Resident memory of this process, in bytes (Linux; 0 elsewhere)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def give_back() -> None:
    """Let the system have what this process has freed; glibc would keep it, in pieces."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)


def available(root: str = "/") -> int | None:
    """Bytes this process may still take, by proc and sys below `root`; None where nobody tells."""
    base = Path(root)
    room = [free for free in map(group_room, control_groups(base)) if free is not None]
    with contextlib.suppress(OSError, ValueError, KeyError):
        room.append(statistics(base / "proc/meminfo")["MemAvailable:"] * 1024)
    return max(0, min(room)) if room else None


def control_groups(root: Path) -> list[Path]:
    """Folders of this process's memory groups and all above them: version 2, then 1.

    In a container the names may be those outside; then only the uppermost folder is found.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    folders: dict[Path, None] = {}
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if not kinds or "memory" in kinds.split(","):
            mount = root / "sys/fs/cgroup" / ("memory" if kinds else "")
            inner = Path(path.lstrip("/"))
            folders.update(dict.fromkeys(mount / part for part in (inner, *inner.parents)))
    return [folder for folder in folders if folder.is_dir()]


def group_room(folder: Path) -> int | None:
    """Bytes a control group may still take, counting its file cache as free; or None."""
    for limit, usage, prefix in (
        ("memory.max", "memory.current", ""),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        try:
            most = int((folder / limit).read_text())  # ValueError: "max"
            used = int((folder / usage).read_text())
            counts = statistics(folder / "memory.stat")
        except (OSError, ValueError):
            continue
        files = (counts.get(f"{prefix}{kind}_file", 0) for kind in ("inactive", "active"))
        return most - used + sum(files)
    return None


def statistics(path: Path) -> dict[str, int]:
    """Name -> number of a file with such lines. Raises OSError, ValueError."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {parts[0]: int(parts[1]) for parts in lines if len(parts) > 1}
