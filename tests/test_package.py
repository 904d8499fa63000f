"""What is installed: complete, and able to paint far from the checkout."""

from __future__ import annotations

import configparser
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nstyle.images import image_file

CHECKOUT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".*_cache", ".venv", "__pycache__", "build", "dist", "*.egg-info", "output", "model",
    "docs", "benchmarks",
)  # fmt: skip


def setup_py(tree: Path, *words: str) -> None:
    """Run setup.py in a copy of the checkout."""
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", *words]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pip would install; where `wheel` is missing, without the wheel around."""
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(CHECKOUT, folder / "tree", ignore=LEFT_OUT)
    place = folder / "site"
    place.mkdir()
    if importlib.util.find_spec("wheel"):
        setup_py(folder / "tree", "bdist_wheel", "-d", str(folder))
        (wheel,) = folder.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(place)
    else:
        setup_py(folder / "tree", "egg_info", "-e", str(place), "build_py", "-d", str(place))
    shutil.rmtree(folder / "tree")
    return place


def test_every_module_of_the_checkout_is_installed_and_nothing_else(installed):
    def modules(folder: Path) -> set[str]:
        paths = (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix() for path in paths}

    packaged = modules(installed / "nstyle")
    assert {name for name in packaged if not name.startswith("samples/")} == (
        modules(CHECKOUT / "nstyle")
    )
    names = {path.name for path in installed.iterdir()}
    assert {name for name in names if not name.endswith((".dist-info", ".egg-info"))} == {"nstyle"}


def test_data_are_installed_byte_for_byte(installed):
    report, pretrained = "optimize/callbacks/report", "networks/pretrained"
    here, there = CHECKOUT / "nstyle", installed / "nstyle"
    pairs = [
        *((here / report, there / report, f"page.{end}") for end in ("html", "css", "js")),
        *((here / pretrained, there / pretrained, f"*.{end}") for end in ("params", "json", "md")),
        (here / "studio" / "web", there / "studio" / "web", "*"),
        (CHECKOUT / "input", there / "samples", "*.jpg"),
        (CHECKOUT / "input", there / "samples", "CREDITS.md"),
        (CHECKOUT / "input", there / "samples", "painters/*.py"),
    ]
    for here, there, pattern in pairs:
        files = sorted(here.glob(pattern))
        assert files
        for file in files:
            assert (there / file.relative_to(here)).read_bytes() == file.read_bytes()


def test_the_built_in_networks_are_small(installed):
    files = (installed / "nstyle").rglob("*.params")
    sizes = {path.name: path.stat().st_size for path in files}
    assert sizes.pop("vgg16-slim.params") < 12e6
    assert sizes.pop("vgg19-slim.params") < 2.5e6
    assert sizes.pop("any-style.params") < 5e6
    assert sizes.pop("ready-styles.params") < 2e6
    assert not sizes


def test_the_command_nstyle_is_installed(installed):
    (file,) = installed.glob("*-info/entry_points.txt")
    entries = configparser.ConfigParser()
    entries.read(file)
    assert entries["console_scripts"]["nstyle"] == "nstyle.cli.main:main"


def test_what_is_installed_paints_its_samples_anywhere(installed, tmp_path):
    words = ["--max-num-epochs", "2", "--max-long-edge", "64", "--output", "deep/out.png"]
    command = [sys.executable, "-m", "nstyle", "run", *words]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert max(image_file.read(tmp_path / "deep" / "out.png").size) == 64
