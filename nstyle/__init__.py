"""nstyle: a photo, a painting, and the photo painted in that style.

Importing this package loads neither MXNet nor numpy; `stylize` does when it is called.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = [
    "Instant",
    "NStyleError",
    "Options",
    "Result",
    "Step",
    "__version__",
    "evaluate",
    "instant",
    "stylize",
]

_HOMES = {
    "Instant": "nstyle.onepass",
    "NStyleError": "nstyle.errors",
    "Options": "nstyle.options",
    "Result": "nstyle.records",
    "Step": "nstyle.records",
    "evaluate": "nstyle.evaluation",
    "instant": "nstyle.onepass",
    "stylize": "nstyle.transfer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nstyle' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
