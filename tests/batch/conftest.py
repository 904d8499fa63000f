"""What the tests of batches share: pictures, and tasks to paint them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.batch import tasks
from nstyle.batch.jobs import Job
from nstyle.options.options import Options


@pytest.fixture
def task(tmp_path: Path, weights_file: str) -> Callable[..., tasks.Task]:
    """A function: the task of painting a.png, b.png or another photo of this folder."""
    for name, seed in (("a", 1), ("b", 2), ("style", 3)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(tmp_path / f"{name}.png")

    def call(
        photo: str = "a.png", name: str = "out.jpg", threads: int | None = 1, **values: Any
    ) -> tasks.Task:
        chosen = {"weights": weights_file, "max_num_epochs": 2, "stop_eps": 0, "gpu": -1, **values}
        pictures = {
            "content_image": str(tmp_path / photo),
            "style_image": [str(tmp_path / "style.png")],
        }
        return tasks.of_job(Job(pictures, Options(**chosen), None, name), threads, None)

    return call
