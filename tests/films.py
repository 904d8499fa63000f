"""MP4 files decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def to_rgb(frame: Any) -> np.ndarray:
    """A decoded 4:2:0 frame as HxWx3 in grey levels, by the equations of BT.709.

    Not PyAV's own conversion, which takes another matrix in some of its versions.
    """
    height, width = frame.height, frame.width
    planes = frame.to_ndarray(format="yuv420p").astype(float)
    luma = (planes[:height] - 16) / 219
    chroma = (planes[height:].reshape(2, height // 2, width // 2) - 128) / 224
    blue, red = (plane.repeat(2, 0).repeat(2, 1) for plane in chroma)
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.clip(np.stack([r, g, b], axis=2), 0, 1) * 255


def decoded(file: Any) -> tuple[list[np.ndarray], Any]:
    """(all frames as RGB, the video stream) of a film, which must have no sound."""
    import av

    with av.open(str(file) if isinstance(file, Path) else file) as container:
        (stream,) = container.streams
        return [to_rgb(frame) for frame in container.decode(stream)], stream
