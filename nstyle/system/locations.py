"""Folders of weights (package, model/, user's cache), of the user's data, of samples."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nstyle.errors import WeightsError

PACKAGE = Path(__file__).parents[1]
PRETRAINED = PACKAGE / "networks" / "pretrained"
DEFAULT = "vgg16-slim"
BUILT_IN = {DEFAULT: "vgg16-slim.params", "vgg19-slim": "vgg19-slim.params"}
BUILT_IN_SHA256 = {
    DEFAULT: "7d1325cb40ae47106bf6139df69ee90a85e69d4bbba5a598a0305caf6d703e70",
    "vgg19-slim": "fe8647f5e14e4100cb382c7991dda58da16db91654474815f51f58c69368e362",
}
# Channels of their convolutions, in order, for what is planned before a file is read.
WIDTHS = {
    DEFAULT: (32, 32, 64, 64, 128, 128, 128, 320, 288, 288, 512, 384),
    "vgg19-slim": (32, 16, 48, 32, 96, 64, 64, 64, 160, 160, 128, 128, 256),
}
ANY_STYLE = PRETRAINED / "any-style.params"  # see feedforward
READY_STYLES = PRETRAINED / "ready-styles.params"  # of that network
# A model's file is its name with any of these; what is in it is told by its content alone.
EXTENSIONS = (".params", ".safetensors", ".h5", ".keras", ".mat", ".npz")


def cache_folder() -> Path:
    """Folder of downloaded weights: $NSTYLE_CACHE, else the user's cache folder."""
    return _user_folder("NSTYLE_CACHE", "Library/Caches", "XDG_CACHE_HOME", ".cache")


def data_folder() -> Path:
    """Folder of the user's own data: $NSTYLE_DATA, else the user's data folder."""
    on_mac = "Library/Application Support"
    return _user_folder("NSTYLE_DATA", on_mac, "XDG_DATA_HOME", ".local/share")


def _user_folder(ours: str, on_mac: str, xdg: str, elsewhere: str) -> Path:
    """What the environment variable `ours` names, else the platform's folder in the user's home."""
    if ours in os.environ:
        return Path(os.environ[ours])
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / on_mac / "nstyle"
    return Path(os.environ.get(xdg) or home / elsewhere) / "nstyle"


def sample(name: str) -> str:
    """Path of a sample picture, in the installed package or in a checkout."""
    installed = PACKAGE / "samples" / name
    return str(installed if installed.is_file() else PACKAGE.parent / "input" / name)


def folders() -> list[Path]:
    """Folders searched for weights files, in order."""
    checkout = PACKAGE.parent
    beside = [checkout / "model"] if os.path.isfile(checkout / "download.sh") else []
    return [*dict.fromkeys([Path("model"), *beside]), cache_folder()]


def find(model: str) -> tuple[str, str]:
    """(model, path) for a model's name or "auto". Raises WeightsError naming both ways out."""
    if model in BUILT_IN:
        return model, str(PRETRAINED / BUILT_IN[model])
    for path in candidates("vgg19" if model == "auto" else model):
        if os.path.isfile(path):  # Path.is_file() may raise PermissionError
            return path.stem, str(path)
    if model == "auto":
        return DEFAULT, str(PRETRAINED / BUILT_IN[DEFAULT])
    places = " or ".join(str(folder / f"{model}.params") for folder in folders())
    raise WeightsError(
        f"--model {model}: its weights are not installed ({places}); get them with "
        f"nstyle download --model {model}, name a file with --weights, "
        f"or use the built-in {DEFAULT}"
    )


def candidates(model: str) -> list[Path]:
    """Every place where the file of a model may be, in the order they are looked at."""
    return [folder / f"{model}{end}" for folder in folders() for end in EXTENSIONS]
