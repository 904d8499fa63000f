"""What all tests share: small weights files, and a checkout that stays as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from browser import browser  # noqa: F401 - a fixture for all tests

# Threads that wait must sleep: on a busy machine, spinning makes tiny networks ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Tests compare pictures: without AMX and the like, `--precision auto` is float32 on every CPU.
os.environ["DNNL_MAX_CPU_ISA"] = "AVX512_CORE"


def share_cores() -> None:
    """Give each of xdist's processes, and what it starts, cores of its own: nobody waits."""
    worker, count = os.environ.get("PYTEST_XDIST_WORKER"), "PYTEST_XDIST_WORKER_COUNT"
    if worker and hasattr(os, "sched_setaffinity"):
        number, cores = int(worker.removeprefix("gw")), sorted(os.sched_getaffinity(0))
        share = cores[number :: int(os.environ[count])] or [cores[number % len(cores)]]
        os.sched_setaffinity(0, share)


share_cores()

CHECKOUT = Path(__file__).parents[1]
# Caches, and what people write with an editor while the tests run.
CACHES = {"__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", "build"}
WRITTEN_BY_PEOPLE = {".py", ".md", ".toml"}


def files_in(folder: Path) -> set[Path]:
    """All files of the checkout that a test run must not add to."""
    found = set()
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        cached = any(part in CACHES or part.endswith(".egg-info") for part in parts)
        if not cached and path.suffix not in WRITTEN_BY_PEOPLE and path.is_file():
            found.add(path)
    return found


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fails the run if it left new files in the checkout."""
    before = files_in(CHECKOUT)
    yield
    left = sorted(str(path.relative_to(CHECKOUT)) for path in files_in(CHECKOUT) - before)
    assert not left, f"the tests left files behind: {', '.join(left)}"


@pytest.fixture(scope="session", autouse=True)
def no_installed_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees what this machine's user has downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NSTYLE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small VGG-19 with caffe's names, all convolutions; see tiny.write_vgg."""
    return tiny.write_vgg(tmp_path_factory.mktemp("weights") / "vgg19.params")
