"""Files of named arrays, told apart by their content, never by their names; nothing is unpickled.

The names of the arrays stay those of the file; `naming` recognises them.

archive: arrays by name; the layouts of kernels.
detect: recognises a format.
mxnet_params: MXNet's .params, without MXNet.
matconvnet: MatConvNet's .mat.
mat5: MATLAB's level 5 format.
hdf5: Keras's .h5.
safetensors: .safetensors.
npz: numpy's .npz.
"""

from __future__ import annotations

from collections.abc import Callable

from nstyle.networks.weights.formats import hdf5, matconvnet, mxnet_params, npz, safetensors
from nstyle.networks.weights.formats.archive import Archive, refusing
from nstyle.networks.weights.formats.detect import kind_of

READERS: dict[str, Callable[[str], Archive]] = {
    "params": mxnet_params.read,
    "matlab": matconvnet.read,
    "hdf5": hdf5.read,
    "safetensors": safetensors.read,
    "npz": npz.read,
}
LIBRARIES = {"hdf5": hdf5.library, "safetensors": safetensors.library}  # what may be absent


def check(path: str) -> str:
    """The kind of a file, refused if nothing here reads it; neither MXNet nor values are loaded.

    Raises WeightsError: absent, unreadable, of no known kind, or the library for it is absent.
    """
    kind = kind_of(path)
    if kind in LIBRARIES:
        LIBRARIES[kind](path)
    return kind


def read(path: str) -> Archive:
    """The arrays of a file; values stay in it where its kind allows that. Raises WeightsError."""
    kind = check(path)
    with refusing(path):
        return READERS[kind](path)
