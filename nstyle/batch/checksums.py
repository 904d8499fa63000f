"""Checksums of jobs' inputs, to tell without painting whether a result is right.

Knows neither numpy nor pillow: a batch that has nothing to do is over at once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nstyle import __version__
from nstyle.batch.jobs import Job, files_of
from nstyle.options.options import shaping
from nstyle.system.files import sha256


class FileChecksums:
    """Checksums of files; each is read once."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, str | None]] = {}

    def digest(self, path: str) -> str | None:
        """SHA-256 of a file, None where it cannot be read."""
        if path not in self._seen:
            state = stand(path)  # before it is read: what changes meanwhile is noticed
            self._seen[path] = state, digest_of(path)
        return self._seen[path][1]

    def changed(self, path: str) -> bool:
        """Whether a file is another one than when it was read."""
        return path in self._seen and self._seen[path][0] != stand(path)


def digest_of(path: str) -> str | None:
    """SHA-256 of a file, None where it cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe is read only once
            return None
        with open(path, "rb") as file:
            return sha256(file)
    except (OSError, ValueError):
        return None


def stand(path: str) -> tuple[int, ...] | None:
    """Facts that change when a file is written; None if it is absent."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


@dataclass(frozen=True)
class PlannedJob:
    """A job and all that its result depends on. facts: as they are written down; key: of them."""

    job: Job
    facts: Mapping[str, Any]
    key: str


def planned(job: Job, contents: FileChecksums) -> PlannedJob:
    """Look at everything a job reads. Raises WeightsError where its network is not installed."""
    files = files_of(job)
    digests = {name: contents.digest(path) for name, path in files.items()}
    options = shaping(job.options)
    masks = job.pictures.get("style_mask")
    # Style masks that are a colour, in their places; {} as the keys of older manifests have it.
    colours = {} if masks is None else [mask if mask.startswith("#") else "" for mask in masks]
    extension = os.path.splitext(job.output)[1].lower()
    depends = [__version__, job.preset, options, digests, colours, extension]
    key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()
    inputs = {name: {"file": path, "sha256": digests[name]} for name, path in files.items()}
    facts = {"version": __version__, "preset": job.preset, "options": options, "inputs": inputs}
    return PlannedJob(job, facts, key)


def circumstances(job: Job) -> dict[str, Any]:
    """Facts beside its bytes that decide whether a picture can be read."""
    return {"max_pixels": job.options.max_pixels, "heif": find_spec("pillow_heif") is not None}
