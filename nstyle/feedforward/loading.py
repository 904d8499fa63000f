"""A painting network from its file, on a device. Loads MXNet."""

from __future__ import annotations

from typing import Any

from nstyle.backend import device
from nstyle.feedforward.anystyle import AnyStyle
from nstyle.feedforward.network_file import ANY_STYLE, ONE_STYLE, NetworkFile
from nstyle.feedforward.onestyle import OneStyle

NETWORKS = {ANY_STYLE: AnyStyle, ONE_STYLE: OneStyle}


def load(file: NetworkFile, gpu: int | str = "auto") -> Any:
    """Raises WeightsError, BackendError."""
    return NETWORKS[file.network](file, device(gpu))
