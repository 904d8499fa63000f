"""What the studio refuses, with the status of HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from nstyle.errors import NStyleError


class Refused(NStyleError):
    """One sentence for the user, and a status."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def without_folders(sentence: str, paths: Iterable[Any]) -> str:
    """The sentence with the bare names of these files: folders are the server's own business."""
    for path in paths:
        if isinstance(path, str) and os.path.isabs(path):
            sentence = sentence.replace(path, os.path.basename(path))
    return sentence


def unknown(what: str) -> Refused:
    """Not there, or somebody else's: the same answer."""
    return Refused(f"there is no such {what} here", 404)
