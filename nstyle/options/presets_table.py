"""Known recipes as differences from the defaults, each value with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """about: one line; values: field of Options or OutputOptions -> (value, reason)."""

    about: str
    values: Mapping[str, tuple[Any, str]]


# Shared by all that are not ours: none of them limited steps beyond what it says itself.
PLAIN: dict[str, tuple[Any, str]] = {
    "scales": (1, "it painted at one size"),
    "precision": ("float32", "its own"),
    "step_limit": (0.0, "it had no such limit"),
    "clamp": (False, "values could leave 0..255 until the end"),
    "backoff": (1.0, "its rate did not look at the loss"),
}
# Shared by MXNet's two.
EXAMPLE: dict[str, tuple[Any, str]] = {
    **PLAIN,
    "model": ("vgg19", "it had no other"),
    "content_weight": (10.0, "its default"),
    "max_long_edge": (600, "its default"),
    "enlarge": (True, "its long edge was always max-long-edge"),
    "resize": ("bilinear-plain", "skimage of 2015 did not smooth when shrinking"),
    "fit": ("stretch", "the style took the photo's size"),
    "pixel_range": (256.0, "it multiplied 0..1 by 256"),
    "pooling": ("avg", "every pooling layer was turned into average pooling"),
    "init": ("noise", "it started from noise alone"),
    "noise_range": (0.1, "uniform in (-0.1, 0.1)"),
    "denoiser": ("tv", "skimage's denoise_tv_chambolle, weight = remove-noise"),
}
# Shared by the two that come from Keras.
CHOLLET: dict[str, tuple[Any, str]] = {
    **PLAIN,
    "normalization": ("keras", "plain sums of squares; Grams over 4 * 3^2 * (w h)^2"),
    "content_weight": (0.025, "its balance"),
    "content_layers": ("relu5_2", "block5_conv2"),
    "optimizer": ("lbfgs", "scipy's"),
    "evaluations": (20, "at most so many per iteration, then a new memory"),
    "stop_eps": (0.0, "it counted iterations"),
    "fit": ("stretch", "the style took the photo's size"),
    "enlarge": (True, "sizes were fixed"),
    "tv_form": ("power", "(a + b)^1.25"),
    "resize": ("bicubic", "smooth at any factor"),
    "remove_noise": (0.0, "it had none"),
    "save_epochs": (1, "a picture after each iteration"),
}

PRESETS: dict[str, Preset] = {
    "fast": Preset(
        "in a hurry: as the default, but it stops earlier", {"stop_eps": (0.01, "stop earlier")}
    ),
    "best": Preset(
        "takes its time: L-BFGS, fifty steps at each of four sizes",
        {
            "optimizer": ("lbfgs", "gets lower than sgd in as many epochs"),
            "scale_step": (1.4142, "more sizes, so that forms grow with the picture"),
            "max_num_epochs": (180, "a quarter of them at each of four sizes"),
            "stop_eps": (0.0, "all of them"),
            "content_weight": (45.0, "what is gained is given to the photo"),
            "tv_weight": (0.003, "its pictures have less noise to be smoothed"),
        },
    ),
    "mxnet": Preset(
        "MXNet's example/neural-style of 2015-11-27: SGD from noise",
        {
            **EXAMPLE,
            "normalization": ("mxnet", "(G - A) F / (C^2 HW) and F - P as head gradients"),
            "tv_weight": (0.0, "it had no total variation"),
            "lr_sched_delay": (10, "the rate fell every 10 epochs"),
            "momentum": (0.9, "its SGD"),
            "weight_decay": (0.005, "its SGD"),
            "clip_gradient": (10.0, "element-wise, before the weight decay is added"),
        },
    ),
    "mxnet-nag": Preset(
        "the same example as of 2017: Nesterov's gradient, autograd, a Laplacian",
        {
            **EXAMPLE,
            "normalization": ("mxnet-nag", "plain sums of squares, left to autograd"),
            "optimizer": ("nag", "rate 0.001"),
            "momentum": (0.95, "its NAG"),
            "weight_decay": (0.0001, "its NAG"),
            "lr_sched_delay": (75, "the rate fell every 75 epochs"),
            "clip_norm": (
                1.0,
                "the gradient's norm was at most the number of the picture's values",
            ),
            "tv_form": ("laplacian", "a 3x3 Laplacian / 8 was added to the gradient"),
            "remove_noise": (0.02, "its default"),
        },
    ),
    "keras-prisma": Preset(
        "the mini Prisma in Keras: VGG-16, L-BFGS from the photo, a square of 512",
        {
            **CHOLLET,
            "model": ("vgg16", "its network"),
            "pooling": ("avg", "its choice"),
            "tv_weight": (1e-3, "its balance"),
            "mean_subtraction": (
                False,
                "plain 0..255 went in; here in the order of channels the weights were made for",
            ),
            "size": ("512x512", "both pictures were squeezed to a square"),
            "rescale": ("aspect", "the square was brought back to the photo's aspect"),
            "max_num_epochs": (10, "iterations"),
        },
    ),
    "tf-scroll": Preset(
        "the ink scroll in TensorFlow: Adam, deep layers weigh most, from 0.7 noise",
        {
            **PLAIN,
            "model": ("vgg19", "its network"),
            "pooling": ("avg", "its choice"),
            "pooling_ceil": (True, "TensorFlow's SAME padding"),
            "normalization": ("gatys-mean", "1/(4 N M) and 1/(4 N^2 M^2)"),
            "style_layers": (
                "relu1_1:0.5,relu2_1:1,relu3_1:1.5,relu4_1:3,relu5_1:4",
                "the deeper, the more",
            ),
            "content_weight": (5.0, "beta"),
            "style_weight": (100.0, "alpha"),
            "tv_weight": (0.0, "it had no total variation"),
            "init": ("noise:0.7", "0.7 noise, 0.3 photo"),
            "optimizer": ("adam", "its choice"),
            "lr": (2.0, "its rate"),
            "lr_sched_factor": (1.0, "the rate stayed"),
            "max_num_epochs": (2000, "steps"),
            "stop_eps": (0.0, "it counted steps"),
            "size": ("400x300", "its canvas"),
            "fit": ("stretch", "both pictures were stretched to the canvas"),
            "resize": ("bicubic", "smooth at any factor"),
            "remove_noise": (0.0, "it had none"),
            "save_epochs": (100, "a picture every 100 steps"),
        },
    ),
    "keras-book": Preset(
        "the Keras book's: VGG-19 with max pooling, L-BFGS from the photo, 400 high",
        {
            **CHOLLET,
            "model": ("vgg19", "its network"),
            "pooling": ("max", "the network as it was trained"),
            "tv_weight": (1e-4, "its balance"),
            "size": ("x400", "height 400, the photo's aspect"),
            "max_num_epochs": (20, "iterations"),
        },
    ),
}
