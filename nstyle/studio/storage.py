"""Files on disk: for each browser's token a folder with its uploads and jobs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nstyle.studio.jobs import Job, write_json
from nstyle.studio.library import Source, clean_name, from_json, to_json
from nstyle.studio.options import Settings, private_folder
from nstyle.studio.requests import Refused, unknown

TOKEN = re.compile(r"[0-9a-f]{32,128}")
ID = re.compile(r"[0-9a-f]{16}")
UPLOADS = 60  # kept for each browser; what a job uses, it has itself
DAY = 24 * 3600
ROOM = 300 * 2**20  # bytes that stay free on the disk
COUNTED = 20.0  # seconds for which it is believed how large the folder is
Check = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Store:
    """The folder of all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._people = private_folder(settings.home / "people")
        self._counting = threading.Lock()
        self._size, self._counted = 0, -math.inf  # bytes, and when that was

    def of(self, token: str) -> Session:
        """The session of a token. Raises Refused for a malformed one."""
        if not TOKEN.fullmatch(token):
            raise Refused("a token is 32 to 128 hexadecimal digits, chosen at random", 401)
        return self.named(hashlib.sha256(token.encode()).hexdigest()[:32])

    def named(self, owner: str) -> Session:
        """The same by the name of the folder."""
        return Session(owner, self._people / owner, self._settings, self.check_room)

    def everyone(self) -> Iterator[Session]:
        """All who have a folder."""
        for folder in sorted(self._people.iterdir()):
            if folder.is_dir():
                yield self.named(folder.name)

    def tidy(self) -> None:
        """At the start: jobs at work were interrupted, half-made ones and old uploads go."""
        for person in self.everyone():
            person.sweep_jobs()
            for job in person.jobs():
                if job.state in ("queued", "painting"):
                    job.change("interrupted", "the studio was closed while it painted")
        self.forget_uploads()

    def forget_uploads(self) -> None:
        """Remove those that were not used for a day, and folders of those who have nothing else."""
        for person in self.everyone():
            person.forget_uploads(time.time() - DAY)

    def check_room(self) -> None:
        """Raises Refused where the disk is nearly full, or the folder holds all that it may."""
        with self._counting:
            if time.monotonic() - self._counted > COUNTED:
                self._size, self._counted = size_of(self._people), time.monotonic()
            full = self._size >= self._settings.gigabytes * 1e9
        if full or shutil.disk_usage(self._people).free < ROOM:
            where = "folder is full" if full else "disk is nearly full"
            raise Refused(f"the studio's {where}; delete some paintings, or try tomorrow", 503)


class Session:
    """One browser's uploads and jobs. No name given by anyone becomes a path unchecked."""

    def __init__(
        self, owner: str, folder: Path, settings: Settings, check_room: Callable[[], None]
    ) -> None:
        self.owner, self._folder, self._settings = owner, folder, settings
        self._check_room = check_room

    def new_upload(self) -> Path:
        """A folder to receive one in. Raises Refused where there is no room."""
        self._check_room()
        home = private_folder(self._folder / "uploads")
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
        for empty in (self._folder / "uploads", self._folder):
            with contextlib.suppress(OSError):  # there are others, or jobs
                empty.rmdir()

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
        """A folder with copies of what is needed. Raises Refused (no room, no place), OSError."""
        self._check_room()
        if len(self.jobs()) >= self._settings.history:
            raise Refused(
                f"your history is full ({self._settings.history} paintings); delete some", 429
            )
        folder = private_folder(self._folder / "jobs" / secrets.token_hex(8))
        facts = {**order, "photo": photo.name, "style": style.name, "created": time.time()}
        job = Job(folder, self.owner, facts)
        try:
            copy(photo.path, folder / "photo")
            copy(photo.small, folder / "photo.jpg")
            if not style.network:
                copy(style.path, folder / "style")
            job.save()
        except BaseException:
            job.remove()
            raise
        return job

    def sweep_jobs(self) -> None:
        """Remove folders in which no job began: the server was killed while it made them."""
        for folder in self._job_folders():
            if not (folder / "job.json").exists():
                shutil.rmtree(folder, ignore_errors=True)

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


def size_of(folder: Path) -> int:
    """Bytes of all files in it, those with several names once."""
    sizes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # removed meanwhile
                found = os.stat(os.path.join(place, name), follow_symlinks=False)
                sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


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
