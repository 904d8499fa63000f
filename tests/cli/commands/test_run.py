"""`nstyle run`, stopped and gone on with. All else: test_main."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from asking import check_refusal, write_pictures
from made import a_step
from PIL import Image

from nstyle import api
from nstyle.cli import main
from nstyle.cli.commands import run as run_command
from nstyle.errors import ImageError
from nstyle.optimize import checkpoint, inputs
from nstyle.optimize.checkpoint import RunRequest, RunState, Saver
from nstyle.optimize.records import Result
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.system import checkpoint_file

PICTURES = ["--content-image", "photo.png", "--style-image", "style.png"]
SHORT = ["--max-num-epochs", "12", "--stop-eps", "0", "--scales", "2", "--save-epochs", "0"]


@pytest.fixture
def paint(pictures, weights_file):
    """A short run with small pictures and a small network, in an own folder; the exit code."""
    shutil.copy(weights_file, "a.params")
    return lambda *words: main.main_run([*PICTURES, "--weights", "a.params", *SHORT, *words])


@pytest.fixture
def meddle(monkeypatch):
    """Have something called with every step of the runs that follow, before all listeners."""

    def have(listener: Any) -> None:
        run = api.run

        def meddled(*words: Any, listeners: Sequence[Any], **more: Any) -> Result:
            return run(*words, listeners=[listener, *listeners], **more)

        monkeypatch.setattr(api, "run", meddled)

    return have


def interrupt_at(epoch: int) -> Any:
    """Ctrl-C in the midst of an epoch."""

    def listener(step: Any) -> None:
        if step.epoch == epoch:
            raise KeyboardInterrupt

    return listener


def resume(*words: str) -> int:
    return main.main_run(["--resume", *words])


def data(path: str) -> bytes:
    return Path(path).read_bytes()


def epochs_of(path: str) -> list[int]:
    """Of a trace's lines but the last."""
    return [json.loads(line)["epoch"] for line in Path(path).read_text().splitlines()[:-1]]


# ---- where the file is, and when ----


def test_on_the_way_it_lies_beside_the_output(paint, meddle):
    seen = {}
    meddle(lambda step: seen.update({step.epoch: sorted(os.listdir("there"))}))
    words = ["--output", "my.out.png", "--output-dir", "there", "--checkpoint-epochs", "5"]
    assert paint(*words) == 0
    file = ["my.out.png.ckpt.npz"]
    assert [seen[epoch] for epoch in (5, 6, 12)] == [[], file, file]
    assert os.listdir("there") == ["my.out.png"]


def test_every_twenty_epochs_by_default(paint):
    assert paint("--output", "out.png", "--keep-checkpoint", "--max-num-epochs", "45") == 0
    assert len(checkpoint.read("out.png.ckpt.npz").saved.history) == 40


def test_0_is_never(paint, meddle, capsys):
    meddle(interrupt_at(8))
    assert paint("--output", "there/out.png", "--checkpoint-epochs", "0") == 130
    assert os.listdir("there") == ["out.png"]
    assert capsys.readouterr().err.splitlines()[-1].endswith(" s, interrupted")


# ---- going on ----


@pytest.mark.parametrize("epochs", ["5", "7"])
def test_from_a_kept_checkpoint_a_run_ends_in_the_same_bytes(paint, epochs):
    words = ["--keep-checkpoint", "--checkpoint-epochs", epochs, "--trace", "t.jsonl"]
    assert paint("--output", "out.png", *words) == 0
    picture, trace = data("out.png"), Path("t.jsonl").read_text().splitlines()
    os.remove("out.png")
    assert resume("out.png.ckpt.npz") == 0
    assert data("out.png") == picture
    assert os.path.exists("out.png.ckpt.npz")  # the option is remembered, too
    begun = 12 // int(epochs) * int(epochs)
    assert epochs_of("t.jsonl") == list(range(1, 13))
    assert Path("t.jsonl").read_text().splitlines()[:begun] == trace[:begun]
    assert resume("out.png.ckpt.npz", "--set", "keep_checkpoint=false") == 0
    assert data("out.png") == picture
    assert not os.path.exists("out.png.ckpt.npz")


@pytest.mark.parametrize("epoch", [2, 7, 11])
def test_ctrl_c_at_any_epoch(tmp_path, paint, meddle, monkeypatch, capsys, epoch):
    assert paint("--output", "whole.png", "--trace", "whole.jsonl") == 0
    run = api.run
    meddle(interrupt_at(epoch))
    assert paint("--output", "a folder/out.png", "--trace", "t.jsonl") == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"a folder/out.png: {epoch} epochs in ")
    assert last.endswith(", interrupted; to go on: --resume 'a folder/out.png.ckpt.npz'")
    monkeypatch.setattr(api, "run", run)
    assert len(checkpoint.read("a folder/out.png.ckpt.npz").saved.history) == epoch - 1
    monkeypatch.chdir("a folder")  # paths are remembered from the root
    assert resume("out.png.ckpt.npz") == 0
    err = capsys.readouterr().err
    assert f"going on with out.png.ckpt.npz after epoch {epoch - 1}\n" in err
    assert f"{tmp_path / 'a folder' / 'out.png'}: 12 epochs in " in err
    assert data("out.png") == data("../whole.png")
    assert epochs_of("../t.jsonl") == list(range(1, 13))
    assert not os.path.exists("out.png.ckpt.npz")


@pytest.fixture
def stopped(paint):
    """out.png.ckpt.npz after epoch 10 of 12, and whole.png."""
    assert paint("--output", "out.png", "--keep-checkpoint", "--checkpoint-epochs", "5",
                 "--preset", "fast", "--scales", "1") == 0  # fmt: skip
    os.rename("out.png", "whole.png")


def test_what_does_not_shape_the_picture_may_be_typed_beside(stopped):
    os.rename("photo.png", "moved.png")
    os.rename("a.params", "else.params")
    os.mkdir("w")
    os.rename("else.params", "w/a.params")
    assert resume(
        "out.png.ckpt.npz", "--output", "new/n.png", "--trace", "n.jsonl", "--save-epochs", "1",
        "--content-image", "moved.png", "--weights", "w/a.params", "--preset", "fast", "--quiet",
        "--max-num-epochs", "12",
    ) == 0  # fmt: skip
    assert data("new/n.png") == data("whole.png")
    assert sorted(os.listdir("new")) == ["n.png", "n_e0011.png", "n_e0012.png"]
    assert epochs_of("n.jsonl") == [11, 12]
    assert not os.path.exists("out.png") and os.path.exists("out.png.ckpt.npz")


def test_runs_leave_the_checkpoints_of_others_alone(paint, meddle, capsys, monkeypatch):
    run = api.run
    meddle(interrupt_at(8))
    assert paint("--output", "out.png") == 130
    first = data("out.png.ckpt.npz")
    monkeypatch.setattr(api, "run", run)
    assert paint("--output", "out.jpg", "--checkpoint-epochs", "5") == 0
    assert data("out.png.ckpt.npz") == first
    assert paint("--output", "out.png") == 0  # too short to write one
    assert data("out.png.ckpt.npz") == first
    capsys.readouterr()
    assert paint("--output", "out.png", "--checkpoint-epochs", "5", "--content-weight", "3") == 0
    assert data("out.png.old.ckpt.npz") == first and not os.path.exists("out.png.ckpt.npz")
    said = "out.png.ckpt.npz was another run's, and is now out.png.old.ckpt.npz; --resume goes on"
    assert capsys.readouterr().err.count(said) == 1
    assert resume("out.png.ckpt.npz") == 2
    assert capsys.readouterr().err.endswith("no such file; there is out.png.old.ckpt.npz\n")
    assert resume("out.png.old.ckpt.npz") == 0


def test_the_old_name_is_gone_on_with_and_removed_in_the_end(stopped, capsys):
    os.rename("out.png.ckpt.npz", "out.ckpt.npz")
    assert resume("out.png.ckpt.npz") == 2
    assert capsys.readouterr().err.endswith("no such file; there is out.ckpt.npz\n")
    assert resume("out.ckpt.npz", "--set", "keep_checkpoint=false") == 0
    assert data("out.png") == data("whole.png")
    assert not [name for name in os.listdir() if "ckpt" in name]


# ---- when it does not go well ----


def test_a_picture_that_cannot_be_written_in_the_end_can_be_painted_again(
    paint, monkeypatch, capsys
):
    assert paint("--output", "whole.png") == 0

    def refuse(*_: Any) -> None:
        raise ImageError("out.png: cannot be written (full)")

    with monkeypatch.context() as patch:
        patch.setattr(Result, "save", refuse)
        assert paint("--output", "out.png", "--checkpoint-epochs", "5") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "error: out.png: cannot be written (full); to go on: --resume out.png.ckpt.npz"
    assert resume("out.png.ckpt.npz") == 0
    assert data("out.png") == data("whole.png")


@pytest.mark.parametrize(
    "words", [["--timelapse", "full.gif"], ["--trace", "full.gif"], ["--report", "."]]
)
def test_what_else_cannot_be_written_keeps_the_picture_but_is_no_success(paint, words, capsys):
    for name in ("full.gif", "index.html"):
        os.symlink("/dev/full", name)
    assert paint("--output", "out.png", *words) == 1
    assert "(No space left on device)" in capsys.readouterr().err
    assert data("out.png").startswith(b"\x89PNG")


def test_a_picture_without_room_and_checkpoint_is_kept_elsewhere(paint, capsys, monkeypatch):
    os.mkdir("elsewhere")
    monkeypatch.setattr("tempfile.tempdir", os.path.abspath("elsewhere"))
    os.symlink("/dev/full", "out.png")
    assert paint("--output", "out.png") == 1
    (place,) = Path("elsewhere").glob("*/out.png")
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f"(No space left on device); it is kept as {place.absolute()}")
    assert data(str(place)).startswith(b"\x89PNG")


def test_a_folder_that_goes_away_costs_neither_the_run_nor_the_picture(paint, meddle, capsys):
    meddle(lambda step: shutil.rmtree("there") if step.epoch == 5 else None)
    assert paint("--output", "there/out.png", "--checkpoint-epochs", "2") == 0
    assert capsys.readouterr().err.count("there/out.png.ckpt.npz: cannot be written (No such") == 1
    assert os.listdir("there") == ["out.png"]


def test_a_bug_keeps_its_traceback_and_the_checkpoint(paint, meddle):
    meddle(lambda step: 1 // (step.epoch - 8))
    with pytest.raises(ZeroDivisionError):
        paint("--output", "out.png", "--checkpoint-epochs", "3")
    assert len(checkpoint.read("out.png.ckpt.npz").saved.history) == 6


def test_a_run_that_diverges_keeps_its_checkpoint(paint, meddle):
    def ruin(step: Any) -> None:
        if step.epoch == 4:
            raise run_command.DivergedError("the loss became nan in epoch 5")

    meddle(ruin)
    assert paint("--output", "out.png", "--checkpoint-epochs", "2") == 1
    assert len(checkpoint.read("out.png.ckpt.npz").saved.history) == 2


def test_what_killed_runs_left_beside_the_output_is_swept(paint):
    os.mkdir("there")
    Path("there", ".nstyle-1-abcdef01.tmp").write_text("half a picture")
    assert paint("--output", "there/out.png") == 0
    assert os.listdir("there") == ["out.png"]


# ---- refusals, before MXNet is loaded ----


def prepare(folder: Path, weights_file: str) -> None:
    """out.png.ckpt.npz of a run of photo.png and style.png, and files that are no such things."""
    write_pictures(folder)
    shutil.copy(weights_file, "a.params")
    options = Options(weights="a.params", content_weight=12)
    pictures = {"content_image": "photo.png", "style_image": "style.png"}
    gathered = inputs.gather("photo.png", "style.png", options)
    picture = np.zeros((1, 3, 32, 40), np.float32)
    for name, files in {
        "out.png": pictures,
        "gone": {**pictures, "style_image": "gone.png"},
    }.items():
        order = RunRequest(files, options, OutputOptions(output="out.png"))
        saver = Saver(f"{name}.ckpt.npz", 5, order)
        saver.begin(gathered)
        state = {"step": 5, "velocity": picture}
        history = [a_step(epoch).without_picture() for epoch in range(1, 6)]
        saved = RunState(1, 0, "", history, picture, picture, state)
        saver(5, lambda saved=saved: saved)
    whole = Path("out.png.ckpt.npz").read_bytes()
    Path("damaged.npz").write_bytes(whole[:5000] + b"?" + whole[5001:])
    checkpoint_file.write("training.npz", "nstyle distill", {}, {})
    Image.fromarray(tiny.picture(9)).save("else.png")
    Path("other").mkdir()
    tiny.write_vgg("other/a.params", seed=9)


# name -> (words, what the one line on stderr must contain)
OWN = "out.png.ckpt.npz"
REFUSED: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "absent": (["none.npz"], ["--resume none.npz: no such file"]),
    "picture": (["photo.png"], ["--resume photo.png: is no checkpoint of nstyle"]),
    "damaged": (["damaged.npz"], ["--resume damaged.npz: is damaged or cut short"]),
    "training": (["training.npz"], ["is a checkpoint of nstyle distill, not of a run"]),
    "gone": (["gone.ckpt.npz"], ["gone.png is not there any more", "--style-image"]),
    "photo": (
        [OWN, "--content-image", "else.png"],
        ["--resume out.png.ckpt.npz: the photo is not the one the run began with"],
    ),
    "painting": (
        [OWN, "--style-image", "photo.png"],
        ["the painting is not the one"],
    ),
    "weights": (
        [OWN, "--weights", "other/a.params"],
        ["the weights file is not the"],
    ),
    "option": (
        [OWN, "--content-weight", "20"],
        ["--resume out.png.ckpt.npz: --content-weight was 12.0 when the run began, not 20.0"],
    ),
    "preset": ([OWN, "--preset", "fast"], ["--preset was none", "not fast"]),
    "bad value": ([OWN, "--lr", "fast"], ["--lr", "'fast'", "number"]),
    "trace": (
        [OWN, "--trace", OWN],
        ["--trace", "is the checkpoint"],
    ),
    "diary": (
        [OWN, "--trace", "words.jpg"],
        ["words.jpg", "is no trace to go on with"],
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, weights_file: str, ask: Any) -> Any:
    """case -> [exit code or what was raised, stderr, files made or changed]."""
    folder = tmp_path_factory.mktemp("refused")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare(folder, weights_file)
    cases = [(name, "main_run", ["--resume", *words]) for name, (words, _) in REFUSED.items()]
    return ask(folder, cases)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_gone_on_with_is_refused_in_one_line(name, answers):
    check_refusal(answers[name], "run.py", REFUSED[name][1])


@pytest.mark.parametrize("flag", ["--weights", "--init"])
def test_a_checkpoint_never_takes_the_place_of_an_input(paint, capsys, flag):
    shutil.copy("photo.png", "out.png.ckpt.npz")
    before = data("out.png.ckpt.npz")
    assert paint("--output", "out.png", flag, "out.png.ckpt.npz") == 2
    assert "the checkpoint: out.png.ckpt.npz is one of the inputs" in capsys.readouterr().err
    assert data("out.png.ckpt.npz") == before
