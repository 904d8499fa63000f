"""Everything a training needs from outside, found and checked before MXNet is loaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import OptionError
from nstyle.feedforward import ANY_STYLE, ENCODER, STRUCTURE, TAPS, network_file
from nstyle.feedforward.network_file import NetworkFile
from nstyle.feedforward.train.options import CROP_STEP, FIELDS, KIND, TrainOptions
from nstyle.images import image_file
from nstyle.images.image_paths import EXTENSIONS
from nstyle.images.picture import Picture, resize
from nstyle.networks.training import checkpoint, curve, data
from nstyle.optimize import inputs
from nstyle.options.options import Options, shaping
from nstyle.system import checksums
from nstyle.system.files import check_writable, refuse_overwriting

log = logging.getLogger("nstyle")

KEPT_CROPS = 2.0  # pictures are kept in memory with a short edge of so many crops
FEW = 50  # photos: fewer are said to be few
MOST = 1000  # pictures of a kind, photos or paintings, that are kept,
ROOM = 1_500_000_000  # bytes of them at most: of crops of 256 px they all fit, of larger ones fewer
EXAMPLES, EXAMPLE_CROPS = 3, 1.5  # of the preview: how many, their long edge in crops


@dataclass(frozen=True)
class Example:
    """A held-out photo for the preview; painting: where any style is learned."""

    name: str
    photo: Picture
    painting: Picture | None = None


@dataclass(frozen=True)
class TrainingData:
    """Training pictures and where they come from.

    photos, paintings: uint8 HxWx3; given: as when a photo of a crop's size is painted; style: as it
    was read, None for any style; start: the network to begin with; saved: the checkpoint to go on
    from; setup: all that shapes the network, as JSON can hold it.
    """

    photos: Sequence[np.ndarray]
    paintings: Sequence[np.ndarray]
    given: inputs.Inputs
    style: Picture | None
    examples: Sequence[Example]
    start: NetworkFile | None
    saved: checkpoint.TrainingState | None
    setup: dict[str, Any]


def gather(wanted: TrainOptions, options: Options) -> TrainingData:
    """Raises OptionError, ImageError, WeightsError: one line, and what to do."""
    check_loss(wanted, options)
    check_written(wanted, options)
    saved = read_saved(wanted)
    curve.kept(wanted.curve, 0)
    start = read_start(wanted)
    size, style = (wanted.crop, wanted.crop), None
    blank = Picture(np.zeros((*size, 3), np.uint8))
    if wanted.style_image is not None:
        style = image_file.read(wanted.style_image, max_pixels=options.max_pixels)
    given = inputs.gather(blank, style or blank, options, size=size)
    photos, kept_out = read_pictures(wanted.photos, wanted, options)
    paintings, others = (
        read_pictures(wanted.paintings, wanted, options) if style is None else ({}, {})
    )
    setup = {
        **about(wanted, options, given.weights),
        "photos": fingerprint(photos),
        "style": fingerprint(paintings) if style is None else checksums.of_value(style)[:12],
    }
    if saved:
        checkpoint.agree(saved, setup)
    shown = examples(kept_out, others, wanted)
    if len(photos) < FEW:
        log.info("%d photos are few: the network learns these alone; give hundreds", len(photos))
    if wanted.preview and not shown:
        log.info("no preview: no photo is held out")
    kept = list(photos.values()), list(paintings.values())
    return TrainingData(*kept, given, style, shown, start, saved, setup)


def about(wanted: TrainOptions, options: Options, weights: str) -> dict[str, Any]:
    """The options that shape the network; of files checksums. Raises CheckpointError."""
    values = {
        **{name: value for name, value in shaping(options).items() if name in FIELDS},
        "weights": checksums.of_file(weights)[:12],
        "network": wanted.network,
        "structure": STRUCTURE,
        **{name: getattr(wanted, name) for name in ("width", "crop", "batch", "rate", "seed")},
        "color_weight": wanted.colours or None,  # as if it were not there: as it was before
        "start": checksums.of_file(wanted.beginning)[:12] if wanted.beginning else "random",
    }
    del values["model"]  # its weights say more
    return values


def check_loss(wanted: TrainOptions, options: Options) -> None:
    """Refuse what no network can learn. Raises OptionError."""
    if not (options.content_weight and options.style_weight):
        raise OptionError("--content-weight, --style-weight: both must be above 0 for a training")
    if options.colors != "style":
        raise OptionError("--colors: is chosen when painting, not in a training; leave it out")
    if wanted.network != ANY_STYLE:
        return
    if options.model != ENCODER or options.weights:
        raise OptionError(f"--model, --weights: beside --paintings it is {ENCODER}, which paints")
    if options.style_scale != 1 or options.style_size:
        raise OptionError("--style-scale, --style-size: have no place beside --paintings")
    layers = options.style_layers.weights
    if not set(TAPS) <= set(layers):
        raise OptionError(f"--style-layers: beside --paintings needs {','.join(TAPS[::-1])}")


def check_written(wanted: TrainOptions, options: Options) -> None:
    """Refuse files that cannot be written, or would be over something. Raises OptionError."""
    written = {
        "--output": wanted.output,
        "--checkpoint": wanted.saved,
        "--curve": wanted.curve,
        "the preview": wanted.preview,
    }
    read = [wanted.style_image, wanted.heldout, options.weights, wanted.beginning]
    refuse_overwriting(written.items(), read)
    for flag, path in written.items():
        if not path:
            continue
        if path != wanted.preview and trained_on(path, wanted):
            raise OptionError(f"{flag}: {path} is a picture to train on, or would be; give another")
        check_writable(flag, path)


def trained_on(path: str, wanted: TrainOptions) -> bool:
    """Whether a file would be taken for a picture to train on."""
    folders, place = (*wanted.photos, *wanted.paintings), Path(path)
    if place.suffix.lower() not in EXTENSIONS:
        return False
    return bool(data.inside([place], folders))


def read_saved(wanted: TrainOptions) -> checkpoint.TrainingState | None:
    """The checkpoint to go on from. Raises OptionError, WeightsError."""
    there = checkpoint.exists(wanted.saved)
    if wanted.resume:
        if not there:
            done = os.path.exists(wanted.output)
            advice = f"{wanted.output} is finished" if done else "leave it out to begin"
            raise OptionError(f"--resume: there is no {wanted.saved}; {advice}")
        saved = checkpoint.read(wanted.saved, KIND)
        if saved.setup.get("structure", 1) != STRUCTURE:
            raise OptionError(
                f"--resume: {wanted.saved} is of a version of nstyle whose networks paint "
                "otherwise; remove it to start anew"
            )
        return saved
    if there:
        raise OptionError(
            f"{wanted.saved}: holds a training that was stopped; go on with it by --resume, or "
            "remove it to start anew"
        )
    if os.path.exists(wanted.output):
        raise OptionError(
            f"--output: {wanted.output} is there already; give another, or remove it to train anew"
        )
    return None


def read_start(wanted: TrainOptions) -> NetworkFile | None:
    """The network to begin with. Raises WeightsError, OptionError."""
    if wanted.beginning is None:
        return None
    file = network_file.read(wanted.beginning)
    if file.network != wanted.network:
        raise OptionError(
            f"--start: {wanted.start} paints {file.network}, not {wanted.network}; give another"
        )
    for name, value in wanted.shape.items():
        if file.shape.get(name) != value:
            raise OptionError(
                f"--start: {wanted.start} has {name} {file.shape.get(name)}, not {value}; "
                "give its --width"
            )
    return file


Named = dict[Path, np.ndarray]


def read_pictures(
    folders: Sequence[str], wanted: TrainOptions, options: Options
) -> tuple[Named, Named]:
    """(pictures to train on, held-out ones for the preview). Raises OptionError, ImageError."""
    limit = options.max_pixels
    paths, listed = data.split(folders, wanted.heldout, wanted.is_preview)
    short_edge = round(KEPT_CROPS * wanted.crop)
    chosen = data.some_of(paths, MOST, wanted.seed)
    loaded = data.load_named(chosen, short_edge, least=wanted.crop, max_pixels=limit, room=ROOM)
    loaded = dict(sorted(loaded.items()))
    if wanted.heldout is not None:
        shown = data.inside(listed, folders)[:EXAMPLES]
        return loaded, data.load_named(shown, short_edge, max_pixels=limit) if shown else {}
    chance = np.random.default_rng([wanted.seed, 4])
    places = chance.permutation(len(loaded))[: min(EXAMPLES, len(loaded) // 2)]
    kept_out = [list(loaded)[place] for place in places]
    return loaded, {path: loaded.pop(path) for path in kept_out}


def fingerprint(loaded: Named) -> str:
    """Number and checksum of pictures, whatever their names."""
    return f"{len(loaded)} ({checksums.of_value(list(loaded.values()))[:12]})"


def examples(photos: Named, paintings: Named, wanted: TrainOptions) -> list[Example]:
    """Photos for the preview, each with a painting where any style is learned."""
    long_edge = EXAMPLE_CROPS * wanted.crop

    def sized(pixels: np.ndarray) -> Picture:
        picture = Picture(pixels)
        factor = min(1.0, long_edge / max(picture.size)) / CROP_STEP
        width, height = (max(2, int(edge * factor)) * CROP_STEP for edge in picture.size)
        return resize(picture, width, height)

    found = [(path.name, sized(pixels)) for path, pixels in photos.items()]
    if not wanted.paintings:
        return [Example(name, photo) for name, photo in found]
    shown = [sized(pixels) for pixels in paintings.values()]
    return [Example(name, photo, painting) for (name, photo), painting in zip(found, shown)]
