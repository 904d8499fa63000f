"""The report: one page with everything inside, whatever became of the run."""

from __future__ import annotations

import errno
import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from made import a_picture, a_result, a_step

from nstyle.errors import ImageError
from nstyle.images.picture import Picture
from nstyle.optimize.callbacks.report import listener as report
from nstyle.optimize.callbacks.report.listener import Report
from nstyle.options.options import Options, shaping

METADATA = {"version": "1.2.3", "options": shaping(Options(content_weight=20))}
PHOTO = ("photo.jpg", a_picture())
EMPTY = {"meta", "link", "img", "input", "path", "line"}


class Reader(HTMLParser):
    """Elements with their attributes, visible text, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", []  # type: ignore[var-annotated]
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements with this tag."""
        return [attributes for name, attributes in self.elements if name == tag]


def reported(
    folder: Path, epochs: int = 20, photo: Any = PHOTO, **changes: Any
) -> tuple[str, Reader]:
    """The page of a run with two styles: (HTML, what is in it)."""
    styles = [("wave.jpg", a_picture()), ("glass.png", a_picture())]
    listener = Report(folder / "index.html", photo=photo, styles=styles)
    steps = [
        a_step(epoch, scale=1 + epoch // 11, width=epoch // 11) for epoch in range(1, epochs + 1)
    ]
    for step in steps:
        assert listener(step) is None
    history = [step.without_picture() for step in steps]
    listener.finish(a_result(**{"history": history, "metadata": METADATA, **changes}))
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    text = (folder / "index.html").read_text(encoding="utf-8")
    return text, Reader(text)


def test_the_page_shows_pictures_curves_snapshots_options_and_how_it_went(tmp_path):
    _, found = reported(tmp_path / "new" / "folder")
    labels = [entry["alt"] for entry in found.all("img")]
    assert labels[:6] == ["photo", "result", "photo.jpg", "wave.jpg", "glass.png", "result"]
    assert labels[6:] == [
        *(f"epoch {epoch}" for epoch in range(1, 18, 2)),
        "result",
    ]
    assert len([entry for entry in found.all("svg") if entry.get("class") == "plot"]) == 2
    assert len(found.all("path")) == 3 + 1
    for words in (
        "photo.jpg in the style of wave.jpg and glass.png",
        "40×32 · 20 epochs in 1.5 s · vgg16-slim · converged",
        "content relu4_2", "total", "stop at 0.005", "--content-weight", "nstyle 1.2.3",
        f"All {len(METADATA['options'])} options",
    ):  # fmt: skip
        assert words in found.text


def test_every_picture_is_inside_and_nothing_is_asked_for_elsewhere(tmp_path):
    text, found = reported(tmp_path)
    addresses = [
        value
        for _, attributes in found.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
    ]
    assert len(addresses) > 15
    assert [value for value in addresses if not (value or "").startswith("data:")] == []
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttpRequest", text)
    (policy,) = [entry for entry in found.all("meta") if "http-equiv" in entry]
    assert "default-src 'none'" in (policy["content"] or "")


def test_what_users_name_is_never_markup_and_may_be_no_utf_8(tmp_path):
    evil = "</title><script>alert('x')</script>\"&caf\udce9.jpg"
    options = {**METADATA["options"], "weights": evil}  # type: ignore[dict-item]
    metadata = {"version": evil, "preset": evil, "options": options}
    text, found = reported(tmp_path, photo=(evil, a_picture()), metadata=metadata, model=evil)
    assert len(found.all("script")) == 1
    assert "<script>alert" not in text
    shown = evil.replace("\udce9", "?")
    assert found.text.count(shown) >= 5
    assert shown in [entry["alt"] for entry in found.all("img")]


def test_photo_and_result_have_one_size_and_a_slider_a_texture_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LARGE", 100)
    stretched = Picture(tiny.picture(1, (300, 100)))
    large = Picture(tiny.picture(1, (400, 300)), np.zeros((300, 400), np.uint8))
    _, found = reported(tmp_path, photo=("wide.png", stretched), picture=large)
    photo, result = found.all("img")[:2]
    assert (photo["width"], photo["height"]) == (result["width"], result["height"]) == ("100", "75")
    (slider,) = found.all("input")
    assert (slider["type"], slider["min"], slider["max"]) == ("range", "0", "100")
    assert slider["id"] in [label["for"] for label in found.all("label")]
    metadata = {"options": shaping(Options(stop_eps=0))}
    _, found = reported(tmp_path, photo=None, metadata=metadata)
    assert "Texture of wave.jpg and glass.png" in found.text and "stop at" not in found.text
    assert found.all("input") == []
    assert [entry["alt"] for entry in found.all("img")][:3] == ["result", "wave.jpg", "glass.png"]


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        ("interrupted", "interrupted"),
        ("diverged", "diverged; this is the last good picture"),
        ("minimum", "no step lowers the loss"),
        ("callback", "ended by a listener"),
    ],
)
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_a_run_that_ends_early_has_its_page(stopped, words, epochs, tmp_path):
    _, found = reported(tmp_path, epochs, stopped=stopped)
    assert words in found.text
    assert ("before its first epoch" in found.text) == (epochs == 0)
    assert len(found.all("path")) == (4 if epochs else 0)
    shots = [entry["alt"] for entry in found.all("img")][6:]
    assert shots == (
        [*(f"epoch {epoch}" for epoch in range(1, epochs)), "result"] if epochs > 1 else []
    )


def test_a_loss_that_is_not_finite_leaves_the_rest_of_the_page_as_it_is(tmp_path):
    history = [a_step(1), a_step(2, terms={"tv": float("nan")}, loss=float("inf"), eps=0.0)]
    _, found = reported(tmp_path, history=history, stopped="diverged")
    assert len(found.all("path")) == 4
    assert not [entry for entry in found.all("path") if "nan" in (entry["d"] or "")]


def test_the_page_of_a_run_of_512_pixels_is_below_3_mb_even_for_noise(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (341, 512, 3), dtype=np.uint8)
    picture = Picture(values)
    listener = Report(tmp_path / "a.html", photo=("p", picture), styles=[("s", picture)])
    steps = [a_step(epoch, read=lambda: picture) for epoch in range(1, 12)]
    for step in steps:
        listener(step)
    listener.finish(a_result(picture=picture, history=steps))
    assert 300_000 < (tmp_path / "a.html").stat().st_size < 3_000_000


@pytest.mark.parametrize("place", ["file/index.html", "folder"])
def test_a_place_that_cannot_be_written_is_refused_at_once_in_one_line(place, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError, match=r"^--report: .*cannot be written \(.+\)$"):
        Report(tmp_path / place, photo=None, styles=[])


def test_a_full_disk_at_the_end_is_a_warning_and_the_old_page_stays(tmp_path, monkeypatch, caplog):
    path = tmp_path / "index.html"
    path.write_text("old")
    listener = Report(path, photo=None, styles=[("s", a_picture())])
    listener(a_step(1))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with caplog.at_level(logging.WARNING, "nstyle"):
        listener.finish(a_result())
    assert caplog.messages == [f"{path}: the report is not written (No space left on device)"]
    assert [found.name for found in tmp_path.iterdir()] == ["index.html"]
    assert path.read_text() == "old"
