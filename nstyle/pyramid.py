"""Sizes of pictures: pure arithmetic."""

from __future__ import annotations

import math

from nstyle.errors import OptionError

MIN_STYLE_EDGE = 128  # below this a style has no texture left for the deep layers
MIN_EDGE = 16  # one position at the deepest layer

Size = tuple[int, int]  # width, height


def result_size(photo: Size, long_edge: int, enlarge: bool) -> Size:
    """Size of the result: the photo's aspect, its long edge at most (or, enlarged, at) long_edge.

    Raises OptionError where the short edge would be under 16 px.
    """
    scale = long_edge / max(photo)
    if scale >= 1 and not enlarge:
        return photo
    size = (max(1, int(photo[0] * scale + 0.5)), max(1, int(photo[1] * scale + 0.5)))
    return checked(size, photo, long_edge)


def truncated_size(photo: Size, long_edge: int) -> Size:
    """MXNet's example: the long edge is long_edge, the other cut to a whole number by int().

    Raises OptionError where the short edge would be under 16 px.
    """
    scale = long_edge / max(photo)
    return checked((int(photo[0] * scale), int(photo[1] * scale)), photo, long_edge)


def checked(size: Size, photo: Size, long_edge: int) -> Size:
    """The size, or OptionError where the network would have nothing to see."""
    if min(size) < MIN_EDGE:
        least = math.ceil(MIN_EDGE * max(photo) / min(photo))
        raise OptionError(
            f"--max-long-edge: {long_edge} makes this {photo[0]}x{photo[1]} picture "
            f"{size[0]}x{size[1]}; both edges must be at least {MIN_EDGE} px, so give {least}"
        )
    return size


def style_size(style: Size, result: Size, style_scale: float) -> Size:
    """The style's aspect with style_scale^2 times the result's pixels.

    Its short edge is not under 128 px, unless the file's own is.
    """
    pixels = style_scale**2 * result[0] * result[1]
    scale = math.sqrt(pixels / (style[0] * style[1]))
    least = min(MIN_STYLE_EDGE, min(style))
    scale = max(scale, least / min(style))
    return max(1, round(style[0] * scale)), max(1, round(style[1] * scale))
