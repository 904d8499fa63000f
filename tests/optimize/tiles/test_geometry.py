"""Where tiles lie: everything owned once, margins, alignment, one shape, the least work."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from nstyle.networks import layers
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.geometry import Reach

DEEP = Reach(70, 16)  # relu5_1
SHALLOW = Reach(3, 4)
REACHES = pytest.mark.parametrize("reach", [DEEP, SHALLOW, Reach(38, 8), Reach(1, 1)], ids=str)


# ---- how far a network sees ----


def seen_by(tap: str, size: int = 320) -> tuple[int, int]:
    """(first, last) column of the picture that a position in the middle of a tap depends on."""
    chance = np.random.default_rng(1)
    arrays = {
        name: (np.abs(kernel), bias * 0)
        for name, (kernel, bias) in tiny.random_arrays((1, 1, 1, 1, 1)).items()
    }
    x = chance.uniform(1, 2, (3, 1, size))
    middle = size // 2 // layers.stride(tap)
    whole = tiny.taps_of(arrays, np.repeat(x, 32, axis=1))[tap][0, 0, middle]
    seen = []
    for column in range(size):
        changed = x.copy()
        changed[:, :, column] += 100
        here = tiny.taps_of(arrays, np.repeat(changed, 32, axis=1))[tap][0, 0, middle]
        seen += [column] if abs(here - whole) > 1e-12 * abs(whole) else []
    return seen[0], seen[-1]


@pytest.mark.parametrize("tap", ["conv1_1", "relu1_2", "pool1", "relu2_2", "relu3_1", "pool3"])
def test_sight_and_stride_are_those_of_the_network(tap):
    first, last = seen_by(tap, 64)
    stride, begin = layers.stride(tap), 32 // layers.stride(tap) * layers.stride(tap)
    sight = layers.sight(tap, tiny.BLOCKS["vgg19"])
    assert (first, last) == (begin - sight, begin + stride - 1 + sight)


@pytest.mark.parametrize(
    ("model", "taps", "expected"),
    [
        ("vgg19", ["relu1_1"], Reach(1, 1)),
        ("vgg19", ["relu1_1", "relu4_2"], Reach(38, 8)),
        ("vgg19", ["relu4_2", "relu5_1"], Reach(70, 16)),
        ("vgg19-slim", ["relu5_1"], Reach(70, 16)),
        ("vgg16-slim", ["relu5_2"], Reach(2 + 4 + 12 + 24 + 32, 16)),
        ("vgg16", ["relu5_2"], Reach(2 + 4 + 12 + 24 + 32, 16)),
        ("vgg16", ["pool5"], Reach(2 + 4 + 12 + 24 + 48, 32)),
    ],
)
def test_the_deepest_tap_sees_farthest(model, taps, expected):
    assert geometry.reach(taps, tiny.BLOCKS[model]) == expected


def test_margins_begin_at_a_multiple_of_the_stride():
    assert (DEEP.before, DEEP.both) == (80, 150)
    assert Reach(16, 16).before == 16


# ---- one side ----


def check(spans: list[geometry.Span], length: int, reach: Reach) -> None:
    """All that the executor relies on."""
    assert spans[0].first == spans[0].begin == 0
    assert spans[-1].last == spans[-1].end == length
    assert len({span.end - span.begin for span in spans}) == 1
    for span in spans:
        assert span.first < span.last
        assert span.begin % reach.stride == span.first % reach.stride == 0
        assert span.last % reach.stride == 0 or span.last == length
        assert span.begin == 0 or span.first - span.begin >= reach.margin
        assert span.end == length or span.end - span.last >= reach.margin
    for one, other in zip(spans, spans[1:]):
        assert one.last == other.first


@REACHES
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 40])
def test_a_side_is_owned_once_with_margins_by_tiles_of_one_length(reach, count):
    for length in [*range(16, 700, 7), 1023, 1024, 4096, 5001]:
        spans = geometry.spans(length, count, reach)
        check(spans, length, reach)
        assert len(spans) <= count


@REACHES
def test_no_shorter_tiles_would_do(reach):
    for length in (500, 1001, 4096):
        for count in (2, 3, 7):
            spans = geometry.spans(length, count, reach)
            if len(spans) < count:
                continue
            edge = spans[0].end - reach.stride
            # The most that so many shorter tiles could own.
            first = (edge - reach.margin) // reach.stride * reach.stride
            assert first + (count - 2) * (first - reach.before) < length - edge + reach.before


def test_four_tiles_by_hand():
    assert geometry.spans(4096, 4, DEEP) == [
        (0, 1152, 0, 1072),
        (992, 2144, 1072, 2048),
        (1968, 3120, 2048, 3024),
        (2944, 4096, 3024, 4096),
    ]


def test_what_is_too_short_to_divide_stays_whole():
    assert geometry.spans(150, 5, DEEP) == [(0, 150, 0, 150)]
    assert geometry.spans(16, 2, DEEP) == [(0, 16, 0, 16)]


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("length", [301, 320, 333])
@pytest.mark.parametrize("ceil", [False, True])
def test_every_position_of_every_layer_has_one_owner(stride, length, ceil):
    def positions(pixels: int) -> int:
        return -(-pixels // stride) if ceil else pixels // stride

    owned = []
    for span in geometry.spans(length, 5, Reach(20, 16)):
        first, last = span.window(stride, positions(span.end - span.begin))
        at = span.begin // stride
        owned += range(at + first, at + last)
    assert owned == list(range(positions(length)))


# ---- both sides ----


def test_tiles_are_all_rows_of_all_columns():
    found = geometry.tiling((500, 400), 3, 2, SHALLOW)
    rows, columns = geometry.spans(400, 2, SHALLOW), geometry.spans(500, 3, SHALLOW)
    assert found.tiles == tuple((row, column) for row in rows for column in columns)
    assert found.edges == (columns[0].end, rows[0].end)
    assert found.overlap == 6 * columns[0].end * rows[0].end / (500 * 400)


@REACHES
@pytest.mark.parametrize("edge", [64, 200, 512])
def test_no_tile_owns_more_than_was_asked_for_but_at_the_border(reach, edge):
    for size in [(200, 100), (700, 33), (1025, 1300), (4096, 2731)]:
        found = geometry.of_edge(size, edge, reach)
        for tile in found.tiles:
            for span, length in zip(tile, size[::-1]):
                assert span.last - span.first <= edge or 0 in span or length in span
        assert max(found.edges) <= edge + reach.both + reach.stride


def test_fewer_tiles_would_own_more():
    found = geometry.of_edge((4096, 4096), 512, DEEP)
    count = len({tile.columns for tile in found.tiles})
    _, inner, *_ = geometry.spans(4096, count - 1, DEEP)
    assert inner.end - inner.begin - DEEP.both >= 512


def test_a_side_that_one_tile_with_margins_holds_is_not_divided():
    assert len(geometry.of_edge((512 + 150, 512), 512, DEEP).tiles) == 1
    assert len(geometry.of_edge((512 + 151, 512), 512, DEEP).tiles) == 2


def test_one_tile_where_all_fits_and_none_where_nothing_does():
    assert len(geometry.best((1000, 700), DEEP, lambda edges: True).tiles) == 1
    assert geometry.best((1000, 700), DEEP, lambda edges: False) is None


@pytest.mark.parametrize("size", [(4096, 2731), (1000, 3000), (2000, 150)])
@pytest.mark.parametrize("area", [2e5, 5e5, 1e6])
def test_of_what_fits_the_least_work_is_chosen(size, area):
    def fits(edges: tuple[int, int]) -> bool:
        return edges[0] * edges[1] <= area

    found = geometry.best(size, DEEP, fits)
    others = [
        geometry.tiling(size, columns, rows, DEEP)
        for columns in range(1, 30)
        for rows in range(1, 30)
    ]
    fitting = [o for o in others if fits(o.edges) and min(o.edges) >= min(278, *size)]
    assert fits(found.edges)
    assert found.overlap == pytest.approx(min(o.overlap for o in fitting))


def test_tiles_that_own_next_to_nothing_are_not_proposed():
    found = geometry.best((4096, 4096), DEEP, lambda edges: max(edges) < 300)
    assert min(found.edges) >= geometry.LEAST_EDGE + DEEP.both
    assert geometry.best((4096, 4096), DEEP, lambda edges: max(edges) < 200) is None


def test_a_gigapixel_is_no_trouble():
    found = geometry.best((65000, 16000), DEEP, lambda edges: edges[0] * edges[1] <= 1e6)
    assert 1000 < len(found.tiles) < 2000
