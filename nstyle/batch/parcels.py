"""Tasks for workers that do not see the files: what is sent along, and where it is put there."""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nstyle.batch.tasks import Answer, Task
from nstyle.errors import ImageError
from nstyle.images import image_file
from nstyle.optimize.context import PaintContext
from nstyle.system.files import atomic_write
from nstyle.system.locations import PRETRAINED

_painting = threading.Lock()  # MXNet and a workplace are for one painting at a time


@dataclass(frozen=True)
class FileUpload:
    """A file's path where it comes from, and the SHA-256 of what was in it."""

    path: str
    digest: str


# ---- the side that sends ----


def files_of(task: Task) -> list[str]:
    """The files to send, each once; every worker has those of the package."""
    return [path for path in task["files"] if Path(path).parent.resolve() != PRETRAINED]


def contents(path: str) -> bytes:
    """All of a file. Raises ImageError."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        image_file.read(path)  # says it best
        raise ImageError(f"{path}: cannot be read ({error})") from error


# ---- the worker's side ----


def answer(task: Task, parcels: Sequence[FileUpload], data: Sequence[bytes], folder: str) -> Answer:
    """Paint with the files that came; what is left in the folder is the network's file alone."""
    from nstyle.batch import worker  # here, as the one who sends does not need it

    with _painting, tempfile.TemporaryDirectory(dir=folder) as meanwhile:
        places = {}
        for parcel, content in zip(parcels, data):
            stays = parcel.path == task["weights"]  # is recognised by its place when it comes again
            places[parcel.path] = put(folder if stays else meanwhile, parcel, content)
        found = worker.answer(moved(task, places), context())
        notes = [(level, renamed(line, places)) for level, line in found.notes]
        return replace(found, error=found.error and renamed(found.error, places), notes=notes)


@functools.lru_cache(maxsize=1)
def context() -> PaintContext:
    """The one of this process."""
    return PaintContext()


def put(folder: str, parcel: FileUpload, content: bytes) -> str:
    """Write what came under its own name, if it is not there; its place."""
    place = os.path.join(folder, parcel.digest, os.path.basename(parcel.path))
    if not os.path.exists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        atomic_write(place, lambda file: file.write(content))
    return place


def moved(task: Task, places: Mapping[str, str]) -> Task:
    """The task with its files where they are now."""

    def at(given: Any) -> Any:
        return [at(path) for path in given] if isinstance(given, list) else places.get(given, given)

    weights = at(task["weights"])
    if weights and weights not in places.values():  # the package's, which lies elsewhere here
        weights = str(PRETRAINED / os.path.basename(weights))
    pictures = {name: at(given) for name, given in task["pictures"].items()}
    options = {**task["options"], "init": at(task["options"]["init"])}
    return {**task, "pictures": pictures, "options": options, "weights": weights}


def renamed(message: str, places: Mapping[str, str]) -> str:
    """A message about files where they came from."""
    for path, place in places.items():
        message = message.replace(place, path)
    return message
