"""`instant()`: a photo painted in one pass, in any style or by a network trained for one.

Ghiasi et al. (arXiv:1705.06830); Johnson et al. (arXiv:1603.08155). The first pass loads MXNet.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from typing import Any

import numpy as np

from nstyle import __version__
from nstyle.errors import OptionError
from nstyle.feedforward import ENCODER, network_file
from nstyle.feedforward.network_file import ANY_STYLE, ONE_STYLE, NetworkFile
from nstyle.feedforward.ready_styles import ReadyStyle, shelf
from nstyle.images import image_file
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.optimize import inputs
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.postprocess import finished
from nstyle.optimize.records import Result
from nstyle.options import presets
from nstyle.options.field import used_by
from nstyle.options.options import Options, shaping
from nstyle.options.parse import brief, flag, parse_duration, ranged
from nstyle.system import locations, runtime

FIELDS = used_by(Options, "paint")  # the rest is about optimisation
STROKES = ("style_scale", "style_size", "style_blend")  # which one style's network cannot change
LONG_EDGE = 1024  # px, where nothing is said
LONGEST_LEARN = 3600.0  # seconds
FADE = 0.5  # strength of any style below which the photo itself comes in


def instant(
    content: Any,
    style: Any = None,
    *,
    network: str | None = None,
    strength: float = 1.0,
    learn: Any = None,
    **options: Any,
) -> Result:
    """Paint the photo `content` in one pass; for several photos make an `Instant`.

    style: as for stylize, or the name of a ready style, or a list of such; None where `network` is
    a file that `nstyle train` wrote for one.
    strength: 0 (the photo itself) to 1, see `share_of_photo`. learn: words such as "20s", or
    seconds, for which the network first learns each painting; that is kept in the cache folder.
    options: those of FIELDS, which mean what they do for stylize. Raises OptionError, ImageError,
    WeightsError, BackendError.
    """
    painter = Instant(style, network=network, strength=strength, learn=learn, **options)
    return painter.paint(painter.gather(content))


class Loading:
    """A network that is loaded when it is first asked for, by one thread at a time.

    lock: to be held while it paints, since its passes share their buffers. Copies for another
    process, and deep ones, load it anew.
    """

    def __init__(self, file: NetworkFile) -> None:
        self._file, self._network, self.lock = file, None, threading.RLock()

    def network(self, gpu: int | str) -> Any:
        """The network, on the device of the first call; while the lock is held."""
        if self._network is None:
            self._network = load(self._file, gpu)
        return self._network

    def __reduce__(self) -> Any:
        return Loading, (self._file,)


class Instant:
    """A network with a style, for many photos. Arguments and errors as for `instant`.

    Threads may share one; their passes wait for each other. It can be pickled and copied.
    """

    def __init__(
        self,
        style: Any = None,
        *,
        network: str | None = None,
        strength: float = 1.0,
        learn: Any = None,
        **options: Any,
    ) -> None:
        self.options = options_of(options)
        self._strength, self._learn = check_strength(strength), check_learn(learn)
        self._path = network or str(locations.ANY_STYLE)
        self._file = network_file.read(self._path)
        for name in () if self._file.network == ANY_STYLE else STROKES:
            if getattr(self.options, name) != getattr(Options, name):
                raise OptionError(
                    f"{flag(name)}: {self._path} has its style and strokes from its training; "
                    "leave it out"
                )
        if self._learn and self._file.network != ANY_STYLE:
            raise OptionError(f"--learn: {self._path} paints its own style; leave it out")
        self._styles = self._styles_of(style)
        self._loading = Loading(self._file)
        self._looks: dict[Any, Any] = {}

    def _styles_of(self, style: Any) -> list[Any]:
        any_style = self._file.network == ANY_STYLE
        styles = style if isinstance(style, (list, tuple)) else [] if style is None else [style]
        if any_style and not styles:
            raise OptionError("--style-image: none was given; give one, or --network for its own")
        if not any_style and styles:
            raise OptionError(
                f"--style-image: {self._path} paints its own style; leave one of them out"
            )
        if not any_style and self.options.colors == "match":
            raise OptionError("--colors match: a trained network has its colours; give content")
        if not styles:  # only its size is asked for
            blank = np.zeros((image_file.MIN_EDGE, image_file.MIN_EDGE, 3), np.uint8)
            return [self._file.thumbnail or blank]
        return [self._style(each) for each in styles]

    def _style(self, style: Any) -> Any:
        """A Picture, or a ready style. A file comes before a style of the same name."""
        if not isinstance(style, str) or os.path.exists(style) or style not in shelf():
            return image_file.read(style, max_pixels=self.options.max_pixels)
        if self._path != str(locations.ANY_STYLE):
            raise OptionError(f"--network: the style {style} is of the built-in one; leave it out")
        for name in ("style_scale", "style_size"):
            if getattr(self.options, name) != getattr(Options, name):
                raise OptionError(f"{flag(name)}: the style {style} has its strokes; leave it out")
        if self._learn:
            raise OptionError(f"--learn: the style {style} is fitted already; leave it out")
        if self.options.colors == "match":
            raise OptionError(f"--colors match: the style {style} has its colours; give content")
        return shelf()[style]

    def restyled(self, style: Any, *, strength: float = 1.0, **options: Any) -> Instant:
        """The same network, which stays loaded, with another style. Raises as the class does."""
        other = copy.copy(self)
        other.options = options_of(options)
        other._strength = check_strength(strength)
        other._styles = other._styles_of(style)
        other._looks = {}
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_looks": {}}  # which are on a device

    def gather(self, content: Any) -> Inputs:
        """The pictures at their sizes. Raises ImageError, OptionError."""
        shown = [getattr(style, "thumbnail", style) for style in self._styles]
        return inputs.gather(content, shown, self.options)

    def paint(self, gathered: Inputs) -> Result:
        """One pass, of what `gather` gave. Raises OptionError for anything else."""
        if not isinstance(gathered, Inputs):
            raise OptionError(f"paint: takes what gather gives, not {brief(gathered)}")
        began = time.perf_counter()
        values = self.values(gathered)
        picture = finished(values, gathered)
        network = os.path.splitext(os.path.basename(self._path))[0]
        options = {name: value for name, value in shaping(self.options).items() if name in FIELDS}
        facts = {"version": __version__, "network": network, "strength": self._strength}
        seconds = time.perf_counter() - began
        return Result(picture, (), "one-pass", seconds, network, {**facts, "options": options})

    def values(self, gathered: Inputs, **through: Any) -> np.ndarray:
        """HxWx3 floats in 0..1, before colours and what is kept of the photo are put back.

        through: see the networks' `paint`.
        """
        runtime.prepare(self.options.threads)
        with self._loading.lock:
            network = self._loading.network(self.options.gpu)
            x = preprocessing.to_array(gathered.photo, network.convention)
            if self._file.network == ANY_STYLE:
                painted = self._any_style(network, x, gathered, **through)
            else:
                painted = network.paint(x, **through)
        values = preprocessing.to_floats(painted, network.convention)
        share = share_of_photo(self._strength, self._file.network)
        if not share:
            return values
        return np.asarray(values + share * (gathered.photo.floats() - values), np.float32)

    def _any_style(
        self, network: Any, x: np.ndarray, gathered: Inputs, **through: Any
    ) -> np.ndarray:
        """One pass for each region of the masks, laid together."""
        from nstyle.optimize.loss_terms import places_of

        whole = np.zeros_like(x)
        for number, (_, weight) in enumerate(places_of(gathered)):
            indices = range(len(gathered.styles))
            looks = [self._look(network, gathered, index, number) for index in indices]
            painted = network.paint(x, looks, gathered.shares, self._strength, **through)
            if not gathered.regions:
                return painted
            whole += painted * weight
        return whole

    def _look(self, network: Any, gathered: Inputs, index: int, region: int) -> Any:
        """The style of a painting or a region of it; cached while it stays the same."""
        ready = self._used()[index]
        if isinstance(ready, ReadyStyle):
            return network.array(ready.numbers)
        style = gathered.styles[index]
        x = preprocessing.to_array(style, network.convention)
        weight = gathered.where(index)[region]
        if weight is not None:
            return network.look(x, weight)
        key = index, style.size
        known, look = self._looks.get(key, (None, None))
        # Recoloured for each photo, but for a film's frames, which share their styles.
        if known is None or (self.options.colors != "style" and known is not style):
            look = self._fitted(network, style) if self._learn else network.look(x)
            self._looks[key] = style, look
        return look

    def _used(self) -> list[Any]:
        """The styles that have a share, as in Inputs."""
        shares = inputs.shares_of(self.options.style_blend, len(self._styles))
        return [style for style, share in zip(self._styles, shares) if share]

    def _fitted(self, network: Any, style: Picture) -> Any:
        from nstyle.feedforward.train import fit  # here, because it loads MXNet

        return fit.fitted(network, self._path, style, self._learn, self.options)


def options_of(typed: dict[str, Any]) -> Options:
    """Options for a pass. Raises OptionError for those that mean nothing here."""
    for name in typed:
        if name not in FIELDS:
            raise OptionError(f"{name}: means nothing for one pass; there are {', '.join(FIELDS)}")
    return presets.resolve({"model": ENCODER, "max_long_edge": LONG_EDGE, **typed}, None)


def share_of_photo(strength: float, network: str) -> float:
    """Share of the photo mixed, pixel by pixel, into the network's output.

    For one style 1 - strength. For any style the painting's style is mixed with the photo's own
    (see AnyStyle.paint), and even that alone does not give back the photo, which therefore comes in
    below FADE.
    """
    return 1 - strength if network != ANY_STYLE else max(0.0, 1 - strength / FADE)


def check_learn(learn: Any) -> float:
    """Seconds, 0 for none. Raises OptionError."""
    if learn is None:
        return 0.0
    seconds = parse_duration(learn, "--learn") if isinstance(learn, str) else learn
    return float(ranged(float, seconds, "--learn", 0, LONGEST_LEARN))


def check_strength(strength: Any) -> float:
    """The number. Raises OptionError."""
    return float(ranged(float, strength, "--strength", 0, 1))


def load(file: NetworkFile, gpu: int | str = "auto") -> Any:
    """The network of a file on a device. Raises WeightsError, BackendError."""
    from nstyle.feedforward.any_style import AnyStyle  # here, because they load MXNet
    from nstyle.feedforward.one_style import OneStyle
    from nstyle.system.backend import device

    return {ANY_STYLE: AnyStyle, ONE_STYLE: OneStyle}[file.network](file, device(gpu))
