"""Everything a run needs from outside, found and checked before MXNet is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nstyle import image, layers, places, pyramid, weights
from nstyle.errors import ImageError, OptionError
from nstyle.options import Options
from nstyle.picture import Picture, resize
from nstyle.pyramid import Size
from nstyle.syntax import noise_share, parse_layers, parse_size

# MXNet's arrays hold at most 2^31 values, and VGG's first layer has 64 channels.
MAX_WORKING_PIXELS = 2**31 // 64 - 1


@dataclass(frozen=True)
class Inputs:
    """Pictures at their working sizes, and the weights file to use.

    start: the picture to begin with, of the photo's size, or None for photo and noise. final_size:
    what the finished picture is brought to, (width, height).
    """

    photo: Picture
    style: Picture
    start: Picture | None
    model: str
    weights: str
    final_size: Size

    def at(self, size: Size, method: str = "lanczos") -> Inputs:
        """The same for a smaller result; the style shrinks as the photo does."""
        if size == self.photo.size:
            return self
        shrink = size[0] / self.photo.width
        style = pyramid.shrunk_style(self.style.size, shrink)
        return dataclasses.replace(
            self,
            photo=resize(self.photo, *size, method=method),
            style=resize(self.style, *style, method=method),
            start=self.start and resize(self.start, *size, method=method),
        )


def gather(content: Any, style: Any, options: Options, *, size: Size | None = None) -> Inputs:
    """Read and size the pictures, find the weights, check the layers' names.

    content, style: paths, PIL images, arrays or Pictures. size: (width, height) of the result where
    the options shall not say. Raises ImageError, OptionError, WeightsError.
    """
    model, path = find_weights(options)
    check_layers(options, model)
    photo = image.read(content, max_pixels=options.max_pixels)
    painting = image.read(style, max_pixels=options.max_pixels)
    size = size or result_size(photo.size, options)
    style_size = style_size_for(size, painting.size, options)
    return Inputs(
        resize(photo, *size, method=options.resize),
        resize(painting, *style_size, method=options.resize),
        read_start(options, size),
        model,
        path,
        pyramid.final_size(size, photo.size, options.rescale),
    )


def find_weights(options: Options) -> tuple[str, str]:
    """(model or "auto" where only the file can tell, path). Raises WeightsError."""
    if options.weights is None:
        return places.find(options.model)
    weights.check_format(options.weights)
    return options.model, options.weights


def check_layers(options: Options, model: str) -> None:
    """Refuse layers the model has not. Raises OptionError."""
    model = "vgg19" if model == "auto" else model
    blocks = layers.BLOCKS[model]
    for field in ("content_layers", "style_layers"):
        layers.check_taps(parse_layers(getattr(options, field), field), layers.taps(blocks), model)


def style_size_for(size: Size, painting: Size, options: Options) -> Size:
    """The size of the style picture for a result of `size`. Raises OptionError for too large."""
    stretched = options.fit == "stretch"
    style = size if stretched else pyramid.style_size(painting, size, options.style_scale)
    limit = min(options.max_pixels, MAX_WORKING_PIXELS)
    asked = "--size" if options.size else "--max-long-edge"
    for flag, (width, height) in ((asked, size), ("--style-scale", style)):
        if width * height > limit:
            raise OptionError(
                f"{flag}: asks for {width}x{height} pixels; at most {limit} can be painted at once"
            )
    return style


def result_size(photo: Size, options: Options) -> Size:
    """The size to paint at. Raises OptionError."""
    keep = options.fit == "keep"
    if options.size is not None:
        return pyramid.boxed_size(photo, parse_size(options.size), keep=keep)
    if keep:
        return pyramid.result_size(photo, options.max_long_edge, options.enlarge)
    # As the example did: sizes cut by int().
    shrinks = max(photo) > options.max_long_edge or options.enlarge
    return pyramid.truncated_size(photo, options.max_long_edge) if shrinks else photo


def read_start(options: Options, size: Size) -> Picture | None:
    """The picture named by --init, at the photo's size. Raises ImageError."""
    if noise_share(options.init) is not None:
        return None
    try:
        picture = image.read(options.init, max_pixels=options.max_pixels)
    except ImageError as error:
        raise ImageError(
            f"--init: {error}; allowed are content, noise, noise:0.7 or a picture"
        ) from error
    return resize(picture, *size, method=options.resize)
