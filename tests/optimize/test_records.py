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
from nstyle.images.picture import Picture


def test_the_pixels_of_a_step_are_read_only_when_asked_for():
    calls: list[int] = []

    def read() -> Picture:
        calls.append(1)
        return a_picture()

    step = a_step(read=read)
    step.as_json()
    step.without_picture()
    assert repr(step)
    assert calls == []
    assert np.array_equal(step.picture().pixels, a_picture().pixels)
    assert calls == [1]


def test_a_step_in_a_history_raises_when_its_picture_is_asked_for():
    step = a_step().without_picture()
    assert step.read is None
    with pytest.raises(RuntimeError, match="no longer has its picture"):
        step.picture()


def test_a_step_without_its_picture_is_otherwise_the_same():
    assert a_step().without_picture() == a_step()
    assert a_step().without_picture() != a_step(2)


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


def test_the_image_of_a_result_is_8_bit_rgb():
    found = a_result().image
    assert (found.mode, found.size) == ("RGB", (40, 32))
    assert np.array_equal(np.asarray(found), tiny.picture(3))


def test_a_transparent_result_gives_rgba():
    alpha = np.full((32, 40), 65535, np.uint16)
    alpha[:5] = 0
    found = a_result(picture=a_picture(alpha)).image
    assert found.mode == "RGBA"
    assert np.array_equal(np.asarray(found)[..., 3], (alpha // 257).astype(np.uint8))


def test_a_result_counts_its_epochs():
    assert a_result().epochs == 2
    assert a_result(history=[]).epochs == 0


@pytest.mark.parametrize(
    ("stopped", "words"),
    [("eps", "converged"), ("interrupted", "interrupted"), ("diverged", "last good picture")],
)
def test_a_result_says_why_it_ended(stopped, words):
    assert words in a_result(stopped=stopped).why


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
        ("a.jpg", "JPEG", False),
        ("a.jpeg", "JPEG", False),
        ("a.webp", "WEBP", False),
        ("a.tif", "TIFF", True),
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


def test_a_tiff_keeps_all_16_bits(tmp_path):
    a_result().save(tmp_path / "a.tiff")
    assert np.array_equal(image_file.read(tmp_path / "a.tiff").pixels, a_picture().pixels)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tiff"])
def test_the_same_result_is_saved_as_the_same_bytes(name, tmp_path):
    first, second = tmp_path / "1" / name, tmp_path / "2" / name
    a_result().save(first)
    a_result().save(second)
    assert first.read_bytes() == second.read_bytes()


def test_save_refuses_an_unknown_extension_with_the_nearest(tmp_path):
    with pytest.raises(ImageError, match=r"\.pngg.*did you mean \.png\?"):
        a_result().save(tmp_path / "a.pngg")
    assert list(tmp_path.iterdir()) == []


def test_jupyter_gets_the_picture_as_png():
    with Image.open(io.BytesIO(a_result()._repr_png_())) as found:
        assert found.format == "PNG"
        assert np.array_equal(np.asarray(found), tiny.picture(3))
