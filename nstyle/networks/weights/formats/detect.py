"""Detects the format of a file by its content, and advises on formats that are not read."""

from __future__ import annotations

import json
import os
import shlex
import zipfile

from nstyle.networks.weights.formats.archive import refusal, refusing

KNOWN = "MXNet .params, MatConvNet .mat, Keras .h5 or .keras, .safetensors or .npz"
KERAS = "model.weights.h5"  # what a .keras holds
READ = (".params", ".mat", ".h5", ".keras", ".safetensors", ".npz")
HEADER = 4096  # bytes that tell a kind


def kind_of(path: str) -> str:
    """params, matlab, hdf5 (also inside Keras's .keras), safetensors or npz.

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
    if kind in ADVICE:
        raise refusal(path, ADVICE[kind](path))
    return kind


def kind_of_bytes(head: bytes) -> str:
    """The kind of a file that begins so: one of kind_of's, zip, a key of REFUSALS or ADVICE."""
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
        "t7": head.startswith((b"\4\0\0\0\1\0\0\0", b"\3\0\0\0\1\0\0\0", b"4\n1\n3\nV 1")),
        "pointer": head.startswith(b"version https://git-lfs"),
        "web": head.lstrip()[:5].lower() in (b"<!doc", b"<html"),
        "packed": head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!"))
        or head[257:262] == b"ustar",
        "safetensors": head[8:9] == b"{",  # after the length of the header
        "caffe": is_caffe(head),
        "onnx": head[:1] == b"\b" and b"\1" <= head[1:2] < b" " and head[2:3] in (b"\x12", b"\x3a"),
    }
    return next((kind for kind, is_it in kinds.items() if is_it), "unknown")


def is_caffe(head: bytes) -> bool:
    """Whether this begins a .caffemodel: in protobuf, a name, then layers or inputs."""
    end = 2 + int.from_bytes(head[1:2], "little")
    follows = head[end : end + 1] in (b"\x12", b"\x1a") or head[end : end + 2] == b"\xa2\x06"
    return head[:1] == b"\n" and follows and head[2:end].isascii() and end < 130


PUBLISHED = (
    "save its arrays as .npz or .safetensors with the program that wrote it, or take the same "
    "network by nstyle download --model vgg19 (or vgg16)"
)
REFUSALS = {
    "matlab 7.3": "a MATLAB 7.3 file; save it in MATLAB with -v7",
    "npy": "a single .npy array, perhaps a pickle, which is never loaded; save its arrays as .npz",
    "pickle": "a pickle, which is never loaded; save its arrays as .npz or .safetensors",
    "t7": f"a Torch 7 file (.t7), which is not read; {PUBLISHED}",
    "caffe": f"a .caffemodel, which is not read; {PUBLISHED}",
    "pointer": "a pointer of Git LFS, not the file itself; get that with git lfs pull",
    "web": f"not an {KNOWN} file but a web page; download it again",
    "packed": "a packed file; unpack it, and give what is inside",
    "unknown": f"not an {KNOWN} file (by its content)",
}


def kind_of_zip(path: str) -> str:
    """npz, or hdf5 for a .keras, if that is what is zipped. Raises WeightsError."""
    with refusing(path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        scripted = any("/code/" in name for name in names)
        raise refusal(path, torch_advice(path, scripted=scripted))
    if KERAS in names:
        return "hdf5"
    if not any(name.endswith(".npy") for name in names):
        inside = next((name for name in names if name.endswith(READ)), None)
        what = f"; unpack it, and give {ascii(inside)[1:-1][:100]}" if inside else ""
        raise refusal(path, f"a zip archive without arrays{what}; allowed are {KNOWN}")
    return "npz"


def torch_advice(path: str, *, scripted: bool = False) -> str:
    """Why a file of PyTorch is refused, and the command that turns it into one that is not.

    scripted: TorchScript's, which holds code beside the arrays.
    """
    source, target = json.dumps(path), converted(path, ".safetensors")
    load = f'torch.load({source}, weights_only=True, map_location="cpu")'
    if scripted:
        load = f'dict(torch.jit.load({source}, map_location="cpu").state_dict())'
    code = f"import torch, safetensors.torch as s; s.save_file({load}, {target})"
    return (
        "a PyTorch file, which is a pickle and never loaded; convert it where PyTorch is "
        f"installed: python -c {shlex.quote(code)}"
    )


def onnx_advice(path: str) -> str:
    """The same for ONNX."""
    code = (
        "import numpy, onnx; from onnx.numpy_helper import to_array; "
        f"arrays = onnx.load({json.dumps(path)}).graph.initializer; "
        f"numpy.savez({converted(path, '.npz')}, **{{a.name: to_array(a) for a in arrays}})"
    )
    return f"an ONNX file; convert it where onnx is installed: python -c {shlex.quote(code)}"


def converted(path: str, extension: str) -> str:
    """The path with another extension, as code."""
    return json.dumps(os.path.splitext(path)[0] + extension)


ADVICE = {"torch": torch_advice, "onnx": onnx_advice}
