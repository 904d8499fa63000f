"""Chooses frames of a clip: --from, --to and --every. Pure arithmetic."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, Union

from nstyle.errors import OptionError
from nstyle.options.parse import brief

WHOLE, NUMBER = r"(\d{1,9})", r"(\d{1,9}(?:\.\d{1,9})?)"
CLOCK = re.compile(f"(?:{WHOLE}:)?{WHOLE}:{NUMBER}", re.ASCII)  # 1:05, 0:01:05.5
AMOUNT = re.compile(rf"{NUMBER}\s*([smh])", re.ASCII)
UNITS = {"s": 1, "m": 60, "h": 3600}


Moment = Union[int, Fraction]  # a frame's number, from 0, or seconds since the first frame


def parse_moment(text: str, name: str) -> Moment:
    """1:05, 12.5s or 240 (a frame). Raises OptionError."""
    word = text.strip()
    clock, amount = CLOCK.fullmatch(word), AMOUNT.fullmatch(word)
    if clock:
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + Fraction(seconds)
    if amount:
        return Fraction(amount[1]) * UNITS[amount[2]]
    if not re.fullmatch(WHOLE, word, re.ASCII):
        raise OptionError(
            f"{name}: {brief(text)} is neither a time such as 1:05 or 12.5s nor a frame's number"
        )
    return int(word)


def parse_every(text: str) -> Moment:
    """3 (frames) or 0.5s; above 0. Raises OptionError."""
    step = parse_moment(text, "--every")
    if not step:
        raise OptionError(
            f"--every: {brief(text)} is nothing; give frames such as 2, or a time: 0.5s"
        )
    return step


def place(moment: Moment, times: Sequence[Fraction]) -> int:
    """The first frame that is not before; len(times) behind the last."""
    return min(moment, len(times)) if isinstance(moment, int) else bisect_left(times, moment)


class Chosen(NamedTuple):
    """frames: numbers of those that are painted; seconds: how long each is shown."""

    frames: list[int]
    seconds: list[Fraction]


def chosen(
    times: Sequence[Fraction], end: Fraction, begin: str | None, to: str | None, every: str | None
) -> Chosen:
    """The frames that are meant. times: of all frames, since the first; end: of the last one.

    Raises OptionError where nothing is left.
    """
    first = place(parse_moment(begin, "--from"), times) if begin else 0
    last = place(parse_moment(to, "--to"), times) if to else len(times)
    if first >= len(times):
        raise OptionError(
            f"--from: {begin} is after the end; the film has {len(times)} frames in "
            f"{float(end):.2f} s"
        )
    if last <= first:
        raise OptionError(f"--to: {to} leaves nothing after --from {begin or 0}; give a later one")
    frames = thinned(times, range(first, last), every)
    ends = [times[frame] for frame in frames[1:]]
    ends.append(times[last] if last < len(times) else end)
    return Chosen(frames, [till - times[frame] for frame, till in zip(frames, ends)])


def thinned(times: Sequence[Fraction], frames: range, every: str | None) -> list[int]:
    """Those that --every leaves."""
    if every is None:
        return list(frames)
    step = parse_every(every)
    if isinstance(step, int):
        return list(frames[::step])
    thinner, due = [], times[frames[0]]
    for frame in frames:
        if times[frame] >= due:
            thinner.append(frame)
            due += step * ((times[frame] - due) // step + 1)
    return thinner
