"""A frame to be painted, and a painted one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nstyle.images import color
from nstyle.images.picture import Picture, resize
from nstyle.optimize.inputs import Inputs
from nstyle.options.options import Options
from nstyle.video.optical_flow import FlowLink

# Of the frame; where less of it comes from the one before, there is nothing to go on from, be it a
# cut or a camera that was turned too fast to follow.
LEAST_BELIEVED = 0.25


def is_cut(link: FlowLink) -> bool:
    """Whether a frame is the first after a cut: it shares almost nothing with the last one."""
    return float(link.trust.mean()) < LEAST_BELIEVED


@dataclass(frozen=True)
class Last:
    """The last painted frame, and its flow to the present one."""

    painted: Picture
    link: FlowLink


@dataclass(frozen=True)
class Painted:
    """values: as painted, 16 bits, for the next frame; picture: as it is shown; epochs: 0 for one
    pass.
    """

    values: Picture
    picture: Picture
    epochs: int = 0


class FramePainter(Protocol):
    """One of the ways to paint a film. first: what its first frame is painted from."""

    first: Inputs
    options: Options

    def order(self) -> dict[str, object]:
        """The settings that shape the frames, as JSON."""

    def paint(self, inputs: Inputs, last: Last | None) -> Painted:
        """The next frame; last: None for the first of a shot."""

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that it keeps from frame to frame."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restores `state`."""


def next_inputs(first: Inputs, frame: Picture, options: Options) -> Inputs:
    """Inputs of another frame; the styles stay those of the first."""
    photo = resize(frame, *first.photo.size, method=options.resize)
    if first.chroma is None:
        return dataclasses.replace(first, photo=photo)
    return dataclasses.replace(first, photo=color.luminance(photo), chroma=photo)
