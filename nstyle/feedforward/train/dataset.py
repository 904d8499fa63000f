"""Everything a training needs from outside, found and checked before MXNet is loaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import OptionError
from nstyle.feedforward import ANY_STYLE, STRUCTURE, network_file, ready_styles
from nstyle.feedforward.network_file import NetworkFile
from nstyle.feedforward.ready_styles import ReadyRow
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

Named = dict[Path, np.ndarray]

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

    photos, paintings: uint8 HxWx3; inputs: as when a photo of a crop's size is painted; style: None
    for any style; ready: styles to learn besides; start: the network to begin with; saved: the
    checkpoint to go on from; setup: all that shapes the network, as JSON can hold it.
    """

    photos: Sequence[np.ndarray]
    paintings: Sequence[np.ndarray]
    inputs: inputs.Inputs
    style: Picture | None
    ready: Sequence[tuple[ReadyRow, Picture]]
    examples: Sequence[Example]
    start: NetworkFile | None
    saved: checkpoint.TrainingState | None
    setup: dict[str, Any]


def gather(request: TrainOptions, options: Options) -> TrainingData:
    """Raises OptionError, ImageError, WeightsError: one line, and what to do."""
    check_loss(request, options)
    check_written(request, options)
    saved = read_saved(request)
    curve.kept(request.curve, 0)
    start = read_start(request)
    size, style = (request.crop, request.crop), None
    blank = Picture(np.zeros((*size, 3), np.uint8))
    if request.style_image is not None:
        style = image_file.read(request.style_image, max_pixels=options.max_pixels)
    crop = inputs.gather(blank, style or blank, options, size=size)
    photos, heldout = read_pictures(request.photos, request, options)
    nothing: tuple[Named, Named] = {}, {}
    paintings, others = nothing if style else read_pictures(request.paintings, request, options)
    setup = {
        **about(request, options, crop.weights),
        "photos": fingerprint(photos),
        "style": fingerprint(paintings) if style is None else checksums.of_value(style)[:12],
    }
    ready = read_ready(request, options)
    if ready:
        setup["ready"] = checksums.of_value([picture for _, picture in ready])[:12]
    if saved:
        checkpoint.agree(saved, setup)
    shown = examples(heldout, others, request)
    if len(photos) < FEW:
        log.info("%d photos are few: the network learns these alone; give hundreds", len(photos))
    if request.preview and not shown:
        log.info("no preview: no photo is held out")
    pictures = list(photos.values()), list(paintings.values())
    return TrainingData(*pictures, crop, style, ready, shown, start, saved, setup)


def about(request: TrainOptions, options: Options, weights: str) -> dict[str, Any]:
    """The options that shape the network; of files checksums. Raises CheckpointError."""
    values = {
        **{name: value for name, value in shaping(options).items() if name in FIELDS},
        "weights": checksums.of_file(weights)[:12],
        "network": request.network,
        "structure": STRUCTURE[request.network],
        **{name: getattr(request, name) for name in ("width", "crop", "batch", "rate", "seed")},
        "color_weight": request.colours or None,  # as if it were not there: as it was before
        "start": checksums.of_file(request.beginning)[:12] if request.beginning else "random",
    }
    del values["model"]  # its weights say more
    return values


def check_loss(request: TrainOptions, options: Options) -> None:
    """Refuse what no network can learn. Raises OptionError."""
    if not (options.content_weight and options.style_weight):
        raise OptionError("--content-weight, --style-weight: both must be above 0 for a training")
    if options.colors != "style":
        raise OptionError("--colors: is chosen when painting, not in a training; leave it out")
    if request.network != ANY_STYLE:
        return
    if options.style_scale != 1 or options.style_size:
        raise OptionError("--style-scale, --style-size: have no place beside --paintings")


def check_written(request: TrainOptions, options: Options) -> None:
    """Refuse files that cannot be written, or would be over something. Raises OptionError."""
    written = {
        "--output": request.output,
        "--checkpoint": request.saved,
        "--curve": request.curve,
        "the preview": request.preview,
        "the ready styles": request.ready_output,
    }
    read = [request.style_image, request.heldout, options.weights, request.beginning]
    read.append(request.ready)
    refuse_overwriting(written.items(), read)
    for flag, path in written.items():
        if not path:
            continue
        # Among the pictures to train on, it would be one of them.
        picture = path != request.preview and Path(path).suffix.lower() in EXTENSIONS
        if picture and data.inside([Path(path)], (*request.photos, *request.paintings)):
            raise OptionError(f"{flag}: {path} is a picture to train on, or would be; give another")
        check_writable(flag, path)


def read_saved(request: TrainOptions) -> checkpoint.TrainingState | None:
    """The checkpoint to go on from. Raises OptionError, WeightsError."""
    exists, finished = checkpoint.exists(request.saved), os.path.exists(request.output)
    if request.resume and not exists:
        advice = f"{request.output} is finished" if finished else "leave it out to begin"
        raise OptionError(f"--resume: there is no {request.saved}; {advice}")
    if request.resume:
        saved = checkpoint.read(request.saved, KIND)
        if saved.setup.get("structure", 1) != STRUCTURE[request.network]:
            raise OptionError(
                f"--resume: {request.saved} is of a version of nstyle whose networks paint "
                "otherwise; remove it to start anew"
            )
        return saved
    if exists:
        raise OptionError(
            f"{request.saved}: holds a training that was stopped; go on with it by --resume, or "
            "remove it to start anew"
        )
    if finished:
        raise OptionError(
            f"--output: {request.output} is there already; give another, or remove it to train anew"
        )
    return None


def read_start(request: TrainOptions) -> NetworkFile | None:
    """The network to begin with. Raises WeightsError, OptionError."""
    if request.beginning is None:
        return None
    file = network_file.read(request.beginning)
    if file.network not in (request.network, ANY_STYLE):
        raise OptionError(
            f"--start: {request.start} paints {file.network}, not {request.network}; give another"
        )
    for name, value in request.shape.items():
        if file.shape.get(name) != value:
            raise OptionError(
                f"--start: {request.start} has {name} {file.shape.get(name)}, not {value}; "
                "give its --width"
            )
    return file


def read_pictures(
    folders: Sequence[str], request: TrainOptions, options: Options
) -> tuple[Named, Named]:
    """(pictures to train on, held-out ones for the preview). Raises OptionError, ImageError."""
    limit, short_edge = options.max_pixels, round(KEPT_CROPS * request.crop)
    paths, listed = data.split(folders, request.heldout, request.is_preview)
    chosen = data.some_of(paths, MOST, request.seed)
    loaded = data.load(chosen, short_edge, least=request.crop, max_pixels=limit, room=ROOM)
    loaded = dict(sorted(loaded.items()))
    if request.heldout is not None:
        shown = data.inside(listed, folders)[:EXAMPLES]
        return loaded, data.load(shown, short_edge, max_pixels=limit) if shown else {}
    chance = np.random.default_rng([request.seed, 4])
    places = chance.permutation(len(loaded))[: min(EXAMPLES, len(loaded) // 2)]
    heldout = [list(loaded)[place] for place in places]
    return loaded, {path: loaded.pop(path) for path in heldout}


def read_ready(request: TrainOptions, options: Options) -> list[tuple[ReadyRow, Picture]]:
    """Rows of --ready with their paintings, as large as usual photos. Raises OptionError,
    ImageError.
    """
    rows = ready_styles.read_list(request.ready) if request.ready else []
    read = (image_file.read(row.file, max_pixels=options.max_pixels) for row in rows)
    return [(row, ready_styles.sized(picture)) for row, picture in zip(rows, read)]


def fingerprint(loaded: Named) -> str:
    """Number and checksum of pictures, whatever their names."""
    return f"{len(loaded)} ({checksums.of_value(list(loaded.values()))[:12]})"


def examples(photos: Named, paintings: Named, request: TrainOptions) -> list[Example]:
    """Photos for the preview, each with a painting where any style is learned."""

    def sized(pixels: np.ndarray) -> Picture:
        picture = Picture(pixels)
        factor = min(1.0, EXAMPLE_CROPS * request.crop / max(picture.size)) / CROP_STEP
        width, height = (max(2, int(edge * factor)) * CROP_STEP for edge in picture.size)
        return resize(picture, width, height)

    pairs = zip(photos.items(), paintings.values() if request.paintings else repeat(None))
    return [
        Example(path.name, sized(photo), None if painting is None else sized(painting))
        for (path, photo), painting in pairs
    ]
