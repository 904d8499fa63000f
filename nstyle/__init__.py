"""nstyle: a photo, a painting, and the photo painted in that style.

Importing this package loads neither MXNet nor numpy; `stylize` does when it is called.

The packages, from the ground up; each imports only from those above it in this list:

errors: the exceptions.
system: the machine: MXNet, files, processes.
options: every option and preset.
images: pictures, their files, colours, sizes, masks.
losses: content, style and other losses.
networks: VGG, its weights, the built-in network.
optimize: style transfer by optimisation.
feedforward: style transfer in one pass.
api: `stylize()`.
video: films.
distributed: one picture on many machines.
studio: the web page.
batch: many pictures.
cli: the command line.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
_HOMES = {
    "Instant": "nstyle.feedforward.apply",
    "NStyleError": "nstyle.errors",
    "Options": "nstyle.options.options",
    "Result": "nstyle.optimize.records",
    "Step": "nstyle.optimize.records",
    "evaluate": "nstyle.optimize.evaluation",
    "instant": "nstyle.feedforward.apply",
    "stylize": "nstyle.api",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nstyle' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
