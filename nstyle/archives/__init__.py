"""Files of named arrays, told apart by what is in them, never by their names; nothing is unpickled.

MXNet's .params, MatConvNet's .mat, Keras's .h5, .safetensors and .npz are read. What the arrays
are called is left as the file has it: `naming` knows whose names they are.
"""

from __future__ import annotations

from collections.abc import Callable

from nstyle.archives import hdf5, matlab, numpies, params, tensors
from nstyle.archives.contents import Archive, refusing
from nstyle.archives.kinds import kind_of

READERS: dict[str, Callable[[str], Archive]] = {
    "params": params.read,
    "matlab": matlab.read,
    "hdf5": hdf5.read,
    "safetensors": tensors.read,
    "npz": numpies.read,
}
LIBRARIES = {"hdf5": hdf5.library, "safetensors": tensors.library}  # what may be absent


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
