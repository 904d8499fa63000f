"""Requests: options as the page or a program sends them, checked before any work."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nstyle.errors import NStyleError, WeightsError
from nstyle.feedforward import apply
from nstyle.optimize import inputs
from nstyle.options import presets
from nstyle.options.field import as_words, used_by
from nstyle.options.options import Options
from nstyle.options.parse import flag
from nstyle.options.words import Start
from nstyle.studio.library import Source
from nstyle.studio.options import Settings

log = logging.getLogger("nstyle")

# The others are files of the server and its own business.
HERE, IN_PREVIEW = used_by(Options, "studio"), used_by(Options, "preview")


class Refused(NStyleError):
    """One sentence for the user, and a status."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def without_folders(sentence: str, paths: Iterable[Any]) -> str:
    """The sentence with the bare names of these files: folders are the server's own business."""
    for path in paths:
        if isinstance(path, str) and os.path.isabs(path):
            sentence = sentence.replace(path, os.path.basename(path))
    return sentence


def unknown(what: str) -> Refused:
    """Not there, or somebody else's: the same answer."""
    return Refused(f"there is no such {what} here", 404)


def read(body: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """(options that were chosen, preset) of a request. Raises Refused."""
    typed, preset = body.get("options") or {}, body.get("preset") or None
    if not isinstance(typed, dict) or not (preset is None or isinstance(preset, str)):
        raise Refused("options are an object of names and values, the preset is a name")
    for name in typed:
        if name in vars(Options()) and name not in HERE:
            raise Refused(f"{flag(name)}: cannot be chosen in the studio")
    if Start(str(typed.get("init", "content")), "--init").noise is None:
        raise Refused("--init: in the studio content, instant, noise or noise:0.7")
    typed = {name: value for name, value in typed.items() if value is not None and value != ""}
    return typed, preset


def limited(
    typed: Mapping[str, Any], resolve: Callable[[dict[str, Any]], Options], settings: Settings
) -> tuple[dict[str, Any], Options]:
    """(options with their values, all options); where no size is asked for, none too large."""
    typed = dict(typed)
    chosen = resolve(typed)
    sized = chosen.size is not None or "max_long_edge" in typed
    if not sized and chosen.max_long_edge > settings.max_long_edge:
        typed["max_long_edge"] = settings.max_long_edge
        chosen = resolve(typed)
    return {name: getattr(chosen, name) for name in typed}, chosen


def painting(
    body: Mapping[str, Any], photo: Source, style: Source, settings: Settings
) -> dict[str, Any]:
    """The order of a job: what job.json holds beside names and times. Raises what nstyle refuses.

    "ignored" names what was given and means nothing here, "typed" the options that do.
    """
    typed, preset = read(body)
    strength = apply.check_strength(body.get("strength", 1))
    chosen = presets.resolve(typed, preset)
    if style.network:
        known = {name: value for name, value in typed.items() if name in apply.FIELDS}
        if known.get("colors") == "match":  # such a style has its own
            del known["colors"]
        for name in apply.STROKES:
            known.pop(name, None)
        ignored = [name for name in typed if name not in known] + ["preset"] * bool(preset)
        typed, chosen = limited(known, apply.options_of, settings)
        one = {"ready": style.typed} if style.ready else {"network": style.path}
        order = {**one, "strength": strength, "ignored": ignored}
    else:
        typed, chosen = limited(typed, lambda typed: presets.resolve(typed, preset), settings)
        check_network(chosen)
        order = {"ignored": ["strength"] * ("strength" in body)}
    check_sizes(chosen, photo, style, settings)
    order.update(typed=typed, preset=preset, one_pass=style.network)
    return {**order, "command": command(order, photo, style)}


def check_network(chosen: Options) -> None:
    """Refuse losses, models and layers that there are not. Raises Refused, OptionError."""
    inputs.check_style_loss(chosen)
    try:
        model, _ = inputs.find_weights(chosen)
    except WeightsError as error:  # tells folders of the server
        log.info("%s", error)
        raise Refused(f"--model {chosen.model}: its weights are not installed here") from error
    inputs.check_layers(chosen, model)


def check_sizes(chosen: Options, photo: Source, style: Source, settings: Settings) -> None:
    """Refuse what is larger than the studio paints. Raises Refused, OptionError."""
    edge = settings.max_long_edge
    size = inputs.result_size((photo.width, photo.height), chosen)
    if max(size) > edge:
        name = "--size" if chosen.size else "--max-long-edge"
        raise Refused(f"{name}: {size[0]}x{size[1]} is too large; this studio paints up to {edge}")
    if style.network:
        return
    seen = inputs.style_size_for(size, (style.width, style.height), chosen)
    if math.prod(seen) > edge**2:
        name = "--style-size" if chosen.style_size else "--style-scale"
        pixels = f"the style would have {seen[0]}x{seen[1]} pixels"
        raise Refused(f"{name}: {pixels}; this studio takes as many as {edge}x{edge}")


def preview(body: Mapping[str, Any], photo: Source, style: Source) -> dict[str, Any]:
    """The request for a worker. Raises what nstyle refuses."""
    typed, preset = read(body)
    chosen = presets.resolve(typed, preset)
    strength = apply.check_strength(body.get("strength", 1))
    options = {name: getattr(chosen, name) for name in IN_PREVIEW}
    if style.network and options["colors"] == "match":
        options["colors"] = "style"
    return {"photo": photo.small, **style.asked, "options": options, "strength": strength}


def frame(style: Source, strength: Any) -> dict[str, Any]:
    """The request for the worker of live frames, without the frame. Raises OptionError."""
    return {**style.asked, "strength": apply.check_strength(strength)}


def command(order: Mapping[str, Any], photo: Source, style: Source) -> str:
    """The command line that paints the same."""
    options = as_words(Options, order["typed"])
    if style.network:
        line = ["nstyle", "paint", photo.typed, "--style" if style.ready else "--network"]
        line.append(style.typed)
        return shlex.join([*line, "--strength", f"{order['strength']:g}", *options])
    line = ["python", "run.py", "--content-image", photo.typed, "--style-image", style.typed]
    preset = ["--preset", order["preset"]] if order["preset"] else []
    return shlex.join([*line, *preset, *options])


def offered() -> list[dataclasses.Field[Any]]:
    """The options one can choose in the studio, in the order of the command line."""
    return [entry for entry in dataclasses.fields(Options) if entry.name in HERE]
