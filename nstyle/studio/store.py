"""What is kept on disk: for each browser's token a folder with its uploads and its jobs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nstyle.studio.jobs import Job, write_json
from nstyle.studio.refusals import Refused, unknown
from nstyle.studio.settings import Settings, private_folder
from nstyle.studio.sources import Source, clean_name, from_json, to_json

TOKEN = re.compile(r"[0-9a-f]{32,128}")
ID = re.compile(r"[0-9a-f]{16}")
UPLOADS = 60  # kept for each browser; what a job uses, it has itself
DAY = 24 * 3600
ROOM = 300 * 2**20  # bytes that stay free on the disk
Check = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Store:
    """The folder of all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._people = private_folder(settings.home / "people")

    def of(self, token: str) -> Person:
        """What belongs to a token. Raises Refused for what is none."""
        if not TOKEN.fullmatch(token):
            raise Refused("a token is 32 to 128 hexadecimal digits, chosen at random", 401)
        return self.named(hashlib.sha256(token.encode()).hexdigest()[:32])

    def named(self, owner: str) -> Person:
        """The same by the name of the folder."""
        return Person(owner, self._people / owner, self._settings)

    def everyone(self) -> Iterator[Person]:
        """All who have a folder."""
        for folder in sorted(self._people.iterdir()):
            if folder.is_dir():
                yield self.named(folder.name)

    def tidy(self) -> None:
        """At the start: jobs that were at work were interrupted, old uploads go."""
        for person in self.everyone():
            for job in person.jobs():
                if job.state in ("queued", "painting"):
                    job.change("interrupted", "the studio was closed while it painted")
            person.forget_uploads(time.time() - DAY)


class Person:
    """One browser's uploads and jobs. No name given by anyone becomes a path unchecked."""

    def __init__(self, owner: str, folder: Path, settings: Settings) -> None:
        self.owner, self._folder, self._settings = owner, folder, settings

    def new_upload(self) -> Path:
        """A folder to receive one in. Raises Refused where the disk is nearly full."""
        home = private_folder(self._folder / "uploads")
        if shutil.disk_usage(home).free < ROOM:
            raise Refused("the studio's disk is nearly full; delete some paintings", 503)
        self._forget_but(UPLOADS - 1)
        return private_folder(home / secrets.token_hex(8))

    def keep(self, folder: Path, given_name: str, check: Check) -> Source:
        """The upload that was received in a folder as the file `picture`. Raises Refused."""
        name, path, small = clean_name(given_name), folder / "picture", folder / "small.jpg"
        seen = check({"path": str(path), "small": str(small), "name": name})
        size = seen["width"], seen["height"]
        typed = f"./{name}" if name.startswith("-") else name  # no flag of a command line
        source = Source(folder.name, name, str(path), str(small), *size, typed=typed)
        write_json(folder / "about.json", to_json(source))
        return source

    def upload(self, id: str) -> Source:
        """Raises Refused."""
        folder = self._folder / "uploads" / checked(id, "picture")
        try:
            facts = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise unknown("picture") from None
        os.utime(folder)
        moved = {"path": str(folder / "picture"), "small": str(folder / "small.jpg")}
        return from_json({**facts, **moved})

    def forget_uploads(self, before: float) -> None:
        """Remove those not used since then (seconds since 1970)."""
        for folder, used in self._uploads():
            if used < before:
                shutil.rmtree(folder, ignore_errors=True)

    def _forget_but(self, count: int) -> None:
        for folder, _ in self._uploads()[count:]:
            shutil.rmtree(folder, ignore_errors=True)

    def _uploads(self) -> list[tuple[Path, float]]:
        """Newest first."""
        with contextlib.suppress(FileNotFoundError):
            found = [(each, each.stat().st_mtime) for each in (self._folder / "uploads").iterdir()]
            return sorted(found, key=lambda pair: -pair[1])
        return []

    def new_job(self, order: Mapping[str, Any], photo: Source, style: Source) -> Job:
        """A folder with copies of what is needed. Raises Refused where the history is full."""
        if len(self._job_folders()) >= self._settings.history:
            raise Refused(
                f"your history is full ({self._settings.history} paintings); delete some", 429
            )
        folder = private_folder(self._folder / "jobs" / secrets.token_hex(8))
        copy(photo.path, folder / "photo")
        copy(photo.small, folder / "photo.jpg")
        if not style.network:
            copy(style.path, folder / "style")
        facts = {**order, "photo": photo.name, "style": style.name, "created": time.time()}
        job = Job(folder, self.owner, facts)
        job.save()
        return job

    def jobs(self) -> list[Job]:
        """Newest first; what cannot be read is left out."""
        found = [read_job(folder, self.owner) for folder in self._job_folders()]
        whole = [job for job in found if job is not None]
        return sorted(whole, key=lambda job: -job.facts["created"])

    def job(self, id: str) -> Job:
        """Raises Refused: not there, or somebody else's."""
        job = read_job(self._folder / "jobs" / checked(id, "painting"), self.owner)
        if job is None:
            raise unknown("painting")
        return job

    def _job_folders(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return list((self._folder / "jobs").iterdir())
        return []


def checked(id: str, what: str) -> str:
    """The id, as far as it is one. Raises Refused."""
    if not ID.fullmatch(id):
        raise unknown(what)
    return id


def read_job(folder: Path, owner: str) -> Job | None:
    """The job in a folder."""
    try:
        facts = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Job(folder, owner, facts)


def copy(source: str, target: Path) -> None:
    """Another name for the same bytes where the disk can do that, else a copy. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
