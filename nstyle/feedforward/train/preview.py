"""Held-out photos before and after, on one sheet. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nstyle.feedforward.blocks import fill
from nstyle.feedforward.train.dataset import Example
from nstyle.images import contact_sheet
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.system.backend import autograd


class Entry(NamedTuple):
    """An example, and what the network is given of it."""

    example: Example
    inputs: Sequence[Any]


class Preview:
    """Paints the same photos at any time of a training.

    network: one for this alone, filled with other values each time; style: shown at the left.
    """

    def __init__(
        self,
        network: Any,
        entries: Sequence[Entry],
        convention: preprocessing.Preprocessing,
        style: Picture | None,
    ) -> None:
        self._network, self._entries = network, entries
        self._convention, self._style = convention, style

    def sheet(self, arrays: Mapping[str, np.ndarray], step: int) -> Picture:
        """A sheet painted by a network with these values. step: for the label."""
        fill(self._network, arrays, "the training")
        rows = [self._row(entry) for entry in self._entries]
        painting = ["painting"] if self._style is None else []
        names = [entry.example.name for entry in self._entries]
        beside = {} if self._style is None else {"style": self._style}
        columns = ["photo", *painting, f"step {step}"]
        return contact_sheet.contact_sheet(rows, names, columns, beside)

    def _row(self, entry: Entry) -> list[Picture]:
        with autograd.train_mode():  # statistics are this picture's
            output = self._network(*entry.inputs).asnumpy()
        painted = Picture.from_floats(preprocessing.to_floats(output, self._convention), bits=8)
        shown = [entry.example.photo, entry.example.painting, painted]
        return [picture for picture in shown if picture is not None]
