"""`stylize()`: a photo, a painting, and the photo painted in that style."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from nstyle import __version__
from nstyle.errors import OptionError
from nstyle.images import color
from nstyle.images.picture import Picture, resize
from nstyle.images.regions import Masks
from nstyle.optimize import inputs
from nstyle.optimize.checkpoint import RunState, Saver
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning import plan
from nstyle.optimize.records import Result, Step
from nstyle.options import presets
from nstyle.options.options import Options, shaping
from nstyle.options.parse import brief
from nstyle.system import runtime


def stylize(
    content: Any,
    style: Any,
    *,
    content_mask: Any = None,
    style_mask: Any = None,
    keep_mask: Any = None,
    preset: str | None = None,
    options: Options | None = None,
    callback: Callable[[Step], Any] | None = None,
    **fields: Any,
) -> Result:
    """Paint the photo `content` in the style of the painting `style`.

    content, style: paths, PIL images, or arrays (HxW, HxWx3, HxWx4; uint8, uint16 or 0..1 floats);
    style: or a list of such, blended by style_blend; content: None for a texture of the style
    (content_weight=0, size="WxH"). content_mask, style_mask: a colour per region, which the photo
    takes from where the style has the same colour; style_mask: or a list, one for each style;
    keep_mask: white where the photo stays (see `regions`, `masks`). callback: called with every
    Step; returning True ends the run. options: an `Options`; fields: single ones of its fields.
    Ctrl-C returns the last picture with stopped = "interrupted". Raises OptionError, ImageError,
    WeightsError, BackendError before any work, DivergedError (its attribute `result` holds the
    last good picture) when the loss becomes infinite. Gatys et al. (arXiv:1508.06576).
    """
    chosen = presets.resolve(fields, preset, options)
    if not (callback is None or callable(callback)):
        raise OptionError(f"callback: {brief(callback)} cannot be called; give a function")
    listeners = [callback] if callback else []
    style_masks = [] if style_mask is None else style_mask
    style_masks = style_masks if isinstance(style_masks, (list, tuple)) else [style_masks]
    masks = Masks(content_mask, style_masks, keep_mask)
    return run(content, style, chosen, masks=masks, listeners=listeners, preset=preset)


def run(
    content: Any,
    style: Any,
    options: Options,
    *,
    masks: Masks | None = None,
    listeners: Sequence[Callable[[Step], Any]] = (),
    preset: str | None = None,
    saver: Saver | None = None,
) -> Result:
    """stylize() for options that are already resolved.

    listeners: called with every Step; the run ends where one returns True. saver: writes
    checkpoints, and knows one to go on with. Raises CheckpointError, too.
    """
    gathered = inputs.gather(content, style, options, masks=masks)
    begun = saver.begin(gathered) if saver else None
    return paint(gathered, options, listeners=listeners, preset=preset, saver=saver, begun=begun)


def paint(
    gathered: inputs.Inputs,
    options: Options,
    *,
    listeners: Sequence[Callable[[Step], Any]] = (),
    preset: str | None = None,
    saver: Saver | None = None,
    begun: RunState | None = None,
    context: PaintContext | None = None,
    budget: plan.Budget = plan.Budget(),  # noqa: B008, it is frozen
    build: Callable[..., Any] | None = None,
) -> Result:
    """run() for inputs that are already gathered, by inputs.gather with the same options.

    begun: from saver.begin; context: what paintings of this process share; budget: memory it may
    take; build: instead of problem.build, see multiscale.Build.
    """
    runtime.prepare(options.threads)
    from nstyle.optimize import multiscale  # here, because it loads MXNet

    if begun is None and plan.begins_painted(gathered, options):
        gathered = dataclasses.replace(gathered, start=first_guess(gathered, options, context))
    return multiscale.paint(
        gathered,
        options,
        listeners=listeners,
        metadata=describe(options, preset),
        saver=saver,
        begun=begun,
        context=context,
        budget=budget,
        build=build,
    )


def first_guess(
    gathered: inputs.Inputs, options: Options, context: PaintContext | None = None
) -> Picture:
    """The picture of one pass to begin with, enlarged from the first size to the photo's."""
    from nstyle.feedforward import apply

    (size, _), *_ = plan.epoch_limits(options, gathered)
    small = gathered.at(size, options.resize)
    painters = {} if context is None else context.first
    loaded = painters.get(options.gpu)
    make = loaded.restyled if loaded else apply.Instant
    painter = make(small.styles, gpu=options.gpu, threads=options.threads)
    picture = Picture.from_floats(painter.values(small))
    painters[options.gpu] = painter
    if gathered.chroma:
        picture = color.luminance(picture)
    return resize(picture, *gathered.photo.size, method=options.resize)


def describe(options: Options, preset: str | None) -> dict[str, Any]:
    """Metadata of results: version, preset, and the options that shape the picture."""
    about = {"version": __version__, "options": shaping(options)}
    return {**about, "preset": preset} if preset else about
