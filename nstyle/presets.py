"""Known recipes as differences from the defaults, each value with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nstyle.errors import OptionError
from nstyle.options import Options, build, nearest

# MXNet's example/neural-style as of 2015-11-27, number for number
# (learning rate 0.1, factor 0.9 and remove-noise 0.2 are the defaults, too).
MXNET: dict[str, Any] = {
    "model": "vgg19",
    "normalization": "mxnet",  # (G - A) F / (C^2 HW) and (F - P) as head gradients
    "tv_weight": 0.0,  # it had none
    "max_long_edge": 600,
    "enlarge": True,  # its long edge was always max-long-edge
    "resize": "bilinear-plain",  # skimage of 2015 did not smooth when shrinking
    "fit": "stretch",  # the style took the photo's size
    "pixel_range": 256.0,  # it multiplied 0..1 by 256
    "pooling": "avg",  # every pooling layer was turned into average pooling
    "init": "noise",
    "noise_range": 0.1,  # uniform in (-0.1, 0.1)
    "lr_sched_delay": 10,
    "momentum": 0.9,
    "weight_decay": 0.005,
    "clip_gradient": 10.0,  # element-wise, before the weight decay is added
    "step_limit": 0.0,
    "backoff": 1.0,
    "denoiser": "tv",  # skimage's denoise_tv_chambolle, weight = remove-noise
}

PRESETS: dict[str, Mapping[str, Any]] = {"mxnet": MXNET}


def resolve(typed: Mapping[str, Any], preset: str | None = None) -> Options:
    """Defaults, then the preset's differences, then what the user typed.

    Raises OptionError for an unknown preset or a bad value.
    """
    if preset is not None and preset not in PRESETS:
        raise OptionError(f"--preset: {preset!r} is none of {nearest(preset, PRESETS)}")
    differences = PRESETS[preset] if preset else {}
    return build(Options, {**differences, **typed})
