"""Values that are typed as one word: layers with weights, sizes, blends, the first picture.

Each is a `str`, the word as it was typed, so that records and files show what the user gave, and
carries its meaning, parsed once. Knows no option by name.
"""

from __future__ import annotations

from typing import Any, TypeVar

from nstyle.errors import OptionError
from nstyle.options.parse import brief, ranged

W = TypeVar("W", bound="Word")
HEAVIEST = 1e12  # a weight
INITS = {"content": 0.0, "noise": 1.0, "instant": 0.0}  # the share of noise


class Word(str):
    """A typed word. name: of the option, for messages. Raises OptionError for a bad one.

    between: what joins the parts where a sequence is given instead of a word.
    """

    _name: str
    between = ","

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
                raise OptionError(f"{name}: {brief(part)} is not LAYER or LAYER:WEIGHT")
            number = ranged(float, weight or 1.0, f"{name}, weight of {layer}", 0, HEAVIEST)
            if layer in weights:
                raise OptionError(f"{name}: {layer} is named twice")
            weights[layer] = number
        if not any(weights.values()):
            raise OptionError(f"{name}: {brief(text)} names no layer; a layer is e.g. relu4_2")
        self.weights = {layer: number for layer, number in weights.items() if number}


class Start(Word):
    """ "content", "instant", "noise", "noise:0.7" or a path; noise: its share, None for a path."""

    noise: float | None

    def _parse(self, text: str, name: str) -> None:
        self.noise = INITS.get(text)
        if not text.startswith("noise:"):
            return
        self.noise = ranged(float, text[len("noise:") :], f"{name} noise", 0, 1)


class Blend(Word):
    """ "3,1,1"; `weights` is [3.0, 1.0, 1.0]."""

    weights: list[float]

    def _parse(self, text: str, name: str) -> None:
        weights = [ranged(float, word.strip(), name, 0, HEAVIEST) for word in text.split(",")]
        if not any(weights):
            raise OptionError(f"{name}: {brief(text)}: one number must be above 0; e.g. 3,1,1")
        self.weights = weights


class Edges(Word):
    """ "640x480", "x400", "600x", or a pair (640, 480); `edges` is (640, 480), (None, 400)..."""

    edges: tuple[int | None, int | None]
    between = "x"

    def _parse(self, text: str, name: str) -> None:
        edges = [edge.strip() for edge in text.lower().replace("×", "x").split("x")]
        numbers = all(edge.isascii() and edge.isdigit() for edge in edges if edge)
        if len(edges) != 2 or not numbers or not any(edges):
            raise OptionError(f"{name}: {brief(text)} is not WxH, xH or Wx; e.g. 640x480 or x400")
        width, height = (ranged(int, edge, name, 16, 65000) if edge else None for edge in edges)
        self.edges = width, height
