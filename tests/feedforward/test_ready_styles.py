"""Ready styles: the file, names, shares, and the pictures they paint."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

import nstyle
from nstyle.errors import OptionError, WeightsError
from nstyle.feedforward import ready_styles
from nstyle.feedforward.ready_styles import ReadyStyle, parsed, read_list, shelf, sized
from nstyle.images.picture import Picture
from nstyle.system import checksums, locations

NAMES = list(shelf())
PHOTO = tiny.picture(1, (96, 64))


def test_the_shelf_is_small_and_its_card_has_its_checksum():
    path = locations.READY_STYLES
    assert len(NAMES) >= 16 and path.stat().st_size < 2e6
    assert checksums.of_file(str(path)) in path.with_suffix(".md").read_text(encoding="utf-8")
    for style in shelf().values():
        assert style.title and style.credit and max(style.thumbnail.size) <= 256


@pytest.mark.parametrize("name", NAMES)
def test_each_paints_a_picture_of_its_own(name):
    painted = nstyle.instant(PHOTO, style=name).picture
    assert painted.size == (96, 64)
    other = nstyle.instant(PHOTO, style=NAMES[NAMES.index(name) - 1]).picture
    assert np.abs(painted.floats() - other.floats()).mean() > 0.01


def test_shares_blend_and_strength_lessens():
    first, second = (nstyle.instant(PHOTO, style=n).picture.floats() for n in NAMES[:2])
    blend = nstyle.instant(PHOTO, style=NAMES[:2], style_blend="3,1").picture.floats()
    assert 0 < np.abs(blend - first).mean() < np.abs(second - first).mean()
    only = nstyle.instant(PHOTO, style=NAMES[:2], style_blend="0,1").picture.floats()
    assert np.abs(only - second).max() < 0.02
    photo = nstyle.instant(PHOTO, style=NAMES[0], strength=0).picture.floats()
    assert np.abs(photo - PHOTO / 255).max() < 0.01


def test_words_are_names_and_shares():
    assert parsed(f"{NAMES[0]}:2, {NAMES[1]}") == (NAMES[:2], "2,1")
    assert parsed(NAMES[0]) == ([NAMES[0]], None)
    with pytest.raises(OptionError, match=f"did you mean '{NAMES[0]}'"):
        parsed(NAMES[0] + "x")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style_scale": 2}, "--style-scale"),
        ({"learn": "2s"}, "--learn"),
        ({"colors": "match"}, "--colors match"),
    ],
)
def test_what_a_ready_style_has_already_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        nstyle.instant(PHOTO, style=NAMES[0], **options)


GOOD = "name,title,credit,file\nink,Ink,nobody,ink.png\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("", "no CSV list"),
        ("name,title,file\nink,Ink,ink.png\n", "no CSV list with the columns name, title"),
        ("name,title,credit,file\n,Ink,nobody,ink.png\n", "no CSV list"),
        (GOOD + "ink,Other,nobody,other.png\n", "a name twice"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_list_that_is_none_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "list.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OptionError, match=words) as refused:
        read_list(str(path))
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)


def test_files_of_a_list_are_relative_to_it(tmp_path):
    (tmp_path / "list.csv").write_text(GOOD)
    (row,) = read_list(str(tmp_path / "list.csv"))
    assert row == ("ink", "Ink", "nobody", str(tmp_path / "ink.png"))


def test_paintings_are_learned_at_the_size_of_usual_photos():
    assert sized(Picture(tiny.picture(1, (1100, 40)))).size == (512, 19)
    assert sized(Picture(tiny.picture(1, (1100, 20)))).size == (512, 16)
    assert sized(Picture(tiny.picture(1, (96, 64)))).size == (96, 64)


def test_a_file_of_another_network_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "ready.params"
    style = ReadyStyle("ink", "Ink", "nobody", np.ones(3, np.float32), Picture(PHOTO))
    ready_styles.write(str(path), {"ink": style}, str(locations.ANY_STYLE))
    monkeypatch.setattr(locations, "READY_STYLES", path)
    shelf.cache_clear()
    assert shelf()["ink"].numbers.tolist() == [1, 1, 1]
    (tmp_path / "other.params").write_bytes(b"other")
    monkeypatch.setattr(locations, "ANY_STYLE", tmp_path / "other.params")
    shelf.cache_clear()
    with pytest.raises(WeightsError, match="another network"):
        shelf()
    shelf.cache_clear()
