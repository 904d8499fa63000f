"""What all contestants of one comparison see: the same network, pictures, layers and knobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.networks import layers, preprocessing
from nstyle.networks.weights import reader
from nstyle.optimize import inputs
from nstyle.options.options import Options

VGG19_WIDTHS = (64, 128, 256, 512, 512)  # channels per block
START_NOISE = 20.0  # grey levels around the photo, so that no term of the loss is zero
SEED = 8

# Stated, so that other defaults of nstyle do not change what is measured.
SETTINGS = {
    "pooling": "avg",
    "normalization": "balanced",
    "content_layers": "relu4_2",
    "style_layers": "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1",
    "content_weight": 10.0,
    "style_weight": 1.0,
    "tv_weight": 0.03,
    "tv_form": "squared",
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.95,
    "step_limit": 1.0,
    "fit": "stretch",  # the example has one size for photo and painting
    "gpu": -1,
}


def write_random_vgg19(
    path: Path, *, widths: Sequence[int] = VGG19_WIDTHS, seed: int = SEED
) -> str:
    """A complete VGG-19 of random kernels as .npz; the path.

    Their scale keeps activations at one size (He et al., arXiv:1502.01852); how long an iteration
    takes does not depend on what the values are.
    """
    chance = np.random.default_rng(seed)
    arrays, channels = {}, 3
    for name in layers.convolutions(layers.BLOCKS["vgg19"]):
        width = widths[int(name[len("conv")]) - 1]
        scale = np.float32(np.sqrt(2 / (9 * channels)))
        kernel = chance.standard_normal((width, channels, 3, 3), np.float32) * scale
        arrays[f"{name}_weight"], arrays[f"{name}_bias"] = kernel, np.zeros(width, np.float32)
        channels = width
    np.savez(path, **arrays)
    return str(path)


def size_of(edge: int) -> tuple[int, int]:
    """(width, height) for a long edge: four to three."""
    return edge, edge * 3 // 4


def has_precision() -> bool:
    """Whether this nstyle can be told in which precision to compute."""
    return any(entry.name == "precision" for entry in dataclasses.fields(Options))


def with_precision(options: dict[str, Any], precision: str) -> dict[str, Any]:
    """Options with a precision; without it where there is but one."""
    return {**options, "precision": precision} if has_precision() else options


def options_for(model: str, path: str | None, threads: int) -> dict[str, Any]:
    """Fields of Options for a network; path: its weights file, None for the installed one."""
    return {**SETTINGS, "model": model, "weights": path, "threads": threads}


def make_job(
    folder: Path, settings: dict[str, Any], content: str, style: str, size: tuple[int, int]
) -> dict[str, Any]:
    """A worker's job, its arrays written into the folder. Raises what nstyle refuses.

    photo, painting, start: float32 (1, 3, H, W) as nstyle.networks.preprocessing gives them, all of
    one size; arrays: kernels and biases (conv1_1_weight, ...) for such pictures.
    """
    options = Options(**settings)
    gathered = inputs.gather(content, style, options, size=size)
    loaded = load_weights(gathered, options)
    photo = preprocessing.to_array(gathered.photo, loaded.convention, options.pixel_range)
    noise = np.random.default_rng(SEED).uniform(-START_NOISE, START_NOISE, photo.shape)
    arrays = {
        "photo": photo,
        "painting": preprocessing.to_array(
            gathered.styles[0], loaded.convention, options.pixel_range
        ),
        "start": (photo + noise).astype(np.float32),
    }
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    named = {
        f"{layer}_{kind}": values
        for layer, pair in loaded.arrays.items()
        for kind, values in zip(("weight", "bias"), pair)
    }
    np.savez(folder / "arrays.npz", **named)
    files = {name: str(folder / f"{name}.npy") for name in arrays}
    files["arrays"] = str(folder / "arrays.npz")
    return {"options": settings, "content": content, "style": style, "size": size, **files}


def load_weights(gathered: inputs.Inputs, options: Options) -> reader.Weights:
    """The convolutions that the chosen layers need. Raises WeightsError."""
    wanted = [
        *options.content_layers.weights,
        *options.style_layers.weights,
    ]
    file = reader.read(gathered.weights, gathered.model)
    needed = layers.needed_convolutions(wanted, layers.BLOCKS[file.family])
    loaded = reader.select(file, needed)
    if loaded.padding != "zero":
        raise SystemExit(f"{loaded.path}: made for {loaded.padding} padding; not compared here")
    return loaded


def blocks_of(names: Sequence[str]) -> list[list[str]]:
    """Names of convolutions by block; between two blocks there is a pooling layer."""
    blocks: dict[str, list[str]] = {}
    for name in names:
        blocks.setdefault(name[len("conv")], []).append(name)
    return list(blocks.values())


def read_arrays(path: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """conv name -> kernel OIHW, bias O, in order, from make_job's file."""
    with np.load(path) as file:
        names = [key[: -len("_weight")] for key in file.files if key.endswith("_weight")]
        return {name: (file[f"{name}_weight"], file[f"{name}_bias"]) for name in names}
