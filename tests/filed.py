"""Small VGGs in every kind of weights file, laid out as the published files are.

Each writer takes a path, convolutions as tiny.random_arrays gives them (what cross-correlates with
the file's own kind of picture), VGG's blocks, and whether dense layers follow.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tiny

DENSE = np.ones((5, 7), np.float32), np.ones(5, np.float32)
Writer = Callable[[Path, tiny.Arrays, Sequence[int], bool], None]


def hwio(kernel: np.ndarray) -> np.ndarray:
    """OIHW -> HWIO."""
    return np.moveaxis(kernel, (0, 1), (3, 2))


def block_and_index(name: str) -> str:
    """conv1_2 -> block1_conv2, as Keras has it."""
    return f"block{name[4]}_conv{name[6]}"


# ---- MatConvNet ----


def cell(items: Sequence[Any]) -> np.ndarray:
    """A 1xN cell array."""
    made = np.empty((1, len(items)), object)
    for index, item in enumerate(items):
        made[0, index] = item
    return made


def mat_layers(arrays: tiny.Arrays, deep: bool, newer: bool) -> np.ndarray:
    """Structs for convolution, ReLU and pooling, and a dense layer that MatConvNet calls conv."""
    layers: list[Any] = []
    dense = {"fc6": (np.ones((5, 8, 2, 2), np.float32), DENSE[1])} if deep else {}
    for name, (kernel, bias) in {**arrays, **dense}.items():
        if name.endswith("_1") and layers:
            layers.append({"name": f"pool{int(name[4]) - 1}", "type": "pool", "method": "max"})
        pair = hwio(kernel), bias.reshape(1, -1)
        filled = {"weights": cell(pair)} if newer else {"filters": pair[0], "biases": pair[1]}
        order = {"pad": np.ones((1, 4)), "type": "conv", "name": name, "stride": np.ones((1, 2))}
        layers.append({**order, **filled} if newer else {**filled, **order})
        layers.append({"name": name.replace("conv", "relu"), "type": "relu"})
    return cell(layers)


def mat(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """As after beta 16: `weights`, and the mean as 1x1x3 inside `meta`."""
    from scipy.io import savemat

    normalization = {"averageImage": tiny.MEAN.reshape(1, 1, 3), "keepAspect": 1.0}
    meta = {"normalization": normalization, "classes": {"name": cell(["tench", "goldfish"])}}
    with path.open("wb") as stream:
        savemat(stream, {"layers": mat_layers(arrays, deep, True), "meta": meta})


def mat_old(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """As the first betas: `filters` and `biases`, and the mean as a whole picture; compressed."""
    from scipy.io import savemat

    image = np.broadcast_to(tiny.MEAN, (6, 5, 3)).astype(np.float64)
    content = {"layers": mat_layers(arrays, deep, False), "normalization": {"averageImage": image}}
    with path.open("wb") as stream:
        savemat(stream, content, do_compression=True)


# ---- Keras ----


def write_h5(path: Path, datasets: dict[str, np.ndarray], groups: Sequence[str] = ()) -> None:
    """Datasets by their place, and groups that may be empty."""
    import h5py

    with h5py.File(path, "w") as file:
        for group in groups:
            file.require_group(group)
        for place, values in datasets.items():
            file.create_dataset(place, data=values)


def keras(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """The published files: block1_conv1/block1_conv1_W_1:0, kernels HWIO, BGR."""
    datasets = {}
    for name, (kernel, bias) in arrays.items():
        layer = block_and_index(name)
        datasets[f"{layer}/{layer}_W_1:0"] = hwio(kernel)
        datasets[f"{layer}/{layer}_b_1:0"] = bias
    if deep:
        datasets.update({"fc1/fc1_W_1:0": DENSE[0].T, "fc1/fc1_b_1:0": DENSE[1]})
    write_h5(path, datasets, [f"block{block}_pool" for block in range(1, 6)])


def keras_model(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """A whole model saved by Keras 2, with the state of its optimiser."""
    datasets = {}
    for name, (kernel, bias) in arrays.items():
        layer = block_and_index(name)
        datasets[f"model_weights/{layer}/{layer}/kernel:0"] = hwio(kernel)
        datasets[f"model_weights/{layer}/{layer}/bias:0"] = bias
        datasets[f"optimizer_weights/Adam/m/{layer}/kernel:0"] = hwio(kernel) * 0
    if deep:
        datasets.update({"model_weights/fc1/fc1/kernel:0": DENSE[0].T})
        datasets.update({"model_weights/fc1/fc1/bias:0": DENSE[1]})
    write_h5(path, datasets)


def keras3(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """Keras 3's .weights.h5: layers are counted by class."""
    datasets = {}
    for index, (kernel, bias) in enumerate(arrays.values()):
        place = f"layers/conv2d_{index}/vars" if index else "layers/conv2d/vars"
        datasets.update({f"{place}/0": hwio(kernel), f"{place}/1": bias})
    if deep:
        datasets.update({"layers/dense/vars/0": DENSE[0].T, "layers/dense/vars/1": DENSE[1]})
    write_h5(path, datasets, ["optimizer/vars", "layers/max_pooling2d/vars"])


def keras_container(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """Keras 3's .keras: a zip archive that holds such a file, not packed."""
    inside = path.with_name("inside.h5")
    keras3(inside, arrays, blocks, deep)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(inside, "model.weights.h5")


def keras_theano(path: Path, arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> None:
    """vgg16_weights.h5: a layer of padding before each convolution, kernels turned over."""
    datasets, groups, place = {}, [], 0
    for index, (name, (kernel, bias)) in enumerate(arrays.items()):
        place += int(name.endswith("_1") and index > 0)  # a pooling layer
        groups.append(f"layer_{place}")
        datasets[f"layer_{place + 1}/param_0"] = np.flip(kernel, (2, 3))
        datasets[f"layer_{place + 1}/param_1"] = bias
        place += 2
    if deep:
        datasets[f"layer_{place + 2}/param_0"] = DENSE[0].T
        datasets[f"layer_{place + 2}/param_1"] = DENSE[1]
    write_h5(path, datasets, groups)


# ---- safetensors and npz ----


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A .safetensors file."""
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, str(path))


def write_npz(path: Path, arrays: dict[str, Any], save: Any = np.savez) -> None:
    """An .npz file of exactly this name."""
    with path.open("wb") as stream:
        save(stream, **arrays)


def torchvision(arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> dict[str, np.ndarray]:
    """features.0.weight ... classifier.0.weight"""
    named = tiny.file_arrays(arrays, blocks, "gluon", False)
    dense = {"classifier.0.weight": DENSE[0], "classifier.0.bias": DENSE[1]}
    return {**named, **(dense if deep else {})}


def ours(arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> dict[str, np.ndarray]:
    """conv1_1_weight ... fc6_weight"""
    named = tiny.file_arrays(arrays, blocks, "caffe", deep)
    return {name.replace("arg:", ""): array for name, array in named.items()}


def tensorflow(arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> dict[str, np.ndarray]:
    """conv1_1_W HWIO ... fc6_W"""
    named = {f"{name}_W": hwio(kernel) for name, (kernel, _) in arrays.items()}
    named.update({f"{name}_b": bias for name, (_, bias) in arrays.items()})
    return {**named, **({"fc6_W": DENSE[0].T, "fc6_b": DENSE[1]} if deep else {})}


def gluon(arrays: tiny.Arrays, blocks: Sequence[int], deep: bool) -> dict[str, np.ndarray]:
    """features.0.weight ..., dense layers among the features."""
    return tiny.file_arrays(arrays, blocks, "gluon", deep)


def with_names(write: Any, names: Any, **more: Any) -> Writer:
    """A writer of a flat file under given names."""
    return lambda path, arrays, blocks, deep: write(path, names(arrays, blocks, deep), **more)


# kind -> writer, the picture its first kernel wants
WRITERS: dict[str, tuple[Writer, str]] = {
    "mat": (mat, "rgb"),
    "mat old": (mat_old, "rgb"),
    "keras": (keras, "bgr"),
    "keras model": (keras_model, "bgr"),
    "keras 3": (keras3, "bgr"),
    "keras container": (keras_container, "bgr"),
    "keras theano": (keras_theano, "bgr"),
    "safetensors torchvision": (with_names(write_safetensors, torchvision), "imagenet"),
    "safetensors gluon": (with_names(write_safetensors, gluon), "imagenet"),
    "safetensors ours": (with_names(write_safetensors, ours), "rgb"),
    "npz torchvision": (with_names(write_npz, torchvision), "imagenet"),
    "npz ours": (with_names(write_npz, ours), "rgb"),
    "npz tensorflow": (with_names(write_npz, tensorflow, save=np.savez_compressed), "rgb"),
}
WIDTHS = (4, 6, 8, 16, 16)  # widening between blocks 3 and 4 as VGG does


def write_vgg(path: Path, kind: str, *, model: str = "vgg19", deep: bool = True) -> str:
    """Write the VGG of tiny.random_arrays(WIDTHS) as this kind; the path."""
    write, _ = WRITERS[kind]
    write(path, tiny.random_arrays(WIDTHS, model, deep=deep), tiny.BLOCKS[model], deep)
    return str(path)


def to_input(kind: str, picture: np.ndarray) -> np.ndarray:
    """A uint8 picture as the first kernel of this kind of file wants it, float64 3xHxW."""
    order = WRITERS[kind][1]
    if order == "imagenet":
        mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        return tiny.to_input(picture, 255 * mean, 255 * deviation)
    x = tiny.to_input(picture)
    return x[::-1] if order == "bgr" else x
