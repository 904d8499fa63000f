"""The rules of docs/design.md that a machine can check."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]
HOUSE = CHECKOUT / "nstyle"

MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 50
MAX_MODULES, MAX_PACKAGES, MAX_FILES = 15, 12, 5
GATES = {  # library -> the only place that imports it
    "mxnet": "nstyle/system/backend.py",
    "gluoncv": "nstyle/system/backend.py",
    "dask": "nstyle/distributed/dask_cluster.py",
    "distributed": "nstyle/distributed/dask_cluster.py",
    "cv2": "nstyle/video/optical_flow.py",
    "h5py": "nstyle/networks/weights/formats/hdf5.py",
    "safetensors": "nstyle/networks/weights/formats/safetensors.py",
    "gradio": "nstyle/studio/",
    "fastapi": "nstyle/studio/",
    "starlette": "nstyle/studio/",
    "uvicorn": "nstyle/studio/",
}
PRINTERS = ("nstyle/cli/", "nstyle/optimize/callbacks/")


def shown(path: Path) -> str:
    """The path inside the checkout."""
    return path.relative_to(CHECKOUT).as_posix()


TREES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(HOUSE.rglob("*.py"))
    if "__pycache__" not in path.parts
}


def listed(init: Path) -> list[str]:
    """The names that the docstring of an __init__.py lists: lines such as `name: words`."""
    lines = (ast.get_docstring(TREES[init]) or "").splitlines()
    starts = (line.split(":")[0] for line in lines[1:] if ":" in line)
    return [start for start in starts if start.isidentifier()]


def modules(package: Path) -> list[str]:
    """Modules and packages right inside a package."""
    files = [path.stem for path in package.glob("*.py") if not path.stem.startswith("__")]
    return sorted([*files, *(path.parent.name for path in package.glob("*/__init__.py"))])


PACKAGES = listed(HOUSE / "__init__.py")  # from the ground up


def room(path: Path) -> str:
    """A file's module under nstyle, or the package it lies in."""
    return path.relative_to(HOUSE).parts[0].split(".")[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in a file: a.b for `from a import b`, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports in this house are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_package_lists_its_modules():
    packages = {path.parent for path in TREES if path.name == "__init__.py"}
    for package in packages - {HOUSE / "networks" / "pretrained"}:
        assert sorted(listed(package / "__init__.py")) == modules(package), package


def test_packages_are_few_and_small():
    names = modules(HOUSE)
    packages = [name for name in names if (HOUSE / name).is_dir()]
    assert len(packages) <= MAX_PACKAGES
    assert len(list(HOUSE.glob("*.py"))) <= MAX_FILES
    sizes = {path.parent: len(modules(path.parent)) for path in TREES}
    assert {shown(package): n for package, n in sizes.items() if n > MAX_MODULES} == {}


def test_imports_go_strictly_downwards():
    upwards = []
    for path, tree in TREES.items():
        here = room(path)
        names = {name.split(".")[1] for name in imported(tree) if name.startswith("nstyle.")}
        rooms = names & set(PACKAGES) - {here}
        if here == "__main__":
            continue
        allowed = set() if here == "__init__" else set(PACKAGES[: PACKAGES.index(here)])
        upwards += [f"{shown(path)} imports {name}" for name in sorted(rooms - allowed)]
    assert upwards == []


def test_each_library_has_one_gate():
    outside = [
        f"{shown(path)} imports {name}"
        for path, tree in TREES.items()
        for name in imported(tree)
        if not shown(path).startswith(GATES.get(name.split(".")[0], "nstyle/"))
    ]
    assert outside == []


def test_only_the_command_line_and_the_listeners_print():
    lines = [
        f"{shown(path)}:{node.lineno}"
        for path, tree in TREES.items()
        if not shown(path).startswith(PRINTERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert lines == []


def test_no_file_and_no_function_is_long():
    files = {shown(path): len(path.read_text("utf-8").splitlines()) for path in TREES}
    assert {name: n for name, n in files.items() if n > MAX_FILE_LINES} == {}
    functions = {
        f"{shown(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: n for name, n in functions.items() if n > MAX_FUNCTION_LINES} == {}


def test_a_package_has_one_class_of_a_name():
    names = Counter(
        (shown(path.parent), node.name)
        for path, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_the_library_does_not_configure_logging():
    found = [
        f"{shown(path)}: {name}"
        for path in TREES
        if room(path) != "cli"
        for name in ("basicConfig", "addHandler", "setLevel")
        if name in path.read_text("utf-8")
    ]
    assert found == []


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
    if words[0] == "-m":
        start = f"runpy.run_module({words[1]!r}, run_name='__main__', alter_sys=True)"
    elif words[0].endswith(".py"):
        start = f"runpy.run_path({words[0]!r}, run_name='__main__')"
    else:
        start = words[0]
    code = f"{WATCHER}import runpy\nsys.argv = sys.argv[{2 if words[0] == '-m' else 1}:]\n{start}"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
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
        ("from nstyle.cli.main import main; main(['--version'])",),
    ],
    ids=" ".join,
)
def test_help_version_and_import_load_nothing_heavy(words):
    heavy, out = loaded_by(*words)
    assert heavy == []
    assert out.strip()


def test_the_package_gives_what_it_promises_and_nothing_else():
    import nstyle

    heavy, out = loaded_by("import nstyle; print(nstyle.stylize.__name__, nstyle.Result.__name__)")
    assert out.split() == ["stylize", "Result"]
    assert not {"mxnet", "gluoncv"} & set(heavy)
    assert all(getattr(nstyle, name) is not None for name in nstyle.__all__)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = nstyle.no_such_thing


# ---- what people read ----


def documents() -> list[Path]:
    """README and everything in docs and benchmarks that people read."""
    paths = (path for folder in ("docs", "benchmarks") for path in CHECKOUT.glob(f"{folder}/**/*"))
    return [CHECKOUT / "README.md", *(p for p in paths if p.suffix in (".md", ".txt", ".rst"))]


def test_the_readme_names_every_package():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PACKAGES if f"`{name}`" not in text and f"`{name}/`" not in text] == []


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_documents_hold_no_paths_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not [place for place in ("/work/", "/root/", "/home/", "../shared") if place in text]
