"""What the studio refuses, with the status of HTTP."""

from __future__ import annotations

from nstyle.errors import NStyleError


class Refused(NStyleError):
    """One sentence for the user, and a status."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def unknown(what: str) -> Refused:
    """Not there, or somebody else's: the same answer."""
    return Refused(f"there is no such {what} here", 404)
