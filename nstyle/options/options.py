"""Every option once: name, type, default, limits, help. The command line is built from here.

`Options` holds what shapes the picture and where it is computed; see `output` for what a run
leaves behind. Bad values are refused with one line.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

from nstyle.options.consistency import RATES, check_together, complete
from nstyle.options.field import check_fields, option
from nstyle.options.words import HEAVIEST, Blend, Edges, Layers, Start

MODELS = ("auto", "vgg19", "vgg16", "vgg16-slim", "vgg19-slim")
MODEL_ALIASES = {"vgg": "vgg19"}
# Which pictures a weights file wants: see networks.weights.convention.
CONVENTIONS = ("auto", "caffe", "caffe-bgr", "torchvision")
VARIATIONS = ("squared", "laplacian", "power")  # of neighbours: squares, MXNet's, power 1.25
RESAMPLING = ("lanczos", "bicubic", "bilinear", "bilinear-plain", "nearest")


@dataclass(frozen=True)
class Options:
    """The options that shape the picture, and the device. Raises OptionError for a bad value."""

    model: str = option(
        "auto",
        "network; auto = vgg19 where its weights are installed, else the built-in vgg16-slim",
        choices=MODELS,
        uses="train score studio",
    )
    weights: str | None = option(
        None, "weights file instead of the installed one", metavar="FILE", uses="train score"
    )
    weights_convention: str = option(
        "auto",
        "pictures that --weights wants; auto = told by its first kernel or its names",
        choices=CONVENTIONS,
        uses="train score",
    )
    content_weight: float = option(
        30.0, "weight of the photo's content", high=HEAVIEST, uses="train studio"
    )
    style_weight: float = option(
        1.0, "weight of the painting's style", high=HEAVIEST, uses="train studio"
    )
    tv_weight: float = option(
        0.01, "weight of smoothness (total variation)", high=HEAVIEST, uses="train studio"
    )
    stop_eps: float = option(
        0.005, "stop at this relative change (smaller sizes at 4 times that); 0 = never", low=0
    )
    max_num_epochs: int = option(1000, "stop after so many epochs", low=1)
    max_long_edge: int = option(
        512, "long edge of the result in pixels", low=16, high=65000, uses="paint studio"
    )
    size: Edges | None = option(
        None,
        "instead: 640x480, x400 (height) or 600x (width); the photo's aspect is kept unless "
        "fit=stretch",
        kind=Edges,
        metavar="WxH",
        uses="paint studio",
    )
    enlarge: bool = option(
        False, "enlarge a photo smaller than --max-long-edge", uses="paint studio"
    )
    optimizer: str = option("sgd", "how the loss is lowered", choices=tuple(RATES))
    scales: int | str = option(
        "auto",
        "paint small first, then larger: how many sizes; 1 = at once, as MXNet's example",
        metavar="N",
    )
    lr: float = option(
        None,
        "learning rate (default: sgd 0.1, where 0.2 and 0.3 work, too; nag 0.001, adam 2)",
        kind=float,
        low=1e-12,
        high=1e30,
    )
    lr_sched_delay: int = option(
        2, "epochs between two decreases of the learning rate; begins anew at each size", low=1
    )
    lr_sched_factor: float = option(
        None, "factor of the learning rate then (default: 0.9; adam 1)", kind=float, low=0, high=1
    )
    gpu: int | str = option(
        "auto",
        "GPU index; -1 = CPU; auto = GPU 0 if MXNet sees one",
        shapes=False,
        uses="paint train score",
    )
    remove_noise: float = option(
        0.2,
        "radius in pixels of the Gaussian filter at the end: 0.2 keeps strokes, 1 smooths, 0 = off",
        low=0,
        high=10,
        flags=("--remove-noise", "-remove-noise"),
    )
    init: Start = option(
        "content", "start: content, instant, noise, noise:0.7 (a share) or a picture", kind=Start
    )
    precision: str = option(
        "auto",
        "of the network; auto = bfloat16 where the CPU is faster in it",
        choices=("auto", "float32", "bfloat16"),
    )
    pooling: str = option(
        "auto",
        "auto = what the weights were made for",
        choices=("auto", "avg", "avg-rescaled", "max"),
        uses="train score studio",
    )
    content_layers: Layers = option(
        "relu4_2",
        "layers, with weights if wanted: relu4_2,relu5_1:0.5",
        kind=Layers,
        uses="train score studio",
    )
    style_layers: Layers = option(
        "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1",
        "the same for the style",
        kind=Layers,
        uses="train score studio",
    )
    style_scale: float = option(
        1.0,
        "size of the strokes: the style gets this squared x the pixels (fit=stretch: its weight)",
        low=0.01,
        high=100,
        uses="paint train score studio preview",
    )
    style_size: int | None = option(
        None,
        "instead: long edge of the style in pixels, whatever the result's size",
        kind=int,
        low=16,
        high=65000,
        uses="paint train studio",
    )
    style_blend: Blend | None = option(
        None,
        "shares of the styles where there are several: 3,1,1 (default: equal)",
        kind=Blend,
        metavar="N,N",
        uses="paint",
    )
    style_loss: str = option(
        "gram",
        "distance of styles: Gram matrices; mean and deviation; Wasserstein of Gaussians",
        choices=("gram", "mean-std", "wasserstein", "gram+wasserstein"),
        uses="train studio",
    )
    colors: str = option(
        "style",
        "whose: content = only luminance is painted, match = the style is recoloured first",
        choices=("style", "content", "match"),
        uses="paint studio preview",
    )
    seed: int = option(0, "of the noise", low=0, high=2**32 - 1)
    threads: int | None = option(
        None,
        "CPU threads (default: all usable cores)",
        kind=int,
        low=1,
        high=1024,
        shapes=False,
        uses="paint train score",
    )
    tile: int | str = option(
        "auto",
        "same picture in less memory: auto = in tiles where it must be; off; N px",
        metavar="N",
        shapes=False,
        uses="score studio",
    )
    max_pixels: int = option(
        200_000_000,
        "refuse pictures with more pixels",
        low=256,
        high=10**12,
        shapes=False,
        uses="paint train score",
    )
    # Fields without a flag of their own: --set name=value.
    scale_step: float = option(
        2.0, "each size is so many times the one before", low=1.1, high=8, flags=()
    )
    momentum: float = option(0.8, "momentum of sgd and nag", low=0, high=0.999, flags=())
    weight_decay: float = option(0.0, "pull towards the mean colour", low=0, flags=())
    clip_gradient: float = option(
        0.0, "largest value of the gradient, element-wise; 0 = off", low=0, flags=()
    )
    clip_norm: float = option(
        0.0,
        "largest norm of the layers' gradient, in multiples of the picture's values; 0 = off",
        low=0,
        flags=(),
    )
    evaluations: int = option(
        0,
        "lbfgs: evaluations per epoch, after which its memory starts anew; 0 = an epoch is a step",
        high=100_000,
        flags=(),
    )
    step_limit: float = option(
        4.0,
        "largest change of a value by one gradient, in grey levels, before momentum; 0 = off",
        low=0,
        flags=(),
    )
    clamp: bool = option(
        True, "the picture stays between black and white while it is painted", flags=()
    )
    backoff: float = option(
        0.97, "factor of the rate when the loss rises; 1 = off", low=0.1, high=1, flags=()
    )
    normalization: str = option(
        "balanced",
        "how losses are scaled",
        choices=("balanced", "mxnet", "mxnet-nag", "gatys", "gatys-mean", "keras"),
        flags=(),
    )
    tv_form: str = option("squared", "form of total variation", choices=VARIATIONS, flags=())
    denoiser: str = option(
        "gaussian", "what --remove-noise does", choices=("gaussian", "tv"), flags=()
    )
    fit: str = option(
        "keep",
        "keep every picture's aspect, or stretch photo and style to the result's size",
        choices=("keep", "stretch"),
        flags=(),
    )
    resize: str = option(
        "lanczos", "how pictures are brought to size", choices=RESAMPLING, flags=()
    )
    rescale: str = option(
        "no",
        "bring the finished picture to the photo's size or aspect",
        choices=("no", "size", "aspect"),
        uses="paint studio",
    )
    pixel_range: float = option(
        255.0, "white, before the mean is subtracted", low=1, high=256, flags=()
    )
    mean_subtraction: bool = option(
        True, "the network's mean is subtracted from the pixels", flags=()
    )
    pooling_ceil: bool = option(
        False, "pooling rounds odd sizes up, as TensorFlow's SAME does", flags=()
    )
    noise_range: float = option(
        20.0, "noise is uniform in -range..range grey levels", low=0, high=1000, flags=()
    )

    def __post_init__(self) -> None:
        if isinstance(self.model, str):
            object.__setattr__(self, "model", MODEL_ALIASES.get(self.model, self.model))
        check_fields(self)
        complete(self)
        check_together(self)


def shaping(options: Options) -> dict[str, Any]:
    """The options that shape the picture, for records and metadata. No paths: names of files."""
    names = [entry.name for entry in dataclasses.fields(options) if entry.metadata["shapes"]]
    values = {name: getattr(options, name) for name in names}
    if options.weights is not None:
        values["weights"] = os.path.basename(options.weights)
    if options.weights_convention == "auto":
        del values["weights_convention"]  # as records were before there was one
    if options.init.noise is None:
        values["init"] = os.path.basename(options.init)
    return values
