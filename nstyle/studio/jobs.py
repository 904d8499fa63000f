"""A job is a folder: its order and state as JSON, its pictures, its checkpoint."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nstyle.system.files import atomic_write

# What every job.json holds.
FACTS: dict[str, Any] = {
    "photo": str,
    "style": str,
    "created": (int, float),
    "typed": dict,
    "one_pass": bool,
}
STATES = ("queued", "painting", "done", "stopped", "interrupted", "failed")


class Job:
    """facts: what job.json holds; photo, style, photo.jpg, now.jpg and results lie beside it."""

    def __init__(self, folder: Path, owner: str, facts: Mapping[str, Any]) -> None:
        self.folder, self.owner, self.facts = folder, owner, dict(facts)
        self.facts.setdefault("state", "queued")
        self.id = folder.name
        self.checkpoint = folder / "result.ckpt.npz"
        self.result, self.now = folder / "result.png", folder / "now.jpg"  # the page shows `now`

    @property
    def state(self) -> str:
        """One of STATES."""
        return self.facts["state"]

    def change(self, state: str, note: str = "", **more: Any) -> None:
        """Into another state, on disk. Raises OSError."""
        self.facts.update(state=state, note=note, changed=time.time(), **more)
        self.save()

    def save(self) -> None:
        """Write job.json atomically; not where the job was deleted. Raises OSError."""
        if self.folder.is_dir():
            write_json(self.folder / "job.json", self.facts)

    def remove(self) -> None:
        """Everything of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_json(self) -> dict[str, Any]:
        """Facts for its owner, without paths of the server."""
        names = ("state", "note", "photo", "style", "created", "changed", "command", "progress",
                 "seconds", "one_pass")  # fmt: skip
        ended = self.state in ("stopped", "interrupted", "failed")
        return {
            "id": self.id,
            **{name: self.facts.get(name) for name in names},
            "options": self.facts.get("typed", {}),
            "ignored": self.facts.get("ignored", []),
            "picture": self.now.exists(),
            "result": self.result.exists() and self.state != "painting",
            "resumable": ended and not self.facts.get("one_pass", False),
        }


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """Atomically. Raises OSError."""
    data = json.dumps(facts).encode()
    atomic_write(path, lambda file: file.write(data))
