"""The jobs of a batch, from flags or a file of jobs."""

from __future__ import annotations

import dataclasses
import json
import os
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
from nstyle.options.parse import flag, nearest
from nstyle.system import locations
from nstyle.system.files import refuse_overwriting

TEXTURE = "texture"  # {content} where there is no photo
KNOWN = ("content", "style", "preset", *(entry.name for entry in dataclasses.fields(Options)))


def check_pattern(pattern: str) -> None:
    """Refuse what is no pattern. Raises OptionError."""
    try:
        fields = [field for _, field, _, _ in Formatter().parse(pattern) if field is not None]
    except ValueError as error:
        raise OptionError(f"--name {pattern!r}: {error}; write e.g. {{content}}.png") from error
    for field in fields:
        if field not in KNOWN:
            raise OptionError(f"--name {pattern!r}: {{{field}}} is none of {nearest(field, KNOWN)}")


def filled(pattern: str, pictures: Mapping[str, Any], options: Options, preset: str | None) -> str:
    """The pattern for one job. Raises OptionError."""
    content = pictures.get("content_image")
    values = {
        **dataclasses.asdict(options),
        "content": TEXTURE if content is None else bare(content),
        "style": "+".join(map(bare, pictures["style_image"])),
        "preset": preset or "",
    }
    plain = {
        key: value.replace("/", "_").replace(os.sep, "_") if isinstance(value, str) else value
        for key, value in values.items()
    }
    try:
        name = pattern.format(**plain)
    except (ValueError, LookupError, TypeError) as error:
        raise OptionError(f"--name {pattern!r}: {error}") from error
    return inside(name, "--name")


def inside(name: str, option: str) -> str:
    """The name as a path inside the folder of results. Raises OptionError."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise OptionError(f"{option} {name!r}: is no file inside --output-dir; leave out / and ..")
    return str(path)


def assigned(wanted: Sequence[str], given: Mapping[int, str]) -> list[str]:
    """The names of all jobs: those given by the user as they are, the others numbered if need be.

    wanted: from the pattern; given: by the number of the job. Raises OptionError where the user
    gave one twice.
    """
    own: dict[str, int] = {}
    for number, name in given.items():
        if own.setdefault(name.lower(), number) != number:
            raise OptionError(f"output: {name} is given to two jobs; give each its own")
    rest = iter(unique([w for n, w in enumerate(wanted) if n not in given], given.values()))
    return [given[number] if number in given else next(rest) for number in range(len(wanted))]


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


def of_words(given: JobRequest) -> list[Job]:
    """A job for each photo in each style; no photo at all is a texture. Raises OptionError."""
    options = presets.resolve(given.options, given.preset)
    contents: Sequence[Any] = [None]
    if "content_image" in given.pictures:
        contents = image_paths.find(given.pictures["content_image"])
    elif options.content_weight:
        raise OptionError("--content-image: none was given; give photos, folders, or --jobs FILE")
    if "style_image" not in given.pictures:
        raise OptionError("--style-image: none was given; give paintings, or --jobs FILE")
    asked = [
        pictures_of(content, style, given.pictures)
        for content in contents
        for style in styles_of(given.pictures)
    ]
    return named([Job(each, options, given.preset, "") for each in asked], given.pattern)


def styles_of(pictures: Mapping[str, Any]) -> list[dict[str, list[str]]]:
    """Each style, with its mask where there are any. Raises OptionError."""
    styles = image_paths.find(pictures["style_image"])
    masks = pictures.get("style_mask", ())
    if masks and len(masks) != len(styles):
        raise OptionError(
            f"--style-mask: {len(masks)} given, --style-image: {len(styles)}; give one for each"
        )
    return [
        {"style_image": [style], **({"style_mask": [masks[number]]} if masks else {})}
        for number, style in enumerate(styles)
    ]


def pictures_of(
    content: str | None, style: Mapping[str, Any], pictures: Mapping[str, Any]
) -> dict[str, Any]:
    """The pictures of one job."""
    photo = {} if content is None else {"content_image": content}
    masks = {name: pictures[name] for name in ("content_mask", "keep_mask") if name in pictures}
    return {**photo, **style, **masks}


def of_file(path: str, given: JobRequest) -> list[Job]:
    """A job for each row; what was typed is what a row does not say. Raises OptionError."""
    typed = next((name for name in PICTURES if name in given.pictures), None)
    if typed:
        raise OptionError(f"{flag(typed)}: cannot be beside --jobs, which names the pictures")
    resolved: dict[Any, Options] = {}
    return named([of_row(row, given, resolved) for row in job_file.read(path)], given.pattern)


def of_row(row: job_file.Row, given: JobRequest, resolved: dict[Any, Options]) -> Job:
    """The job of a row; several styles in it are one blend. Raises OptionError, naming the line.

    resolved: options that were resolved already.
    """
    try:
        for name in row.values:
            check_column(name)
        values = {name: checked(name, value) for name, value in row.values.items()}
        pictures = {name: values.pop(name) for name in PICTURES if name in values}
        if not pictures.get("style_image"):
            raise OptionError("style_image: names no painting")
        preset = values.pop("preset", given.preset)
        output = values.pop("output", "")
        output = output and inside(output, "output")
        typed = {**given.options, **values}
        key = repr((sorted(typed.items(), key=str), preset))
        if key not in resolved:
            resolved[key] = presets.resolve(typed, preset)
        return Job(pictures, resolved[key], preset, output, row.where)
    except NStyleError as error:
        raise OptionError(f"{row.where}: {error}") from error


def check_column(name: str) -> None:
    """Refuse what is no option of a job. Raises OptionError."""
    if name == "threads":  # a process has as many as it began with
        raise OptionError("threads: is the same for all jobs; give --threads")
    if name not in COLUMNS:
        raise OptionError(f"no option {name!r}; there are {nearest(name, COLUMNS)}")


def checked(name: str, value: Any) -> Any:
    """The value of a column, which may be anything JSON has. Raises OptionError."""
    if name in job_file.SEVERAL:
        return [word(name, path) for path in (value if isinstance(value, list) else [value])]
    if name in PICTURES or name in WORDS:
        return word(name, value)
    if name == "style_blend" and isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, (list, dict)) or (isinstance(value, bool) and KINDS[name] is not bool):
        raise OptionError(f"{name}: {json.dumps(value)} cannot be; give one word or number")
    return value


def word(name: str, value: Any) -> str:
    """A value that is text. Raises OptionError."""
    if not isinstance(value, str):
        raise OptionError(f"{name}: {json.dumps(value)} is no text; give one in quotes")
    return value


def named(jobs: Sequence[Job], pattern: str) -> list[Job]:
    """The jobs with names for their results. Raises OptionError."""
    check_pattern(pattern)
    given = {number: job.output for number, job in enumerate(jobs) if job.output}
    wanted = [filled(pattern, job.pictures, job.options, job.preset) for job in jobs]
    outputs = assigned(wanted, given)
    return [dataclasses.replace(job, output=name) for job, name in zip(jobs, outputs)]


def files_of(job: Job) -> dict[str, str]:
    """Every file that a job reads, by the option that names it: "style_image 2". Raises
    WeightsError.
    """
    found: dict[str, str] = {}
    for name, given in job.pictures.items():
        paths = given if isinstance(given, list) else [given]
        for number, path in enumerate(paths, 1):
            if name != "style_mask" or not path.startswith("#"):
                found[name if given is path else f"{name} {number}"] = path
    if job.options.init.noise is None:
        found["init"] = job.options.init
    return {**found, "weights": job.options.weights or locations.find(job.options.model)[1]}


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
    """Refuse what can be refused before a picture is read. Raises OptionError, WeightsError.

    Loads numpy.
    """
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
