"""The time left, on histories made by a formula."""

from __future__ import annotations

import math

import pytest

from nstyle.optimize.planning.eta import TimeEstimate, epochs_until

SMALL, LARGE = (200, 100), (400, 200)
STOP = 0.005


def run(falls: dict[tuple[int, int], float], limit: int = 1000) -> list[tuple[float, float | None]]:
    """(seconds so far, seconds left as estimated) after each epoch of a made-up run.

    falls: size -> how fast the logarithm of eps falls, after it has risen for ten epochs. An epoch
    takes 1 s for 10,000 pixels, the first of a size half as long again.
    """
    limits = [(size, limit * n // len(falls)) for n, size in enumerate(falls, 1)]
    estimate, told, passed, epoch = TimeEstimate(limits, [STOP] * len(limits)), [], 0.0, 0
    for scale, ((size, last), fall) in enumerate(zip(limits, falls.values()), 1):
        eps, count = 1.0, 0
        while epoch < last and (count < 10 or eps >= STOP):
            epoch, count = epoch + 1, count + 1
            eps = 0.08 * min(1.0, count / 10) * math.exp(-fall * max(0, count - 10))
            seconds = math.prod(size) / 1e4 * (1.5 if count == 1 else 1.0)
            passed += seconds
            told.append((passed, estimate.after(scale, eps, seconds)))
    return told


@pytest.mark.parametrize("fall", [0.05, 0.063, 0.08])
@pytest.mark.parametrize("sizes", [[LARGE], [SMALL, LARGE]])
def test_from_the_fifteenth_epoch_the_whole_time_is_known_within_a_tenth(fall, sizes):
    told = run(dict.fromkeys(sizes, fall))
    total = told[-1][0]
    assert len(told) > 40
    assert all(left is None for _, left in told[:14])
    errors = [abs((passed + left) / total - 1) for passed, left in told[14:]]
    assert sum(error < 0.1 for error in errors) > 0.8 * len(errors) and told[-1][1] < 9


def test_a_size_that_ends_earlier_is_known_to():
    estimate = TimeEstimate([(SMALL, 500), (LARGE, 1000)], [4 * STOP, STOP])
    for epoch in range(1, 21):
        left = estimate.after(1, 4 * STOP * math.exp(0.1 * (25 - epoch)), 1.0)
    later = math.log(4) / 0.1 + 25  # epochs of the larger size, each four times as long
    assert left == pytest.approx(5 + 4 * later, rel=0.02)


def test_a_limit_near_by_ends_the_run():
    lefts = [left for _, left in run({LARGE: 0.06}, limit=20)[14:]]
    assert lefts == pytest.approx([40, 32, 24, 16, 8, 0])


@pytest.mark.parametrize(("stop_eps", "limit"), [(0, 40), (STOP, 14)])
def test_where_the_limit_alone_ends_the_run_all_is_known_from_the_first_epoch(stop_eps, limit):
    estimate = TimeEstimate([(LARGE, limit)], [stop_eps])
    lefts = [estimate.after(1, 0.05, 2.0) for _ in range(limit)]
    assert lefts == [2.0 * (limit - epoch) for epoch in range(1, limit + 1)]


def test_so_it_is_where_each_size_ends_before_it_can_settle():
    estimate = TimeEstimate([(SMALL, 14), (LARGE, 28)], [STOP] * 2)
    lefts = [estimate.after(1, 0.05, 2.0) for _ in range(14)]
    assert lefts == [2.0 * (14 - epoch + 4 * 14) for epoch in range(1, 15)]


def test_a_later_size_costs_by_its_area_and_no_epoch_of_a_size_is_left_at_its_limit():
    estimate = TimeEstimate([(SMALL, 10), (LARGE, 20)], [0, 0])
    lefts = [estimate.after(1, 0.05, 2.0) for _ in range(10)]
    assert lefts[-1] == 10 * 4 * 2.0
    assert estimate.after(2, 0.05, 8.5) == 9 * 8.5


@pytest.mark.parametrize("eps", [0.05, 0.0, 1e-300, math.inf, 1e6])
def test_where_eps_does_not_fall_nothing_is_known_and_it_may_be_any_number(eps):
    estimate = TimeEstimate([(SMALL, 100), (LARGE, 200)], [STOP] * 2)
    assert [estimate.after(1, eps, 0.1) for _ in range(40)] == [None] * 40


def test_a_slow_epoch_among_others_does_not_count():
    estimate = TimeEstimate([(LARGE, 30)], [0])
    for seconds in (3.0, 1.0, 1.0, 1.0, 9.0, 1.0):
        left = estimate.after(1, 0.05, seconds)
    assert left == 24


def test_the_line_is_the_nearest():
    assert epochs_until(0.0, [6.0, 5.0, 4.0]) == pytest.approx(4)
    assert epochs_until(0.0, [3.0, 1.0, 2.0, 0.0]) == pytest.approx(0.375)
    assert epochs_until(5.0, [6.0, 5.0, 4.0]) == 0
