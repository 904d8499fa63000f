"""Everything a run needs from outside, found and checked before MXNet is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle.errors import ImageError, OptionError
from nstyle.images import color, image_file, regions, sizes
from nstyle.images.picture import Picture, filled, resize, visibility
from nstyle.images.regions import Masks, Region
from nstyle.images.sizes import Size
from nstyle.networks import layers
from nstyle.networks.weights import formats
from nstyle.options.options import Options
from nstyle.options.words import Blend
from nstyle.system import locations

# MXNet's arrays hold at most 2^31 values, and VGG's first layer has 64 channels; pictures have 3.
MAX_PIXELS_AT_ONCE, MAX_PIXELS_IN_TILES = 2**31 // 64 - 1, 2**31 // 3 - 1


@dataclass(frozen=True)
class Inputs:
    """Pictures at their working sizes, and the weights file to use.

    photo: None was given where `texture`, then one colour of the result's size. shares: of the
    styles, their sum is 1. start: the picture to begin with, of the photo's size, or None for photo
    and noise. final_size: what the finished picture is brought to, (width, height). regions: of the
    masks, at the masks' sizes. keep: (H, W), 1 where the photo stays. chroma: the photo in colour
    where only luminance is painted.
    """

    photo: Picture
    styles: tuple[Picture, ...]
    shares: tuple[float, ...]
    start: Picture | None
    model: str
    weights: str
    final_size: Size
    regions: tuple[Region, ...] = ()
    keep: np.ndarray | None = None
    chroma: Picture | None = None
    texture: bool = False

    def at(self, size: Size, method: str = "lanczos") -> Inputs:
        """The same for a smaller result; the styles shrink as the photo does."""
        if size == self.photo.size:
            return self
        shrink = size[0] / self.photo.width
        return dataclasses.replace(
            self,
            photo=resize(self.photo, *size, method=method),
            styles=tuple(
                resize(style, *sizes.shrunk_style(style.size, shrink), method=method)
                for style in self.styles
            ),
            start=self.start and resize(self.start, *size, method=method),
            chroma=self.chroma and resize(self.chroma, *size, method=method),
        )

    def where(self, number: int) -> list[np.ndarray | None]:
        """How much each pixel of a painting counts, (H, W) of any size: one for each region, or one
        for all. None: all count. What nobody sees of it counts nothing.
        """
        painting = self.styles[number]
        seen = visibility(painting)
        if not self.regions:
            return [seen]
        parts = [region.styles[number] for region in self.regions]
        if seen is None:
            return list(parts)
        return [regions.at_size(part, painting.size) * seen for part in parts]

    @property
    def kept(self) -> np.ndarray | None:
        """`keep` at the photo's size, float32 (H, W)."""
        return None if self.keep is None else regions.at_size(self.keep, self.photo.size)


def gather(
    content: Any,
    style: Any,
    options: Options,
    *,
    masks: Masks | None = None,
    size: Size | None = None,
) -> Inputs:
    """Read and size the pictures, find the weights, check the layers' names.

    content, style: paths, PIL images, arrays or Pictures; style: or a list of such; content: None
    for a texture of the style. size: (width, height) of the result where the options shall not say.
    Raises ImageError, OptionError, WeightsError.
    """
    masks = masks or Masks()
    styles = style if isinstance(style, (list, tuple)) else [style]
    model, weights = check(content, len(styles), options, masks)
    paintings = [filled(image_file.read(each, max_pixels=options.max_pixels)) for each in styles]
    shares = shares_of(options.style_blend, len(paintings))
    photo = None
    if content is not None:
        photo = filled(image_file.read(content, max_pixels=options.max_pixels))
    size = size or result_size(photo.size if photo else None, options)
    areas, keep = regions.read_masks(masks, len(paintings), options.max_pixels)
    if photo:
        regions.warn_of_aspects(areas, keep, photo.size)
    used = [index for index, share in enumerate(shares) if share]
    paintings = [paintings[index] for index in used]
    style_sizes = [style_size_for(size, painting.size, options) for painting in paintings]
    inputs = Inputs(
        resize(photo or flat(size, paintings[0]), *size, method=options.resize),
        tuple(
            resize(painting, *edges, method=options.resize)
            for painting, edges in zip(paintings, style_sizes)
        ),
        tuple(shares[index] for index in used),
        read_start(options, size),
        model,
        weights,
        sizes.final_size(size, photo.size if photo else size, options.rescale),
        regions=tuple(regions.only_styles(region, used) for region in areas),
        keep=keep,
        texture=photo is None,
    )
    return recoloured(inputs, options.colors)


def check(content: Any, styles: int, options: Options, masks: Masks) -> tuple[str, str]:
    """Refuse what can be refused before a picture is read: find_weights(options).

    content: None for a texture; styles: how many. Raises OptionError, WeightsError.
    """
    if not styles:
        raise OptionError("--style-image: none was given; give a painting")
    if content is None:
        check_texture(options, masks)
    check_style_loss(options)
    model, path = find_weights(options)
    check_layers(options, model)
    shares_of(options.style_blend, styles)
    regions.check_masks(masks, styles)
    return model, path


def check_texture(options: Options, masks: Masks) -> None:
    """Refuse what needs a photo. Raises OptionError."""
    if options.content_weight or options.size is None or not all(options.size.edges):
        raise OptionError(
            "--content-image: none was given; a texture of the style alone needs "
            "--content-weight 0 and --size WxH"
        )
    for flag, used in (
        ("--content-mask", masks.content is not None),
        ("--keep-mask", masks.keep is not None),
        ("--colors", options.colors != "style"),
    ):
        if used:
            raise OptionError(f"{flag}: needs a photo; give --content-image")


def check_style_loss(options: Options) -> None:
    """Refuse distances other than Gram's under a recipe's weights. Raises OptionError."""
    if options.style_loss != "gram" and options.normalization != "balanced":
        raise OptionError(
            f"--style-loss: {options.style_loss} has no place in recipes that weigh Gram matrices "
            f"(normalization={options.normalization}); leave one of them out"
        )


def shares_of(blend: Blend | None, count: int) -> list[float]:
    """--style-blend as shares of `count` styles, their sum 1. Raises OptionError."""
    weights = blend.weights if blend else [1.0] * count
    if len(weights) != count:
        raise OptionError(
            f"--style-blend: {blend} has {len(weights)} numbers, but there are {count} styles; "
            "give one for each --style-image"
        )
    return [weight / sum(weights) for weight in weights]


def flat(size: Size, painting: Picture) -> Picture:
    """One colour, the painting's mean."""
    colour = painting.floats().mean(axis=(0, 1), dtype=np.float64)
    return Picture.from_floats(np.broadcast_to(colour, (size[1], size[0], 3)))


def recoloured(inputs: Inputs, colors: str) -> Inputs:
    """Pictures as --colors has them painted (Gatys et al. 2016, arXiv:1606.05897)."""
    photo = inputs.photo
    if colors == "match":
        styles = tuple(color.match(style, photo) for style in inputs.styles)
        return dataclasses.replace(inputs, styles=styles)
    if colors == "content":
        return dataclasses.replace(
            inputs,
            photo=color.luminance(photo),
            styles=tuple(color.matched_luminance(style, photo) for style in inputs.styles),
            start=inputs.start and color.luminance(inputs.start),
            chroma=photo,
        )
    return inputs


def find_weights(options: Options) -> tuple[str, str]:
    """(model or "auto" where only the file can tell, path). Raises WeightsError, OptionError."""
    if options.weights is None:
        if options.weights_convention != "auto":
            raise OptionError("--weights-convention: is said of a file; give --weights FILE, too")
        return locations.find(options.model)
    formats.check(options.weights)
    return options.model, options.weights


def check_layers(options: Options, model: str) -> None:
    """Refuse layers the model has not. Raises OptionError."""
    model = "vgg19" if model == "auto" else model
    blocks = layers.BLOCKS[model]
    for field in ("content_layers", "style_layers"):
        layers.check_taps(getattr(options, field).weights, layers.taps(blocks), model)


def style_size_for(size: Size, painting: Size, options: Options) -> Size:
    """The size of the style picture for a result of `size`. Raises OptionError for too large."""
    if options.fit == "stretch":
        style = size
    elif options.style_size is not None:
        style = sizes.result_size(painting, options.style_size, True, "--style-size")
    else:
        style = sizes.style_size(painting, size, options.style_scale)
    at_once = options.tile == "off"
    limit = min(options.max_pixels, MAX_PIXELS_AT_ONCE if at_once else MAX_PIXELS_IN_TILES)
    flags = (
        "--size" if options.size else "--max-long-edge",
        "--style-size" if options.style_size else "--style-scale",
    )
    for flag, (width, height) in zip(flags, (size, style)):
        if width * height > limit:
            raise OptionError(
                f"{flag}: asks for {width}x{height} pixels; at most {limit} can be painted"
            )
    return style


def result_size(photo: Size | None, options: Options) -> Size:
    """The size to paint at; photo: None for a texture. Raises OptionError."""
    keep = options.fit == "keep"
    if photo is None:
        width, height = options.size.edges if options.size else (None, None)
        assert width and height  # see check_texture
        return width, height
    if options.size is not None:
        return sizes.boxed_size(photo, options.size.edges, keep=keep)
    if keep:
        return sizes.result_size(photo, options.max_long_edge, options.enlarge)
    # As the example did: sizes cut by int().
    shrinks = max(photo) > options.max_long_edge or options.enlarge
    return sizes.truncated_size(photo, options.max_long_edge) if shrinks else photo


def read_start(options: Options, size: Size) -> Picture | None:
    """The picture named by --init, at the photo's size. Raises ImageError."""
    if options.init.noise is not None:
        return None
    try:
        picture = image_file.read(options.init, max_pixels=options.max_pixels)
    except ImageError as error:
        raise ImageError(
            f"--init: {error}; allowed are content, instant, noise, noise:0.7 or a picture"
        ) from error
    return resize(picture, *size, method=options.resize)
