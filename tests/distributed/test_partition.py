"""Parts own each pixel once, see what their tiles see, and begin where the deepest layer does."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.distributed import partition
from nstyle.distributed.partition import Box
from nstyle.optimize.tiles import geometry as tiles
from nstyle.optimize.tiles.geometry import Reach

REACH = Reach(margin=22, stride=8)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("size", [(333, 285), (128, 700), (700, 128), (512, 512)])
def test_each_pixel_has_one_owner(count, size):
    tiling = tiles.of_edge(size, 64, REACH)
    parts = partition.blocks(tiling, count)
    assert len(parts) == count
    owners = np.zeros((1, 1, size[1], size[0]), int)
    for block in parts:
        owners[block.own.slices] += 1
    assert (owners == 1).all()


def test_tiles_are_the_same_counted_from_the_parts_corner():
    tiling = tiles.of_edge((333, 285), 64, REACH)
    moved = []
    for block in partition.blocks(tiling, 4):
        assert block.seen.top % REACH.stride == block.seen.left % REACH.stride == 0
        assert block.tiling.size == block.seen.size and block.tiling.edges == tiling.edges
        top, left = block.seen.top, block.seen.left
        for tile in block.tiling.tiles:
            rows, columns = (partition.shifted(*pair) for pair in zip(tile, (-top, -left)))
            moved.append((rows, columns))
    assert sorted(moved) == sorted(tiling.tiles)


def test_parts_are_cut_where_the_border_is_shortest():
    assert partition.grid((900, 300), 3, 9, 9) == (1, 3)
    assert partition.grid((300, 900), 3, 9, 9) == (3, 1)
    assert partition.grid((600, 600), 4, 9, 9) == (2, 2)
    assert partition.grid((900, 300), 6, 2, 2) == (2, 2)  # there are no more tiles
    assert partition.grid((600, 600), 7, 9, 9) in ((1, 7), (7, 1))


def test_boxes():
    one, other = Box(0, 10, 0, 20), Box(6, 30, 15, 40)
    assert one.common(other) == Box(6, 10, 15, 20) == other.common(one)
    assert one.common(Box(10, 12, 0, 20)) is None
    assert one.common(other).seen_from(other) == Box(0, 4, 0, 5)
    assert one.size == (20, 10)


def test_tiles_become_finer_until_they_fit():
    def fits(part, edges):
        seen.append((part, edges))
        return max(edges) <= limit

    seen: list = []
    limit = 10_000
    whole = partition.tiles_for((1200, 800), REACH, "auto", 2, fits)
    assert len(whole.tiles) == 2 and len(partition.blocks(whole, 2)) == 2
    limit = 400
    finer = partition.tiles_for((1200, 800), REACH, "auto", 2, fits)
    assert max(finer.edges) <= 400 and len(finer.tiles) > 4
    limit = 0
    least = partition.tiles_for((1200, 800), REACH, "auto", 2, fits)
    assert min(least.edges) >= tiles.LEAST_EDGE
    assert len(partition.tiles_for((333, 285), REACH, 64, 2, fits).tiles) > 4
