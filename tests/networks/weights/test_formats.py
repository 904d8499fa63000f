"""Weights files of other programs: the same features as from .params, and refusals in one line."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import filed
import numpy as np
import pytest
import tiny
from scipy.io import savemat

from nstyle.errors import WeightsError
from nstyle.images.picture import Picture
from nstyle.networks import layers, preprocessing, vgg
from nstyle.networks.distill import teacher
from nstyle.networks.weights import formats, reader
from nstyle.networks.weights.formats import hdf5, npz, safetensors
from nstyle.system import extras
from nstyle.system.backend import mx, nd

CHECKOUT = Path(__file__).parents[3]
TAPS = ["relu1_1", "relu3_1", "relu4_2", "relu5_1"]
EXTRA = extras.advice("weights")
ONE_OF_EACH = ["mat", "mat old", "keras", "safetensors torchvision", "npz ours", "npz tensorflow"]
MAT_LAYERS = filed.mat_layers(tiny.random_arrays(), True, True)
every_kind = pytest.mark.parametrize("kind", filed.WRITERS)
every_model = pytest.mark.parametrize("model", ["vgg16", "vgg19"])


def needed(model: str = "vgg19") -> list[str]:
    """The convolutions up to the deepest of TAPS."""
    return layers.needed_convolutions(TAPS, tiny.BLOCKS[model])


def refusal(path: Any, model: str = "auto") -> str:
    """The one line with which a file is refused."""
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError) as caught:
            reader.load(str(path), needed(), model=model)
        assert tracemalloc.get_traced_memory()[1] < 20e6  # whatever lengths it states
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


# ---- what is read ----


@every_kind
@every_model
@pytest.mark.parametrize("deep", [True, False])
def test_features_are_those_of_a_transcription_with_the_files_own_pictures(
    tmp_path, kind, model, deep
):
    path = filed.write_vgg(tmp_path / "a.weights", kind, model=model, deep=deep)
    picture = tiny.picture(3)
    arrays = tiny.random_arrays(filed.WIDTHS, model, deep=deep)
    expected = tiny.taps_of(arrays, filed.to_input(kind, picture), model=model)
    file = reader.read(path)
    assert file.family == model
    loaded = reader.select(file, needed(model))
    knobs: dict[str, Any] = {"pooling": "avg", "padding": "zero", "device": mx.cpu()}
    network = vgg.build(tiny.BLOCKS[model], loaded.arrays, TAPS, **knobs)
    x = nd.array(preprocessing.to_array(Picture(picture), loaded.convention))
    for name, tap in zip(TAPS, network(x)):
        error = np.abs(tap.asnumpy()[0] - expected[name]).max()
        assert error < 1e-5 * np.abs(expected[name]).max()


@every_kind
@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize(("inside", "asked"), [("vgg16", "vgg19"), ("vgg19", "vgg16")])
def test_another_vgg_than_asked_for_is_refused(tmp_path, kind, deep, inside, asked):
    path = filed.write_vgg(tmp_path / "a", kind, model=inside, deep=deep)
    message = refusal(path, asked)
    assert inside in message and f"--model {asked}" in message


@every_kind
def test_the_name_of_a_file_says_nothing(tmp_path, kind):
    for end in ("params", "mat", "h5", "npz", "safetensors", "pth", "jpg"):
        path = filed.write_vgg(tmp_path / f"a.{end}", kind)
        formats.check(path)
        assert reader.read(path).family == "vgg19"


def test_the_teacher_of_a_distillation_reads_them(tmp_path):
    found = teacher.read(filed.write_vgg(tmp_path / "a", "keras 3"))
    kernel, bias = tiny.random_arrays(filed.WIDTHS)["conv4_3"]
    assert (found.arrays["conv4_3_weight"] == kernel).all()
    assert (found.arrays["conv4_3_bias"] == bias).all() and len(found.arrays) == 32


def test_mxnet_is_needed_for_none(tmp_path):
    paths = [filed.write_vgg(tmp_path / f"{n}", kind) for n, kind in enumerate(filed.WRITERS)]
    paths.append(tiny.write_vgg(tmp_path / "a.params"))
    code = (
        "import sys; sys.modules['mxnet'] = None\n"
        "from nstyle.networks.weights import reader\n"
        "for path in sys.argv[1:]: print(len(reader.load(path, ['conv1_1', 'conv1_2']).arrays))"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", code, *paths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2"] * len(paths)


@pytest.mark.parametrize(
    ("kind", "module"),
    [("keras", hdf5), ("safetensors torchvision", safetensors), ("npz tensorflow", npz)],
)
def test_only_what_is_needed_is_read(tmp_path, monkeypatch, kind, module):
    path = filed.write_vgg(tmp_path / "a", kind)
    read, values = [], module.values

    def record(path: str, name: str) -> np.ndarray:
        read.append(name)
        return values(path, name)

    monkeypatch.setattr(module, "values", record)
    file = reader.read(path)
    assert read == []
    reader.select(file, needed())
    assert len(read) == len(set(read)) == 2 * len(needed())


@pytest.mark.parametrize("kind", ["mat", "mat old"])
def test_the_mean_of_a_matconvnet_file_is_its_own(tmp_path, monkeypatch, kind):
    mean = np.array([101.0, 102.5, 99.25])
    monkeypatch.setattr(tiny, "MEAN", mean)
    path = filed.write_vgg(tmp_path / "a.mat", kind)
    assert reader.load(path, needed()).convention.mean == tuple(mean)


def test_a_matconvnet_file_without_a_mean_has_caffes(tmp_path):
    savemat(tmp_path / "a.mat", {"layers": MAT_LAYERS, "meta": {"classes": 3.0}})
    os.truncate(tmp_path / "a.mat", 2**31)  # zeros at the end cost no time
    assert reader.load(str(tmp_path / "a.mat"), needed()).convention == preprocessing.CAFFE


@pytest.mark.parametrize("image", [np.full((1, 1, 3), 300.0), np.ones((2, 2)), np.full(3, np.nan)])
def test_a_mean_that_is_none_is_refused(tmp_path, image):
    savemat(tmp_path / "a.mat", {"layers": MAT_LAYERS, "normalization": {"averageImage": image}})
    assert "averageImage" in refusal(tmp_path / "a.mat")


def place_of(name: str) -> str:
    """conv2_1 -> 5, where torchvision has it in VGG-16."""
    places = tiny.file_arrays(
        tiny.random_arrays(model="vgg16"), tiny.BLOCKS["vgg16"], "gluon", False
    )
    names = tiny.conv_names(tiny.BLOCKS["vgg16"])
    return [*places][2 * names.index(name)].split(".")[1]


CAFFE, BGR, TORCH = preprocessing.CAFFE, preprocessing.CAFFE_BGR, preprocessing.TORCHVISION
LETTERS, PLURALS = {"weight": "W", "bias": "b"}, {"weight": "weights", "bias": "biases"}
# What arrays are called -> (the name of one, by conv1_1 and weight or bias; whether kernels are
# HWIO, the convention).
NAMES: dict[str, tuple[Any, bool, Any]] = {
    "gatys": (lambda n, k: f"{n}.{k}", False, None),
    "in a module": (lambda n, k: f"module.vgg.{n}.{k}", False, None),
    "keras's in pytorch": (lambda n, k: f"{filed.block_and_index(n)}.{k}", False, None),
    "blocks": (lambda n, k: f"block{n[4]}.conv{n[6]}.{k}", False, None),
    "caffe's in a module": (lambda n, k: f"module.{n}_{k}", False, CAFFE),
    "tf-slim": (lambda n, k: f"vgg_16/{n[:5]}/{n}/{PLURALS[k]}", True, CAFFE),
    "tensorflow": (lambda n, k: f"{n}_{LETTERS[k]}:0", True, CAFFE),
    "keras": (lambda n, k: f"{n}/{n}_{LETTERS[k]}:0", True, None),
    "keras 3": (
        lambda n, k: f"layers/{filed.block_and_index(n)}/vars/{'wb'.index(k[0])}",
        True,
        BGR,
    ),
    "data parallel": (lambda n, k: f"module.features.{place_of(n)}.{k}", False, TORCH),
    "parallel features": (lambda n, k: f"features.module.{place_of(n)}.{k}", False, TORCH),
    "lightning": (lambda n, k: f"model.vgg-net.features.{place_of(n)}.{k}", False, TORCH),
    "slices": (lambda n, k: f"net.slice{n[4]}.{place_of(n)}.{k}", False, TORCH),
    "features alone": (lambda n, k: f"{place_of(n)}.{k}", False, None),
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_usual_names_of_arrays_are_known(tmp_path, kind):
    name_of, hwio, expected = NAMES[kind]
    arrays = tiny.random_arrays(filed.WIDTHS, "vgg16")
    named = {"classifier.0.weight": filed.DENSE[0], "module.classifier.0.bias": filed.DENSE[1]}
    named["optimizer/" + name_of("conv1_1", "bias")] = filed.DENSE[1]
    for name, (kernel, bias) in arrays.items():
        named[name_of(name, "weight")] = filed.hwio(kernel) if hwio else kernel
        named[name_of(name, "bias")] = bias
    filed.write_safetensors(tmp_path / "a", named)
    file = reader.read(str(tmp_path / "a"))
    assert (file.family, file.scheme.convention) == ("vgg16", expected)
    if expected is None:
        with pytest.raises(WeightsError, match=r"-convention \(caffe, caffe-bgr, torchvision\)"):
            reader.select(file, needed("vgg16"))
    found = reader.select(file, needed("vgg16"), "caffe").arrays
    assert all((found[n][0] == arrays[n][0]).all() for n in found)
    assert all((found[n][1] == arrays[n][1]).all() for n in found)


def test_two_networks_in_a_file_are_refused(tmp_path):
    one = filed.torchvision(tiny.random_arrays(), tiny.BLOCKS["vgg19"], False)
    both = {f"{owner}.{name}": values for owner in ("ema", "model") for name, values in one.items()}
    filed.write_safetensors(tmp_path / "a", both)
    message = refusal(tmp_path / "a")
    assert "two networks" in message and "ema.features.0" in message and "model.fe" in message


def old_params(arrays: dict[str, np.ndarray], first: bool) -> bytes:
    """A .params file as MXNet before 0.12 wrote it, or before 0.9."""
    data = struct.pack("<QQQ", 0x112, 0, len(arrays))
    for values in arrays.values():
        data += b"" if first else struct.pack("<I", 0xF993FAC8)
        data += struct.pack(f"<I{values.ndim}{'I' if first else 'q'}", values.ndim, *values.shape)
        data += struct.pack("<iii", 1, 0, 0) + values.tobytes()
    names = b"".join(struct.pack("<Q", len(name)) + name.encode() for name in arrays)
    return data + struct.pack("<Q", len(arrays)) + names


@pytest.mark.parametrize("first", [True, False])
def test_params_of_old_versions_of_mxnet_are_read_as_it_reads_them(tmp_path, first):
    named = filed.ours(tiny.random_arrays(), tiny.BLOCKS["vgg19"], True)
    (tmp_path / "a").write_bytes(old_params(named, first))
    found, expected = formats.read(str(tmp_path / "a")), nd.load(str(tmp_path / "a"))
    assert list(found.arrays) == list(expected) == list(named)
    assert all((found.read(n) == a.asnumpy()).all() for n, a in expected.items())


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u1", "i1", "i4", "i8"])
def test_each_type_of_params_is_read_as_it_was_written(tmp_path, kind):
    values = np.arange(-3, 9).reshape(3, 4).astype(kind)
    path = tiny.save_params(tmp_path / "a", {"a": values, "none": np.zeros((0, 3), kind)})
    found = formats.read(path)
    assert found.read("a").dtype == values.dtype and (found.read("a") == values).all()


# ---- what is refused ----


class Trap:
    """Its pickle makes a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def write_torch(path: Path, trap: Path, *, old: bool) -> None:
    """What torch.save writes, as far as it matters here; whoever unpickles it touches `trap`."""
    if old:
        path.write_bytes(pickle.dumps(Trap(trap), protocol=2))
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vgg19/data.pkl", pickle.dumps(Trap(trap), protocol=2))
        archive.writestr("vgg19/data/0", bytes(100))


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("name", ["vgg19.pth", "it's a $name.pt", "vgg19.npz"])
def test_a_file_of_pytorch_is_refused_with_the_command_that_converts_it(tmp_path, old, name):
    write_torch(tmp_path / name, tmp_path / "trap", old=old)
    message = refusal(tmp_path / name)
    python, flag, code = shlex.split(message[message.index("python -c") :])
    assert (python, flag) == ("python", "-c")
    seen: dict[str, Any] = {}

    class Torch:
        @staticmethod
        def load(path: str, **options: Any) -> tuple[Any, ...]:
            return path, options

        @staticmethod
        def save_file(arrays: Any, path: str) -> None:
            seen.update({path: arrays})

    imports, call = code.split("; ")
    assert imports == "import torch, safetensors.torch as s"
    exec(call, {"torch": Torch, "s": Torch})
    target = str((tmp_path / name).with_suffix(".safetensors"))
    options = {"weights_only": True, "map_location": "cpu"}
    assert seen == {target: (str(tmp_path / name), options)}
    assert not (tmp_path / "trap").exists()


def test_a_torchscript_file_and_onnx_are_refused_with_commands_that_parse(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("vgg/data.pkl", b"")
        archive.writestr("vgg/code/__torch__.py", "")
    (tmp_path / "it's.onnx").write_bytes(b"\b\7\x12\7pytorch\x1a\x05" + bytes(40))
    for name, word in (("a.pt", "torch.jit.load"), ("it's.onnx", "onnx.load")):
        message = refusal(tmp_path / name)
        _, _, code = shlex.split(message[message.index("python -c") :])
        compile(code, name, "exec")
        assert word in code and str(tmp_path / name) in code


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_other_pickles_are_refused(tmp_path, protocol):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Trap(tmp_path / "trap"), protocol=protocol))
    assert "pickle" in refusal(tmp_path / "a.pkl")
    assert not (tmp_path / "trap").exists()


def test_arrays_that_are_pickles_are_refused(tmp_path):
    objects = np.array([Trap(tmp_path / "trap")], object)
    for array in (objects, np.zeros(3)):
        np.save(tmp_path / "vgg19.npy", array, allow_pickle=True)
        assert ".npz" in refusal(tmp_path / "vgg19.npy")
    named = filed.ours(tiny.random_arrays(), tiny.BLOCKS["vgg19"], True)
    filed.write_npz(tmp_path / "a.npz", {**named, "conv1_1_weight": objects})
    message = refusal(tmp_path / "a.npz")
    assert "conv1_1_weight" in message and "pickle" in message
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n", "-v7"),
        (b"<!DOCTYPE html><html>", "not an MXNet .params"),
        (b"\n <html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\x1f\x8b\b\0", "unpack it"),
        (bytes(257) + b"ustar", "unpack it"),
        (b"\4\0\0\0\1\0\0\0\3\0\0\0V 1\r\0\0\0nn.Sequential", "nstyle download"),
        (b"4\n1\n3\nV 1\n13\nnn.Sequential\n", "Torch 7"),
        (b"\n\x14VGG_ILSVRC_19_layers\x12\x20\n\x07conv1_1", ".caffemodel"),
        (b"\n\x05VGG16\xa2\x06\x20", "nstyle download"),
        (b"\b", "by its content"),
        (b"", ".safetensors"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, content, word):
    (tmp_path / "a.mat").write_bytes(content)
    assert word in refusal(tmp_path / "a.mat")


def test_files_of_these_kinds_with_something_else_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert "without arrays" in refusal(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("weights/vgg16.h5", "nothing")
    assert "unpack it, and give weights/vgg16.h5" in refusal(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(9999))
    assert "packed in it" in refusal(tmp_path / "a.keras")
    savemat(tmp_path / "a.mat", {"x": np.ones(3)})
    assert "layers" in refusal(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("kind", "library"), [("keras", "h5py"), ("safetensors torchvision", "safetensors")]
)
def test_an_absent_library_is_named_with_its_extra(tmp_path, monkeypatch, kind, library):
    path = filed.write_vgg(tmp_path / "a", kind)
    monkeypatch.setitem(sys.modules, library, None)
    assert EXTRA in refusal(path)
    with pytest.raises(WeightsError, match="weights"):
        formats.check(path)


def test_bfloat16_is_refused_by_name(tmp_path):
    named = filed.ours(tiny.random_arrays(), tiny.BLOCKS["vgg19"], True)
    header, data = {}, b""
    for name, array in named.items():
        start = len(data)
        data += bytes(2 * array.size)
        places = [start, len(data)]
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": places}
    head = json.dumps(header).encode()
    (tmp_path / "a").write_bytes(len(head).to_bytes(8, "little") + head + data)
    message = refusal(tmp_path / "a")
    assert "BF16" in message and "float32" in message


@pytest.mark.parametrize(
    "extra", ["features.1.running_mean", "layers/batch_normalization/vars/0", "bn/batchnorm/gamma"]
)
def test_batch_normalisation_is_refused_by_that_name(tmp_path, extra):
    named = filed.torchvision(tiny.random_arrays(), tiny.BLOCKS["vgg19"], True)
    filed.write_safetensors(tmp_path / "a", {**named, extra: np.zeros(4, np.float32)})
    assert "batch norm" in refusal(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conv2_1_W": np.zeros((6, 4, 3, 3), np.float32)}, ["conv2_1", "(6, 4, 3, 3)", "(3, 3,"]),
        ({"conv2_1_W": np.zeros((3, 3, 5, 6), np.float32)}, ["conv2_1 takes 5", "conv1_2 has 4"]),
        ({"conv2_1_b": np.full(6, 1e300)}, ["conv2_1", "not finite"]),
        ({"conv2_1_b": np.full(6, "x")}, ["conv2_1", "real numbers"]),
        ({"conv2_1_b": np.full(6, 1j)}, ["conv2_1", "real numbers"]),
        ({"conv2_1_W": np.zeros(())}, ["conv2_1", "()"]),
    ],
)
def test_what_is_wrong_with_an_array_is_named(tmp_path, change, words):
    arrays = tiny.random_arrays(filed.WIDTHS)
    named = {**filed.tensorflow(arrays, tiny.BLOCKS["vgg19"], True), **change}
    filed.write_npz(tmp_path / "a.npz", named)
    message = refusal(tmp_path / "a.npz")
    assert all(word in message for word in words), message


def test_a_kernel_larger_than_any_is_refused_before_it_is_read(tmp_path):
    import h5py

    path = filed.write_vgg(tmp_path / "a.h5", "keras")
    layer = "block1_conv1"
    with h5py.File(path, "a") as file:  # nothing is stored of it: all of it is zero
        del file[f"{layer}/{layer}_W_1:0"], file[f"{layer}/{layer}_b_1:0"]
        file.create_dataset(f"{layer}/{layer}_W_1:0", (3, 3, 3, 2**40), "f4", chunks=(3, 3, 3, 64))
        file.create_dataset(f"{layer}/{layer}_b_1:0", (2**40,), "f4", chunks=(64,))
    assert f"(3, 3, 3, {2**40}) and ({2**40},); a VGG's are" in refusal(path)


# ---- lengths that the file does not have ----

TERABYTE = 2**40


def test_params_of_stated_lengths_are_refused(tmp_path):
    whole = Path(tiny.write_vgg(tmp_path / "whole")).read_bytes()
    at = whole.index(struct.pack("<I", 0xF993FAC9))  # the first array: magic, kind, dimensions
    for place, value in (
        (16, struct.pack("<Q", TERABYTE)),  # so many arrays
        (at + 8, struct.pack("<i", 2**30)),
        (at + 8, struct.pack("<i", -1)),
        (at + 12, struct.pack("<q", TERABYTE)),
        (at + 12, struct.pack("<q", -4)),
        (at + 4, struct.pack("<i", 1)),  # sparse
        (at + 52, struct.pack("<i", 99)),  # a type
        (len(whole) - 24, b"\xff" * 8),
    ):
        (tmp_path / "a").write_bytes(whole[:place] + value + whole[place + len(value) :])
        assert "damaged" in refusal(tmp_path / "a"), place
    (tmp_path / "a").write_bytes(whole[:24] + bytes(11_000))  # arrays of nothing
    assert "no names" in refusal(tmp_path / "a")


def npy(shape: tuple[int, ...], dtype: str, data: bytes) -> bytes:
    """An .npy that states these."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + data


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "word"),
    [
        ((64, 3, 3, 3), "|V40000000", 0, "not of the size"),
        ((4, 3, 3, 3), "|V4", 4 * 27 * 4, "real numbers"),
        ((TERABYTE, 3, 3, 3), "<f4", 100, "not of the size"),
        ((2**20, 3, 3, 3), "<f4", 2**20 * 27 * 4, "of which"),  # zeros, packed
    ],
)
def test_npz_of_stated_lengths_are_refused(tmp_path, shape, dtype, size, word):
    arrays = filed.ours(tiny.random_arrays(), tiny.BLOCKS["vgg19"], False)
    filed.write_npz(tmp_path / "a", {n: v for n, v in arrays.items() if n != "conv1_1_weight"})
    with zipfile.ZipFile(tmp_path / "a", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conv1_1_weight.npy", npy(shape, dtype, bytes(size)))
    assert word in refusal(tmp_path / "a")


@pytest.mark.parametrize(
    ("shape", "dtype", "word"),
    [((3, 3, 3, 4), "V40000000", "real numbers"), ((3, 3, 2**16, 4), "f8", "of which 0 are")],
)
def test_hdf5_of_stated_lengths_is_refused(tmp_path, shape, dtype, word):
    import h5py

    path = filed.write_vgg(tmp_path / "a.h5", "keras")
    with h5py.File(path, "a") as file:
        del file["block1_conv1/block1_conv1_W_1:0"]
        chunks = (1, 1, 1, 1)
        file.create_dataset("block1_conv1/block1_conv1_W_1:0", shape, dtype, chunks=chunks)
    assert word in refusal(path)


def test_mat_files_that_unpack_to_far_more_are_refused(tmp_path):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    bomb = zlib.compress(bytes(2**26), 9)
    (tmp_path / "a").write_bytes(header + struct.pack("<II", 15, len(bomb)) + bomb)
    assert "packed" in refusal(tmp_path / "a")


def test_safetensors_of_stated_lengths_are_refused(tmp_path):
    path = Path(filed.write_vgg(tmp_path / "a", "safetensors ours"))
    data = path.read_bytes()
    for size in (TERABYTE, 2**63, len(data)):
        path.write_bytes(struct.pack("<Q", size) + data[8:])
        assert "damaged" in refusal(path)
    path.write_bytes(data[:-4])
    assert "damaged" in refusal(path)


# ---- damage ----


def survives(path: Path) -> bool:
    """Whether a damaged file still loads; if not, it is refused in one line."""
    try:
        reader.load(str(path), needed())
    except WeightsError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return False
    return True


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_a_file_cut_short_is_refused(tmp_path, kind):
    data = Path(filed.write_vgg(tmp_path / "whole", kind, deep=False)).read_bytes()
    cut = tmp_path / "cut"
    lengths = {*range(0, 260, 13), *(int(len(data) * part / 40) for part in range(40))}
    for length in sorted(lengths):
        cut.write_bytes(data[:length])
        assert not survives(cut), length


def test_a_compressed_mat_file_without_its_checksum_is_refused(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"layers": MAT_LAYERS}, do_compression=True)
    assert survives(path)
    data = path.read_bytes()
    size = (len(data) - 136 - 4).to_bytes(4, "little")  # of the only element
    path.write_bytes(data[:132] + size + data[136:-4])
    assert not survives(path)


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_flipped_bytes_never_end_in_a_traceback(tmp_path, kind):
    data = Path(filed.write_vgg(tmp_path / "whole", kind, deep=False)).read_bytes()
    chance, flipped = np.random.default_rng(5), tmp_path / "flipped"
    for trial in range(60):
        damaged = bytearray(data)
        reach = 600 if trial % 2 else len(data)
        for place in chance.integers(0, reach, 1 + trial % 4):
            damaged[place] ^= 1 << int(chance.integers(8))
        flipped.write_bytes(damaged)
        survives(flipped)
