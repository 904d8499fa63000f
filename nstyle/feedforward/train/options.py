"""The options of `nstyle train`.

Its loss takes fields of `Options`, see FIELDS. Loads nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nstyle.errors import OptionError
from nstyle.feedforward import ANY_STYLE, ENCODER, ONE_STYLE
from nstyle.options import presets
from nstyle.options.field import FILE, FOLDERS, check_fields, option, used_by
from nstyle.options.options import Options
from nstyle.options.parse import flag, parse_duration
from nstyle.system import locations

FIELDS = used_by(Options, "train")  # of Options, that a training takes, besides its own
# How they differ from the painter's. A network of one style has to learn what the painter, who
# begins with the photo, has from the start: it is told more of the photo, at a layer that sees
# finer things (Johnson et al. have relu3_3 of VGG-16, too). And Gram matrices can be met by a few
# glaring spots, which a network finds long before strokes; the means of features cannot, but with
# them alone lines come late. More smoothness, against fine hatching in flat parts.
LOSS_OF: dict[str, dict[str, Any]] = {
    ONE_STYLE: {
        "content_layers": "relu3_3",
        "content_weight": 60.0,
        "tv_weight": 0.1,
        "style_loss": "gram+wasserstein",
    },
    ANY_STYLE: {"content_layers": "relu3_3", "content_weight": 10.0, "tv_weight": 0.03},
}
KIND = "nstyle train"  # of checkpoint
EXTENSION, CHECKPOINT, PREVIEW = ".params", ".ckpt.npz", ".preview.jpg"
TIME_BUDGET = 30 * 60.0
RATES = {ONE_STYLE: 3e-4, ANY_STYLE: 1.5e-4}
WIDTH = 16
# Photos left as they are have a loss of 1, mostly of style; a picture whose colours are everywhere
# as far from the photo's as those usually are from their mean has this on top. More, and light
# parts stay without strokes.
COLOR_WEIGHT = 0.1
DEEPER = (1, 2, 5, 10)  # channels at full size, half ... an eighth, over --width
CROP_STEP = 8  # crops are multiples of it: the image network works at an eighth of the size


@dataclass(frozen=True)
class TrainOptions:
    """A training, and what it leaves behind. Raises OptionError for a bad value.

    time_budget: words such as "20m", or seconds.
    """

    style_image: str | None = option(None, "the painting to learn", **FILE)
    paintings: tuple[str, ...] = option(
        (),
        "instead: a folder of paintings, to learn to paint in any style; may be repeated",
        **FOLDERS,
    )
    ready: str | None = option(
        None,
        "with --paintings: a CSV list (name, title, credit, file) of paintings to learn besides, "
        "as ready styles, in a file beside the output",
        **FILE,
    )
    photos: tuple[str, ...] = option((), "a folder of photos; may be repeated", **FOLDERS)
    output: str = option(
        None, "the network, .params; what else is left behind goes beside it", **FILE
    )
    steps: int | None = option(
        None, "train for so many steps instead of --time-budget", kind=int, low=1
    )
    time_budget: float | None = option(
        None,
        "train for so long: 20m, 90s, 1.5h (default: 30m)",
        kind=float,
        low=0.001,
        metavar="TIME",
    )
    crop: int = option(256, "edge of the photos' crops in pixels", low=4 * CROP_STEP, high=1024)
    batch: int = option(2, "crops per step", low=1, high=16)
    rate: float | None = option(
        None,
        "learning rate; falls in the second half (default: 0.0003; any style 0.00015)",
        kind=float,
        low=1e-8,
        high=1,
    )
    width: int = option(WIDTH, "channels at full size; more take longer", low=2, high=256)
    bits: int = option(16, "16, or 8 with a factor per channel, for half the file", low=8, high=16)
    color_weight: float | None = option(
        None,
        "for one style: holds the picture to the photo's colours, blurred; 0 = the painting's "
        "wherever they fall (default: 0.1)",
        kind=float,
        low=0,
    )
    seed: int = option(0, "of crops and random values", low=0, high=2**32 - 1)
    start: str = option(
        "auto",
        "a network of nstyle train to begin with, or random; auto = for one style, of the usual "
        "width, the built-in network of any style",
        **FILE,
    )
    heldout: str | None = option(
        None,
        "list of pictures never to train on, a path per line; its first photos are for the preview "
        "(default: three are chosen)",
        **FILE,
    )
    preview_steps: int = option(
        200,
        "a sheet of three held-out photos beside the output every so many steps; 0 = none",
        low=0,
    )
    curve: str | None = option(None, "write one JSON line per step to FILE", **FILE)
    checkpoint: str | None = option(
        None, "what --resume goes on from (default: beside the output)", **FILE
    )
    save_steps: int = option(100, "steps between two checkpoints", low=1)
    resume: bool = option(False, "go on from the checkpoint, with the same options")
    keep_checkpoint: bool = option(False, "keep the checkpoint of a finished training")

    def __post_init__(self) -> None:
        if isinstance(self.time_budget, str):
            seconds = parse_duration(self.time_budget, flag("time_budget"))
            object.__setattr__(self, "time_budget", seconds)
        check_fields(self)
        self._check_choices()
        if self.time_budget is None and self.steps is None:
            object.__setattr__(self, "time_budget", TIME_BUDGET)
        if self.rate is None:
            object.__setattr__(self, "rate", RATES[self.network])

    def _check_choices(self) -> None:
        if (self.style_image is None) == (not self.paintings):
            raise OptionError(
                "--style-image, --paintings: give one of them: a painting, or folders of paintings "
                "to learn any style"
            )
        if not self.photos:
            raise OptionError("--photos: none were given; give a folder of photos to train on")
        if self.steps is not None and self.time_budget is not None:
            raise OptionError("--steps, --time-budget: give one of them")
        if self.bits not in (8, 16):
            raise OptionError(f"--bits: {self.bits} is neither 8 nor 16")
        if self.crop % CROP_STEP:
            raise OptionError(
                f"--crop: {self.crop} is no multiple of {CROP_STEP}; e.g. "
                f"{self.crop // CROP_STEP * CROP_STEP} is"
            )
        if self.ready is not None and not self.paintings:
            raise OptionError("--ready: needs --paintings, whose network its styles are of")
        if self.paintings and self.color_weight is not None:
            raise OptionError("--color-weight: has no place beside --paintings; leave it out")
        if not self.output:
            raise OptionError(f"--output: none was given; give e.g. my-style{EXTENSION}")
        if not self.output.endswith(EXTENSION):
            raise OptionError(f"--output: {self.output} does not end in {EXTENSION}")

    @property
    def network(self) -> str:
        """ONE_STYLE or ANY_STYLE."""
        return ANY_STYLE if self.paintings else ONE_STYLE

    @property
    def beginning(self) -> str | None:
        """The file of the network to begin with; None for random values."""
        if self.start == "auto":
            usual = self.network == ONE_STYLE and self.width == WIDTH
            return str(locations.ANY_STYLE) if usual else None
        return None if self.start == "random" else self.start

    @property
    def colours(self) -> float:
        """The weight of the photo's colours; 0 where any style is learned."""
        if self.network == ANY_STYLE:
            return 0.0
        return COLOR_WEIGHT if self.color_weight is None else self.color_weight

    @property
    def shape(self) -> dict[str, Any]:
        """The network's channels, as its constructor is told."""
        return {"widths": [factor * self.width for factor in DEEPER]}

    @property
    def saved(self) -> str:
        """Path of the checkpoint: my-style.params -> my-style.ckpt.npz."""
        return self.checkpoint or self._beside(CHECKPOINT)

    @property
    def ready_output(self) -> str | None:
        """Path of the ready styles, or None: my-style.params -> my-style.ready.params."""
        return self._beside(".ready.params") if self.ready else None

    @property
    def preview(self) -> str | None:
        """Path of the preview, or None: my-style.params -> my-style.preview.jpg."""
        return self._beside(PREVIEW) if self.preview_steps else None

    def is_preview(self, path: str) -> bool:
        """Whether a file is a training's sheet and no photo: this one's, or another's by its name
        and what lies beside it.
        """
        stem = path[: -len(PREVIEW)]
        if not path.endswith(PREVIEW):
            return False
        own = os.path.realpath(path) == os.path.realpath(self._beside(PREVIEW))
        return own or any(os.path.exists(stem + other) for other in (EXTENSION, CHECKPOINT))

    def loss(self, typed: Mapping[str, Any]) -> Options:
        """The options of a training: what is usual for its network, then what was typed.

        Raises OptionError.
        """
        usual = presets.SLIM if self.network == ONE_STYLE else ENCODER
        # Somebody's own weights say themselves which network they are of.
        model = {} if "weights" in typed else {"model": usual}
        return presets.resolve({**model, **LOSS_OF[self.network], **typed})

    def _beside(self, extension: str) -> str:
        return os.path.splitext(self.output)[0] + extension
