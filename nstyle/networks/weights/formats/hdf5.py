"""HDF5 files, as Keras writes them; the only place that imports h5py."""

from __future__ import annotations

from typing import Any

import numpy as np

from nstyle.networks.weights.formats.archive import Archive, absent, in_file


def library(path: str) -> Any:
    """h5py. Raises WeightsError naming what to install."""
    try:
        import h5py
    except ImportError as error:
        raise absent(path, "an HDF5 file (.h5)") from error
    return h5py


def read(path: str) -> Archive:
    """All datasets by their place, as in block1_conv1/kernel:0; values stay in the file."""
    h5py, shapes = library(path), {}

    def note(place: Any, thing: Any) -> None:
        is_array = isinstance(thing, h5py.Dataset) and thing.shape is not None
        if is_array and isinstance(place, str):  # a damaged name is bytes
            shapes[place] = tuple(thing.shape)

    with h5py.File(path, "r") as file:
        file.visititems(note)
    return in_file(path, shapes, values)


def values(path: str, place: str) -> np.ndarray:
    """One dataset."""
    with library(path).File(path, "r") as file:
        return np.asarray(file[place][()])
