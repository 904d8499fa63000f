"""What a film can be told."""

from __future__ import annotations

import pytest

from nstyle.errors import OptionError
from nstyle.video.options import FilmOptions


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("content_video", None, "--content-video: none was given"),
        ("begin", "soon", "--from: 'soon'"),
        ("end", "-3", "--to: '-3'"),
        ("every", "0", "--every: '0'"),
        ("method", "optimize", "did you mean 'optimise'"),
        ("temporal_weight", -1, "--temporal-weight: -1.0 is out of range"),
    ],
)
def test_bad_values_are_refused_by_the_name_that_is_typed(name, value, says):
    with pytest.raises(OptionError, match=says):
        FilmOptions(**{"content_video": "a.mp4", name: value})


def test_a_network_paints_in_one_pass():
    assert FilmOptions(content_video="a").optimises
    assert not FilmOptions(content_video="a", method="instant").optimises
    made = FilmOptions(content_video="a", network="n.params")
    assert not made.optimises and made.method == "instant"
    assert not FilmOptions(content_video="a", method="instant", network="n.params").optimises
    assert FilmOptions(content_video="a", style="scream").method == "instant"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"strength": 0.2}, "--strength: for --method instant, or --network;"),
        ({"method": "instant", "frame_epochs": 3}, "--frame-epochs: for --method optimise;"),
        ({"network": "n.params", "method": "optimise"}, "--network: n.params paints in one pass"),
        ({"style": "scream", "method": "optimise"}, "--style: for --method instant"),
        ({"style": "scream", "network": "n.params"}, "--network, --style: give one of them"),
    ],
)
def test_what_the_method_does_nothing_with_is_refused(given, says):
    with pytest.raises(OptionError, match=says):
        FilmOptions(content_video="a", **given)


def test_what_the_method_does_nothing_with_shapes_nothing():
    assert "--strength" not in FilmOptions(content_video="a").shaping()
    for one_pass in ({"method": "instant"}, {"network": "n.params"}):
        found = FilmOptions(content_video="a", strength=0.5, **one_pass).shaping()
        assert found["--strength"] == 0.5 and "--frame-epochs" not in found


def test_what_shapes_the_frames_has_the_names_of_flags_and_no_paths():
    found = FilmOptions(content_video="a", begin="3", restart=True).shaping()
    assert found["--from"] == "3" and found["--method"] == "optimise"
    assert not {"--content-video", "--output", "--network", "--restart", "begin"} & set(found)
