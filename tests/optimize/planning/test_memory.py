"""What painting takes, on tables computed by hand; what there is, read from trees made up here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tiny

from nstyle.optimize.planning import costs, memory
from nstyle.system import locations

# Channels of two blocks; a float has 4 bytes, and in block 2 there are a quarter of the positions.
WIDTHS = {"conv1_1": 2, "conv1_2": 3, "conv2_1": 8}
GB = 10**9


# ---- what it takes ----


def test_the_need_is_the_base_the_parameters_and_the_pictures_times_what_each_costs():
    net = costs.Network(1000, 100, 40, 20)
    per_pixel = memory.PICTURE + costs.ALL_LAYERS * 100
    per_pixel += costs.LARGEST_LAYER * 40 + costs.TAPPED_LAYERS * 20
    expected = memory.BASE + memory.PARAMETERS * 1000 + 30 * 20 * per_pixel
    assert memory.needed(net, (30, 20), (5, 5)) == pytest.approx(expected, abs=1)


def test_bfloat16_takes_less_several_sizes_another_final_size_and_the_optimiser_more():
    net, size = costs.network(WIDTHS, ["relu1_1"]), (300, 200)
    plain = memory.needed(net, size, (9, 9))
    assert memory.needed(net, size, (9, 9), bfloat16=True) < plain
    assert memory.needed(net, size, (9, 9), sizes=2) > plain
    larger = memory.needed(net, size, (9, 9), final=(3000, 2000))
    assert larger - plain == memory.DELIVERED * 3000 * 2000
    assert memory.needed(net, size, (9, 9), doubles=10) - plain == 240 * 300 * 200


def test_in_tiles_the_layers_are_of_a_tile_and_pictures_and_content_of_the_whole():
    net = costs.Network(1000, 100, 40, 20, 7)
    layers = costs.ALL_LAYERS * 100 + costs.LARGEST_LAYER * 40 + costs.TAPPED_LAYERS * 20
    expected = memory.BASE + memory.PARAMETERS * 1000 + 600 * (memory.IN_TILES + 7)
    expected += 10 * 15 * (costs.TILE + layers)
    assert memory.needed(net, (30, 20), (5, 5), tile=(10, 15)) == pytest.approx(expected, abs=1)


def test_a_large_style_counts_instead_of_the_painting_and_may_be_in_tiles():
    net, style = costs.Network(0, 100, 40, 20), (3000, 2000)
    found = memory.needed(net, (30, 20), style) - memory.BASE
    per_pixel = memory.STYLE_PICTURE + memory.STYLE_LARGEST * 40 + memory.STYLE_TAPPED * 20
    assert found == pytest.approx(3000 * 2000 * per_pixel, abs=1)
    found = memory.needed(net, (30, 20), style, style_tile=(500, 400)) - memory.BASE
    expected = 3000 * 2000 * memory.STYLE_IN_TILES + 500 * 400 * (per_pixel + 40)
    assert found == pytest.approx(expected, abs=1)


def test_lbfgs_remembers_twenty_steps():
    few, full, later = (memory.lbfgs_arrays(n, bounded=False) for n in (5, 20, 1000))
    assert full - few == 30
    assert later == full
    assert memory.lbfgs_arrays(5, bounded=True) > few


# Peaks of real processes (python -m benchmarks.memory), MB of 10^6 bytes.
SLIM = [32, 16, 48, 32, 96, 64, 64, 64, 160, 160, 128, 128, 256]
FULL = [64, 64, 128, 128, *[256] * 4, *[512] * 5]
OURS = locations.WIDTHS[locations.DEFAULT]
TAPS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]


def named(widths: list[int]) -> dict[str, int]:
    """The channels by the names of the convolutions."""
    blocks = tiny.BLOCKS["vgg19-slim" if widths is not OURS else "vgg16-slim"]
    return dict(zip(tiny.conv_names(blocks), widths))


@pytest.mark.parametrize(
    ("widths", "size", "knobs", "measured"),
    [
        (SLIM, (128, 85), {}, 226),
        (SLIM, (256, 171), {}, 283),
        (SLIM, (512, 341), {}, 501),
        (SLIM, (512, 341), {"sizes": 2}, 511),
        (SLIM, (768, 512), {"sizes": 3}, 837),
        (SLIM, (1024, 683), {"sizes": 3}, 1308),
        (SLIM, (1536, 1024), {"sizes": 4}, 2594),
        (SLIM, (512, 341), {"sizes": 2, "doubles": memory.lbfgs_arrays(6, bounded=True)}, 738),
        (SLIM, (512, 341), {"sizes": 2, "bfloat16": True}, 479),
        (SLIM, (768, 512), {"regions": 2}, 1122),
        (SLIM, (512, 341), {"regions": 8}, 760),
        (SLIM, (512, 341), {"regions": 2, "bfloat16": True}, 665),
        (FULL, (256, 171), {}, 440),
        (FULL, (512, 341), {}, 849),
        (FULL, (512, 341), {"sizes": 2}, 878),
        (FULL, (512, 341), {"sizes": 2, "bfloat16": True}, 778),
        (SLIM, (1024, 682), {"tile": (384, 328), "regions": 8}, 620),
        (SLIM, (1600, 1064), {"tile": (640, 616)}, 1202),
        (SLIM, (1600, 1064), {"tile": (880, 616)}, 1542),
        (SLIM, (1600, 1064), {"tile": (880, 1064)}, 2192),
        (SLIM, (2000, 1330), {"tile": (624, 562)}, 1253),
        (FULL, (1200, 700), {"tile": (512, 428)}, 1234),
        (OURS, (128, 85), {}, 284),
        (OURS, (512, 341), {}, 573),
        (OURS, (512, 341), {"sizes": 2}, 584),
        (OURS, (512, 341), {"sizes": 2, "bfloat16": True}, 541),
        (OURS, (768, 512), {"sizes": 3}, 949),
        (OURS, (1024, 683), {"sizes": 3}, 1479),
    ],
)
def test_the_need_is_that_of_real_runs(widths, size, knobs, measured):
    net = costs.network(named(widths), TAPS, ["relu4_2"])
    found = memory.needed(net, size, min(size, (384, 288)), **knobs) / 1e6
    assert found == pytest.approx(measured, rel=0.12)


@pytest.mark.parametrize(
    ("widths", "style", "measured"),
    [
        (SLIM, (1143, 1400), 1031),
        (OURS, (836, 1024), 715),
        (OURS, (1254, 1536), 1264),
        (OURS, (1633, 2000), 1930),
        (FULL, (836, 1024), 1181),
        (FULL, (1143, 1400), 1928),
    ],
)
def test_so_it_is_where_a_large_style_needs_most(widths, style, measured):
    net = costs.network(named(widths), TAPS, ["relu4_2"])
    assert memory.needed(net, (128, 85), style) / 1e6 == pytest.approx(measured, rel=0.12)


@pytest.mark.parametrize(
    ("widths", "size", "tile", "behind", "sizes", "measured"),
    [
        (SLIM, (2048, 1365), (244, 289), (768, 1364), 1, 1260),
        (SLIM, (2048, 1365), (356, 469), (2048, 1364), 1, 2130),
        (SLIM, (3072, 2048), (356, 356), (1120, 1088), 1, 1650),
        (SLIM, (4096, 2731), (308, 287), (1456, 1432), 1, 2470),
        (SLIM, (4096, 2731), (356, 403), (928, 1432), 5, 2920),
        (FULL, (2048, 1365), (424, 357), (768, 756), 1, 2040),
        (FULL, (2048, 1365), (524, 693), (768, 1364), 1, 3790),
        (FULL, (4096, 2731), (256, 263), (928, 1432), 5, 5550),
    ],
)
def test_so_is_that_of_a_divided_network(widths, size, tile, behind, sizes, measured):
    """Peaks of runs whose free memory was limited, as benchmarks.tiles does."""
    net = costs.network(named(widths), TAPS, ["relu4_2"])
    parts = costs.divided(named(widths), TAPS, behind)
    found = memory.needed(net, size, (384, 288), tile=tile, sizes=sizes, parts=parts) / 1e6
    assert found == pytest.approx(measured, rel=0.12)


# ---- what fits ----


def a_square_takes(size: tuple[int, int]) -> int:
    """1000 bytes per pixel."""
    return memory.BASE + 1000 * size[0] * size[1]


@pytest.mark.parametrize(
    ("size", "free", "edge"),
    [
        ((8000, 8000), GB, 1000),
        ((4000, 1000), GB, 2000),
        ((1000, 4000), GB, 2000),
        ((8000, 8000), 1000 * 1239**2, 1230),  # a round number
        ((8000, 8000), 1000 * 57**2, 57),
        ((500, 500), GB, 500),
        ((8000, 8000), 1000 * 15**2, 0),
        ((8000, 80), 1000 * 16 * 1000, 0),  # the short edge would be under 16 px
    ],
)
def test_the_largest_long_edge_that_fits(size, free, edge):
    assert memory.largest_long_edge(size, free, a_square_takes) == edge


def test_what_is_loaded_already_need_not_be_free_and_unknown_memory_is_enough():
    assert memory.fits(memory.BASE + 5, 5)
    assert not memory.fits(memory.BASE + 6, 5)
    assert memory.fits(10**15, None)


@pytest.mark.parametrize(
    ("count", "text"), [(6.4e8, "0.64"), (9.96e8, "1.0"), (9.94e9, "9.9"), (9.96e9, "10")]
)
def test_bytes_for_people(count, text):
    assert memory.shown(count) == f"{text} GB"


# ---- what there is ----


def tree(root: Path, files: dict[str, str]) -> str:
    """Write files; the root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


MACHINE = {"proc/meminfo": "MemTotal:  9000 kB\nMemAvailable:    5000 kB\nHugePages_Total: 0\n"}
GROUP_2 = {"proc/self/cgroup": "0::/one/two\n"}
ROOM_2 = {"memory.max": "3000000\n", "memory.current": "2000000\n"}
STAT_2 = {"memory.stat": "anon 900000\ninactive_file 300000\nactive_file 100000\n"}
GROUP_1 = {"proc/self/cgroup": "8:cpu,memory:/box\n7:name=systemd:/\n0::/\n"}
ROOM_1 = {
    "memory.limit_in_bytes": "3000000\n",
    "memory.usage_in_bytes": "2000000\n",
    "memory.stat": "inactive_file 1\ntotal_inactive_file 300000\ntotal_active_file 200000\n",
}
UNLIMITED_1 = {"memory.limit_in_bytes": "9223372036854771712\n"}
FULL_2 = {"memory.max": "1000\n"}


def under(folder: str, files: dict[str, str]) -> dict[str, str]:
    """The files in a folder of control groups."""
    return {f"sys/fs/cgroup/{folder}{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: 9000 kB\n"}, None),
        ({"proc/meminfo": "nonsense here\n"}, None),
        (MACHINE, 5_120_000),
        ({**MACHINE, **GROUP_2}, 5_120_000),
        ({**MACHINE, **GROUP_2, **under("one/two/", {**ROOM_2, **STAT_2})}, 1_400_000),
        ({**MACHINE, **GROUP_2, **under("one/", {**ROOM_2, **STAT_2})}, 1_400_000),
        # in a container: the name is that outside
        ({**MACHINE, **GROUP_2, **under("", {**ROOM_2, **STAT_2})}, 1_400_000),
        ({**GROUP_2, **under("", {**ROOM_2, **STAT_2})}, 1_400_000),
        ({**MACHINE, **GROUP_2, **under("one/", {**ROOM_2, "memory.max": "max\n"})}, 5_120_000),
        ({**MACHINE, **GROUP_2, **under("one/", ROOM_2)}, 5_120_000),  # no statistics: unknown
        ({**MACHINE, **GROUP_1, **under("memory/box/", ROOM_1)}, 1_500_000),
        ({**MACHINE, **GROUP_1, **under("memory/", ROOM_1)}, 1_500_000),
        ({**MACHINE, **GROUP_1, **under("memory/", {**ROOM_1, **UNLIMITED_1})}, 5_120_000),
        ({**MACHINE, **GROUP_2, **under("", {**ROOM_2, **STAT_2, **FULL_2})}, 0),
    ],
)
def test_available_is_the_machines_bounded_by_the_control_groups(files, expected, tmp_path):
    assert memory.available(tree(tmp_path, files)) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nobody tells elsewhere")
def test_this_machine_tells_bytes():
    before = memory.resident()
    block = np.ones(64 * 2**20, np.uint8)
    held, peak = memory.resident(), memory.peak_memory()
    assert block[-1] == 1 and memory.available() > 2**20
    assert held - before == pytest.approx(64 * 2**20, rel=0.1)
    assert peak > 64 * 2**20  # in kilobytes or pages it would be far below
    del block
    memory.give_back()


def test_amx_keeps_memory_of_its_own():
    kept = [memory.kept_by_amx(*words) for words in ((5000, 2, 0), (5000, 1, 0), (10**6, 2, 0))]
    assert [*kept, memory.kept_by_amx(9, 1, True)] == [10**7, 5 * 10**6, 350 * 10**6, 10**9]
