"""Step and Result: what listeners and callers get."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
import tiny
from made import METADATA, a_picture, a_result, a_step
from PIL import Image

from nstyle.errors import ImageError
from nstyle.images import image_file


def test_the_pixels_of_a_step_are_read_only_by_its_listener():
    calls: list[int] = []
    step = a_step(read=lambda: calls.append(1) or a_picture())
    step.as_json()
    old = step.without_picture()
    assert repr(step) and calls == []
    assert np.array_equal(step.picture().pixels, a_picture().pixels)
    assert calls == [1]
    assert old == step != a_step(2)
    with pytest.raises(RuntimeError, match="no longer has its picture"):
        old.picture()


def test_a_step_as_json_is_all_but_the_picture():
    found = json.loads(json.dumps(a_step(7).as_json()))
    assert found == {
        "epoch": 7, "scale": 1, "width": 40, "height": 32, "loss": 2.5,
        "terms": {"content:relu4_2": 2.0, "tv": 0.5}, "eps": 0.01, "seconds": 0.25,
        "left": None,
    }  # fmt: skip


@pytest.mark.parametrize("record", [a_step(), a_result()], ids=["step", "result"])
def test_records_are_frozen(record):
    for entry in dataclasses.fields(record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, entry.name, None)


def test_a_result_has_an_image_epochs_and_a_reason():
    result = a_result()
    assert (result.image.mode, result.image.size, result.epochs) == ("RGB", (40, 32), 2)
    assert np.array_equal(np.asarray(result.image), tiny.picture(3))
    with Image.open(io.BytesIO(result._repr_png_())) as found:  # for Jupyter
        assert found.format == "PNG" and np.array_equal(np.asarray(found), tiny.picture(3))
    alpha = np.full((32, 40), 65535, np.uint16)
    alpha[:5] = 0
    image = a_result(picture=a_picture(alpha)).image
    assert image.mode == "RGBA"
    assert np.array_equal(np.asarray(image)[..., 3], (alpha // 257).astype(np.uint8))
    reasons = {"eps": "converged", "interrupted": "interrupted", "diverged": "last good picture"}
    assert all(words in a_result(stopped=stopped).why for stopped, words in reasons.items())


def test_a_result_as_json_is_the_last_line_of_a_trace():
    found = json.loads(json.dumps(a_result().as_json()))
    assert found == {
        "stopped": "eps", "epochs": 2, "seconds": 1.5, "model": "vgg16-slim",
        "options": {"lr": 0.1, "seed": 0}, "version": "1.2.3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "exact"),
    [
        ("a.png", "PNG", True),
        ("a.jpeg", "JPEG", False),
        ("a.webp", "WEBP", False),
        ("A.TIFF", "TIFF", True),
    ],
)
def test_save_writes_the_format_of_the_extension_with_the_options_inside(
    name, kind, exact, tmp_path
):
    path = tmp_path / "new" / name
    a_result().save(path)
    with Image.open(path) as found:
        assert (found.format, found.size) == (kind, (40, 32))
        error = np.abs(np.asarray(found.convert("RGB")).astype(int) - tiny.picture(3))
    assert error.mean() == 0 if exact else error.mean() < 12
    assert image_file.read_metadata(path) == METADATA
    a_result().save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == path.read_bytes()
    if kind == "TIFF":
        assert np.array_equal(image_file.read(path).pixels, a_picture().pixels)  # all 16 bits


def test_a_result_is_saved_into_an_open_file_in_the_format_asked_for():
    for name, kind in ((None, "PNG"), ("jpg", "JPEG"), ("TIFF", "TIFF")):
        stream = io.BytesIO()
        a_result().save(stream, name)
        with Image.open(stream) as image:
            assert image.format == kind and image.size == a_picture().size
    with pytest.raises(ImageError, match="did you mean"):
        a_result().save(io.BytesIO(), "jpgg")


def test_a_result_shows_itself_in_one_line():
    result = a_result()
    text = repr(result)
    assert text.startswith("<Result 40x32: ") and f"{result.epochs} epochs" in text
    assert "\n" not in text and len(text) < 100
