"""Files of trained networks: what goes in comes out, anything else is refused in one line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny

from nstyle import __version__
from nstyle.errors import WeightsError
from nstyle.feedforward import network_file
from nstyle.feedforward.network_file import ONE_STYLE, THUMBNAIL, NetworkFile
from nstyle.images.picture import Picture
from nstyle.system import checkpoint_file


@pytest.fixture
def file():
    chance = np.random.default_rng(0)
    arrays = {"conv0_weight": chance.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)}
    style = Picture(tiny.picture(1, (600, 300)))
    about = {"style": "wave", "steps": 7, "options": {"crop": 32, "rate": 0.1}}
    return NetworkFile(
        ONE_STYLE, {"widths": [4] * 4, "mean": [1.0, 2.0, 3.0]}, arrays, about, style
    )


def test_what_was_written_is_read(file, tmp_path):
    path = tmp_path / "wave.params"
    network_file.write(str(path), file)
    found = network_file.read(str(path))
    assert (found.network, found.shape) == (ONE_STYLE, file.shape)
    assert found.about == {"version": __version__, **file.about}
    assert found.arrays["conv0_weight"].dtype == np.float32
    expected = file.arrays["conv0_weight"].astype(np.float16)
    np.testing.assert_array_equal(found.arrays["conv0_weight"], expected)
    assert found.thumbnail.size == (THUMBNAIL, THUMBNAIL // 2)
    means = (picture.pixels.mean(axis=(0, 1)) for picture in (found.thumbnail, file.thumbnail))
    np.testing.assert_allclose(*means, atol=3)
    assert [path.name for path in tmp_path.iterdir()] == ["wave.params"]
    network_file.write(str(path), NetworkFile("any style", {"widths": [4, 3, 3, 3]}, file.arrays))
    assert network_file.read(str(path)).thumbnail is None


def test_kernels_in_8_bits_are_read_to_half_a_step(file, tmp_path):
    path, kernel = str(tmp_path / "wave.params"), file.arrays["conv0_weight"]
    arrays = {**file.arrays, "usual": np.array([[1e3, 1e-2]], np.float32)}
    network_file.write(path, dataclasses.replace(file, arrays=arrays), bits=8)
    found = network_file.read(path).arrays
    steps = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 127
    assert (np.abs(found["conv0_weight"] - kernel) <= steps * 0.51).all()
    assert not np.array_equal(found["conv0_weight"], kernel.astype(np.float16))
    np.testing.assert_allclose(found["usual"], arrays["usual"], rtol=1e-3)


def test_a_file_of_other_networks_is_refused(file, tmp_path, monkeypatch):
    path = str(tmp_path / "wave.params")
    monkeypatch.setattr(network_file, "STRUCTURE", {ONE_STYLE: 1})
    network_file.write(path, file)
    monkeypatch.undo()
    with pytest.raises(WeightsError, match="paint otherwise; train anew"):
        network_file.read(path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("absent", "no such file"),
        ("foreign", "is no painting network"),
        ("cut", "cut short"),
        ("checkpoint", "not of painting network"),
    ],
)
def test_anything_else_is_refused_in_one_line(file, tmp_path, damage, words):
    path = tmp_path / "wave.params"
    network_file.write(str(path), file)
    if damage == "absent":
        path.unlink()
    elif damage == "checkpoint":
        checkpoint_file.write(str(path), "nstyle train", {}, {})
    else:
        path.write_bytes({"foreign": b"no network", "cut": path.read_bytes()[:-9]}[damage])
    with pytest.raises(WeightsError, match=words) as refused:
        network_file.read(str(path))
    assert "\n" not in str(refused.value) and "nstyle train" in str(refused.value)


def test_a_value_too_large_for_half_precision_is_not_written(tmp_path):
    large = NetworkFile(ONE_STYLE, {}, {"bias": np.array([1e6], np.float32)})
    with pytest.raises(WeightsError, match="float16"):
        network_file.write(str(tmp_path / "large.params"), large)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "two styles"),
        ("network", None),
        ("about", []),
        ("thumbnail", 7),
        ("thumbnail", "no base64!"),
        ("thumbnail", "aGVsbG8="),
        ("shape", None),
        ("shape", {}),
        ("shape", {"widths": [4] * 4}),
        ("shape", {"widths": ["4"] * 4, "mean": [1.0, 2.0, 3.0]}),
        ("shape", {"widths": [10**7] * 4, "mean": [1.0, 2.0, 3.0]}),  # no array is so wide
        ("shape", {"widths": [4] * 4, "mean": [1.0, 2.0]}),
        ("shape", {"widths": [4] * 4, "mean": [1.0, 2.0, 256]}),
        ("shape", {"widths": [4] * 4, "mean": [1.0, 2.0, float("nan")]}),
        ("shape", {"widths": [4] * 4, "mean": [1.0, 2.0, 3.0], "more": 1}),
        ("shape", {"widths": [4, 4, 4, 4]}),
    ],
)
def test_facts_that_are_wrong_under_a_right_checksum_are_refused(file, tmp_path, name, value):
    path = str(tmp_path / "wave.params")
    network_file.write(path, file)
    facts, groups = checkpoint_file.read(path, network_file.KIND, {})
    checkpoint_file.write(path, network_file.KIND, {**facts, name: value}, groups)
    with pytest.raises(WeightsError, match=rf"^{path}: .*\Z"):
        network_file.read(path)


def test_a_network_without_arrays_or_with_others_is_refused(file, tmp_path):
    path = str(tmp_path / "wave.params")
    network_file.write(path, file)
    facts, _ = checkpoint_file.read(path, network_file.KIND, {})
    integers = {"conv0_weight": file.arrays["conv0_weight"].astype(np.int8)}
    for groups, why in (({}, "shape"), ({"values": integers}, "float16")):
        checkpoint_file.write(path, network_file.KIND, facts, groups)
        with pytest.raises(WeightsError, match=why):
            network_file.read(path)
