"""The contact sheet: what lies where, labels, and pictures beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import ImageFont

from nstyle.images import contact_sheet
from nstyle.images.picture import Picture

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (200, 0, 200), (0, 200, 200)]
Box = tuple[int, int, int, int]  # left, top, right, bottom


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (60, 40)) -> Picture:
    """A picture of one colour. size: width, height."""
    return Picture(np.full((size[1], size[0], 3), colour, np.uint8))


def grid(rows: int, columns: int) -> list[list[Picture]]:
    """Pictures of as many colours."""
    colours = iter(COLOURS)
    return [[plain(next(colours)) for _ in range(columns)] for _ in range(rows)]


def box_of(picture: Picture, colour: tuple[int, int, int]) -> Box:
    """The box that a colour fills; it must be in no other place."""
    rows, columns = np.nonzero((picture.pixels == colour).all(axis=2))
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert len(rows) == (right - left) * (bottom - top)
    return int(left), int(top), int(right), int(bottom)


def size(box: Box) -> tuple[int, int]:
    """Width and height."""
    return box[2] - box[0], box[3] - box[1]


def dark(picture: Picture) -> np.ndarray:
    """Where there are letters, HxW."""
    return (picture.pixels < 100).all(axis=2)


def test_pictures_lie_in_rows_and_columns_as_large_as_they_are():
    made = contact_sheet.contact_sheet(grid(2, 3), ["a", "b"], ["1", "2", "3"])
    boxes = [box_of(made, colour) for colour in COLOURS]
    assert {size(box) for box in boxes} == {(60, 40)}
    first, second = boxes[:3], boxes[3:]
    for row in (first, second):
        assert len({box[1] for box in row}) == 1
        assert row[0][2] < row[1][0] and row[1][2] < row[2][0]
    assert [box[0] for box in first] == [box[0] for box in second]
    assert first[0][3] < second[0][1]


def test_a_place_without_a_picture_is_grey_and_the_others_stay_where_they_are():
    pictures: list[list[Any]] = [list(row) for row in grid(2, 2)]
    whole = contact_sheet.contact_sheet(pictures, ["", ""], ["", ""])
    pictures[0][1] = None
    made = contact_sheet.contact_sheet(pictures, ["", ""], ["", ""])
    assert box_of(made, (contact_sheet.EMPTY,) * 3) == box_of(whole, COLOURS[1])
    assert box_of(made, COLOURS[3]) == box_of(whole, COLOURS[3])


def test_pictures_of_several_sizes_lie_in_the_middle_of_their_places():
    pictures = [[plain(COLOURS[0], (60, 40))], [plain(COLOURS[1], (20, 30))]]
    made = contact_sheet.contact_sheet(pictures, ["a", "b"], ["1"])
    large, small = box_of(made, COLOURS[0]), box_of(made, COLOURS[1])
    assert (size(large), size(small)) == ((60, 40), (20, 30))
    assert large[0] + large[2] == small[0] + small[2]


@pytest.mark.parametrize("place", [0, 1])
def test_labels_stand_beside_their_rows_and_above_their_columns(place):
    labels = ["", ""]
    labels[place] = "H"
    for rows, columns in ((labels, ["", ""]), (["", ""], labels)):
        made = contact_sheet.contact_sheet(grid(2, 2), rows, columns)
        boxes, ink = [box_of(made, colour) for colour in COLOURS[:4]], dark(made)
        left, top, right, bottom = boxes[2 * place if rows is labels else place]
        assert ink.any()
        if rows is labels:
            assert ink.sum() == ink[top:bottom, : boxes[0][0]].sum()
        else:
            assert ink.sum() == ink[: boxes[0][1], left:right].sum()


def test_pictures_beside_the_grid_are_shrunk_in_their_aspect():
    beside = {"photo": plain(COLOURS[4], (400, 200)), "style": plain(COLOURS[5], (100, 400))}
    made = contact_sheet.contact_sheet(grid(2, 2), ["a", "b"], ["1", "2"], beside)
    photo, style = box_of(made, COLOURS[4]), box_of(made, COLOURS[5])
    cells = [box_of(made, colour) for colour in COLOURS[:4]]
    assert {size(cell) for cell in cells} == {(60, 40)}
    assert max(photo[2], style[2]) < min(cell[0] for cell in cells)
    assert photo[3] < style[1]
    assert size(photo) == (45, pytest.approx(22.5, abs=0.6))
    assert size(style) == (10, 40)
    assert dark(made)[: photo[1], : photo[2]].any()  # its label


def test_a_single_row_has_room_for_what_is_beside_it_which_is_not_enlarged():
    beside = {"a": plain(COLOURS[4], (90, 90)), "b": plain(COLOURS[5], (16, 16))}
    made = contact_sheet.contact_sheet(grid(1, 1), ["a"], ["1"], beside)
    boxes = [box_of(made, colour) for colour in (COLOURS[0], *COLOURS[4:])]
    assert all(box[3] < made.height for box in boxes)
    assert size(boxes[2]) == (16, 16)


def test_pictures_of_16_bits_and_alpha_are_shown_in_8_without_it():
    deep = Picture(np.full((40, 60, 3), 65535 // 5, np.uint16), np.zeros((40, 60), np.uint16))
    made = contact_sheet.contact_sheet([[deep, None]], ["a"], ["1", "2"])
    assert made.pixels.dtype == np.uint8 and made.alpha is None
    assert size(box_of(made, (51, 51, 51))) == (60, 40)
    nothing = contact_sheet.contact_sheet([[None, None]], ["a"], ["1", "2"])
    assert min(nothing.size) >= 10


# ---- letters ----


@pytest.fixture(params=["new", "old"])
def font(request, monkeypatch) -> str:
    """Pillow's font of any size, and the bitmap that older ones have, or those without FreeType."""
    if request.param == "old":
        monkeypatch.setattr(ImageFont, "load_default", old_font)
    return request.param


BITMAP = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)


def old_font(*size: int) -> Any:
    """load_default() of old: takes no size."""
    if size:
        raise TypeError("load_default() takes 0 positional arguments but 1 was given")
    return BITMAP()


def test_letters_are_as_large_as_asked_for(font):
    for points, least, most in ((14, 7, 14), (40, 20, 40)):
        ink = np.asarray(contact_sheet.lettering("H", points).convert("L")) < 128
        assert least <= ink.any(axis=1).sum() <= most


def test_lines_stand_under_each_other(font):
    one, two = contact_sheet.lettering("HHHH", 16), contact_sheet.lettering("HHHH\nH", 16)
    assert two.height > 1.5 * one.height
    assert two.width == one.width


def test_letters_that_the_font_lacks_do_no_harm_and_none_are_paper(font):
    assert contact_sheet.lettering("żółw 山", 16).width > 10
    assert np.asarray(contact_sheet.lettering("", 16)).min() == contact_sheet.PAPER


def test_long_lines_keep_beginning_and_end(font):
    path = "a/very/long/path/to/some/weights/of/mine.params"
    assert contact_sheet.shortened(path) == "a/very/lon...ine.params"
    assert contact_sheet.shortened("x" * 24) == "x" * 24
    assert contact_sheet.lettering(path, 16).width < 24 * 16


def test_larger_pictures_have_larger_labels():
    def tallest(width: int) -> int:
        made = contact_sheet.contact_sheet([[plain(COLOURS[0], (width, 40))]], ["H"], [""])
        return int(dark(made).any(axis=1).sum())

    assert tallest(800) > 2 * tallest(100)
