"""Which frames are meant."""

from __future__ import annotations

from fractions import Fraction

import pytest

from nstyle.errors import OptionError
from nstyle.video.timing import chosen, parse_every, parse_moment

TIMES = [Fraction(t, 1000) for t in (0, 40, 90, 100, 250, 300)]
END = Fraction(400, 1000)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("240", 240),
        ("0", 0),
        ("1:05", Fraction(65)),
        ("0:01:05.5", Fraction(131, 2)),
        ("12.5s", Fraction(25, 2)),
        ("2m", Fraction(120)),
        (" 1h ", Fraction(3600)),
    ],
)
def test_times_and_frames(text, moment):
    found = parse_moment(text, "--from")
    assert (found, type(found)) == (moment, type(moment))


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "abc", "1:2:3:4", "s", "१", "१s", "9" * 5000, "9" * 5000 + "s"]
)
def test_what_is_neither_is_refused(text):
    with pytest.raises(OptionError, match=r"^--to: .* neither a time such as 1:05"):
        parse_moment(text, "--to")


def test_every_nothing_is_refused():
    for text in ("0", "0s", "0:00"):
        with pytest.raises(OptionError, match="--every"):
            parse_every(text)


@pytest.mark.parametrize(
    ("begin", "to", "every", "frames"),
    [
        (None, None, None, [0, 1, 2, 3, 4, 5]),
        ("2", None, None, [2, 3, 4, 5]),
        ("0.09s", "0.25s", None, [2, 3]),
        ("0.05s", "100", None, [2, 3, 4, 5]),
        (None, "3", None, [0, 1, 2]),
        ("1", None, "2", [1, 3, 5]),
        (None, None, "0.1s", [0, 3, 4, 5]),
        (None, None, "100", [0]),
    ],
)
def test_frames_that_are_chosen(begin, to, every, frames):
    found = chosen(TIMES, END, begin, to, every)
    assert found.frames == frames
    last = max(frames) + 1 if every is None else len(TIMES)
    until = TIMES[last] if last < len(TIMES) else END
    assert sum(found.seconds) == until - TIMES[frames[0]]
    assert found.seconds[0] == (TIMES[frames[1]] if len(frames) > 1 else END) - TIMES[frames[0]]


def test_one_in_next_to_no_time_is_every_frame_at_once():
    assert chosen(TIMES, END, None, None, "0.000000001s").frames == [0, 1, 2, 3, 4, 5]


def test_beyond_the_end_is_refused_with_the_films_length():
    with pytest.raises(OptionError, match=r"--from: 1:00 is after the end; .* 6 frames in 0.40 s"):
        chosen(TIMES, END, "1:00", None, None)
    with pytest.raises(OptionError, match=r"--to: 1 leaves nothing after --from 0\.09s"):
        chosen(TIMES, END, "0.09s", "1", None)
