"""Which pictures a VGG wants: told by published kernels, else by names, else by the user."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tiny

from nstyle.errors import WeightsError
from nstyle.networks.preprocessing import CAFFE, CAFFE_BGR, TORCHVISION, in_bgr
from nstyle.networks.weights import convention, reader
from nstyle.options.options import CONVENTIONS

EVERY_FILTER = range(len(convention.FILTERS))
CAFFES, TORCHVISIONS = 0, 2  # a filter of each in FILTERS


def kernel_with(index: int, *, bgr: bool = False, scale: float = 1.0) -> np.ndarray:
    """Random filters with a published one among them, as a file of float16 would have it."""
    kernel = tiny.random_arrays()["conv1_1"][0].copy()
    kernel[2] = np.array(convention.FILTERS[index][1].split(), float).reshape(3, 3, 3)
    kernel = kernel[:, ::-1] if bgr else kernel
    return (kernel * scale).astype(np.float16).astype(np.float32)


def write(path: Path, kernel: np.ndarray, names: str = "gluon") -> str:
    """A small VGG with this first kernel under these names."""
    first = {"gluon": "features.0.weight", "caffe": "arg:conv1_1_weight"}[names]
    return tiny.write_vgg(path, names=names, change={first: kernel})


@pytest.mark.parametrize("index", EVERY_FILTER)
@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize("names", ["gluon", "caffe"])
def test_a_published_kernel_tells_whatever_the_names_are(tmp_path, caplog, index, bgr, names):
    path = write(tmp_path / "a.params", kernel_with(index, bgr=bgr), names)
    known = convention.FILTERS[index][0]
    expected = in_bgr(known) if bgr else known
    with caplog.at_level(logging.INFO, logger="nstyle"):
        loaded = reader.load(path, ["conv1_1", "conv1_2"])
    assert loaded.convention == expected
    (said,) = caplog.messages
    assert path in said and f"({expected.name}), as its first kernel tells" in said
    assert expected.order.upper() in said


def test_gatys_scaled_filters_are_caffes_but_another_range_has_to_be_said(tmp_path):
    gatys = write(tmp_path / "gatys", kernel_with(CAFFES, bgr=True, scale=0.06))
    assert reader.load(gatys, ["conv1_1"]).convention == CAFFE_BGR
    for index, scale in ((CAFFES, 255), (TORCHVISIONS, 1 / 255)):
        path = write(tmp_path / "a", kernel_with(index, scale=scale))
        with pytest.raises(WeightsError, match=r"times as large.*--weights-convention \(caffe, "):
            reader.load(path, ["conv1_1"])
        assert reader.load(path, ["conv1_1"], convention="torchvision").convention == TORCHVISION


def test_torchvisions_kernel_for_pictures_to_255_is_told_by_its_size(tmp_path):
    path = write(tmp_path / "a", kernel_with(TORCHVISIONS, scale=1 / 57.4), "caffe")
    assert reader.load(path, ["conv1_1"]).convention == CAFFE


def test_an_unknown_kernel_is_taken_by_its_names_and_that_is_said(tmp_path, caplog):
    for names, expected in (("gluon", TORCHVISION), ("caffe", CAFFE)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="nstyle"):
            path = tiny.write_vgg(tmp_path / "a", names=names)
            assert reader.load(path, ["conv1_1"]).convention == expected
        assert f"({expected.name}), as its names tell" in caplog.text
        assert "--weights-convention" in caplog.text


@pytest.mark.parametrize("asked", CONVENTIONS[1:])
def test_what_was_asked_for_is_taken(tmp_path, caplog, asked):
    path = write(tmp_path / "a", kernel_with(CAFFES))
    loaded = reader.load(path, ["conv1_1"], convention=asked)
    assert loaded.convention == convention.CONVENTIONS[asked]
    warned = any(record.levelno == logging.WARNING for record in caplog.records)
    assert warned == (asked != "caffe")


def test_every_convention_can_be_asked_for():
    assert ("auto", *convention.CONVENTIONS) == CONVENTIONS


def test_a_filter_of_zeros_is_no_filter_of_anybody():
    assert convention.published(np.zeros((4, 3, 3, 3), np.float32)) == (None, 1.0)
