"""What the tests of the system share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def in_a_fresh_process() -> Callable[..., Any]:
    """A function: what the last line prints that code of Python prints, as JSON."""

    def run(code: str, *folders: Path, **environment: str) -> Any:
        """folders: searched for modules before the checkout."""
        path = os.pathsep.join(map(str, [*folders, CHECKOUT]))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import json, os, sys\n" + code],
            env={**os.environ, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
