"""Sizes of pictures."""

from __future__ import annotations

import pytest

from nstyle.errors import OptionError
from nstyle.images import sizes

# ---- the result ----


@pytest.mark.parametrize(
    ("photo", "long_edge", "expected"),
    [
        ((1024, 768), 512, (512, 384)),
        ((768, 1024), 512, (384, 512)),
        ((1000, 1000), 512, (512, 512)),
        ((1001, 333), 512, (512, 170)),  # 170.3
        ((1023, 337), 512, (512, 169)),  # 168.7: rounded, not cut
        ((400, 300), 512, (400, 300)),
        ((512, 17), 512, (512, 17)),
    ],
)
def test_the_long_edge_is_the_one_asked_for_and_small_photos_stay(photo, long_edge, expected):
    assert sizes.result_size(photo, long_edge, enlarge=False) == expected


@pytest.mark.parametrize(
    ("photo", "expected"),
    [((400, 300), (512, 384)), ((30, 40), (384, 512)), ((512, 99), (512, 99))],
)
def test_small_photos_are_enlarged_on_demand(photo, expected):
    assert sizes.result_size(photo, 512, enlarge=True) == expected


@pytest.mark.parametrize("photo", [(10_000, 400), (400, 10_000)])
def test_a_scroll_of_1_to_25_keeps_its_aspect(photo):
    width, height = sizes.result_size(photo, 512, enlarge=False)
    assert sorted((width, height)) == [20, 512]
    assert (width > height) == (photo[0] > photo[1])


@pytest.mark.parametrize(("photo", "long_edge"), [((10_000, 200), 512), ((200, 10_000), 512)])
def test_a_result_thinner_than_16_pixels_is_refused_naming_what_is_enough(photo, long_edge):
    with pytest.raises(OptionError) as caught:
        sizes.result_size(photo, long_edge, enlarge=False)
    message = str(caught.value)
    assert "--max-long-edge" in message and "512" in message and "\n" not in message
    enough = int(message.split()[-1])
    assert min(sizes.result_size(photo, enough, enlarge=False)) == sizes.MIN_EDGE


@pytest.mark.parametrize("width", [160, 163, 997, 5001])
@pytest.mark.parametrize("height", [16, 17, 101])
def test_both_edges_are_at_least_16_or_it_is_refused(width, height):
    for long_edge in (16, 100, 159, 512):
        try:
            size = sizes.result_size((width, height), long_edge, enlarge=False)
        except OptionError:
            assert height * long_edge / width < sizes.MIN_EDGE
        else:
            assert min(size) >= sizes.MIN_EDGE and max(size) <= max(long_edge, height)


@pytest.mark.parametrize(
    ("photo", "expected"),
    [((1023, 337), (600, 197)), ((300, 200), (600, 400)), ((337, 1023), (197, 600))],
)
def test_the_example_cuts_sizes_and_always_uses_the_long_edge(photo, expected):
    assert sizes.truncated_size(photo, 600) == expected


# ---- --size ----


@pytest.mark.parametrize(
    ("photo", "wanted", "expected"),
    [
        ((1000, 750), (640, 480), (640, 480)),
        ((1000, 500), (640, 480), (640, 320)),
        ((500, 1000), (640, 480), (240, 480)),
        ((1000, 667), (None, 400), (600, 400)),  # 599.7: rounded
        ((1000, 667), (600, None), (600, 400)),
        ((100, 75), (640, 480), (640, 480)),  # enlarged: it was asked for
    ],
)
def test_a_box_is_filled_as_far_as_the_photos_aspect_lets_it(photo, wanted, expected):
    assert sizes.boxed_size(photo, wanted, keep=True) == expected


@pytest.mark.parametrize(
    ("photo", "wanted", "expected"),
    [
        ((1000, 500), (400, 300), (400, 300)),
        ((100, 75), (512, 512), (512, 512)),
        ((1000, 667), (None, 400), (599, 400)),  # 599.7: cut by int()
        ((1000, 667), (600, None), (600, 400)),
    ],
)
def test_a_photo_that_is_stretched_has_exactly_the_size_asked_for(photo, wanted, expected):
    assert sizes.boxed_size(photo, wanted, keep=False) == expected


@pytest.mark.parametrize("keep", [True, False])
def test_an_edge_that_was_asked_for_loses_no_pixel(keep):
    for own in range(101, 1300, 7):
        for edge in (49, 207, 400, 411):
            assert sizes.boxed_size((own, 900), (edge, None), keep=keep)[0] == edge
            assert sizes.boxed_size((900, own), (None, edge), keep=keep)[1] == edge


@pytest.mark.parametrize("wanted", [(640, 480), (480, 640), (None, 480), (480, None)])
@pytest.mark.parametrize("photo", [(6400, 20), (20, 6400)])
def test_a_box_too_small_for_a_scroll_is_refused_naming_what_is_enough(photo, wanted):
    try:
        assert min(sizes.boxed_size(photo, wanted, keep=True)) >= sizes.MIN_EDGE
    except OptionError as error:
        assert str(error).startswith("--size:")
        enough = int(str(error).split()[-1])
        again = (enough, None) if photo[0] > photo[1] else (None, enough)
        assert min(sizes.boxed_size(photo, again, keep=True)) == sizes.MIN_EDGE


# ---- the finished picture ----


@pytest.mark.parametrize(
    ("rescale", "expected"), [("no", (512, 512)), ("size", (1000, 751)), ("aspect", (512, 385))]
)
def test_the_finished_picture_is_brought_back(rescale, expected):
    assert sizes.final_size((512, 512), (1000, 751), rescale) == expected


def test_the_aspect_of_an_upright_photo_and_of_a_line():
    assert sizes.final_size((512, 512), (751, 1000), "aspect") == (385, 512)
    assert sizes.final_size((512, 512), (5000, 2), "aspect") == (512, 1)


# ---- the style ----


def pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


@pytest.mark.parametrize("style", [(800, 800), (1600, 900), (1001, 1403), (300, 200)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_style_gets_the_results_pixels_times_the_square_of_its_scale(style, scale):
    size = sizes.style_size(style, (512, 384), scale)
    assert pixels(size) == pytest.approx(scale**2 * 512 * 384, rel=0.01)
    assert size[0] / size[1] == pytest.approx(style[0] / style[1], rel=0.01)


@pytest.mark.parametrize("result", [(512, 100), (100, 512), (226, 226)])
def test_the_style_never_takes_the_results_aspect(result):
    size = sizes.style_size((900, 600), result, 2.0)
    assert size[0] / size[1] == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize("style", [(5000, 200), (200, 5000)])
def test_the_short_edge_of_a_scroll_is_not_under_128(style):
    size = sizes.style_size(style, (512, 384), 1.0)
    assert min(size) == sizes.MIN_STYLE_EDGE
    assert max(size) == 25 * min(size)


def test_a_small_scale_does_not_take_the_texture_away():
    assert sizes.style_size((800, 600), (512, 384), 0.01) == (171, 128)


def test_a_file_under_128_pixels_is_not_enlarged_for_that_reason():
    assert sizes.style_size((100, 60), (512, 384), 0.01) == (100, 60)
    assert min(sizes.style_size((1600, 64), (128, 96), 0.5)) == 64


# ---- scales ----


@pytest.mark.parametrize(
    ("size", "scales", "step", "expected"),
    [
        ((512, 341), "auto", 2, [(256, 170), (512, 341)]),
        ((341, 512), 2, 2, [(170, 256), (341, 512)]),
        ((512, 512), 1, 2, [(512, 512)]),
        ((100, 80), "auto", 2, [(100, 80)]),
        ((400, 400), 3, 2**0.5, [(200, 200), (283, 283), (400, 400)]),
        ((1000, 40), "auto", 2, [(500, 20), (1000, 40)]),  # 250x10 would be too thin
    ],
)
def test_scales_grow_by_a_step_up_to_the_size(size, scales, step, expected):
    assert sizes.scale_sizes(size, scales, step) == expected


@pytest.mark.parametrize("edge", range(64, 3000, 97))
@pytest.mark.parametrize("step", [2, 2**0.5])
def test_auto_begins_at_about_192(edge, step):
    first = sizes.scale_sizes((edge, edge), "auto", step)[0][0]
    assert min(edge, 192 / step**0.51) <= first <= max(edge if edge < 192 else 0, 192 * step**0.51)


def test_a_shrunk_style_keeps_its_aspect_and_128_pixels():
    assert sizes.shrunk_style((600, 400), 0.5) == (300, 200)
    assert sizes.shrunk_style((600, 400), 0.1) == (192, 128)
    assert sizes.shrunk_style((90, 60), 0.5) == (90, 60)
