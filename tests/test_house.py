"""The rules of docs/design.md that a machine can check."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import pytest

CHECKOUT = Path(__file__).parents[1]
HOUSE = CHECKOUT / "nstyle"

FLOORS = {
    "errors": 0, "interruption": 0, "runtime": 0, "files": 0, "formats": 0, "processes": 0,
    "pretrained": 0,  # data only
    "backend": 1, "layers": 1, "picture": 1, "syntax": 1, "places": 1, "fetching": 1,
    "quasinewton": 1, "recipes": 1, "checkpoints": 1, "video_file": 1, "photos": 1,
    "dask_cluster": 1,
    "fields": 2, "agreement": 2, "likeness": 2, "image": 2, "colours": 2, "pyramid": 2,
    "pixels": 2, "balance": 2, "costs": 2,
    "optimizers": 2, "denoise": 2, "networks": 2, "losses": 2, "downloads": 2, "archives": 2,
    "fingerprints": 2, "sheet": 2,
    "masks": 3, "options": 3, "delivery": 3, "records": 3, "naming": 3, "moments": 3, "memory": 3,
    "learning": 3, "tiles": 3,
    "regions": 4, "styles": 4, "presets": 4, "weights": 4, "solver": 4, "callbacks": 4,
    "reporting": 4, "resuming": 4, "timelapse": 4, "views": 4, "workplace": 4,
    "masking": 5, "executor": 5, "forecast": 5, "report": 5,
    "inputs": 6, "pieces": 6,
    "targets": 7, "tiled": 7, "planning": 7, "finishing": 7, "setting": 7,
    "problem": 8,
    "painter": 9, "evaluation": 9, "feedforward": 9,
    "onepass": 10, "train": 10, "distill": 10, "distillation": 10,
    "transfer": 11,
    "batch": 12, "mural": 12, "film": 12, "studio": 12,
    "commands": 13,
    "cli": 14,
    "__main__": 15,
}  # fmt: skip
ONE_ROOM = {"distill": "distillation"}  # distill is the door of the package distillation
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 50
FRAMEWORKS = {"mxnet", "gluoncv"}
WEB = {"gradio", "fastapi", "starlette", "uvicorn"}
DASK = {"dask", "distributed"}
PRINTERS = {"cli", "callbacks", "commands"}

FILES = sorted(path for path in HOUSE.rglob("*.py") if "__pycache__" not in path.parts)
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


def shown(path: Path) -> str:
    """The path inside the checkout, for the names of tests."""
    return path.relative_to(CHECKOUT).as_posix()


def room(path: Path) -> str:
    """A file's module under nstyle, or the package it lies in."""
    first = path.relative_to(HOUSE).parts[0]
    return first[:-3] if first.endswith(".py") else first


ROOMS = {room(path) for path in FILES} - {"__init__"}
every_file = pytest.mark.parametrize("path", FILES, ids=shown)


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in a file: a.b for `from a import b`, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports in this house are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    """Modules and packages of nstyle that a file imports."""
    names = (name.split(".") for name in imported(ast.parse(path.read_text(encoding="utf-8"))))
    return {name[1] for name in names if name[0] == "nstyle" and name[1] in ROOMS}


def functions(tree: ast.AST) -> list[Function]:
    """All functions and methods of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_every_module_has_its_floor():
    assert sorted(ROOMS - set(FLOORS)) == []


@every_file
def test_imports_go_strictly_downwards(path):
    here = room(path)
    if here == "__init__":
        assert rooms_imported(path) == set()  # its table is read when a name is asked for
        return
    above = {
        name
        for name in rooms_imported(path) - {here, ONE_ROOM.get(here)}
        if FLOORS[name] >= FLOORS[here]
    }
    assert not above, f"{here} (floor {FLOORS[here]}) imports {sorted(above)}"


@every_file
def test_only_the_backend_imports_mxnet(path):
    names = {name.split(".")[0] for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert not names & FRAMEWORKS or room(path) == "backend"


@every_file
def test_only_the_studio_knows_the_web(path):
    names = {name.split(".")[0] for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert not names & WEB or room(path) == "studio"


@every_file
def test_only_one_room_knows_dask(path):
    names = {name.split(".")[0] for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert not names & DASK or shown(path) == "nstyle/dask_cluster.py"


@every_file
def test_only_the_command_line_and_the_listeners_print(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert not lines or room(path) in PRINTERS


@every_file
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@every_file
def test_no_function_is_long(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(tree)}
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_a_room_has_one_class_of_a_name(name):
    names = [
        node.name
        for path in FILES
        if room(path) == name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    assert sorted(names) == sorted(set(names))


@every_file
def test_the_library_does_not_configure_logging(path):
    if room(path) == "commands":
        return
    source = path.read_text(encoding="utf-8")
    assert not [word for word in ("basicConfig", "addHandler", "setLevel") if word in source]


def test_run_py_is_a_doorstep():
    body = ast.parse((CHECKOUT / "run.py").read_text(encoding="utf-8")).body
    assert len(body) <= 3


# ---- nothing heavy happens early ----

WATCHER = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(
    name for name in (
        "mxnet", "gluoncv", "numpy", "PIL", "skimage", "scipy", "tqdm", "gradio", "dask"
    ) if name in sys.modules)), file=sys.stderr))
"""


def loaded_by(*words: str) -> tuple[Any, str]:
    """(heavy modules that a command line of Python has loaded at its end, its stdout)."""
    runner = "import runpy, sys\nsys.argv = sys.argv[1:]\n"
    if words[0] == "-m":
        start = f"runpy.run_module({words[1]!r}, run_name='__main__', alter_sys=True)"
        words = words[1:]
    elif words[0].endswith(".py"):
        start = f"runpy.run_path({words[0]!r}, run_name='__main__')"
    else:
        start = words[0]
    done = subprocess.run(
        [sys.executable, "-c", WATCHER + runner + start, *words],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stderr.splitlines()[-1]), done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("run.py", "--help"),
        ("run.py", "--version"),
        ("-m", "nstyle", "--version"),
        ("-m", "nstyle", "run", "--help"),
        ("-m", "nstyle", "download", "--help"),
        ("-m", "nstyle", "sheet", "--help"),
        ("-m", "nstyle", "train", "--help"),
        ("-m", "nstyle", "batch", "--help"),
        ("-m", "nstyle", "mural", "--help"),
        ("-m", "nstyle", "studio", "--help"),
        ("-m", "nstyle", "video", "--help"),
        ("-m", "nstyle", "models"),
        ("-m", "nstyle", "presets"),
        ("import nstyle; print(nstyle.__version__)",),
        ("from nstyle import NStyleError, Options; print(Options())",),
        ("from nstyle.cli import main; main(['--version'])",),
    ],
    ids=" ".join,
)
def test_help_version_and_import_load_nothing_heavy(words):
    heavy, out = loaded_by(*words)
    assert heavy == []
    assert out.strip()


def test_asking_for_stylize_loads_no_mxnet():
    heavy, out = loaded_by("import nstyle; print(nstyle.stylize.__name__, nstyle.Result.__name__)")
    assert out.split() == ["stylize", "Result"]
    assert not FRAMEWORKS & set(heavy)


def test_the_package_gives_what_it_promises_and_nothing_else():
    import nstyle

    for name in nstyle.__all__:
        assert getattr(nstyle, name) is not None
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = nstyle.no_such_thing


# ---- what people read ----


def documents() -> list[Path]:
    """README and everything in docs and benchmarks that people read."""
    found = [CHECKOUT / "README.md", *CHECKOUT.glob("docs/**/*"), *CHECKOUT.glob("benchmarks/**/*")]
    texts = (".md", ".txt", ".rst")
    return [*found[:1], *(path for path in found[1:] if path.suffix in texts)]


@pytest.mark.parametrize("name", sorted(ROOMS - {"pretrained"}))
def test_the_readme_lists_every_module(name):
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text or f"`{name}.py`" in text or f"`nstyle/{name}`" in text


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_documents_hold_no_paths_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not [place for place in ("/work/", "/root/", "/home/", "../shared") if place in text]
