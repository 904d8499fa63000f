"""Sizes of pictures."""

from __future__ import annotations

import pytest

from nstyle.errors import OptionError
from nstyle.images import sizes

# ---- the result ----


@pytest.mark.parametrize(
    ("photo", "enlarge", "expected"),
    [
        ((1024, 768), False, (512, 384)),
        ((768, 1024), False, (384, 512)),
        ((1000, 1000), False, (512, 512)),
        ((1001, 333), False, (512, 170)),  # 170.3
        ((1023, 337), False, (512, 169)),  # 168.7: rounded, not cut
        ((10_000, 400), False, (512, 20)),
        ((400, 10_000), False, (20, 512)),
        ((400, 300), False, (400, 300)),
        ((512, 17), False, (512, 17)),
        ((400, 300), True, (512, 384)),
        ((30, 40), True, (384, 512)),
        ((512, 99), True, (512, 99)),
    ],
)
def test_the_long_edge_is_as_given_and_small_photos_stay_or_grow(photo, enlarge, expected):
    assert sizes.result_size(photo, 512, enlarge) == expected


@pytest.mark.parametrize("photo", [(10_000, 200), (200, 10_000)])
def test_a_result_thinner_than_16_pixels_is_refused_naming_what_is_enough(photo):
    with pytest.raises(OptionError, match=r"^--max-long-edge: 512 .*, so give \d+$") as caught:
        sizes.result_size(photo, 512, enlarge=False)
    enough = int(str(caught.value).split()[-1])
    assert min(sizes.result_size(photo, enough, enlarge=False)) == sizes.MIN_EDGE


@pytest.mark.parametrize(
    ("photo", "expected"),
    [((1023, 337), (600, 197)), ((300, 200), (600, 400)), ((337, 1023), (197, 600))],
)
def test_the_example_cuts_sizes_and_always_uses_the_long_edge(photo, expected):
    assert sizes.truncated_size(photo, 600) == expected


# ---- --size ----


@pytest.mark.parametrize(
    ("photo", "box", "keep", "expected"),
    [
        ((1000, 750), (640, 480), True, (640, 480)),
        ((1000, 500), (640, 480), True, (640, 320)),
        ((500, 1000), (640, 480), True, (240, 480)),
        ((1000, 667), (None, 400), True, (600, 400)),  # 599.7: rounded
        ((1000, 667), (600, None), True, (600, 400)),
        ((100, 75), (640, 480), True, (640, 480)),  # enlarged: it was asked for
        ((1000, 500), (400, 300), False, (400, 300)),
        ((100, 75), (512, 512), False, (512, 512)),
        ((1000, 667), (None, 400), False, (599, 400)),  # 599.7: cut by int()
        ((1000, 667), (600, None), False, (600, 400)),
    ],
)
def test_a_box_is_filled_in_the_photos_aspect_or_by_stretching_it(photo, box, keep, expected):
    assert sizes.boxed_size(photo, box, keep=keep) == expected


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
    ("photo", "rescale", "expected"),
    [
        ((1000, 751), "no", (512, 512)),
        ((1000, 751), "size", (1000, 751)),
        ((1000, 751), "aspect", (512, 385)),
        ((751, 1000), "aspect", (385, 512)),
        ((5000, 2), "aspect", (512, 1)),
    ],
)
def test_the_finished_picture_is_brought_back(photo, rescale, expected):
    assert sizes.final_size((512, 512), photo, rescale) == expected


# ---- the style ----


@pytest.mark.parametrize("style", [(800, 800), (1600, 900), (1001, 1403), (300, 200)])
@pytest.mark.parametrize("result", [(512, 384), (512, 100), (226, 226)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_style_keeps_its_aspect_with_the_results_pixels_times_scale_squared(
    style, result, scale
):
    width, height = sizes.style_size(style, result, scale)
    assert width * height == pytest.approx(scale**2 * result[0] * result[1], rel=0.01)
    assert width / height == pytest.approx(style[0] / style[1], rel=0.01)


@pytest.mark.parametrize(
    ("style", "result", "scale", "expected"),
    [
        ((5000, 200), (512, 384), 1.0, (3200, 128)),
        ((200, 5000), (512, 384), 1.0, (128, 3200)),
        ((800, 600), (512, 384), 0.01, (171, 128)),
        ((100, 60), (512, 384), 0.01, (100, 60)),  # not enlarged for that reason
        ((1600, 64), (128, 96), 0.5, (1600, 64)),
    ],
)
def test_the_short_edge_of_a_style_is_not_under_128(style, result, scale, expected):
    assert sizes.style_size(style, result, scale) == expected


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
