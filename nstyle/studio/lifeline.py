"""A worker's side of its pipes: answers go out, nothing else does, and it ends with the server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def speaker() -> Callable[[Mapping[str, Any]], None]:
    """What sends lines of JSON to the server; all that libraries print goes to stderr instead."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(record: Mapping[str, Any]) -> None:
        try:
            out.write(json.dumps(record) + "\n")
            out.flush()
        except OSError:  # the server is gone
            os._exit(1)

    return say


def lock(folder: str) -> None:
    """Wait until no other process has the folder; it is free again when this one ends."""
    import fcntl

    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)


def requests() -> Iterator[dict[str, Any]]:
    """Lines of JSON from the server, until it ends."""
    for line in sys.stdin:
        yield json.loads(line)
