"""What to install for an extra: a command that works wherever nstyle came from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nstyle.system import extras

EXTRAS = ("heif", "video", "weights", "studio", "dask")


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_advice_names_packages_that_pip_understands(extra):
    from packaging.requirements import Requirement

    command = extras.advice(extra)
    assert command.startswith("pip install ") and "nstyle" not in command
    words = subprocess.run(
        [sys.executable, "-c", f"import shlex; print(*shlex.split({command!r})[2:], sep='\\n')"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert words and all(Requirement(word).name for word in words)


def test_a_checkout_that_is_not_installed_names_its_extra(monkeypatch):
    def absent(name):
        raise extras.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(extras.metadata, "requires", absent)
    assert extras.advice("video") == "pip install '.[video]'"
