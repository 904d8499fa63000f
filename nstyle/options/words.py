"""Values that are typed as one word: layers with weights, sizes, blends, the first picture.

Each is a `str`, the word as it was typed, so that records and files show what the user gave, and
carries its meaning, parsed once. Knows no option by name.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

from nstyle.errors import OptionError
from nstyle.options.parse import convert

W = TypeVar("W", bound="Word")
INITS = {"content": 0.0, "noise": 1.0, "instant": 0.0}  # the share of noise


class Word(str):
    """A typed word. name: of the option, for messages. Raises OptionError for a bad one."""

    _name: str

    def __new__(cls: type[W], text: str, name: str) -> W:
        """The word, parsed."""
        word = super().__new__(cls, text)
        word._name = name
        word._parse(str(text), name)
        return word

    def __reduce__(self) -> Any:
        return type(self), (str(self), self._name)

    def _parse(self, text: str, name: str) -> None:
        raise NotImplementedError


class Layers(Word):
    """ "relu1_1:0.5,relu3_1"; `weights` is {"relu1_1": 0.5, "relu3_1": 1.0}, without those of 0."""

    weights: dict[str, float]

    def _parse(self, text: str, name: str) -> None:
        weights: dict[str, float] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            layer, colon, weight = (piece.strip() for piece in part.partition(":"))
            if not layer or (colon and not weight):
                raise OptionError(f"{name}: {part!r} is not LAYER or LAYER:WEIGHT")
            number = convert(float, weight or 1.0, f"{name}, weight of {layer}")
            if not (math.isfinite(number) and number >= 0):
                raise OptionError(f"{name}: weight {weight} of {layer} is not at least 0")
            if layer in weights:
                raise OptionError(f"{name}: {layer} is named twice")
            weights[layer] = number
        if not any(weights.values()):
            raise OptionError(f"{name}: {text!r} names no layer; a layer is e.g. relu4_2")
        self.weights = {layer: number for layer, number in weights.items() if number}


class Start(Word):
    """ "content", "instant", "noise", "noise:0.7" or a path; noise: its share, None for a path."""

    noise: float | None

    def _parse(self, text: str, name: str) -> None:
        self.noise = INITS.get(text)
        if not text.startswith("noise:"):
            return
        share = text[len("noise:") :]
        self.noise = convert(float, share, f"{name} noise")
        if not 0 <= self.noise <= 1:
            raise OptionError(
                f"{name}: the share of noise {share} is out of range; allowed is 0 to 1"
            )


class Blend(Word):
    """ "3,1,1"; `weights` is [3.0, 1.0, 1.0]."""

    weights: list[float]

    def _parse(self, text: str, name: str) -> None:
        weights = [convert(float, word.strip(), name) for word in text.split(",")]
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
            raise OptionError(
                f"{name}: {text!r}: each number must be at least 0 and one above; e.g. 3,1,1"
            )
        self.weights = weights


class Edges(Word):
    """ "640x480", "x400", "600x"; `edges` is (640, 480), (None, 400), (600, None)."""

    edges: tuple[int | None, int | None]

    def _parse(self, text: str, name: str) -> None:
        edges = [edge.strip() for edge in text.lower().replace("×", "x").split("x")]
        numbers = all(not edge or (edge.isascii() and edge.isdigit()) for edge in edges)
        if len(edges) != 2 or not numbers or not any(edges):
            raise OptionError(f"{name}: {text!r} is not WxH, xH or Wx; e.g. 640x480 or x400")
        width, height = (int(edge) if edge else None for edge in edges)
        for edge in (width, height):
            if edge is not None and not 16 <= edge <= 65000:
                raise OptionError(f"{name}: {edge} is out of range; allowed is from 16 to 65000")
        self.edges = width, height
