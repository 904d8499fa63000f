"""Sizes of pictures: pure arithmetic."""

from __future__ import annotations

import math

from nstyle.errors import OptionError

MIN_STYLE_EDGE = 128  # below this a style has no texture left for the deep layers
MIN_EDGE = 16  # one position at the deepest layer
# Long edge at which painting begins, within a factor sqrt(2). From 128 the strokes are larger
# still, but faces get lost, and the loss ends higher at no less time (docs/performance.md).
COARSEST = 192

Size = tuple[int, int]  # width, height


def result_size(photo: Size, long_edge: int, enlarge: bool, flag: str = "--max-long-edge") -> Size:
    """Size of the result: the photo's aspect, its long edge at most (or, enlarged, at) long_edge.

    flag: what asked for it. Raises OptionError where the short edge would be under 16 px.
    """
    scale = long_edge / max(photo)
    if scale >= 1 and not enlarge:
        return photo
    size = (max(1, int(photo[0] * scale + 0.5)), max(1, int(photo[1] * scale + 0.5)))
    return checked(size, photo, long_edge, flag)


def boxed_size(photo: Size, wanted: tuple[int | None, int | None], *, keep: bool) -> Size:
    """Size of the result for --size: within WxH in the photo's aspect, or (not keep) exactly that.

    Where only one edge is wanted the other follows from the aspect, cut by int() if not keep.
    Raises OptionError where an edge would be under 16 px.
    """
    width, height = wanted
    if width and height and not keep:
        return width, height
    scale = min(edge / own for edge, own in zip(wanted, photo) if edge)
    rounding = 0.5 if keep else 0.0
    # 1e-9: an edge that was asked for must not lose a pixel to the division.
    fitted = [int(own * scale + rounding + 1e-9) for own in photo]
    return checked((fitted[0], fitted[1]), photo, max(fitted), "--size")


def scale_sizes(
    size: Size, scales: int | str, step: float, coarsest: float = COARSEST
) -> list[Size]:
    """The sizes to paint at, smallest first, the last being `size`; each `step` times the former.

    scales: how many, or "auto": as many as keep the long edge at least about `coarsest`. Sizes
    whose short edge would be under 16 px are left out.
    """
    if scales == "auto":
        scales = 1 + max(0, round(math.log(max(size) / coarsest, step)))
    shrunk = [tuple(round(edge / step**power) for edge in size) for power in range(int(scales))]
    return [(width, height) for width, height in reversed(shrunk) if min(width, height) >= MIN_EDGE]


def final_size(result: Size, photo: Size, rescale: str) -> Size:
    """The size as painted ("no"), the photo's ("size"), or its aspect at the painted long edge."""
    if rescale == "no":
        return result
    scale = 1.0 if rescale == "size" else max(result) / max(photo)
    return max(1, round(photo[0] * scale)), max(1, round(photo[1] * scale))


def truncated_size(photo: Size, long_edge: int) -> Size:
    """As MXNet's example: the long edge is as given, the other cut by int(). Raises OptionError."""
    scale = long_edge / max(photo)
    return checked((int(photo[0] * scale), int(photo[1] * scale)), photo, long_edge)


def checked(size: Size, photo: Size, long_edge: int, flag: str = "--max-long-edge") -> Size:
    """The size, or OptionError where the network would have nothing to see."""
    if min(size) < MIN_EDGE:
        least = math.ceil(MIN_EDGE * max(photo) / min(photo))
        raise OptionError(
            f"{flag}: {long_edge} makes this {photo[0]}x{photo[1]} picture "
            f"{size[0]}x{size[1]}; both edges must be at least {MIN_EDGE} px, so give {least}"
        )
    return size


def shrunk_style(style: Size, shrink: float) -> Size:
    """A style picture's size for a smaller result; its short edge is not under 128 px then."""
    shrink = min(1.0, max(shrink, MIN_STYLE_EDGE / min(style)))
    return max(1, round(style[0] * shrink)), max(1, round(style[1] * shrink))


def style_size(style: Size, result: Size, style_scale: float) -> Size:
    """The style's aspect with style_scale^2 times the result's pixels.

    Its short edge is not under 128 px, unless the file's own is.
    """
    scale = math.sqrt(style_scale**2 * result[0] * result[1] / (style[0] * style[1]))
    scale = max(scale, min(1, MIN_STYLE_EDGE / min(style)))
    return max(1, round(style[0] * scale)), max(1, round(style[1] * scale))
