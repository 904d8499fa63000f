"""The report in a real browser: silent, self-contained, and its slider moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import DESKTOP, PHONE, Visit, visiting
from made import a_result, a_step
from PIL import Image

from nstyle.images.picture import Picture
from nstyle.optimize.callbacks.report.listener import Report
from nstyle.options.options import Options, shaping

WHITE, BLACK = (Picture(np.full((48, 64, 3), value, np.uint8)) for value in (255, 0))
LONG = "a <name> & what_nobody_can_break_" + "x" * 150 + ".jpg"

windows = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run whose photo is white and whose result is black."""
    path = tmp_path_factory.mktemp("report") / "index.html"
    styles = [(f"style{index}.jpg", BLACK) for index in range(4)]
    report = Report(path, photo=(LONG, WHITE), styles=styles)
    terms = {f"style:relu{index}_1": 10.0**index for index in range(-5, 5)}
    steps = [a_step(epoch, terms=terms, scale=1 + epoch // 10) for epoch in range(1, 41)]
    for step in steps:
        report(step)
    options = shaping(Options(weights=LONG, style_layers="relu1_1:0.25,relu2_1:0.5,relu3_1:0.125"))
    metadata = {"version": "1", "options": options}
    report.finish(a_result(picture=BLACK, history=steps, metadata=metadata))
    return path.as_uri()


def dark_share(visit: Visit, folder: Path) -> float:
    """How much of what is compared is black, from the pixels of a screenshot."""
    visit.page.locator(".compare").screenshot(path=folder / "shot.png")
    with Image.open(folder / "shot.png") as shot:
        # A stripe high above handle and labels.
        values = np.asarray(shot.convert("L"))[shot.height // 10]
    return float((values < 128).mean())


def clip(visit: Visit) -> str:
    """What the browser makes of the clip of the result."""
    return visit.page.evaluate(
        "getComputedStyle(document.querySelector('.compare .result')).clipPath"
    )


@windows
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_silent_asks_for_nothing_and_fits_its_window(browser, address, size, dark):
    with visiting(browser, address, size, dark=dark) as visit:
        visit.page.click("summary")
        assert visit.errors == []
        assert visit.requests[0] == address
        assert visit.leaves() == []
        assert visit.overflow() <= 0
        shown = visit.page.evaluate(
            "[...document.images].map(image => [image.complete, image.naturalWidth])"
        )
        assert len(shown) > 15
        assert all(complete and width for complete, width in shown)


@windows
def test_arrow_keys_move_the_slider(browser, address, size, tmp_path):
    with visiting(browser, address, size) as visit:
        clip_before, dark_before = clip(visit), dark_share(visit, tmp_path)
        visit.page.keyboard.press("Tab")
        for _ in range(25):
            visit.page.keyboard.press("ArrowRight")
        assert clip(visit) != clip_before
        assert dark_before == pytest.approx(0.5, abs=0.03)
        assert dark_share(visit, tmp_path) == pytest.approx(0.25, abs=0.03)
        slider = visit.page.get_by_label("compare photo and result")
        assert slider.get_attribute("aria-valuetext") == "75 % photo"


@windows
def test_the_slider_can_be_filled_in(browser, address, size, tmp_path):
    with visiting(browser, address, size) as visit:
        found = []
        for value in ("0", "20", "100"):
            visit.page.get_by_label("compare photo and result").fill(value)
            found.append(dark_share(visit, tmp_path))
        assert found == pytest.approx([1, 0.8, 0], abs=0.03)


@windows
@pytest.mark.parametrize("share", [0.01, 0.25, 0.99])
def test_the_line_goes_where_the_picture_is_clicked(browser, address, size, share, tmp_path):
    with visiting(browser, address, size) as visit:
        box: Any = visit.page.locator(".compare").bounding_box()
        visit.page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 4)
        assert dark_share(visit, tmp_path) == pytest.approx(1 - share, abs=0.03)


def test_both_colour_schemes_can_be_read(browser, address):
    found = {}
    for dark in (False, True):
        with visiting(browser, address, dark=dark) as visit:
            found[dark] = visit.page.evaluate(
                "[getComputedStyle(document.body).backgroundColor,"
                " getComputedStyle(document.body).color]"
            )
    for paper, ink in found.values():
        levels = [sum(map(int, colour[4:-1].split(","))) / 3 for colour in (paper, ink)]
        assert abs(levels[0] - levels[1]) > 150
    assert found[False] != found[True]
