"""Tasks for workers that do not see the files: what is sent along, and where it is put there."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nstyle.batch.tasks import Answer, Task
from nstyle.errors import ImageError
from nstyle.images import image_file
from nstyle.optimize.context import PaintContext
from nstyle.system.files import atomic_write, opened
from nstyle.system.locations import PRETRAINED

_painting = threading.Lock()  # MXNet and a context are for one painting at a time
_context = PaintContext()


# ---- the side that sends ----


def files_of(task: Task) -> list[str]:
    """The files to send, each once; every worker has those of the package."""
    return [path for path in task["files"] if Path(path).parent.resolve() != PRETRAINED]


def contents(path: str) -> bytes:
    """All of a file. Raises ImageError."""
    try:
        with opened(path) as file:
            return file.read()
    except (OSError, ValueError) as error:
        image_file.read(path)  # says it best
        raise ImageError(f"{path}: cannot be read ({error})") from error


# ---- the worker's side ----


def answer(task: Task, digests: Mapping[str, str], data: Sequence[bytes], folder: str) -> Answer:
    """Paint with the files that came; what is left in the folder is the network's file alone.

    digests: path where a file comes from -> SHA-256 of its data, in the order of `data`.
    """
    from nstyle.batch import worker  # here, as the one who sends does not need it

    with _painting, tempfile.TemporaryDirectory(dir=folder) as meanwhile:
        places = {}
        for (path, digest), content in zip(digests.items(), data):
            stays = path == task["weights"]  # is recognised by its place when it comes again
            places[path] = put(folder if stays else meanwhile, digest, path, content)
        result = worker.answer(moved(task, places), _context)

    def renamed(message: str) -> str:
        for path, place in places.items():
            message = message.replace(place, path)
        return message

    notes = [(level, renamed(line)) for level, line in result.notes]
    return replace(result, error=result.error and renamed(result.error), notes=notes)


def put(folder: str, digest: str, path: str, content: bytes) -> str:
    """Write what came under its own name, if it is not there; its place."""
    place = os.path.join(folder, digest, os.path.basename(path))
    if not os.path.exists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        atomic_write(place, lambda file: file.write(content))
    return place


def moved(task: Task, places: Mapping[str, str]) -> Task:
    """The task with its files where they are now."""

    def at(path: Any) -> Any:
        return [at(each) for each in path] if isinstance(path, list) else places.get(path, path)

    weights = at(task["weights"])
    if weights and weights not in places.values():  # the package's, which lies elsewhere here
        weights = str(PRETRAINED / os.path.basename(weights))
    pictures = {name: at(path) for name, path in task["pictures"].items()}
    options = {**task["options"], "init": at(task["options"]["init"])}
    return {**task, "pictures": pictures, "options": options, "weights": weights}
