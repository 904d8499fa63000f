"""The time left, on histories made by a formula."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from nstyle.optimize.planning.eta import AGAIN, OVERHEAD, TimeEstimate, slope

SMALL, LARGE = (200, 100), (400, 200)
STOP = 0.005
SCHEDULE = {"factor": 0.9, "delay": 3}


def cost(size: tuple[int, int]) -> float:
    """Seconds of an epoch at a size."""
    return (size[0] * size[1] + OVERHEAD) / 1e5


def rising_then_falling(fall: float, highest: float) -> Iterator[float]:
    """eps: up for ten epochs, then down by `fall` per epoch."""
    epoch = 0
    while True:
        epoch += 1
        yield highest * min(1.0, epoch / 10) * math.exp(-fall * max(0, epoch - 10))


def run(
    falls: dict[tuple[int, int], float], *, limit: int = 1000, **knobs: Any
) -> list[tuple[float, float]]:
    """(seconds so far, seconds left as forecast) after each epoch of a made-up run."""
    limits = [(size, limit * n // len(falls)) for n, size in enumerate(falls, 1)]
    forecast = TimeEstimate(limits, **{"stop_eps": STOP, **SCHEDULE, **knobs})
    stop = knobs.get("stop_eps", STOP)
    found, passed, epoch = [], 0.0, 0
    for scale, (size, fall) in enumerate(falls.items(), 1):
        highest = 0.08 if scale == 1 else 0.05  # begun from a smaller picture, it moves less
        for count, eps in enumerate(rising_then_falling(fall, highest), 1):
            seconds = cost(size) * (1.5 if count == 1 else 1.0)
            epoch, passed = epoch + 1, passed + seconds
            found.append((passed, forecast.after(scale, eps, seconds)))
            if (count >= 10 and eps < stop) or epoch >= limits[scale - 1][1]:
                break
    return found


def errors(found: list[tuple[float, float]]) -> list[float]:
    """Of the whole time as forecast after each epoch, relative."""
    total = found[-1][0]
    return [(passed + left) / total - 1 for passed, left in found]


@pytest.mark.parametrize("fall", [0.05, 0.063, 0.08])
@pytest.mark.parametrize("sizes", [[LARGE], [SMALL, LARGE]])
def test_from_the_fifteenth_epoch_the_whole_time_is_known_within_a_quarter(fall, sizes):
    late = [abs(error) for error in errors(run(dict.fromkeys(sizes, fall)))[14:]]
    assert len(late) > 20
    assert sum(error < 0.25 for error in late) > 0.9 * len(late)
    assert max(late) < 0.4


def test_an_exact_exponential_is_followed_to_its_end():
    found = run({LARGE: 0.07})
    assert max(map(abs, errors(found)[-10:])) < 0.05
    assert found[-1][1] < 2 * cost(LARGE)


def test_without_a_schedule_what_is_seen_counts():
    found = run({LARGE: 0.03}, factor=1.0)
    assert abs(errors(found)[60]) < 0.1


def test_without_stop_eps_the_epochs_run_to_the_limit():
    found = run({LARGE: 0.06}, stop_eps=0, limit=40)
    for epoch, (_, left) in enumerate(found[1:], 2):
        assert left == pytest.approx((40 - epoch) * cost(LARGE))


def test_a_limit_near_by_ends_the_run():
    found = run({LARGE: 0.06}, limit=20)
    assert [round(left / cost(LARGE), 6) for _, left in found[1:]] == list(range(18, -1, -1))


def test_where_eps_does_not_fall_the_limit_is_the_end():
    forecast = TimeEstimate([(LARGE, 500)], stop_eps=STOP)
    lefts = [forecast.after(1, 0.05, 1.0) for _ in range(100)]
    assert lefts[-1] == 400


def test_a_later_size_costs_by_its_area_and_no_epoch_of_a_size_is_left_at_its_limit():
    forecast = TimeEstimate([(SMALL, 10), (LARGE, 20)], stop_eps=0)
    lefts = [forecast.after(1, 0.05, cost(SMALL)) for _ in range(10)]
    assert lefts[-1] == pytest.approx(11 * cost(LARGE))  # one more, to begin
    assert forecast.after(2, 0.05, 1.5 * cost(LARGE)) == pytest.approx(9 * cost(LARGE))


def test_bfloat16_is_faster():
    plain = TimeEstimate([(SMALL, 10), (LARGE, 20)], stop_eps=0)
    fast = TimeEstimate(
        [(SMALL, 10), (LARGE, 20)], stop_eps=0, in_bfloat16=lambda size: size == LARGE
    )
    for _ in range(10):
        lefts = [forecast.after(1, 0.05, 1.0) for forecast in (plain, fast)]
    assert lefts[1] < lefts[0]


def test_tiles_are_seen_twice_and_overlap():
    limits, lefts = [(SMALL, 10), (LARGE, 20)], []
    for overlap in (1.0, 1.5):
        forecast = TimeEstimate(
            limits, stop_eps=0, overlap=lambda s, o=overlap: o if s == LARGE else 1
        )
        for _ in range(10):
            left = forecast.after(1, 0.05, 1.0)
        lefts.append(left)
    large = LARGE[0] * LARGE[1]
    slower = (large * 1.5 * AGAIN + OVERHEAD) / (large + OVERHEAD)
    assert lefts[1] / lefts[0] == pytest.approx(slower)


@pytest.mark.parametrize("eps", [0.0, 1e-300, math.inf, 1e6])
def test_every_forecast_is_a_number(eps):
    forecast = TimeEstimate([(SMALL, 100), (LARGE, 200)], stop_eps=STOP, **SCHEDULE)
    for _ in range(40):
        left = forecast.after(1, eps, 0.1)
        assert math.isfinite(left)
        assert left >= 0


def test_a_slow_epoch_among_others_does_not_count():
    forecast = TimeEstimate([(LARGE, 30)], stop_eps=0)
    for seconds in (3.0, 1.0, 1.0, 1.0, 9.0, 1.0):
        left = forecast.after(1, 0.05, seconds)
    assert left == 24


def test_slope():
    assert slope([1.0, 3.0, 5.0]) == 2
    assert slope([2.0, 2.0]) == 0
