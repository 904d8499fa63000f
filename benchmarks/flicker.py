"""Flicker: how much films painted as films change from frame to frame, beside frame by frame.

    python -m benchmarks.flicker [--network my-style.params]

Two clips are made of sample pictures: a camera pans over a photo; a photo's disc moves over a still
background. Each is painted by every method, once each frame alone, once as `nstyle video` does.
Warping error is the mean absolute difference, of 255, between a frame and the one before, moved to
where its parts are now, on pixels that are reliable; once by the clip's true motion, once by that
which optical flow finds (of the clip, both ways). "kept" is how much of the picture's fine contrast
the film has, of that of frames painted alone: blurred strokes would not flicker, either. The exit
code is 1 where a ratio is above --most.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from benchmarks import reporting
from nstyle.cli.flags import SAMPLE_STYLE, sample
from nstyle.images import image_file, video_writer
from nstyle.images.picture import Picture, resize
from nstyle.options import presets
from nstyle.system import runtime
from nstyle.video import optical_flow
from nstyle.video.by_network import NetworkPainter
from nstyle.video.by_optimization import OptimizationPainter
from nstyle.video.frames import next_inputs
from nstyle.video.optical_flow import Flow
from nstyle.video.options import INSTANT, OPTIMISE, FilmOptions
from nstyle.video.run import VideoPainter

NETWORK = "network"
RATE = 25
STEP = (2.3, 0.7)  # px per frame, right and down, of 256 px
EDGE = 2  # px around a moving thing where neither motion is right
FINE = 1.5  # px: what is smaller is fine contrast
COLUMNS: list[reporting.Column] = [
    ("clip", "clip", str),
    ("method", "method", str),
    ("motion", "motion", str),
    ("alone", "alone", reporting.general),
    ("film", "film", reporting.general),
    ("ratio", "ratio", lambda ratio: f"{ratio:.2f}"),
    ("kept", "kept", lambda kept: f"{kept:.2f}"),
]


@dataclasses.dataclass(frozen=True)
class Clip:
    """frames: uint8 HxWx3. For each but the first: motions, where its pixels were, (H, W, 2), right
    and down; sure, where that is true, (H, W).
    """

    frames: list[np.ndarray]
    motions: list[np.ndarray]
    sure: list[np.ndarray]


def photo_of(name: str, width: int) -> np.ndarray:
    """A sample photo with this width, floats HxWx3."""
    picture = image_file.read(sample(name))
    height = round(picture.height * width / picture.width)
    return resize(picture, width, height).floats()


def rounded(values: np.ndarray) -> np.ndarray:
    """Floats 0..1 as uint8."""
    return Picture.from_floats(np.clip(values, 0, 1), bits=8).pixels


def panning(width: int, count: int) -> Clip:
    """The camera moves right and down over a photo."""
    step = np.asarray(STEP) * width / 256
    height = width * 3 // 4
    whole = photo_of("coffee.jpg", round(max(1.4 * width, width + step[0] * count + 2)))
    frames = []
    for number in range(count):
        motion = np.broadcast_to(number * step, (height, width, 2))
        frames.append(rounded(optical_flow.warped(whole, motion)))
    motion = np.broadcast_to(step, (height, width, 2)).astype(np.float32)
    sure = optical_flow.inside(motion)
    return Clip(frames, [motion] * (count - 1), [sure] * (count - 1))


def moving(width: int, count: int) -> Clip:
    """A disc of one photo moves over another."""
    height, step = width * 3 // 4, np.asarray(STEP) * width / 256
    ground = photo_of("astronaut.jpg", width)[:height]
    thing = photo_of("chelsea.jpg", width)
    y, x = np.mgrid[0:height, 0:width]
    frames, motions, sure, before = [], [], [], None
    for number in range(count):
        centre = np.array([0.3 * width, 0.45 * height]) + number * step
        away = np.hypot(x - centre[0], y - centre[1]) - 0.2 * width
        cover = np.clip(0.5 - away, 0, 1)[..., np.newaxis]
        moved = optical_flow.warped(thing, np.broadcast_to(-number * step, (height, width, 2)))
        frames.append(rounded(ground * (1 - cover) + moved * cover))
        inside = away < 0
        if before is not None:
            motions.append(np.where(inside[..., np.newaxis], -step, 0.0).astype(np.float32))
            sure.append((np.abs(away) > EDGE) & (inside | (before > EDGE)))
        before = away
    return Clip(frames, motions, sure)


CLIPS = {"panning": panning, "moving": moving}


def written(clip: Clip, path: str) -> None:
    """The clip as a file."""
    with open(path, "w+b") as file:
        video_writer.write(file, clip.frames, RATE)


def alone(words: argparse.Namespace, method: str, clip: Clip) -> list[np.ndarray]:
    """Each frame painted by itself, as `nstyle run` and `nstyle paint` do; HxWx3 in 0..1."""
    photos, typed = [Picture(frame) for frame in clip.frames], options_of(words, method)
    if method == OPTIMISE:
        options = presets.resolve(typed, None)
        painter: Any = OptimizationPainter(photos[0], [words.style], options, weight=0, epochs=1)
    else:
        network = words.network if method == NETWORK else None
        styles = None if network else [words.style]
        painter = NetworkPainter(photos[0], styles, weight=0, network=network, **typed)
    given = (next_inputs(painter.first, photo, painter.options) for photo in photos)
    return [painter.paint(each, None).picture.floats() for each in given]


def film(words: argparse.Namespace, method: str, source: str, folder: Path) -> list[np.ndarray]:
    """The frames of what `nstyle video` paints, HxWx3 in 0..1."""
    way: dict[str, Any] = {"method": method}
    if method == NETWORK:
        way = {"network": words.network}
    elif method == OPTIMISE:
        way["frame_epochs"] = words.frame_epochs
    output = str(folder / f"{Path(source).stem}-{method}.mp4")
    options = FilmOptions(
        content_video=source,
        output=output,
        keep_frames=True,
        restart=True,
        temporal_weight=words.temporal_weight,
        **way,
    )
    styles = None if method == NETWORK else [words.style]
    VideoPainter(options, styles, options_of(words, method)).paint()
    return [
        image_file.read(path).floats() for path in sorted(Path(f"{output}.frames").glob("*.png"))
    ]


def options_of(words: argparse.Namespace, method: str) -> dict[str, Any]:
    """Fields of Options for a method."""
    options = {"max_long_edge": words.size, "threads": words.threads, "gpu": -1}
    if method == OPTIMISE and words.epochs:
        options["max_num_epochs"] = words.epochs
    return options


def errors(
    frames: Sequence[np.ndarray], motions: Sequence[np.ndarray], sure: Sequence[np.ndarray]
) -> float:
    """The mean warping error, of 255."""
    found = [
        np.abs(now - optical_flow.warped(before, motion))[where].mean()
        for before, now, motion, where in zip(frames, frames[1:], motions, sure)
    ]
    return 255 * float(np.mean(found))


def fine(frames: Sequence[np.ndarray]) -> float:
    """Deviation of what is finer than FINE px."""
    return float(np.mean([(f - ndimage.gaussian_filter(f, (FINE, FINE, 0))).std() for f in frames]))


def found(clip: Clip) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(motions, where they are reliable) by optical flow."""
    find, photos = Flow(), [Picture(frame) for frame in clip.frames]
    links = [optical_flow.linked(now, before, find) for before, now in zip(photos, photos[1:])]
    return [link.motion for link in links], [link.trust > 0.5 for link in links]


def compare(words: argparse.Namespace, name: str, folder: Path) -> list[dict[str, Any]]:
    """A row for each method and motion of a clip."""
    clip = CLIPS[name](words.size, words.frames)
    source = str(folder / f"{name}.mp4")
    written(clip, source)
    motions = {"true": (clip.motions, clip.sure), "flow": found(clip)}
    rows = []
    for method in words.methods:
        single, painted = alone(words, method, clip), film(words, method, source, folder)
        for index, frame in enumerate(single):
            keep(frame, folder / f"{name}-{method}-alone", index)
        for motion, where in motions.items():
            apart, held = errors(single, *where), errors(painted, *where)
            rows.append({
                "clip": name, "method": method, "motion": motion, "alone": apart, "film": held,
                "ratio": held / apart, "kept": fine(painted) / fine(single),
            })  # fmt: skip
            print(reporting.table(rows[-1:], COLUMNS).splitlines()[-1], flush=True)
    return rows


def keep(frame: np.ndarray, folder: Path, number: int) -> None:
    """A frame as .png, to be looked at."""
    folder.mkdir(exist_ok=True)
    image_file.write(Picture(rounded(frame)), folder / f"{number:06d}.png")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    first, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", nargs="+", default=list(CLIPS), choices=tuple(CLIPS))
    parser.add_argument("--methods", nargs="+", default=None, choices=(OPTIMISE, NETWORK, INSTANT))
    parser.add_argument("--network", metavar="FILE", help="of nstyle train, for one style")
    parser.add_argument("--size", type=int, default=384, help="width, px")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=0, help="of a picture at most; 0: as usual")
    parser.add_argument("--frame-epochs", type=int, default=usual("frame_epochs"))
    parser.add_argument("--temporal-weight", type=float, default=usual("temporal_weight"))
    parser.add_argument("--style", default=sample(SAMPLE_STYLE), metavar="FILE")
    parser.add_argument("--threads", type=int, default=runtime.usable_cores())
    parser.add_argument("--most", type=float, default=0.5, help="the ratio that is allowed")
    parser.add_argument("--folder", metavar="DIR", help="keep clips, films and frames there")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    words = parser.parse_args(arguments)
    words.methods = words.methods or [OPTIMISE, *([NETWORK] if words.network else []), INSTANT]
    if NETWORK in words.methods and not words.network:
        parser.error("--methods network needs --network FILE")
    return words


def usual(name: str) -> Any:
    """What `nstyle video` takes where nothing is said."""
    return next(e.default for e in dataclasses.fields(FilmOptions) if e.name == name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint, measure and report; 1 where a film flickers too much."""
    words = parse(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(words.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in words.clips:
            rows += compare(words, name, folder)
    print(reporting.table(rows, COLUMNS))
    if NETWORK not in words.methods:
        print("a network of one style is compared, too, with --network FILE of nstyle train")
    reporting.write_json(words.json, {"facts": reporting.facts(words.threads), "rows": rows})
    return int(any(row["ratio"] > words.most for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
