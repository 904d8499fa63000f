"""Options brought into agreement: words to numbers, values that follow from others, refusals."""

from __future__ import annotations

from typing import Any

from nstyle.errors import OptionError
from nstyle.options import parse

# Where none is given. L-BFGS finds its own rate; this one is the size of its first step.
RATES = {"sgd": 0.1, "nag": 0.001, "adam": 2.0, "lbfgs": 1.0}
FACTORS = {"sgd": 0.9, "nag": 0.9, "adam": 1.0, "lbfgs": 0.9}


def settle(options: Any) -> None:
    """Complete Options whose fields are checked one by one. Raises OptionError."""
    object.__setattr__(options, "gpu", parse.parse_gpu(options.gpu))
    object.__setattr__(options, "scales", parse.parse_scales(options.scales))
    object.__setattr__(options, "tile", parse.parse_tile(options.tile))
    usual = {"lr": RATES[options.optimizer], "lr_sched_factor": FACTORS[options.optimizer]}
    for name, value in usual.items():
        if getattr(options, name) is None:
            object.__setattr__(options, name, value)
    check_together(options)


def check_together(options: Any) -> None:
    """Refuse what contradicts itself. Raises OptionError."""
    if options.style_size and (options.style_scale != 1 or options.fit == "stretch"):
        other = "--style-scale" if options.style_scale != 1 else "fit=stretch"
        raise OptionError(f"--style-size: cannot be together with {other}; give one of them")
    if not (options.content_weight or options.style_weight or options.tv_weight):
        raise OptionError("--content-weight, --style-weight, --tv-weight: one must be above 0")
