"""What results are called: patterns, collisions, places outside of the folder."""

from __future__ import annotations

import pytest

from nstyle.batch import jobs
from nstyle.errors import OptionError
from nstyle.options.options import Options

PICTURES = {"content_image": "in/a photo.jpeg", "style_image": ["s.jpg", "styles/t.png"]}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{content}_{style}.jpg", "a photo_s+t.jpg"),
        ("{style}/{content}.png", "s+t/a photo.png"),
        ("{content}_{lr}_{seed:03d}{preset}.tiff", "a photo_0.1_007fast.tiff"),
        ("{content}_{weights}.jpg", "a photo_some_where.params.jpg"),
    ],
)
def test_a_pattern_is_filled_in(pattern, name):
    jobs.check_pattern(pattern)
    options = Options(seed=7, weights="some/where.params")
    assert jobs.filled(pattern, PICTURES, options, "fast") == name


def test_without_a_photo_it_is_a_texture():
    assert jobs.filled("{content}_{style}.jpg", {"style_image": ["s.jpg"]}, Options(), None) == (
        "texture_s.jpg"
    )


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{contnt}.jpg", "{contnt} is none of content, style"),
        ("{content.__class__}.jpg", "{content.__class__} is none of"),
        ("{content", "expected '}'"),
        ("{content:d}.jpg", "Unknown format code"),
        ("../{content}.jpg", "'../a photo.jpg': is no file inside --output-dir"),
        ("/{content}.jpg", "is no file inside --output-dir"),
    ],
)
def test_bad_patterns_are_refused_in_one_line(pattern, says):
    with pytest.raises(OptionError) as refused:
        jobs.check_pattern(pattern)
        jobs.filled(pattern, PICTURES, Options(), None)
    assert says in str(refused.value) and str(refused.value).startswith("--name")


def test_names_that_would_come_twice_are_numbered():
    wanted = ["a.jpg", "A.jpg", "b.jpg", "a.jpg", "a_2.jpg"]
    assert jobs.assigned(wanted, {}) == ["a.jpg", "A_2.jpg", "b.jpg", "a_3.jpg", "a_2_2.jpg"]


def test_what_the_user_gave_stays_and_is_given_once():
    assert jobs.assigned(["a.jpg", "x", "a.jpg"], {1: "a.jpg"}) == [
        "a_2.jpg", "a.jpg", "a_3.jpg"
    ]  # fmt: skip
    with pytest.raises(OptionError, match=r"output: A\.jpg is given to two jobs"):
        jobs.assigned(["x", "y"], {0: "a.jpg", 1: "A.jpg"})
