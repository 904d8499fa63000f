"""Files on disk: for each browser's token a folder with its uploads and jobs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nstyle.studio.jobs import FACTS, STATES, Job, write_json
from nstyle.studio.library import Source, clean_name
from nstyle.studio.options import Settings, private_folder
from nstyle.studio.requests import Refused, unknown

log = logging.getLogger("nstyle")

TOKEN = re.compile(r"[0-9a-f]{32,128}")
ID = re.compile(r"[0-9a-f]{16}")
UPLOADS = 60  # kept for each browser; what a job uses, it has itself
DAY = 24 * 3600
ROOM = 300 * 2**20  # bytes that stay free on the disk
COUNTED = 20.0  # seconds for which it is believed how large the folder is


class Store:
    """The folder of all."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._people = private_folder(settings.home / "people")
        self._counting = threading.Lock()
        self._size, self._counted = 0, -math.inf  # bytes, and when that was

    def of(self, token: str) -> Session:
        """The session of a token. Raises Refused for a malformed one."""
        if not TOKEN.fullmatch(token):
            raise Refused("a token is 32 to 128 hexadecimal digits, chosen at random", 401)
        return Session(self, self._people / hashlib.sha256(token.encode()).hexdigest()[:32])

    def _everyone(self) -> list[Session]:
        folders = sorted(path for path in self._people.iterdir() if path.is_dir())
        return [Session(self, folder) for folder in folders]

    def tidy(self) -> None:
        """At the start: jobs at work were interrupted, half-made ones and old uploads go."""
        for person in self._everyone():
            person.tidy_jobs()
        self.forget_uploads()

    def forget_uploads(self) -> None:
        """Remove those that were not used for a day, and folders of those who have nothing else."""
        for person in self._everyone():
            person.forget_uploads(time.time() - DAY)

    def check_room(self) -> None:
        """Raises Refused where the disk is nearly full, or the folder holds all that it may."""
        with self._counting:
            if time.monotonic() - self._counted > COUNTED:
                self._size, self._counted = size_of(self._people), time.monotonic()
            full = self._size >= self.settings.gigabytes * 1e9
        if full or shutil.disk_usage(self._people).free < ROOM:
            where = "folder is full" if full else "disk is nearly full"
            raise Refused(f"the studio's {where}; delete some paintings, or try tomorrow", 503)


class Session:
    """One browser's uploads and jobs. No name given by anyone becomes a path unchecked."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.owner, self._store, self._folder = folder.name, store, folder

    def new_upload(self) -> Path:
        """A folder to receive one in. Raises Refused where there is no room."""
        self._store.check_room()
        for old, _ in self._uploads()[UPLOADS - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        return private_folder(self._folder / "uploads" / secrets.token_hex(8))

    def keep(
        self, folder: Path, name: str, check: Callable[[dict[str, str]], Mapping[str, Any]]
    ) -> Source:
        """The upload that was received in a folder as the file `picture`. Raises Refused.

        check: of path, small (where the small copy goes), name -> width, height.
        """
        name, path, small = clean_name(name), str(folder / "picture"), str(folder / "small.jpg")
        seen = check({"path": path, "small": small, "name": name})
        typed = f"./{name}" if name.startswith("-") else name  # no flag of a command line
        source = Source(folder.name, name, path, small, seen["width"], seen["height"], typed)
        write_json(folder / "about.json", asdict(source))
        return source

    def upload(self, id: str) -> Source:
        """Raises Refused."""
        folder = self._folder / "uploads" / checked(id, "picture")
        try:
            facts = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            paths = {"path": str(folder / "picture"), "small": str(folder / "small.jpg")}
            source = Source(**{**facts, **paths})
        except (OSError, ValueError, TypeError, RecursionError):
            raise unknown("picture") from None
        os.utime(folder)
        return source

    def forget_uploads(self, before: float) -> None:
        """Remove those not used since then (seconds since 1970)."""
        for folder, used in self._uploads():
            if used < before:
                shutil.rmtree(folder, ignore_errors=True)
        for empty in (self._folder / "uploads", self._folder):
            with contextlib.suppress(OSError):  # there are others, or jobs
                empty.rmdir()

    def _uploads(self) -> list[tuple[Path, float]]:
        """(folder, when it was used), newest first."""
        used = {}
        for folder in inside(self._folder / "uploads"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                used[folder] = folder.stat().st_mtime
        return sorted(used.items(), key=lambda item: -item[1])

    def new_job(self, order: Mapping[str, Any], photo: Source, style: Source) -> Job:
        """A folder with copies of what is needed. Raises Refused (no room, no place), OSError."""
        self._store.check_room()
        history = self._store.settings.history
        if len(self.jobs()) >= history:
            raise Refused(f"your history is full ({history} paintings); delete some", 429)
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

    def tidy_jobs(self) -> None:
        """At the start: jobs at work were interrupted; folders in which none began go."""
        for folder in inside(self._folder / "jobs"):
            if not (folder / "job.json").exists():
                shutil.rmtree(folder, ignore_errors=True)
        for job in self.jobs():
            if job.state in ("queued", "painting"):
                try:
                    job.change("interrupted", "the studio was closed while it painted")
                except OSError as error:
                    log.warning("%s: cannot be written (%s)", job.folder, error.strerror)

    def jobs(self) -> list[Job]:
        """Newest first; what cannot be read is left out."""
        jobs = [read_job(folder, self.owner) for folder in inside(self._folder / "jobs")]
        return sorted(filter(None, jobs), key=lambda job: -job.facts["created"])

    def job(self, id: str) -> Job:
        """Raises Refused: not there, or somebody else's."""
        job = read_job(self._folder / "jobs" / checked(id, "painting"), self.owner)
        if job is None:
            raise unknown("painting")
        return job


def inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


def size_of(folder: Path) -> int:
    """Bytes of all files in it, those with several names once."""
    sizes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # removed meanwhile
                facts = os.stat(os.path.join(place, name), follow_symlinks=False)
                sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())


def checked(id: str, what: str) -> str:
    """The id, as far as it is one. Raises Refused."""
    if not ID.fullmatch(id):
        raise unknown(what)
    return id


def read_job(folder: Path, owner: str) -> Job | None:
    """The job in a folder; None where job.json is none that this version writes."""
    try:
        facts = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        known = all(isinstance(facts[name], kind) for name, kind in FACTS.items())
        if not (known and facts.get("state", "queued") in STATES and 0 <= facts["created"] < 1e12):
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Job(folder, owner, facts)


def copy(source: str, target: Path) -> None:
    """Another name for the same bytes where the disk can do that, else a copy. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
