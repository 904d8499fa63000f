"""Weights files: found, recognised, checked; every refusal is one line."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.errors import WeightsError
from nstyle.images.picture import Picture
from nstyle.networks import layers, preprocessing, vgg
from nstyle.networks.weights import reader
from nstyle.system import locations
from nstyle.system.backend import mx, nd

IMAGENET_MEAN = 255 * np.array([0.485, 0.456, 0.406])
IMAGENET_DEVIATION = 255 * np.array([0.229, 0.224, 0.225])
TAPS = ["relu1_1", "relu3_1", "relu4_2"]
NEEDED = layers.needed_convolutions(TAPS, tiny.BLOCKS["vgg19"])


def refusal(path: Any, wanted: Sequence[str] = NEEDED, model: str = "auto") -> str:
    """The message of the WeightsError that load() raises: one line that names the file."""
    with pytest.raises(WeightsError) as caught:
        reader.load(str(path), wanted, model=model)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


# ---- conventions ----

CONVENTIONS = {
    "caffe": (tiny.MEAN, 1.0),
    "gluon": (IMAGENET_MEAN, IMAGENET_DEVIATION),
    "prefixed": (IMAGENET_MEAN, IMAGENET_DEVIATION),
}
every_name = pytest.mark.parametrize("names", CONVENTIONS)


@every_name
@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_features_are_those_of_a_transcription_that_normalises_explicitly(tmp_path, names, model):
    path = tiny.write_vgg(tmp_path / "a.params", model=model, names=names)
    file = reader.read(path)
    assert file.family == model
    loaded = reader.select(file, layers.needed_convolutions(TAPS, tiny.BLOCKS[model]))
    picture = tiny.picture(1)
    x = tiny.to_input(picture, *CONVENTIONS[names])
    expected = tiny.taps_of(tiny.random_arrays(model=model), x, model=model)
    knobs: dict[str, Any] = {"pooling": loaded.pooling, "padding": loaded.padding}
    network = vgg.build(tiny.BLOCKS[model], loaded.arrays, TAPS, device=mx.cpu(), **knobs)
    taps = network(nd.array(preprocessing.to_array(Picture(picture), loaded.convention)))
    for name, tap in zip(TAPS, taps):
        error = np.abs(tap.asnumpy()[0] - expected[name]).max()
        assert error < 1e-5 * np.abs(expected[name]).max(), name


@every_name
def test_the_arrays_are_those_of_the_file_in_the_order_needed(tmp_path, names):
    path = tiny.write_vgg(tmp_path / "a.params", names=names)
    loaded = reader.load(path, NEEDED)
    assert list(loaded.arrays) == NEEDED
    assert loaded.widths == [4, 4, 6, 6, 8, 8, 8, 8, 8, 8]
    for name in NEEDED[1:]:
        for found, expected in zip(loaded.arrays[name], tiny.random_arrays()[name]):
            assert found.dtype == np.float32 and (found == expected).all()


def test_float16_files_are_computed_in_float32(tmp_path):
    arrays = tiny.file_arrays(tiny.random_arrays(), tiny.BLOCKS["vgg19"], "caffe", False)
    halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    loaded = reader.load(tiny.save_params(tmp_path / "a.params", halves), NEEDED)
    kernel = loaded.arrays["conv4_2"][0]
    assert kernel.dtype == np.float32
    assert (kernel == halves["arg:conv4_2_weight"].astype(np.float32)).all()


@every_name
def test_deeper_and_dense_layers_are_ignored_with_a_line_for_the_curious(tmp_path, caplog, names):
    path = tiny.write_vgg(tmp_path / "a.params", names=names)
    with caplog.at_level(logging.DEBUG, logger="nstyle"):
        loaded = reader.load(path, NEEDED[:2])
    assert list(loaded.arrays) == NEEDED[:2]
    assert "ignored" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_a_deeper_layer_may_be_anything(tmp_path):
    broken = {"arg:conv4_3_weight": np.full((8, 8, 3, 3), np.nan, np.float32)}
    broken["arg:conv5_1_weight"] = np.zeros((2, 9, 1, 1), np.float32)
    path = tiny.write_vgg(tmp_path / "a.params", change=broken)
    assert list(reader.load(path, NEEDED).arrays) == NEEDED
    assert "conv4_3" in refusal(path, [*NEEDED, "conv4_3"])


# ---- which VGG ----


@every_name
@pytest.mark.parametrize(
    ("inside", "asked"), [("vgg16", "vgg19"), ("vgg19", "vgg16"), ("vgg19", "vgg16-slim")]
)
def test_another_vgg_than_asked_for_is_refused(tmp_path, names, inside, asked):
    path = tiny.write_vgg(tmp_path / "a.params", model=inside, names=names)
    needed = layers.needed_convolutions(TAPS, tiny.BLOCKS[asked])
    message = refusal(path, needed, asked)
    assert inside in message and f"--model {asked}" in message


@pytest.mark.parametrize("family", ["vgg16", "vgg19"])
def test_a_narrow_vgg_calls_itself_slim(tmp_path, family):
    needed = layers.needed_convolutions(TAPS, tiny.BLOCKS[family])
    wide, narrow = (
        tiny.write_vgg(tmp_path / f"{first}.params", (first, 4, 4, 4, 4), model=family)
        for first in (64, 63)
    )
    assert reader.load(wide, needed).model == family
    assert reader.load(narrow, needed).model == f"{family}-slim"


# ---- kernels of integers ----

FACTORS = np.linspace(0.001, 0.02, 6, dtype=np.float32)


def write_integers(path: Path, factors: np.ndarray = FACTORS) -> tuple[str, np.ndarray]:
    """A file whose conv2_1 has its kernel in 8 bits, and that kernel."""
    kernel = np.random.default_rng(5).integers(-127, 128, (6, 4, 3, 3)).astype(np.int8)
    change = {"arg:conv2_1_weight": kernel, "arg:conv2_1_weight_scale": factors}
    return tiny.write_vgg(path, change=change), kernel


def test_a_kernel_of_integers_has_a_factor_for_each_channel(tmp_path):
    path, kernel = write_integers(tmp_path / "a.params")
    arrays = reader.load(path, NEEDED).arrays
    found, bias = arrays["conv2_1"]
    assert found.dtype == np.float32 and np.abs(found).max() > 0.1
    for channel, factor in enumerate(FACTORS):
        assert (found[channel] == kernel[channel].astype(np.float32) * factor).all()
    assert (bias == tiny.random_arrays()["conv2_1"][1]).all()
    assert (arrays["conv2_2"][0] == tiny.random_arrays()["conv2_2"][0]).all()


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        (FACTORS[:-1], "6 channels, but factors (5,)"),
        (FACTORS.reshape(6, 1), "6 channels, but factors (6, 1)"),
        (FACTORS * np.float32("nan"), "not finite"),
    ],
)
def test_factors_that_do_not_fit_their_kernel_are_refused(tmp_path, factors, words):
    path, _ = write_integers(tmp_path / "a.params", factors)
    message = refusal(path)
    assert "conv2_1" in message and words in message


# ---- refusals ----


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 an archive", b"\x12", bytes(4000)])
def test_what_is_no_params_file_is_refused(tmp_path, content):
    (tmp_path / "a.params").write_bytes(content)
    assert ".params" in refusal(tmp_path / "a.params")
    assert "no such file" in refusal(tmp_path / "none.params")
    assert "folder" in refusal(tmp_path)


def test_a_truncated_file_is_refused(tmp_path):
    path = Path(tiny.write_vgg(tmp_path / "a.params"))
    data = path.read_bytes()
    for share in (0.001, 0.3, 0.9, 0.9999):
        path.write_bytes(data[: int(len(data) * share)])
        refusal(path)


def test_arrays_without_names_are_refused(tmp_path):
    nd.save(str(tmp_path / "a.params"), [nd.zeros((4, 3, 3, 3))])
    assert "no names" in refusal(tmp_path / "a.params")


def test_names_of_no_vgg_are_refused(tmp_path):
    path = tiny.save_params(
        tmp_path / "a.params", {"resnet0_conv0_weight": np.zeros((4, 3, 3, 3), np.float32)}
    )
    message = refusal(path)
    assert "resnet0_conv0_weight" in message and "conv1_1_weight" in message


@pytest.mark.parametrize(
    ("names", "array"),
    [
        ("caffe", "arg:conv1_1_weight"),
        ("caffe", "arg:conv2_1_weight"),
        ("caffe", "arg:conv4_2_bias"),
        ("gluon", "features.5.weight"),
        ("prefixed", "vgg0_conv2_bias"),
    ],
)
def test_a_missing_array_is_refused(tmp_path, names, array):
    path = tiny.write_vgg(tmp_path / "a.params", names=names, change={array: None})
    layer = array[4:11] if names == "caffe" else "conv2_1"
    assert f"{layer}_{array.rpartition('_')[2].rpartition('.')[2]} is missing" in refusal(path)


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        ("conv2_1_weight", (6, 4, 1, 1)),  # not 3x3
        ("conv2_1_weight", (6, 4, 3)),
        ("conv2_1_weight", (6, 36)),
        ("conv2_1_bias", (5,)),
        ("conv2_1_bias", (1, 6)),
        ("conv1_1_weight", (4, 1, 3, 3)),  # not 3 input channels
        ("conv1_1_weight", (4, 4, 3, 3)),
    ],
)
def test_a_misshapen_array_is_refused(tmp_path, array, shape):
    change = {f"arg:{array}": np.zeros(shape, np.float32)}
    path = tiny.write_vgg(tmp_path / "a.params", change=change)
    message = refusal(path)
    assert array[:7] in message and str(shape[1] if "1_1" in array else shape) in message


def test_shapes_that_do_not_follow_from_one_another_are_refused(tmp_path):
    change = {"arg:conv3_2_weight": np.zeros((8, 7, 3, 3), np.float32)}
    message = refusal(tiny.write_vgg(tmp_path / "a.params", change=change))
    assert "conv3_2 takes 7 channels" in message and "conv3_1 has 8" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("array", ["conv1_1_bias", "conv4_2_weight"])
def test_values_that_are_not_finite_are_refused(tmp_path, value, array):
    layer, _, kind = array.rpartition("_")
    broken = tiny.random_arrays()[layer][kind == "bias"].copy()
    broken.flat[-1] = value
    message = refusal(tiny.write_vgg(tmp_path / "a.params", change={f"arg:{array}": broken}))
    assert layer in message and "not finite" in message


@pytest.mark.parametrize("names", ["gluon", "prefixed"])
def test_a_vgg_with_batch_normalisation_is_refused_by_that_name(tmp_path, names):
    arrays, place = {}, 0
    for index, (name, pair) in enumerate(tiny.random_arrays().items()):
        place += int(name.endswith("_1") and index > 0)  # a pooling layer
        convolution, norm = f"features.{place}.", f"features.{place + 1}."
        if names == "prefixed":
            convolution, norm = f"vgg0_conv{index}_", f"vgg0_batchnorm{index}_"
        place += 3
        arrays.update({f"{convolution}weight": pair[0], f"{convolution}bias": pair[1]})
        arrays.update({f"{norm}gamma": pair[1], f"{norm}beta": pair[1]})
    path = tiny.save_params(tmp_path / "a.params", arrays)
    assert "batch norm" in refusal(path)


# ---- the network inside the package ----


@pytest.mark.parametrize("model", sorted(locations.BUILT_IN))
def test_a_built_in_network_loads_with_all_its_layers(model, caplog):
    needed = layers.convolutions(layers.BLOCKS[model])
    with caplog.at_level(logging.DEBUG, logger="nstyle"):
        loaded = reader.load(locations.find(model)[1], needed, model=model)
    assert caplog.messages == []  # nothing in the file is ignored
    assert loaded.model == model
    assert (loaded.padding, loaded.pooling) == ("zero", "avg")
    assert loaded.convention.mean == tuple(tiny.MEAN)
    assert list(loaded.arrays) == needed


@pytest.mark.parametrize(
    ("model", "most", "kinds"),
    [
        ("vgg16-slim", 12e6, {"weight": np.int8, "weight_scale": np.float32, "bias": np.float16}),
        ("vgg19-slim", 2.5e6, {"weight": np.float16, "bias": np.float16}),
    ],
)
def test_a_built_in_file_is_small_and_of_few_bits(model, most, kinds):
    path = Path(locations.find(model)[1])
    assert path.stat().st_size < most
    found = {name: array.dtype for name, array in nd.load(str(path)).items()}
    needed = layers.convolutions(layers.BLOCKS[model])
    assert found == {f"arg:{name}_{kind}": kinds[kind] for name in needed for kind in kinds}


@pytest.mark.parametrize("model", sorted(locations.BUILT_IN))
def test_a_built_in_file_damaged_by_one_byte_is_refused(tmp_path, monkeypatch, model):
    monkeypatch.setattr(reader, "PRETRAINED", tmp_path)
    needed = layers.convolutions(layers.BLOCKS[model])
    copy = tmp_path / locations.BUILT_IN[model]
    shutil.copy(locations.find(model)[1], copy)
    reader.load(str(copy), needed)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    assert "damaged" in refusal(copy, needed)
    other = tiny.write_vgg(tmp_path / "mine.params")  # loads like any other
    assert list(reader.load(other, NEEDED).arrays) == NEEDED


def test_a_known_file_gets_its_own_padding_and_pooling(tmp_path, monkeypatch):
    path = Path(tiny.write_vgg(tmp_path / "a.params"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(reader.KNOWN_FILES, digest, ("reflect", "max"))
    loaded = reader.load(str(path), NEEDED)
    assert (loaded.padding, loaded.pooling) == ("reflect", "max")
