"""What a run leaves in its checkpoint, and who may go on with it. MXNet is not needed."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from made import a_step

from nstyle import __version__
from nstyle.errors import CheckpointError, OptionError
from nstyle.images.picture import Picture
from nstyle.optimize import checkpoint
from nstyle.optimize.checkpoint import Checkpoint, RunRequest, RunState, Saver, again
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.system import checkpoint_file, runtime

CHANCE = np.random.default_rng(3)
SHAPE = (1, 3, 8, 9)


def an_array() -> np.ndarray:
    return CHANCE.normal(0, 50, SHAPE).astype(np.float32)


def a_saved(epochs: int = 20) -> RunState:
    """As of an optimiser with all kinds of values."""
    history = [
        a_step(epoch, loss=1 / epoch, left=0.1).without_picture() for epoch in range(1, epochs + 1)
    ]
    state = {"step": epochs, "damping": 0.97**3, "last": float("inf"), "velocity": an_array()}
    return RunState(2, 8, "eps", history, an_array(), an_array(), state)


@dataclass(frozen=True)
class Inputs:
    """As inputs.Inputs, as far as it matters."""

    photo: Picture
    styles: tuple[Picture, ...]
    start: Any
    weights: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """With the pictures' files, being in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "style.png", "a.params"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def inputs(folder) -> Inputs:
    return Inputs(Picture(tiny.picture(1)), (Picture(tiny.picture(2)),), None, "a.params")


PICTURES = {"content_image": "photo.png", "style_image": "style.png"}
ORDER = RunRequest(
    PICTURES,
    Options(content_weight=12, weights="a.params", init="photo.png", optimizer="adam"),
    OutputOptions(output="there/out.png", trace="t.jsonl", save_epochs=7),
    "fast",
)


def saver(every: int = 5, begun: Checkpoint | None = None, order: RunRequest = ORDER) -> Saver:
    return Saver("out.ckpt.npz", every, order, begun)


@pytest.fixture
def begun(inputs) -> Checkpoint:
    """A checkpoint of 20 epochs."""
    kept = saver()
    kept.begin(inputs)
    kept(20, a_saved)
    return checkpoint.read("out.ckpt.npz")


# ---- writing and reading ----


def test_a_state_comes_back_to_the_last_bit(inputs):
    saved, kept = a_saved(), saver()
    assert kept.begin(inputs) is None
    kept(20, lambda: saved)
    found = checkpoint.read("out.ckpt.npz").saved
    for name in ("scale", "before", "stopped"):
        assert getattr(found, name) == getattr(saved, name)
    assert list(found.history) == list(saved.history)
    assert found.x.tobytes() == saved.x.tobytes() and found.x.dtype == np.float32
    assert found.good.tobytes() == saved.good.tobytes()
    assert found.state.keys() == saved.state.keys()
    for name, value in saved.state.items():
        assert type(found.state[name]) is type(value)
        assert np.array_equal(found.state[name], value)
    assert found.seconds == pytest.approx(20 * 0.25)


def test_an_order_comes_back_with_full_values_and_paths_from_the_root(begun, folder):
    order = begun.order
    assert order.preset == "fast"
    assert order.pictures == {name: str(folder / path) for name, path in PICTURES.items()}
    expected = replace(
        ORDER.options,
        weights=str(folder / "a.params"),
        init=str(folder / "photo.png"),
        threads=runtime.usable_cores(),
    )
    assert order.options == expected
    ways = replace(
        ORDER.delivery, output=str(folder / "there" / "out.png"), trace=str(folder / "t.jsonl")
    )
    assert order.delivery == ways
    assert begun.version == __version__


def test_several_pictures_of_a_kind_are_remembered_too(folder):
    order = replace(ORDER, pictures={"style_image": ["a.png", "b.png"]})
    found = order.as_json()["pictures"]
    assert found == {"style_image": [str(folder / "a.png"), str(folder / "b.png")]}


def test_the_folder_of_the_output_is_remembered_once():
    order = replace(ORDER, delivery=OutputOptions(output="x/out.png", output_dir="here"))
    ways = order.as_json()["delivery"]
    assert (ways["output"], ways["output_dir"]) == (os.path.abspath("here/out.png"), None)


def test_a_noise_is_no_path_and_an_asked_for_number_of_threads_stays():
    options = replace(ORDER, options=Options(init="noise:0.5", threads=3)).as_json()["options"]
    assert (options["init"], options["threads"], options["weights"]) == ("noise:0.5", 3, None)


@pytest.mark.parametrize(
    "change",
    [
        {"order": {**ORDER.as_json(), "options": {"no_such": 1}}},
        {"order": {**ORDER.as_json(), "options": {"lr": -1}}},
        {"saved": {"scale": 1}},
        {"saved": {"scale": 1, "before": 0, "stopped": "", "history": [{"epoch": 1, "new": 2}]}},
        {"order": {}},
    ],
)
def test_what_another_version_remembers_is_refused_in_one_line(begun, change):
    facts, arrays = checkpoint_file.read("out.ckpt.npz", checkpoint.KIND)
    facts = {**facts, **change, "version": "9.9.9"}
    checkpoint_file.write("new.npz", checkpoint.KIND, facts, arrays)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read("new.npz")
    text = str(caught.value)
    assert text.startswith("--resume new.npz: this version of nstyle cannot go on with it (")
    assert text.endswith("; use 9.9.9 that wrote it") and "\n" not in text


def test_options_that_no_longer_exist_are_left_out_where_they_had_no_effect(begun):
    facts, arrays = checkpoint_file.read("out.ckpt.npz", checkpoint.KIND)
    order = facts["order"]
    for border in (0, 3):
        order["options"] = {**begun.order.as_json()["options"], "average": 0.0, "border": border}
        checkpoint_file.write(f"{border}.npz", checkpoint.KIND, facts, arrays)
    assert checkpoint.read("0.npz").order.options == checkpoint.read("out.ckpt.npz").order.options
    with pytest.raises(CheckpointError, match=r"cannot go on with it .*'border'"):
        checkpoint.read("3.npz")


def test_refusals_of_the_file_name_the_flag(folder):
    with pytest.raises(CheckpointError, match=r"^--resume none\.npz: no such file$"):
        checkpoint.read("none.npz")


def test_a_training_is_no_run(folder):
    checkpoint_file.write("t.npz", "nstyle distill", {}, {})
    with pytest.raises(CheckpointError, match="is a checkpoint of nstyle distill, not of a run"):
        checkpoint.read("t.npz")


# ---- when it writes ----


def epochs_written(kept: Saver, epochs: int) -> list[int]:
    """The epochs at which it asked for a state."""
    asked = []

    def read(epoch: int) -> RunState:
        asked.append(epoch)
        return a_saved(epoch)

    for epoch in range(1, epochs + 1):
        kept(epoch, lambda epoch=epoch: read(epoch))
    return asked


@pytest.mark.parametrize(("every", "epochs"), [(5, [5, 10]), (1, list(range(1, 13))), (20, [])])
def test_it_writes_every_so_many_epochs_and_reads_nothing_in_between(inputs, every, epochs):
    kept = saver(every)
    kept.begin(inputs)
    assert epochs_written(kept, 12) == epochs
    assert (kept.newest == "out.ckpt.npz") == bool(epochs)


def test_never_means_never(folder):
    kept = saver(0)
    assert kept.begin(object()) is None  # nothing is looked at
    assert epochs_written(kept, 40) == []
    kept(40, a_saved, now=True)
    assert kept.newest is None and not os.path.exists("out.ckpt.npz")


def test_now_is_whatever_the_epoch_but_not_twice_and_not_before_the_first(inputs):
    kept, asked = saver(), []
    kept.begin(inputs)
    for epoch, now in ((0, True), (5, False), (5, True), (7, True)):
        kept(epoch, lambda epoch=epoch: asked.append(epoch) or a_saved(epoch), now=now)
    assert asked == [5, 7]
    assert len(checkpoint.read("out.ckpt.npz").saved.history) == 7


def full(*_: Any, **__: Any) -> None:
    """A disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once_and_the_last_good_file_stays(inputs, monkeypatch, caplog):
    kept = saver()
    kept.begin(inputs)
    kept(5, lambda: a_saved(5))
    before = Path("out.ckpt.npz").read_bytes()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "fsync", full)
        for epoch in (10, 15, 20):
            kept(epoch, a_saved)
    said = [record.getMessage() for record in caplog.records]
    why = "out.ckpt.npz: cannot be written (No space left on device); painting goes on"
    assert said == [why]
    assert Path("out.ckpt.npz").read_bytes() == before
    assert kept.newest == "out.ckpt.npz"
    assert not [name for name in os.listdir() if name.endswith(".tmp")]
    kept(25, lambda: a_saved(25))  # there is room again
    assert len(checkpoint.read("out.ckpt.npz").saved.history) == 25


def test_a_folder_that_is_gone_is_said_once_and_there_is_nothing_to_go_on_with(inputs, caplog):
    os.mkdir("there")
    kept = Saver("there/out.ckpt.npz", 5, ORDER)
    kept.begin(inputs)
    kept(5, a_saved)
    assert kept.newest == "there/out.ckpt.npz"
    shutil.rmtree("there")
    for epoch in (10, 15):
        kept(epoch, a_saved)
    assert [r.getMessage() for r in caplog.records] == [
        "there/out.ckpt.npz: cannot be written (No such file or directory); painting goes on"
    ]
    assert kept.newest is None
    kept.remove()


def test_a_bug_is_not_taken_for_a_full_disk(inputs):
    kept = saver()
    kept.begin(inputs)
    with pytest.raises(ZeroDivisionError):
        kept(5, lambda: 1 // 0)


# ---- in the end ----


def test_the_file_of_a_finished_run_is_removed(inputs):
    kept = saver()
    kept.begin(inputs)
    kept(5, a_saved)
    kept.remove()
    assert not os.path.exists("out.ckpt.npz")
    kept.remove()


def test_what_another_run_left_is_not_removed(begun, inputs):
    kept = saver()
    kept.begin(inputs)
    kept.remove()
    assert os.path.exists("out.ckpt.npz")


def test_the_file_that_was_gone_on_with_is_removed_if_it_is_the_runs_own(begun, inputs):
    shutil.copy("out.ckpt.npz", "copy.npz")
    other = saver(begun=replace(begun, path="copy.npz"))
    other.begin(inputs)
    other.remove()
    assert os.path.exists("copy.npz") and os.path.exists("out.ckpt.npz")
    saver(begun=begun).remove()
    assert os.path.exists("copy.npz") and not os.path.exists("out.ckpt.npz")


def test_what_cannot_be_removed_is_said(inputs, monkeypatch, caplog):
    kept = saver()
    kept.begin(inputs)
    kept(5, a_saved)
    monkeypatch.setattr(os, "unlink", full)
    kept.remove()
    assert "out.ckpt.npz: cannot be removed" in caplog.text


# ---- going on ----


def test_with_the_same_inputs_it_goes_on(begun, inputs, caplog):
    with caplog.at_level(logging.INFO):
        saved = saver(begun=begun, order=again(begun, {}, {}, {}, None)).begin(inputs)
    assert saved is begun.saved
    assert caplog.messages == ["going on with out.ckpt.npz after epoch 20"]


def test_checkpoints_off_do_not_keep_from_looking_at_the_inputs(begun, inputs):
    assert saver(0, begun).begin(inputs) is begun.saved
    with pytest.raises(CheckpointError):
        saver(0, begun).begin(replace(inputs, photo=Picture(tiny.picture(9))))


@pytest.mark.parametrize(
    ("field", "name"),
    [("photo", "photo"), ("styles", "painting"), ("start", "picture of --init")],
)
def test_other_pictures_are_refused_by_name(begun, inputs, field, name):
    other = Picture(tiny.picture(9))
    with pytest.raises(CheckpointError) as caught:
        saver(begun=begun).begin(
            replace(inputs, **{field: (other,) if field == "styles" else other})
        )
    assert str(caught.value) == (
        f"--resume out.ckpt.npz: the {name} is not the one the run began with; "
        "give the same, or begin a new run"
    )


def test_other_weights_are_refused_and_moved_ones_are_not(begun, inputs, folder):
    shutil.copy("a.params", "moved.params")
    assert saver(begun=begun).begin(replace(inputs, weights="moved.params"))
    (folder / "a.params").write_text("others")
    with pytest.raises(CheckpointError, match="the weights file is not the one"):
        saver(begun=begun).begin(inputs)


def test_an_input_more_or_less_is_refused(begun, inputs):
    more = dataclasses.make_dataclass("More", ["photo", "styles", "start", "weights", "mask"])
    values = [getattr(inputs, entry.name) for entry in dataclasses.fields(inputs)]
    with pytest.raises(CheckpointError, match="the mask is not the one"):
        saver(begun=begun).begin(more(*values, None))
    fewer = dataclasses.make_dataclass("Fewer", ["photo", "styles", "weights"])
    with pytest.raises(CheckpointError, match="the picture of --init is not the one"):
        saver(begun=begun).begin(fewer(inputs.photo, inputs.styles, inputs.weights))


def test_what_may_round_differently_is_said(begun, inputs, caplog):
    order = again(begun, {}, {"threads": "99", "gpu": "-1"}, {}, None)
    old = replace(begun, version="0.0.1")
    saver(begun=old, order=order).begin(inputs)
    start = "the picture may differ a little: "
    threads = begun.order.options.threads
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        f"{start}nstyle was 0.0.1, now {__version__}",
        f"{start}--threads was {threads}, now 99",
        f"{start}--gpu was auto, now -1",
    ]


def test_alone_everything_is_taken_from_the_file(begun):
    assert again(begun, {}, {}, {}, None) == begun.order


def test_what_does_not_shape_the_picture_may_differ(begun):
    ways = {"output": "new.tiff", "trace": "new.jsonl", "save_epochs": "3", "quiet": True}
    order = again(begun, {}, {"threads": "2", "max_pixels": "1000"}, ways, "fast")
    expected = OutputOptions(output="new.tiff", trace="new.jsonl", save_epochs=3, quiet=True)
    assert order.delivery == expected
    assert order.options == replace(begun.order.options, threads=2, max_pixels=1000)


def test_an_output_folder_alone_moves_the_result(begun):
    assert again(begun, {}, {}, {"output_dir": "else"}, None).delivery.path == "else/out.png"
    assert again(begun, {}, {}, {"output": "b/c.png"}, None).delivery.path == "b/c.png"


def test_the_same_options_may_be_typed_again(begun):
    typed = {"content_weight": "12", "optimizer": "adam", "init": "photo.png"}
    assert again(begun, {}, typed, {}, "fast").options == replace(
        begun.order.options, init="photo.png"
    )


@pytest.mark.parametrize(
    ("typed", "both"),
    [
        ({"content_weight": "20"}, "--content-weight was 12.0 when the run began, not 20.0"),
        ({"optimizer": "sgd"}, "--optimizer was adam when the run began, not sgd"),
        ({"momentum": "0.5"}, "momentum was 0.8 when the run began, not 0.5"),
        ({"max_num_epochs": "2000"}, "--max-num-epochs was 1000 when the run began, not 2000"),
        ({"weights": "b.params"}, "--weights was a.params when the run began, not b.params"),
        ({"init": "noise"}, "--init was photo.png when the run began, not noise"),
        ({"enlarge": True}, "--enlarge was False when the run began, not True"),
    ],
)
def test_options_that_shape_the_picture_are_refused_with_both_values(begun, typed, both):
    with pytest.raises(OptionError) as caught:
        again(begun, {}, typed, {}, None)
    advice = "leave it out, or begin a new run"
    assert str(caught.value) == f"--resume out.ckpt.npz: {both}; {advice}"


def test_another_preset_is_refused_with_both_names(begun):
    with pytest.raises(OptionError, match="--preset was fast when the run began, not mxnet;"):
        again(begun, {}, {}, {}, "mxnet")


def test_bad_values_are_refused_as_ever(begun):
    with pytest.raises(OptionError, match="--lr: -1"):
        again(begun, {}, {"lr": "-1"}, {}, None)
    with pytest.raises(OptionError, match="--save-epochs"):
        again(begun, {}, {}, {"save_epochs": "-1"}, None)


def test_a_picture_that_is_gone_is_refused_and_may_be_told_where_it_is(begun, folder):
    os.rename("photo.png", "moved.png")
    with pytest.raises(CheckpointError) as caught:
        again(begun, {}, {}, {}, None)
    assert str(caught.value) == (
        f"--resume out.ckpt.npz: {folder / 'photo.png'} is not there any more; "
        "tell where it is now with --content-image"
    )
    order = again(begun, {"content_image": "moved.png"}, {}, {}, None)
    assert order.pictures == {**begun.order.pictures, "content_image": "moved.png"}
