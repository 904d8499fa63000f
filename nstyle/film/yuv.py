"""Decoded frames to upright RGB. By equations: PyAV's own conversion differs between versions."""

from __future__ import annotations

from typing import Any

import numpy as np

# Kr, Kb by the standards' number of a matrix (ITU-T H.273, table 4).
MATRICES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
HIGH_DEFINITION = 720  # lines from which on an unnamed matrix is taken for BT.709
FULL = 2  # range, in FFmpeg's numbers
PLANAR = ("yuv", "nv", "p0", "uyvy", "yvyu")  # beginnings of names of formats with luma and chroma


def to_rgb(frame: Any) -> np.ndarray:
    """A frame of PyAV as uint8 HxWx3, as it is stored."""
    name = frame.format.name
    if not name.startswith(PLANAR):
        return np.asarray(frame.to_ndarray(format="rgb24"))
    # So neither matrix nor range are touched.
    full = name.startswith("yuvj")
    planes = frame.to_ndarray(format="yuvj444p" if full else "yuv444p")
    usual = 1 if frame.height >= HIGH_DEFINITION else 5
    matrix = MATRICES.get(int(frame.colorspace), MATRICES[usual])
    return converted(planes, matrix, full=full or int(frame.color_range) == FULL)


def converted(planes: np.ndarray, matrix: tuple[float, float], *, full: bool) -> np.ndarray:
    """uint8 3xHxW of luma and two of chroma -> uint8 HxWx3. matrix: Kr, Kb."""
    kr, kb = matrix
    luma, blue, red = planes.astype(np.float32)
    if full:
        blue, red = (blue - 128) / 255, (red - 128) / 255
        luma /= 255
    else:
        blue, red = (blue - 128) / 224, (red - 128) / 224
        luma = (luma - 16) / 219
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    rgb = np.stack([r, g, b], axis=2)
    rgb *= 255
    rgb += 0.5
    return np.clip(rgb, 0, 255, out=rgb).astype(np.uint8)


def upright(pixels: np.ndarray, matrix: np.ndarray | None, turned: int = 0) -> np.ndarray:
    """HxWx3 as it is to be shown: turned by quarters, mirrored.

    matrix: nine numbers that bring stored places to shown ones, rows (a b u) (c d v) (x y w);
    turned: degrees clockwise, where there is no matrix.
    """
    if matrix is None:
        return np.ascontiguousarray(np.rot90(pixels, -round(turned / 90)))
    (a, b, _), (c, d, _) = np.asarray(matrix).reshape(3, 3)[:2].tolist()
    if abs(b) > abs(a):  # rows become columns
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    pixels = pixels[:, ::-1] if a < 0 else pixels
    return np.ascontiguousarray(pixels[::-1] if d < 0 else pixels)
