"""The commands of README and docs: all are understood, and the quick ones run, on small files."""

from __future__ import annotations

import functools
import importlib
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from nstyle.cli.commands import run
from nstyle.cli.main import Parser, build_parser, main

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
# In an indented block, or between backticks, with a word after the command's name.
COMMAND = re.compile(
    r"^ {4}((?:python run\.py|nstyle \w+) .+)$|`((?:python run\.py|nstyle \w+) [^`]+)`", re.M
)
# What needs a server, a cluster, a complete VGG or minutes; each is run by tests of its own.
NOT_RUN = {"studio", "mural", "download", "train", "distill"}
PAINTING = {"run", "paint", "batch", "sheet", "video"}
SMALL = ["--max-long-edge", "48"]


def commands() -> list[str]:
    """All of them; those with an ellipsis tell no command."""
    found = set()
    for page in PAGES:
        text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
        found |= {" ".join((a or b).split()) for a, b in COMMAND.findall(text)}
    return sorted(each for each in found if "..." not in each)


def words_of(command: str) -> list[str]:
    """As the shell gives them to `nstyle`; what is optional is left out."""
    words = shlex.split(re.sub(r" \[.*?\]", "", command))
    return ["run", *words[2:]] if words[0] == "python" else words[1:]


def can_run(words: list[str]) -> bool:
    """Whether the words need nothing but pictures: no weights, no run that was stopped."""
    weights = {"--weights", "--model", "--network", "--jobs"} & set(words)
    return words[0] not in NOT_RUN and not weights and "--resume" not in words


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the commands name."""
    shutil.copytree(CHECKOUT / "input", tmp_path / "input")
    masks = tmp_path / "docs" / "gallery"
    masks.mkdir(parents=True)
    for mask in (CHECKOUT / "docs" / "gallery").glob("*_mask.png"):
        shutil.copy(mask, masks)
    for seed, name in enumerate(["photo.jpg", "painting.jpg", "holiday/a.jpg", "more/b.png"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(tiny.picture(seed, (64, 48))).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", commands())
def test_a_command_is_understood(command):
    words = words_of(command)
    if words[0] == "run":
        parser = Parser(allow_abbrev=False)
        run.add(parser)
        parser.parse_args(words[1:])
        return
    parser, _ = build_parser(words[0])
    parser.parse_args(words)


@pytest.mark.parametrize("command", [each for each in commands() if can_run(words_of(each))])
def test_a_quick_command_runs(command, folder):
    words = words_of(command)
    if words[0] == "video":
        pytest.importorskip("av")
        clips = importlib.import_module("clips")
        clips.write(folder / "clip.mp4", clips.panned(3))
    if words[0] in PAINTING:
        words += [] if "--size" in words else SMALL
        words += ["--max-num-epochs", "1"] * (words[0] in ("run", "batch", "sheet", "video"))
    elif words[0] == "score":
        shutil.copy("photo.jpg", "picture.png")
    assert main(words) == 0


def test_the_python_of_the_readme_runs(folder):
    (code,) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.S)
    exec(code, {})
    assert Image.open("painted.png").size == (64, 48)


def importable(name: str) -> list[tuple[Any, list[str]]]:
    """(module, words after it) of all beginnings of a name that are modules, shortest first."""
    found, parts = [], name.split(".")
    for count in range(1, len(parts) + 1):
        module = ".".join(["nstyle", *parts[:count]])
        try:
            found.append((importlib.import_module(module), parts[count:]))
        except ModuleNotFoundError:
            break
    return found


def test_the_photos_way_names_what_there_is():
    page = (CHECKOUT / "docs" / "design.md").read_text(encoding="utf-8")
    way = page[page.index("cli.main.main(") : page.index("| to add |")]
    names = re.findall(r"\b(?:cli|api|optimize|images|networks|losses)\.[\w.]+", way)
    modules = set()
    for name in names:
        *_, (module, rest) = importable(name)
        functools.reduce(getattr, rest, module)
        modules.add(module.__name__)
    assert len(modules) <= 16
    assert way.count("^") <= 5
