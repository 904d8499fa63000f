"""Training samples: photos for one style, pairs of photo and painting for any style.

Loads MXNet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nstyle.feedforward import SHOWN, TAPS
from nstyle.feedforward.any_style import look
from nstyle.feedforward.one_style import grained
from nstyle.feedforward.residual import SPREAD
from nstyle.feedforward.train.loop import TrainingSample
from nstyle.feedforward.train.perceptual_loss import PerceptualLoss, style_loss, weighted
from nstyle.losses import image
from nstyle.losses.base import LossTerm, dot
from nstyle.losses.image import ColorLoss, ContentLoss

KINDS = ("content", "style", "tv")  # of terms of the painter's
# px: of how much of a photo the mean colour is kept. A usual stroke or two; larger strokes take the
# colours of what they cover.
CELL = 32
Pictures = Callable[[int], np.ndarray]
# What the style loss of the photo itself is taken to be at least: where photo and painting are
# alike anyway, nothing is to be learned from what is left.
LEAST = 50.0
FIRST = 4  # photos by which the loss of one style is scaled


class OneStyleSamples:
    """Lessons for a network of one style, that of the perception: each a crop of a photo.

    Loss: the painter's, relative to what it says of photos that are left as they are, plus
    `colours` times the squared distance from the photo's colours in units of SPREAD, a mean over
    cells and channels. The style is measured once. seed: of the grain, beside the sample's number.
    """

    def __init__(
        self, perception: PerceptualLoss, photos: Pictures, *, seed: int, colours: float = 0.0
    ) -> None:
        self._perception, self._photos, self._seed = perception, photos, seed
        self._colours = colours
        terms = perception.terms(perception.see(photos(0)), perception.style())
        fixed = [term for term in terms if term.kind != "content"]
        judge = perception.objective(fixed)
        own = [judge(perception.load(photos(number)))[0] for number in range(FIRST)]
        self._factors = dict.fromkeys(KINDS, 1 / max(sum(own) / FIRST, LEAST))
        self._fixed = weighted(fixed, self._factors)

    def __call__(self, number: int) -> TrainingSample:
        """The lesson of this number."""
        photo = self._photos(number)
        content = self._perception.content(self._perception.see(photo))
        terms = [*weighted(content, self._factors), *self._fixed, *self._coloured(photo)]
        seen = self._perception.load(grained(photo, self._seed, number, 1))
        return TrainingSample([seen], self._perception.objective(terms))

    def _coloured(self, photo: np.ndarray) -> list[LossTerm]:
        """The term of colours. A painter who begins with the photo keeps them without one."""
        if not self._colours:
            return []
        cells = [round(edge / CELL) for edge in photo.shape[2:]]
        kept = image.averaged(self._perception.load(photo), cells)
        return [ColorLoss(self._colours / kept.size / SPREAD**2, kept)]


@dataclass(frozen=True)
class AnyStyleSamples:
    """Lessons for the decoder: each a photo and a painting, crops of one size.

    Loss: style, relative to that of the photo itself, plus `content` times the squared error of the
    content layer relative to the photo's features. So a pair counts as much as any other.
    """

    perception: PerceptualLoss
    photos: Pictures
    paintings: Pictures
    content: float

    def __call__(self, number: int) -> TrainingSample:
        """The lesson of this number."""
        photo = self.perception.see(self.photos(number))
        painting = self.perception.see(self.paintings(number))
        terms = self.perception.terms(photo, self.perception.shown(painting))
        own = style_loss(terms, photo) + LEAST
        # The content loss of features that are 0.
        content = [term for term in terms if isinstance(term, ContentLoss)]
        whole = sum(float(t.scale * dot(t.target, t.target).asscalar()) for t in content)
        factors = {"style": 1 / own, "content": self.content / whole, "tv": 1 / own}
        inputs = [photo[tap] for tap in TAPS[:SHOWN]] + look(painting)
        return TrainingSample(inputs, self.perception.objective(weighted(terms, factors)))
