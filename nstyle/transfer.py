"""`stylize()`: a photo, a painting, and the photo painted in that style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nstyle import __version__, inputs, presets, runtime
from nstyle.options import Options, shaping
from nstyle.records import Result, Step


def stylize(
    content: Any,
    style: Any,
    *,
    preset: str | None = None,
    callback: Callable[[Step], Any] | None = None,
    **options: Any,
) -> Result:
    """Paint the photo `content` in the style of the painting `style`.

    content, style: paths, PIL images, or arrays (HxW, HxWx3, HxWx4; uint8, uint16 or 0..1 floats).
    callback: called with every Step; returning True ends the run. options: fields of `Options`.
    Ctrl-C returns the last picture with stopped = "interrupted". Raises OptionError, ImageError,
    WeightsError, BackendError before any work, DivergedError (its attribute `result` holds the
    last good picture) when the loss becomes infinite. Gatys et al. (arXiv:1508.06576).
    """
    chosen = presets.resolve(options, preset)
    listeners = [callback] if callback else []
    return run(content, style, chosen, listeners=listeners, preset=preset)


def run(
    content: Any,
    style: Any,
    options: Options,
    *,
    listeners: Sequence[Callable[[Step], Any]] = (),
    preset: str | None = None,
) -> Result:
    """stylize() for options that are already resolved."""
    gathered = inputs.gather(content, style, options)
    return paint(gathered, options, listeners=listeners, preset=preset)


def paint(
    gathered: inputs.Inputs,
    options: Options,
    *,
    listeners: Sequence[Callable[[Step], Any]] = (),
    preset: str | None = None,
) -> Result:
    """run() for inputs that are already gathered, by inputs.gather with the same options."""
    runtime.prepare(options.threads)
    from nstyle import painter  # here, because it loads MXNet

    return painter.paint(gathered, options, listeners=listeners, metadata=describe(options, preset))


def describe(options: Options, preset: str | None) -> dict[str, Any]:
    """What is written into results: version, preset, and the options that shape the picture."""
    about = {"version": __version__, "options": shaping(options)}
    return {**about, "preset": preset} if preset else about
