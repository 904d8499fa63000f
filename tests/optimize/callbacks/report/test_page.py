"""The parts of the report: charts, thinning, embedded pictures, tables."""

from __future__ import annotations

import base64
import io
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tiny
from made import a_step
from PIL import Image

from nstyle.optimize.callbacks.report import charts, html, page
from nstyle.optimize.callbacks.report.charts import Curve, Plane
from nstyle.optimize.callbacks.report.html import embed, shrunk
from nstyle.optimize.callbacks.report.listener import Thinned
from nstyle.options.options import Options, shaping

# ---- charts ----


def drawn(*values: list[float], **changes: Any) -> ElementTree.Element:
    """The SVG of curves over epochs from 1."""
    curves = [Curve(f"c{index}", each, f"look{index}") for index, each in enumerate(values)]
    epochs = list(range(1, len(values[0]) + 1))
    return ElementTree.fromstring(charts.chart(curves, epochs, **{"about": "words", **changes}))


def points(svg: ElementTree.Element, index: int = 0) -> list[list[tuple[float, float]]]:
    """The unbroken pieces of a curve, in percent of the box."""
    path = svg.findall(".//path")[index].attrib["d"]
    pieces = [piece.replace("h0", "").split("L") for piece in path.split("M")[1:]]
    return [[tuple(map(float, point.split())) for point in piece] for piece in pieces]  # type: ignore[misc]


def texts(svg: ElementTree.Element) -> list[str]:
    """What is written in a chart."""
    return [found.text or "" for found in svg.iter("text")]


def test_a_factor_is_the_same_height_anywhere_and_epochs_are_evenly_spaced():
    svg = drawn([100.0, 10.0, 1.0], [1.0, 1.0, 1.0])
    (((a, b, c),), ((*_, last),)) = points(svg), points(svg, 1)
    assert (a[0], b[0], c[0]) == (0, 50, 100)
    assert b[1] - a[1] == pytest.approx(c[1] - b[1], abs=0.02)
    assert 0 < a[1] < c[1] < 100 and last == c  # all curves share one scale
    assert points(drawn([5.0])) == [[(50, 50)]]  # a single epoch is a dot


@pytest.mark.parametrize("absent", [0.0, -1.0, math.nan, math.inf])
def test_what_has_no_place_on_a_log_scale_is_a_gap(absent):
    first, second = points(drawn([1.0, 2.0, absent, 3.0]))
    assert (len(first), len(second)) == (2, 1)
    assert points(drawn([absent, absent])) == []


def test_a_curve_begins_anew_at_each_size_which_has_a_label_where_there_is_room():
    svg = drawn([4.0, 3.0, 9.0, 8.0], sizes=[(1, "8×8"), (3, "16×16")])
    assert [len(piece) for piece in points(svg)] == [2, 2]
    assert {"8×8", "16×16"} <= set(texts(svg))
    (mark,) = svg.findall("line[@class='size']")
    assert mark.attrib["x1"] == "66.67%"
    found = texts(drawn([1.0] * 100, sizes=[(1, "small"), (3, "middle"), (5, "large")]))
    assert not {"small", "middle"} & set(found) and "large" in found


def test_a_long_run_is_drawn_with_few_points_but_its_last_and_the_edges_of_sizes():
    values = [float(epoch) for epoch in range(1, 10_001)]
    first, second = points(drawn(values, sizes=[(1, ""), (7778, "")]))
    assert len(first) + len(second) < charts.MOST_POINTS + 5
    assert first[-1][0] == pytest.approx(100 * 7776 / 9999, abs=0.01)
    assert second[0][0] == pytest.approx(100 * 7777 / 9999, abs=0.01)
    assert second[-1][0] == 100


def test_the_stop_line_is_on_the_scale_even_below_all_values():
    svg = drawn([0.1, 0.05], stop=0.005)
    (line,) = svg.findall("line[@class='stop']")
    assert 80 < float(line.attrib["y1"].rstrip("%")) < 100
    assert "stop at 0.005" in texts(svg)
    assert drawn([0.1, 0.05]).findall("line[@class='stop']") == []


def test_names_in_charts_are_escaped():
    curve = Curve("<b>&", [1.0], "x")
    svg = ElementTree.fromstring(charts.chart([curve], [1], about='"><b>', sizes=[(1, "<i>")]))
    assert svg.attrib["aria-label"] == '"><b>'
    assert svg.findtext(".//title") == "<b>&"
    assert "<i>" in texts(svg)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1.0, 1000.0, [1, 10, 100, 1000]),
        (3.0, 40.0, [5, 10, 20]),
        (20.0, 23.0, [20, 21, 22, 23]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    found = charts.log_ticks(math.log10(low) - 1e-9, math.log10(high) + 1e-9)
    assert found == pytest.approx(ticks)


@pytest.mark.parametrize("low", [1e-9, 0.0123, 1.0, 999.0])
@pytest.mark.parametrize("factor", [1.0, 1.001, 2.0, 30.0, 1e5, 1e12])
def test_there_are_always_some_ticks_inside_and_never_many(low, factor):
    lowest, highest = charts.log_range([low, low * factor])
    ticks = charts.log_ticks(lowest, highest)
    assert 2 <= len(ticks) <= 9
    plane = Plane(1, 2, lowest, highest)
    assert all(-1e-6 <= plane.y(tick) <= 100 + 1e-6 for tick in ticks)


@pytest.mark.parametrize(
    ("first", "last"), [(1, 1), (1, 2), (1, 7), (1, 83), (51, 1000), (1, 30_000)]
)
def test_ticks_of_epochs_are_whole(first, last):
    ticks = charts.even_ticks(first, last, 1.0)
    assert 1 <= len(ticks) <= 7
    assert all(tick == int(tick) and first <= tick <= last for tick in ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (25.89, "25.9"), (793.46, "793"), (12345.0, "12300"), (0.005, "0.005"),
        (1e-5, "10⁻⁵"), (3.21e-5, "3.21·10⁻⁵"), (2e6, "2·10⁶"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_numbers_are_for_people(value, text):
    assert charts.number(value) == text


# ---- thinning ----


@pytest.mark.parametrize("length", [1, 2, 11, 12, 13, 24, 83, 1000, 2500])
def test_what_is_kept_is_evenly_spread_whenever_the_run_ends(length):
    thinned, read = Thinned(12), 0
    for epoch in range(1, length + 1):
        if thinned.wants(epoch):
            thinned.add(epoch, -epoch)
            read += 1
    items = thinned.before(length + 10_000)
    epochs = list(items)
    assert min(length, 6) <= len(epochs) <= 12
    assert epochs[0] == 1
    assert len(set(np.diff(epochs))) <= 1
    assert all(items[epoch] == -epoch for epoch in epochs)
    assert read <= 12 + 7 * math.log2(max(2, length))
    if len(epochs) > 1:  # what is next to the end is left out
        gap = epochs[1] - epochs[0]
        assert list(thinned.before(epochs[-1] + gap // 2)) == epochs[:-1]


# ---- pictures ----


def test_an_embedded_picture_is_no_larger_than_its_limit_and_never_enlarged():
    picture = Image.fromarray(tiny.picture(1, (200, 150))).convert("RGBA")
    picture.putalpha(0)
    small, whole = embed(picture, 50), embed(picture, 1000)
    assert ((small.width, small.height), (whole.width, whole.height)) == ((50, 38), (200, 150))
    assert small.ratio == pytest.approx(50 / 38)
    with Image.open(io.BytesIO(base64.b64decode(small.address.split(",")[1]))) as found:
        assert (found.format, found.size) == ("WEBP", (50, 38))
        assert np.asarray(found.convert("RGBA"))[..., 3].max() == 0
    assert small.address.startswith("data:image/webp;base64,")
    assert shrunk(Image.new("RGB", (1000, 2)), 100).size == (100, 1)


# ---- tables ----


def cells(text: str) -> list[list[str]]:
    """The rows of a table."""
    rows = re.findall(r"<tr>(.*?)</tr>", text)
    return [re.findall(r"<t[dh]>(.*?)</t[dh]>", row) for row in rows]


def test_options_that_differ_stand_before_all_that_there_are():
    chosen = shaping(Options(content_weight=20, clamp=False, weights="/secret/mine.params"))
    top, folded = page.option_table(chosen).split("<details>")
    assert cells(top) == [
        ["option", "value", "default"],
        ["--weights", "mine.params", "–"],
        ["--content-weight", "20", "30"],
        ["clamp", "false", "true"],
    ]
    assert [row[0] for row in cells(folded)[1:4]] == ["--model", "--weights", "--content-weight"]
    assert len(cells(folded)) == 1 + len(chosen)


def test_what_only_follows_from_the_optimiser_does_not_differ():
    def differing(**options: Any) -> str:
        return page.option_table(shaping(Options(**options))).split("<details>")[0]

    assert cells(differing(optimizer="adam"))[1:] == [["--optimizer", "adam", "sgd"]]
    assert ["--lr", "0.1", "2"] in cells(differing(optimizer="adam", lr=0.1))
    assert "by default" in differing() and "<table" not in differing()


def test_times_are_told_for_each_size():
    steps = [
        a_step(epoch, scale=scale, width=8 * scale, height=6 * scale, seconds=0.5 * scale, loss=9.0)
        for epoch, scale in enumerate([1, 1, 2], 1)
    ]
    assert cells(page.times(page.by_size(steps)))[1:] == [
        ["8×6", "2", "1.0 s", "0.5 s", "9"],
        ["16×12", "1", "1.0 s", "1 s", "9"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(9.24, "9.2 s"), (119.0, "119.0 s"), (754.2, "12 min 34 s"), (7500.0, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert page.duration(seconds) == text


def test_each_term_has_its_curve_its_look_and_its_last_value_in_the_legend():
    terms = {f"style:relu{index}": float(index) for index in range(1, 11)}
    steps = [a_step(1, terms=terms, loss=55.0), a_step(2, terms=terms, loss=55.0)]
    text = page.losses(steps, [steps])
    entries = re.findall(r'<li><i class="(.*?)"></i>(.*?) <b>(.*?)</b>', text)
    assert [(name, value) for _, name, value in entries[:2]] == [
        ("style relu1", "1"),
        ("style relu2", "2"),
    ]
    assert entries[-1] == ("total", "total", "55")
    looks = [look for look, _, _ in entries]
    assert len(set(looks)) == len(looks) == 11
    assert re.findall(r'<path class="(.*?)"', text) == looks
    style = page.asset("page.css")
    assert [look for look in looks if f".{look.split()[0]} {{" not in style] == []
    later = [a_step(1, terms={"tv": 1.0}), a_step(2, terms={"tv": 1.0, "late": 2.0})]
    assert "late <b>2</b>" in page.losses(later, [later])


def test_markup_escapes_whatever_it_is_given():
    evil = "<script>'\""
    picture = embed(Image.new("RGB", (16, 16)), 16)
    pieces = [
        html.safe(evil),
        html.section(evil, "x"),
        html.note(evil),
        html.figure(evil, picture),
        html.card(evil, ""),
        html.table("times", [evil], [[evil]]),
    ]
    for piece in pieces:
        assert "&lt;script&gt;&#x27;&quot;" in piece
        assert "<script" not in piece
