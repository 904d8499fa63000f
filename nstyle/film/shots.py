"""Where a film cuts to another scene."""

from __future__ import annotations

from nstyle.film.consistency import Link

# Of the frame; where less of it comes from the one before, there is nothing to go on from, be it a
# cut or a camera that was turned too fast to follow.
LEAST_BELIEVED = 0.25


def is_cut(link: Link) -> bool:
    """Whether a frame shows another scene than the one before: next to nothing of it is there."""
    return float(link.trust.mean()) < LEAST_BELIEVED
