"""Detects the format of a file by its content, and advises on formats that are not read."""

from __future__ import annotations

import json
import os
import shlex
import zipfile

from nstyle.networks.weights.formats.archive import refusal, refusing

KNOWN = "MXNet .params, MatConvNet .mat, Keras .h5, .safetensors or .npz"
HEADER = 4096  # bytes that tell a kind


def kind_of(path: str) -> str:
    """params, matlab, hdf5, safetensors or npz.

    Raises WeightsError for what is absent, unreadable or of another kind.
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "no such file"
        raise refusal(path, f"{what}; give a VGG's weights file ({KNOWN})")
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEADER)
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})") from error
    kind = kind_of_bytes(head)
    if kind == "zip":
        return kind_of_zip(path)
    if kind in REFUSALS:
        raise refusal(path, REFUSALS[kind])
    if kind == "torch":
        raise refusal(path, torch_advice(path))
    return kind


def kind_of_bytes(head: bytes) -> str:
    """The kind of a file that begins so: one of kind_of's, zip, torch, or a key of REFUSALS."""
    kinds = {
        "params": head.startswith((0x112).to_bytes(8, "little")),  # MXNet's list of NDArrays
        "matlab": head.startswith(b"MATLAB 5.0 MAT-file"),
        "matlab 7.3": head.startswith(b"MATLAB 7.3 MAT-file"),
        # It may begin after a block of the user's own.
        "hdf5": any(head[at:].startswith(b"\x89HDF\r\n\x1a\n") for at in (0, 512, 1024, 2048)),
        "zip": head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
        "npy": head.startswith(b"\x93NUMPY"),
        "torch": head.startswith(b"\x80\x02"),  # by old versions: a pickle of protocol 2
        "pickle": head.startswith((b"\x80\x03", b"\x80\x04", b"\x80\x05")),
        "safetensors": head[8:9] == b"{",  # after the length of the header
    }
    return next((kind for kind, is_it in kinds.items() if is_it), "unknown")


REFUSALS = {
    "matlab 7.3": "a MATLAB 7.3 file; save it in MATLAB with -v7",
    "npy": "a single .npy array, perhaps a pickle, which is never loaded; save its arrays as .npz",
    "pickle": "a pickle, which is never loaded; save its arrays as .npz or .safetensors",
    "unknown": f"not an {KNOWN} file (by its content)",
}


def kind_of_zip(path: str) -> str:
    """npz, if that is what is zipped. Raises WeightsError."""
    with refusing(path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        raise refusal(path, torch_advice(path))
    if not any(name.endswith(".npy") for name in names):
        raise refusal(path, f"a zip archive without arrays; allowed are {KNOWN}")
    return "npz"


def torch_advice(path: str) -> str:
    """Why a file of PyTorch is refused, and the command that turns it into one that is not."""
    source, target = json.dumps(path), json.dumps(os.path.splitext(path)[0] + ".safetensors")
    code = (
        "import torch, safetensors.torch as s; "
        f's.save_file(torch.load({source}, weights_only=True, map_location="cpu"), {target})'
    )
    return (
        "a PyTorch file, which is a pickle and never loaded; convert it where PyTorch is "
        f"installed: python -c {shlex.quote(code)}"
    )
