"""`nstyle mural` as people type it: the file, what is said, refusals, going on."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.cli.main import main
from nstyle.distributed.actors import Gone
from nstyle.distributed.run import Mural
from nstyle.system import extras

CHECKOUT = Path(__file__).parents[3]
DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not DASK, reason="Dask is not installed: '.[dask]'")
SHALLOW = "--style-layers relu1_1,relu2_1,relu3_1 --content-layers relu3_1 --gpu -1 --stop-eps 0"


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name, seed in (("photo", 1), ("style", 2)):
        Image.fromarray(tiny.picture(seed, (150, 130))).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flags(weights: str, *more: str) -> list[str]:
    pictures = ["--content-image", "photo.png", "--style-image", "style.png"]
    return [*pictures, "--weights", weights, "--tile", "64", *SHALLOW.split(), *more]


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


@needs_dask
def test_a_mural_is_the_picture_of_run(place, weights_file, capsys):
    common = flags(weights_file, "--max-num-epochs", "6", "--scales", "2", "--output")
    assert main(["run", *common, "run.png"]) == 0
    trace = ["--trace", "trace.jsonl"]
    assert main(["mural", "--dask", "local:2", *common, "out.png", *trace]) == 0
    assert np.abs(pixels("run.png") - pixels("out.png")).max() <= 1
    err = capsys.readouterr().err
    assert "150x130, parts: 2" in err
    assert "MB travelled per epoch in parts (moments" in err.splitlines()[-1]
    lines = [json.loads(line) for line in Path("trace.jsonl").read_text().splitlines()]
    assert [bool(line.get("sent")) for line in lines[:6]] == [False] * 3 + [True] * 3
    assert not [name for name in os.listdir(place) if "ckpt" in name]


@needs_dask
def test_one_that_was_interrupted_goes_on(place, weights_file, capsys, monkeypatch):
    words = flags(weights_file, "--max-num-epochs", "6", "--scales", "1", "--output")
    assert main(["run", *words, "whole.png"]) == 0
    run = Mural.run

    def press(step: Any) -> None:
        if step.epoch == 3:
            raise KeyboardInterrupt

    def interrupted(mural: Mural, *args: Any, listeners: Any, **more: Any) -> Any:
        return run(mural, *args, listeners=[*listeners, press], **more)

    with monkeypatch.context() as patch:
        patch.setattr(Mural, "run", interrupted)
        assert main(["mural", "--dask", "local:2", *words, "out.png"]) == 130
    Path("out.png").unlink()
    assert main(["mural", "--dask", "local:2", "--resume", "out.png.ckpt.npz"]) == 0
    assert np.abs(pixels("out.png") - pixels("whole.png")).max() <= 1
    assert "going on with out.png.ckpt.npz" in capsys.readouterr().err


@needs_dask
def test_a_cluster_that_is_gone_is_said_in_a_line(place, weights_file, capsys, monkeypatch):
    def gone(mural: Mural, *args: Any, saver: Any, **kwargs: Any) -> Any:
        mural.saver = SimpleNamespace(newest="out.png.ckpt.npz")  # type: ignore[assignment]
        raise Gone("--dask: no worker is left")

    monkeypatch.setattr(Mural, "run", gone)
    assert main(["mural", *flags(weights_file), "--output", "out.png"]) == 1
    err = capsys.readouterr().err
    assert err == "error: --dask: no worker is left; to go on: --resume out.png.ckpt.npz\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dask", "there"], "--dask: 'there' is neither"),
        (["--parts", "0"], "--parts: 0 is out of range"),
        (["--optimizer", "lbfgs"], "--optimizer: lbfgs keeps all"),
        (["--tile", "off"], "--tile: off is not allowed"),
        (["--content-image", "none.png"], "none.png"),
    ],
)
def test_refusals_are_one_line(place, weights_file, capsys, more, message):
    assert main(["mural", *flags(weights_file), *more]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_without_dask_one_line_says_what_to_install(place, weights_file, python):
    code = (
        "import sys\nfor name in ('dask', 'distributed'): sys.modules[name] = None\n"
        f"from nstyle.cli.main import main\nsys.exit(main(['mural', *{flags(weights_file)!r}]))"
    )
    done = python("-c", code)
    assert done.returncode == 2
    assert done.stderr.endswith(f"run: {extras.advice('dask')}\n")
    assert done.stderr.count("\n") == 1
