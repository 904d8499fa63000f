"""What the tests of the command line share: processes, pictures, a fresh log."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ASK, CHECKOUT, write_pictures


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """The command line's log handler and level stay with the test."""
    logger = logging.getLogger("nstyle")
    before, logger.handlers, level = logger.handlers, [], logger.level
    yield
    logger.handlers = before
    logger.setLevel(level)


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python with these arguments to its end, nstyle on its path."""

    def run(*arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str) -> Any:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            input=stdin,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def ask(python: Any) -> Callable[[Path, list[Any]], dict[str, Any]]:
    """(folder, (name, function of main, arguments)s) -> name -> what asking.ASK says of it."""

    def run(folder: Path, cases: list[Any]) -> dict[str, Any]:
        arguments, cache = ["-W", "ignore", "-c", ASK], str(folder / "cache")
        done = python(*arguments, cwd=folder, stdin=json.dumps(cases), NSTYLE_CACHE=cache)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with photo.png, style.png and what is no such picture."""
    write_pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
