"""Optional packages: how to install what an extra of the package needs."""

from __future__ import annotations

import re
import shlex
from importlib import metadata


def advice(extra: str) -> str:
    """The pip command, e.g. "pip install 'av>=15'": it works wherever nstyle itself came from."""
    try:
        requirements = metadata.requires("nstyle") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return f"pip install '.[{extra}]'"
    needed = re.compile(rf"\s*;.*\bextra\s*==\s*['\"]{re.escape(extra)}['\"].*")
    names = [needed.sub("", text) for text in requirements if needed.search(text)]
    return shlex.join(["pip", "install", *(name.replace(" ", "") for name in names)])
