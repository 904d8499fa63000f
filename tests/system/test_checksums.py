"""Checksums of inputs: alike where the same is read, other where anything differs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.errors import CheckpointError
from nstyle.images.picture import Picture
from nstyle.system import checksums


@dataclass(frozen=True)
class Some:
    """What a run might read."""

    photo: Picture
    styles: tuple[Any, ...]
    mask: Any
    weights: str
    size: tuple[int, int] = (3, 4)


def a_picture(seed: int = 1) -> Picture:
    return Picture(tiny.picture(seed))


@pytest.fixture
def some(tmp_path) -> Some:
    (tmp_path / "a.params").write_bytes(b"weights")
    return Some(a_picture(), (a_picture(2), a_picture(3)), None, str(tmp_path / "a.params"))


def test_the_same_again_gives_the_same_by_the_names_of_the_fields(some):
    again = replace(some, photo=a_picture(), styles=(a_picture(2), a_picture(3)))
    sums = checksums.of(again)
    assert sums == checksums.of(some)
    assert list(sums) == ["photo", "styles", "mask", "weights", "size"]
    assert all(len(value) == 64 and int(value, 16) >= 0 for value in sums.values())


def changed(picture: Picture) -> Picture:
    """One value of one pixel by one step."""
    pixels = picture.pixels.copy()
    pixels[5, 7, 2] ^= 1
    return Picture(pixels)


OPAQUE = np.full((32, 40), 255, np.uint8)
OTHERS = {
    "pixel": {"photo": changed(a_picture())},
    "alpha": {"photo": Picture(tiny.picture(1), OPAQUE)},
    "depth": {"photo": Picture(tiny.picture(1).astype(np.uint16))},
    "shape": {"photo": Picture(tiny.picture(1).reshape(40, 32, 3))},
    "one of several": {"styles": (a_picture(2), changed(a_picture(3)))},
    "order": {"styles": (a_picture(3), a_picture(2))},
    "fewer": {"styles": (a_picture(2),)},
    "nested": {"styles": ((a_picture(2), a_picture(3)),)},
    "mask": {"mask": np.zeros((2, 2))},
    "mapping": {"mask": {"a": 1}},
    "size": {"size": (4, 3)},
    "number": {"size": (34,)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_differs_shows_in_its_own_field_alone(some, name):
    before, after = checksums.of(some), checksums.of(replace(some, **OTHERS[name]))
    assert [key for key in before if before[key] != after[key]] == list(OTHERS[name])


def test_pixels_and_weights_count_wherever_they_lie(some, tmp_path):
    array = tiny.picture(1)
    assert checksums.of_value(array) == checksums.of_value(np.asfortranarray(array))
    (tmp_path / "moved.params").write_bytes(b"weights")
    moved = replace(some, weights=str(tmp_path / "moved.params"))
    assert checksums.of(moved) == checksums.of(some)
    assert checksums.of(some)["weights"] == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checksums.of(replace(some, weights=str(tmp_path / "none.params")))
