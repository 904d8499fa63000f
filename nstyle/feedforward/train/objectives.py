"""Training samples: photos for one style, pairs of photo and painting for any style.

Loads MXNet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nstyle.feedforward.grain import grained
from nstyle.feedforward.image_network import SPREAD
from nstyle.feedforward.train.loop import TrainingSample
from nstyle.feedforward.train.perceptual_loss import (
    PerceptualLoss,
    Taps,
    style_loss,
    weighted,
)
from nstyle.losses import image
from nstyle.losses.base import LossTerm
from nstyle.losses.image import ColorLoss, ContentLoss
from nstyle.optimize.context import LRUCache
from nstyle.optimize.loss_terms import Shown
from nstyle.system.backend import nd

KINDS = ("content", "style", "tv")  # of terms of the painter's
# px: of how much of a photo the mean colour is kept. A usual stroke or two; larger strokes take the
# colours of what they cover.
CELL = 32
Pictures = Callable[[int], np.ndarray]
# What the style loss of the photo itself is taken to be at least: where photo and painting are
# alike anyway, nothing is to be learned from what is left.
LEAST = 50.0
LIKE = 150.0  # for any style, where every pair counts by itself
STYLES = 3000  # of paintings that are kept; 1.5 MB each by the built-in network
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


class AnyStyleSamples:
    """Lessons for any style: each a crop of a photo and a whole painting.

    Loss: style, relative to that of the photo itself, plus `content` times the squared error of the
    content layer relative to that of a picture without content. So a pair counts as much as any
    other. which: number -> the painting's; paintings: that -> (1, 3, H, W); seen: statistics of a
    painting, as the network is told, kept with its style; seed: of the grain; ready: paintings that
    the network has numbers of its own for.
    """

    def __init__(
        self,
        perception: PerceptualLoss,
        photos: Pictures,
        which: Callable[[int], int],
        paintings: Pictures,
        *,
        content: float,
        seen: Callable[[np.ndarray], Any],
        seed: int,
        ready: Sequence[np.ndarray] = (),
    ) -> None:
        self._perception, self._photos, self._content = perception, photos, content
        self._which, self._paintings, self._seen, self._seed = which, paintings, seen, seed
        self._ready, self._styles = ready, LRUCache(STYLES)

    def __call__(self, number: int) -> TrainingSample:
        """The lesson of this number."""
        perception, x = self._perception, self._photos(number)
        turn, (shown, statistics) = self._style(number)
        photo = perception.see(x)
        terms = perception.terms(photo, shown)
        own = style_loss(terms, photo) + LIKE
        whole = sum(plain(term, photo) for term in terms if isinstance(term, ContentLoss))
        factors = {"style": 1 / own, "content": self._content / whole, "tv": 1 / own}
        inputs = [perception.load(grained(x, self._seed, number, 1)), statistics]
        if self._ready:
            inputs.append(perception.load(chosen(turn, len(self._ready))))
        return TrainingSample(inputs, perception.objective(weighted(terms, factors)))

    def _style(self, number: int) -> tuple[int | None, Any]:
        """(number of the ready style or None, what `_look` gives): every second one is ready."""
        number, odd = divmod(number, 2) if self._ready else (number, 0)
        if odd:
            turn = number % len(self._ready)
            return turn, self._styles.find(f"ready {turn}", lambda: self._look(self._ready[turn]))
        which = self._which(number)
        return None, self._styles.find(which, lambda: self._look(self._paintings(which)))

    def _look(self, painting: np.ndarray) -> tuple[Shown, Any]:
        """What of a painting is needed again and again."""
        taps = self._perception.extractor.look(painting)
        return self._perception.shown(taps), self._seen(painting)


def chosen(number: int | None, count: int) -> np.ndarray:
    """float32 (1, count): 1 for the ready style of this number; all 0 for None."""
    return np.array([[float(place == number) for place in range(count)]], np.float32)


def plain(term: ContentLoss, photo: Taps) -> float:
    """What the term says, twice, of a picture whose layer is the photo's mean everywhere: about
    what it says of any other picture.
    """
    features = photo[term.layer]
    mean = nd.broadcast_like(features.mean(axis=(2, 3), keepdims=True), features)
    return 2 * float(term.value_and_gradient(mean)[0].asscalar())
