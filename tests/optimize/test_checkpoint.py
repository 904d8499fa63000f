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
    return RunState(2, min(8, epochs), "eps", history, an_array(), an_array(), state)


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


def test_what_an_order_remembers(folder):
    order = RunRequest(
        {"style_image": ["a.png", "b.png"]},
        Options(init="noise:0.5", threads=3),
        OutputOptions(output="x/out.png", output_dir="here"),
    ).as_json()
    assert order["pictures"] == {"style_image": [str(folder / "a.png"), str(folder / "b.png")]}
    options, ways = order["options"], order["delivery"]
    assert (options["init"], options["threads"], options["weights"]) == ("noise:0.5", 3, None)
    assert (ways["output"], ways["output_dir"]) == (os.path.abspath("here/out.png"), None)


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
    facts, arrays = checkpoint_file.read("out.ckpt.npz", checkpoint.KIND, {})
    facts = {**facts, **change, "version": "9.9.9"}
    checkpoint_file.write("new.npz", checkpoint.KIND, facts, arrays)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read("new.npz")
    text = str(caught.value)
    assert text.startswith("--resume new.npz: this version of nstyle cannot go on with it (")
    assert text.endswith("; use 9.9.9 that wrote it") and "\n" not in text


NAN = np.full(SHAPE, np.nan, np.float32)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("inputs",), None),
        (("order", "pictures"), {"style_image": 3}),
        (("order", "pictures"), {"content_image": "photo.png"}),
        (("order", "options"), []),
        (("order", "options", "content_weight"), float("nan")),
        (("order", "delivery", "output"), ["a"]),
        (("order", "preset"), {}),
        (("state", "damping"), "much"),
        (("state", "damping"), float("nan")),
        (("saved", "scale"), 1.5),
        (("saved", "scale"), 10**400),
        (("saved", "before"), 21),
        (("saved", "before"), -1),
        (("saved", "stopped"), "because"),
        (("saved", "history"), {}),
        (("saved", "history", 3, "epoch"), 9),
        (("saved", "history", 3, "loss"), None),
        (("saved", "history", 3, "terms"), {"tv": []}),
        ("picture", {}),
        ("picture", {"x": NAN, "good": NAN}),
        ("picture", {"x": an_array()[0], "good": an_array()[0]}),
        ("picture", {"x": an_array(), "good": an_array()[..., 1:]}),
        ("state", {"velocity": an_array()[..., 1:]}),
        ("state", {"velocity": an_array().astype(np.float64)}),
    ],
)
def test_facts_that_are_wrong_under_a_right_checksum_are_refused(begun, where, value):
    facts, arrays = checkpoint_file.read("out.ckpt.npz", checkpoint.KIND, {})
    if isinstance(where, str):
        arrays[where] = value
    else:
        *path, last = where
        inner: Any = facts
        for name in path:
            inner = inner[name]
        inner[last] = value
    checkpoint_file.write("new.npz", checkpoint.KIND, facts, arrays)
    with pytest.raises(CheckpointError, match=r"^--resume new\.npz: .*\Z"):
        checkpoint.read("new.npz")


def test_a_state_of_another_size_or_optimiser_does_not_fit():
    state = {"step": 1, "since": 0, "damping": 1.0, "last": 2.5, "velocity": an_array()}
    saved = replace(a_saved(), state=state)
    sizes = [(4, 4), (9, 8)]
    checkpoint.check_fits(saved, sizes, "sgd")
    checkpoint.check_fits(replace(saved, state={}), sizes, "sgd")
    for other, found, optimizer in (
        (saved, sizes[:1], "sgd"),
        (saved, [(4, 4), (8, 9)], "sgd"),
        (replace(saved, scale=0), sizes, "sgd"),
        (saved, sizes, "adam"),
        (replace(saved, state={**state, "velocity": 0.0}), sizes, "sgd"),
    ):
        with pytest.raises(CheckpointError, match="begin a new run"):
            checkpoint.check_fits(other, found, optimizer)


def test_options_that_no_longer_exist_are_left_out_where_they_had_no_effect(begun):
    facts, arrays = checkpoint_file.read("out.ckpt.npz", checkpoint.KIND, {})
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
    checkpoint_file.write("t.npz", "nstyle distill", {}, {})
    with pytest.raises(CheckpointError, match="is a checkpoint of nstyle distill, not of a run"):
        checkpoint.read("t.npz")


# ---- when it writes ----


@pytest.mark.parametrize(
    ("every", "epochs"), [(5, [5, 10]), (1, list(range(1, 13))), (20, []), (0, [])]
)
def test_it_writes_every_so_many_epochs_and_reads_nothing_in_between(inputs, every, epochs):
    kept, read = saver(every), []
    assert kept.begin(inputs if every else object()) is None  # never: nothing is looked at
    for epoch in range(1, 13):
        kept(epoch, lambda epoch=epoch: read.append(epoch) or a_saved(epoch))
    assert read == epochs
    assert (kept.newest == "out.ckpt.npz") == bool(epochs)
    kept(12, a_saved, now=True)
    assert os.path.exists("out.ckpt.npz") == (every > 0)


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


# ---- in the end ----


def test_the_file_that_was_gone_on_with_is_removed_if_it_is_the_runs_own(begun, inputs):
    shutil.copy("out.ckpt.npz", "copy.npz")
    for other in (saver(), saver(begun=replace(begun, path="copy.npz"))):
        other.begin(inputs)
        other.remove()
        assert os.path.exists("copy.npz") and os.path.exists("out.ckpt.npz")
    saver(begun=begun).remove()
    assert os.path.exists("copy.npz") and not os.path.exists("out.ckpt.npz")


def test_the_file_of_a_finished_run_is_removed_or_it_is_said(inputs, monkeypatch, caplog):
    kept = saver()
    kept.begin(inputs)
    kept(5, a_saved)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", full)
        kept.remove()
    assert "out.ckpt.npz: cannot be removed" in caplog.text
    kept.remove()
    assert not os.path.exists("out.ckpt.npz") and kept.newest is None
    kept.remove()


# ---- going on ----


def test_with_the_same_inputs_it_goes_on(begun, inputs, caplog):
    caplog.set_level(logging.INFO)
    order = again(begun, {}, {}, {}, None)
    assert order == begun.order  # all is taken from the file
    assert saver(begun=begun, order=order).begin(inputs) is begun.saved
    assert caplog.messages == ["going on with out.ckpt.npz after epoch 20"]
    assert saver(0, begun).begin(inputs) is begun.saved  # checkpoints off
    with pytest.raises(CheckpointError):
        saver(0, begun).begin(replace(inputs, photo=Picture(tiny.picture(9))))


@pytest.mark.parametrize(
    ("field", "name"),
    [("photo", "photo"), ("styles", "painting"), ("start", "picture of --init")],
)
def test_other_pictures_are_refused_by_name(begun, inputs, field, name):
    other: Any = Picture(tiny.picture(9))
    other = (other,) if field == "styles" else other
    with pytest.raises(CheckpointError) as caught:
        saver(begun=begun).begin(replace(inputs, **{field: other}))
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


def test_what_does_not_shape_the_picture_may_differ_and_the_rest_be_typed_again(begun):
    ways = {"output": "new.tiff", "trace": "new.jsonl", "save_epochs": "3", "quiet": True}
    same = {"content_weight": "12", "optimizer": "adam", "init": "photo.png"}
    order = again(begun, {}, {"threads": "2", "max_pixels": "1000", **same}, ways, "fast")
    expected = OutputOptions(output="new.tiff", trace="new.jsonl", save_epochs=3, quiet=True)
    assert order.delivery == expected
    changed = {"init": "photo.png", "threads": 2, "max_pixels": 1000}
    assert order.options == replace(begun.order.options, **changed)
    assert again(begun, {}, {}, {"output_dir": "else"}, None).delivery.path == "else/out.png"


@pytest.mark.parametrize(
    ("typed", "both"),
    [
        ({"content_weight": "20"}, "--content-weight was 12.0 when the run began, not 20.0"),
        ({"optimizer": "sgd"}, "--optimizer was adam when the run began, not sgd"),
        ({"momentum": "0.5"}, "momentum was 0.8 when the run began, not 0.5"),
        ({"weights": "b.params"}, "--weights was a.params when the run began, not b.params"),
        (
            {"weights_convention": "caffe"},
            "--weights-convention was none when the run began, not caffe",
        ),
        ({"init": "noise"}, "--init was photo.png when the run began, not noise"),
        ({"enlarge": True}, "--enlarge was False when the run began, not True"),
        ("mxnet", "--preset was fast when the run began, not mxnet"),
    ],
)
def test_options_that_shape_the_picture_are_refused_with_both_values(begun, typed, both):
    options, preset = ({}, typed) if isinstance(typed, str) else (typed, None)
    with pytest.raises(OptionError) as caught:
        again(begun, {}, options, {}, preset)
    advice = "leave it out, or begin a new run"
    assert str(caught.value) == f"--resume out.ckpt.npz: {both}; {advice}"


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
