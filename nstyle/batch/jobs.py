"""The jobs of a batch, from flags or a file of jobs."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from string import Formatter
from typing import Any

from nstyle.batch import job_file
from nstyle.errors import NStyleError, OptionError
from nstyle.images import image_paths
from nstyle.images.image_paths import PICTURES, bare, unique
from nstyle.options import presets
from nstyle.options.options import Options
from nstyle.options.parse import brief, flag, nearest
from nstyle.system import locations
from nstyle.system.files import is_name, refuse_overwriting

LONGEST_NAME, LONGEST_PATH = 255, 1000  # bytes; the first as most file systems have it
NO_NAME = "has letters that no file's name can have; leave them out"
PLAIN_SPEC = re.compile(r"(?!.*\d{4})[^{}]*")  # of a field in a name: no fields in it, no long runs
TEXTURE = "texture"  # {content} where there is no photo
KNOWN = ("content", "style", "preset", *(entry.name for entry in dataclasses.fields(Options)))


def filled(pattern: str, job: Job) -> str:
    """The pattern for one job. Raises OptionError."""
    content = job.pictures.get("content_image")
    values = {
        **dataclasses.asdict(job.options),
        "content": TEXTURE if content is None else bare(content),
        "style": "+".join(map(bare, job.pictures["style_image"])),
        "preset": job.preset or "",
    }
    # A value with a slash is no folder.
    plain = {k: v.replace("/", "_") if isinstance(v, str) else v for k, v in values.items()}
    try:
        name = pattern.format(**plain)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise OptionError(f"--name {brief(pattern)}: {error}") from error
    return inside(name, "--name")


def inside(name: str, option: str) -> str:
    """The name as a path inside the folder of results. Raises OptionError."""
    if not is_name(name):
        raise OptionError(f"{option} {brief(name)}: {NO_NAME}")
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise OptionError(
            f"{option} {brief(name)}: is no file inside --output-dir; leave out / and .."
        )
    if len(os.fsencode(path)) > LONGEST_PATH or len(os.fsencode(path.name)) > LONGEST_NAME:
        raise OptionError(
            f"{option} {brief(name)}: is too long; a name has at most {LONGEST_NAME} bytes, with "
            f"its folders {LONGEST_PATH}"
        )
    return str(path)


def named(jobs: Sequence[Job], pattern: str) -> list[Job]:
    """The jobs with names: their own, or the pattern's, numbered if need be. Raises OptionError."""
    what = f"--name {brief(pattern)}"
    try:
        fields = [(field, spec) for _, field, spec, _ in Formatter().parse(pattern)]
    except ValueError as error:
        raise OptionError(f"{what}: {error}; write e.g. {{content}}.png") from error
    for field, spec in fields:
        if field is not None and field not in KNOWN:
            raise OptionError(f"{what}: {{{field}}} is none of {nearest(field, KNOWN)}")
        if spec and not PLAIN_SPEC.fullmatch(spec):
            raise OptionError(f"{what}: ':{spec}' cannot be; write e.g. {{seed:03d}}")
    names = [filled(pattern, job) for job in jobs]
    own = [job.output for job in jobs if job.output]
    used: set[str] = set()
    for name in own:
        if name.lower() in used:
            raise OptionError(f"output: {name} is given to two jobs; give each its own")
        used.add(name.lower())
    numbered = unique([name for name, job in zip(names, jobs) if not job.output], own)
    rest = (inside(name, "--name") for name in numbered)  # longer than they were
    return [dataclasses.replace(job, output=job.output or next(rest)) for job in jobs]


WORDS = ("preset", "output")
KINDS = {entry.name: entry.metadata["kind"] for entry in dataclasses.fields(Options)}
COLUMNS = (*PICTURES, *WORDS, *KINDS)


@dataclass(frozen=True)
class Job:
    """One result: its pictures' paths by the names of their flags, options, preset.

    output: its name inside the folder of results; where: the line it comes from, or "".
    """

    pictures: Mapping[str, Any]
    options: Options
    preset: str | None
    output: str
    where: str = ""


@dataclass(frozen=True)
class JobRequest:
    """Typed values: pictures by the names of their flags, options, preset, pattern of names."""

    pictures: Mapping[str, Any]
    options: Mapping[str, Any]
    preset: str | None
    pattern: str


def of_words(request: JobRequest) -> list[Job]:
    """A job for each photo in each style; no photo at all is a texture. Raises OptionError."""
    options = presets.resolve(request.options, request.preset)
    pictures = request.pictures
    photos: list[dict[str, Any]] = [{}]
    if "content_image" in pictures:
        photos = [{"content_image": path} for path in image_paths.find(pictures["content_image"])]
    elif options.content_weight:
        raise OptionError("--content-image: none was given; give photos, folders, or --jobs FILE")
    if "style_image" not in pictures:
        raise OptionError("--style-image: none was given; give paintings, or --jobs FILE")
    styles = [{"style_image": [path]} for path in image_paths.find(pictures["style_image"])]
    masks = pictures.get("style_mask", ())
    if masks:
        if len(masks) != len(styles):
            raise OptionError(
                f"--style-mask: {len(masks)} given, --style-image: {len(styles)}; give one for each"
            )
        styles = [{**style, "style_mask": [mask]} for style, mask in zip(styles, masks)]
    common = {name: pictures[name] for name in ("content_mask", "keep_mask") if name in pictures}
    jobs = [
        Job({**photo, **style, **common}, options, request.preset, "")
        for photo in photos
        for style in styles
    ]
    return named(jobs, request.pattern)


def of_file(path: str, request: JobRequest) -> list[Job]:
    """A job for each row; what was typed is what a row does not say. Raises OptionError."""
    typed = next((name for name in PICTURES if name in request.pictures), None)
    if typed:
        raise OptionError(f"{flag(typed)}: cannot be beside --jobs, which names the pictures")
    resolved: dict[Any, Options] = {}
    rows = job_file.read(path)
    jobs = [of_row(place, values, request, resolved) for place, values in rows]
    return named(jobs, request.pattern)


def of_row(
    place: str, row: Mapping[str, Any], request: JobRequest, resolved: dict[Any, Options]
) -> Job:
    """The job of a row; several styles in it are one blend. Raises OptionError, naming the line.

    resolved: options that were resolved already.
    """
    try:
        for name in row:
            if name == "threads":  # a process has as many as it began with
                raise OptionError("threads: is the same for all jobs; give --threads")
            if name not in COLUMNS:
                raise OptionError(f"no option {name!r}; there are {nearest(name, COLUMNS)}")
        values = {name: checked(name, value) for name, value in row.items()}
        pictures = {name: values.pop(name) for name in PICTURES if name in values}
        if not pictures.get("style_image"):
            raise OptionError("style_image: names no painting")
        preset = values.pop("preset", request.preset)
        output = values.pop("output", "")
        output = output and inside(output, "output")
        typed = {**request.options, **values}
        key = repr((sorted(typed.items(), key=str), preset))
        if key not in resolved:
            resolved[key] = presets.resolve(typed, preset)
        return Job(pictures, resolved[key], preset, output, place)
    except NStyleError as error:
        raise OptionError(f"{place}: {error}") from error


def checked(name: str, value: Any) -> Any:
    """The value of a column, which may be anything JSON has. Raises OptionError."""
    if name in job_file.SEVERAL:
        return [word(name, path) for path in (value if isinstance(value, list) else [value])]
    if name in PICTURES or name in WORDS:
        return word(name, value)
    if name == "style_blend" and isinstance(value, list):
        return ",".join(map(brief, value))
    if isinstance(value, (list, dict)) or (isinstance(value, bool) and KINDS[name] is not bool):
        raise OptionError(f"{name}: {brief(value, json.dumps)} cannot be; give one word or number")
    return word(name, value) if isinstance(value, str) else value


def word(name: str, value: Any) -> str:
    """A value that is text. Raises OptionError."""
    if not isinstance(value, str):
        raise OptionError(f"{name}: {brief(value, json.dumps)} is no text; give one in quotes")
    if not is_name(value):
        raise OptionError(f"{name} {brief(value)}: {NO_NAME}")
    return value


def files_of(job: Job) -> dict[str, str]:
    """Every file a job reads, by the option that names it: "style_image 2". Raises WeightsError."""
    files: dict[str, str] = {}
    for name, value in job.pictures.items():
        for number, path in enumerate(value if isinstance(value, list) else [value], 1):
            if name != "style_mask" or not path.startswith("#"):
                files[f"{name} {number}" if isinstance(value, list) else name] = path
    if job.options.init.noise is None:
        files["init"] = job.options.init
    return {**files, "weights": job.options.weights or locations.find(job.options.model)[1]}


def check_places(jobs: Sequence[Job], folder: str, typed: Sequence[str]) -> None:
    """Refuse results that would become inputs, or write over one. Raises OptionError.

    typed: the words of --content-image; what they find in the folder of results may be results.
    """
    here = os.path.realpath(folder)
    written = [("--output-dir", os.path.join(folder, job.output)) for job in jobs]
    read = [path for job in jobs for path in files_of(job).values()]
    refuse_overwriting(written, read, advice="give another folder")
    for job in jobs:
        photo = job.pictures.get("content_image")
        if photo is None or job.where or photo in typed:
            continue
        if os.path.dirname(os.path.realpath(photo)) == here:
            raise OptionError(
                f"--output-dir: {folder} holds the photos ({photo}), so that results would be "
                "painted the next time; give another folder"
            )


def check(jobs: Sequence[Job]) -> None:
    """Refuse what needs no picture to be seen; loads numpy. Raises OptionError, WeightsError."""
    from nstyle.images import regions
    from nstyle.optimize import inputs

    for job in jobs:
        pictures = job.pictures
        photo, styles = pictures.get("content_image"), pictures["style_image"]
        try:
            inputs.check(photo, len(styles), job.options, regions.given(pictures))
        except NStyleError as error:
            if not job.where:
                raise
            raise OptionError(f"{job.where}: {error}") from error
