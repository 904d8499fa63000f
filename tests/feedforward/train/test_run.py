"""Training a painting network: learning, going on, what is left behind, what is refused."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.errors import NStyleError, WeightsError
from nstyle.feedforward import ANY_STYLE, ONE_STYLE, network_file
from nstyle.feedforward.apply import instant
from nstyle.feedforward.train import dataset, run
from nstyle.feedforward.train.dataset import gather
from nstyle.feedforward.train.options import TrainOptions
from nstyle.options.options import Options
from nstyle.system import checkpoint_file, checksums

STEPS = 6


def write_pictures(folder, seeds, size=(44, 40)):
    folder.mkdir()
    for seed in seeds:
        Image.fromarray(tiny.picture(seed, size)).save(folder / f"p{seed}.png")
    return str(folder)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    write_pictures(folder / "photos", range(8))
    write_pictures(folder / "art", range(20, 26))
    (folder / "heldout.txt").write_text("art/p21.png\nphotos/p4.png\nphotos/p5.png\n")
    return folder


@pytest.fixture
def options(weights_file):
    return Options(model="auto", weights=weights_file, gpu=-1)


@pytest.fixture
def training(toys, tmp_path):
    return TrainOptions(
        style_image=str(toys / "art" / "p20.png"),
        photos=(str(toys / "photos"),),
        output=str(tmp_path / "wave.params"),
        steps=STEPS,
        crop=32,
        batch=2,
        width=4,
        rate=5e-3,
        preview_steps=0,
        save_steps=4,
        curve=str(tmp_path / "curve.jsonl"),
    )


@pytest.fixture
def any_style(training, toys):
    return replace(training, style_image=None, paintings=(str(toys / "art"),), batch=1)


def curve_of(training):
    lines = Path(training.curve).read_text().splitlines()
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stop_at(number):
    return lambda step: step.step == number


# ---- learning ----


def test_a_style_is_learned_and_written(training, options, tmp_path):
    steps = []
    made = run.train(replace(training, steps=16), options, listeners=[steps.append])
    assert made.finished and made.steps == 16 == len(steps)
    first, last = (np.mean([step.loss for step in part]) for part in (steps[:3], steps[-3:]))
    assert last < 0.95 * first
    assert set(steps[0].terms) == {"content", "style", "tv", "colours"}
    assert sum(steps[0].terms.values()) == pytest.approx(steps[0].loss, rel=1e-4)
    assert steps[-1].left == 0 < steps[-2].left
    file = network_file.read(training.output)
    assert file.network == ONE_STYLE
    assert (file.about["style"], file.about["steps"]) == ("p20", 16)
    assert file.about["options"]["crop"] == 32 and file.about["loss"] == made.loss
    assert names(tmp_path) == ["curve.jsonl", "wave.params"]
    assert instant(tiny.picture(3), network=training.output).picture.size == (40, 32)


def test_any_style_is_learned_by_the_same_door(any_style, toys, tmp_path):
    options, steps = Options(model="vgg19-slim", gpu=-1), []
    shown = replace(any_style, steps=3, preview_steps=3, heldout=str(toys / "heldout.txt"))
    assert [bool(each.painting) for each in gather(shown, options).examples] == [True]
    made = run.train(shown, options, listeners=[steps.append])
    assert Path(shown.preview).exists()
    assert made.finished and {"content", "style", "tv"} == set(steps[0].terms)
    assert network_file.read(any_style.output).network == ANY_STYLE
    again = replace(any_style, start=any_style.output, output=str(tmp_path / "more.params"))
    run.train(replace(again, steps=1, rate=1e-7), options)
    before, after = (network_file.read(path).arrays for path in (any_style.output, again.output))
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, atol=2e-3)
    result = instant(tiny.picture(3), tiny.picture(4), network=again.output)
    assert result.picture.size == (40, 32)


def test_ready_styles_are_learned_beside_any_style(any_style, toys, tmp_path):
    options = Options(model="vgg16-slim", gpu=-1)
    (tmp_path / "list.csv").write_text(
        "name,title,credit,file\n"
        + "".join(f"s{n},Style {n},nobody,{toys}/art/p{n}.png\n" for n in (20, 22, 23))
    )
    shown = replace(any_style, ready=str(tmp_path / "list.csv"), steps=4, rate=1e-3)
    run.train(shown, options)
    assert not any("ready" in name for name in network_file.read(shown.output).arrays)
    facts, groups = checkpoint_file.read(str(tmp_path / "wave.ready.params"), "ready styles", {})
    assert facts["network"] == checksums.of_file(shown.output)
    assert list(facts["styles"]) == ["s20", "s22", "s23"]
    assert facts["styles"]["s22"]["title"] == "Style 22"
    numbers = [groups["styles"][name].astype(float) for name in ("s20", "s22", "s23")]
    assert all(own.any() for own in numbers[:2])  # two of them had a turn
    assert not numbers[2].any()
    # From a network they begin with what was learned with it, and the checkpoint has them.
    again = replace(shown, start=shown.output, output=str(tmp_path / "more.params"), rate=1e-8)
    assert run.train(again, options, listeners=[stop_at(2)]).steps == 2
    assert run.train(replace(again, resume=True), options).finished
    _, groups = checkpoint_file.read(str(tmp_path / "more.ready.params"), "ready styles", {})
    for name, own in zip(("s20", "s22", "s23"), numbers):
        np.testing.assert_allclose(groups["styles"][name].astype(float), own, atol=1e-4)


def test_a_time_budget_ends_the_training(training, options):
    steps = []
    budget = replace(training, steps=None, time_budget=0.2)
    made = run.train(budget, options, listeners=[steps.append])
    assert made.finished and made.seconds >= 0.2 > (steps[-2].seconds if len(steps) > 1 else 0)
    for step in steps[:-1]:
        assert step.left + step.seconds == pytest.approx(0.2)


# ---- going on ----


def test_a_training_that_was_stopped_goes_on_as_if_never(training, options, tmp_path):
    whole = replace(
        training, output=str(tmp_path / "whole.params"), curve=str(tmp_path / "w.jsonl")
    )
    run.train(whole, options)
    made = run.train(training, options, listeners=[stop_at(3)])
    assert not made.finished and not Path(training.output).exists()
    assert [step for step, _ in curve_of(training)] == [1, 2, 3]
    with pytest.raises(NStyleError, match="--resume, or remove"):
        run.train(training, options)

    def kill(step):
        assert step.seconds > made.seconds
        if step.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # the checkpoint is of step 4
        run.train(replace(training, resume=True), options, listeners=[kill])
    again = []
    made = run.train(replace(training, resume=True), options, listeners=[again.append])
    assert made.finished and [step.step for step in again] == [5, 6]
    assert curve_of(training) == curve_of(whole)
    expected, found = (network_file.read(path) for path in (whole.output, training.output))
    assert found.about["loss"] == expected.about["loss"]
    for name, values in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)
    assert names(tmp_path) == ["curve.jsonl", "w.jsonl", "wave.params", "whole.params"]


@pytest.mark.parametrize("preview_steps", [2, 0])
def test_a_preview_among_the_photos_is_no_photo(training, options, tmp_path, preview_steps):
    photos = write_pictures(tmp_path / "holiday", range(6))
    inside = replace(training, photos=(photos,), output=f"{photos}/my.params", preview_steps=2)
    run.train(inside, options, listeners=[stop_at(3)])
    assert Path(inside.preview).exists()
    again = replace(inside, resume=True, preview_steps=preview_steps)
    assert run.train(again, options).finished
    other = gather(replace(inside, output=str(tmp_path / "next.params")), options)
    assert len(other.photos) == 3, "another training learns from the sheet"


def test_ctrl_c_waits_for_the_end_of_the_step(training, options):
    def press(step):
        if step.step == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        made = run.train(training, options, listeners=[press])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (made.finished, made.steps) == (False, 2)
    longer = replace(training, steps=STEPS + 2, keep_checkpoint=True, resume=True)
    assert run.train(replace(longer, steps=STEPS), options).steps == STEPS
    assert run.train(longer, options).steps == STEPS + 2
    assert [step for step, _ in curve_of(training)] == list(range(1, STEPS + 3))


# ---- what is left behind ----


@pytest.mark.parametrize("listed", [True, False])
def test_the_preview_shows_held_out_photos(training, options, toys, listed):
    heldout = str(toys / "heldout.txt") if listed else None
    shown = replace(training, preview_steps=3, heldout=heldout)
    found = gather(shown, options)
    assert len(found.photos) == (6 if listed else 5)
    assert len(found.examples) == (2 if listed else 3)
    for example in found.examples:
        assert not any(example.photo.size == photo.shape[1::-1] and
                       np.array_equal(photo, example.photo.pixels)
                       for photo in found.photos)  # fmt: skip
        assert example.photo.width % 8 == example.photo.height % 8 == 0
    times = []
    run.train(shown, options, listeners=[lambda step: times.append(Path(shown.preview).exists())])
    assert times == [step >= 3 for step in range(1, STEPS + 1)]
    with Image.open(shown.preview) as sheet:
        assert sheet.width > 2 * 40 and np.asarray(sheet).std() > 10


def test_a_full_disk_ends_no_training_and_loses_nothing(training, options, monkeypatch, caplog):
    def full(path, *rest, **knobs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "nstyle"):
        patch.setattr("nstyle.system.checkpoint_file.atomic_write", full)
        with pytest.raises(WeightsError, match="No space left") as refused:
            run.train(replace(training, keep_checkpoint=True), options)
        assert "\n" not in str(refused.value)
    assert caplog.text.count("checkpoint cannot be written") == 1
    saved = []
    with monkeypatch.context() as patch:
        patch.setattr(network_file, "write", full)
        with pytest.raises(WeightsError, match="--resume"):
            run.train(training, options)
    made = run.train(replace(training, resume=True), options, listeners=[saved.append])
    assert made.finished and not saved  # no step had to be repeated


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """The disk of the training has no room, that of temporary files has; tells what is there."""
    (tmp_path / "other disk").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other disk"))
    write = checkpoint_file.atomic_write

    def full(path, write_to):
        if "other disk" not in str(path):
            raise OSError(28, "No space left on device")
        write(path, write_to)

    def begin():
        monkeypatch.setattr(checkpoint_file, "atomic_write", full)

    def end():
        monkeypatch.setattr(checkpoint_file, "atomic_write", write)
        return [str(path) for path in (tmp_path / "other disk").glob("*/*")]

    return SimpleNamespace(begin=begin, end=end)


def test_a_network_without_room_is_kept_elsewhere(training, options, full_disk):
    full_disk.begin()
    with pytest.raises(WeightsError) as told:
        run.train(training, options)
    (place,) = full_disk.end()
    why = "cannot be written (No space left on device); it is kept as"
    assert str(told.value) == f"{training.output}: {why} {place}"
    assert network_file.read(place).about["steps"] == STEPS


def test_the_last_checkpoint_without_room_is_kept_elsewhere(training, options, full_disk):
    full_disk.begin()
    made = run.train(training, options, listeners=[stop_at(3)])
    assert ([made.checkpoint], made.saved) == (full_disk.end(), 3)
    seen = []
    again = replace(training, resume=True, checkpoint=made.checkpoint)
    assert run.train(again, options, listeners=[seen.append]).finished
    assert [step.step for step in seen] == list(range(4, STEPS + 1))


# ---- what is refused ----

REFUSED = {
    "empty folder": ({"photos": ("empty",)}, "holds no picture"),
    "no folder": ({"photos": ("nowhere",)}, "no such folder"),
    "photos too small": ({"crop": 64}, "none of the 8.*smaller than the crops of 64"),
    "no style": ({"style_image": "nowhere.jpg"}, "no such file"),
    "style is no picture": ({"style_image": "words.jpg"}, "not a picture"),
    "heldout is gone": ({"heldout": "nowhere.txt"}, "cannot be read"),
    "output is a folder": ({"output": "folder.params"}, "--output"),
    "curve is the style": ({"curve": "style.png"}, "one of the inputs"),
    "curve is the output": ({"curve": "out.params"}, "is the output, too"),
    "curve is foreign": ({"curve": "words.jpg"}, "no learning curve"),
    "nothing to resume": ({"resume": True}, "leave it out"),
    "start is gone": ({"start": "nowhere.params"}, "no such file"),
    "output is the start": ({"start": "one.params", "output": "one.params"}, "--output.*inputs"),
    "start is a link to the output": ({"start": "l.params", "output": "one.params"}, "--output"),
    "curve is a photo": ({"curve": "mine/p1.png", "photos": ("mine",)}, "--curve.*to train on"),
    "curve among photos": ({"curve": "mine/a.jpg", "photos": ("mine",)}, "--curve.*to train on"),
    "start is foreign": ({"start": "words.jpg"}, "is no painting network"),
    "start is cut": ({"start": "cut.params"}, "cut short"),
    "start is wider": ({"start": "wide.params"}, r"widths \[8, 8, .*, not \[4, 8, .*--width"),
}


@pytest.fixture
def rubble(tmp_path, monkeypatch, toys):
    """A folder of things that are no use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.params").mkdir()
    (tmp_path / "words.jpg").write_text("no picture")
    Image.fromarray(tiny.picture(1)).save("style.png")
    black = [0.0, 0.0, 0.0]
    for path, kind, shape in (
        ("any.params", ANY_STYLE, {"widths": [4] * 4}),
        ("one.params", ONE_STYLE, {"widths": [4] * 4, "mean": black}),
        ("wide.params", ONE_STYLE, {"widths": [8] * 4, "mean": black}),
    ):
        network_file.write(path, network_file.NetworkFile(kind, shape, {"a": np.ones((4, 8))}))
    (tmp_path / "l.params").symlink_to("one.params")
    write_pictures(tmp_path / "mine", range(2))
    (tmp_path / "cut.params").write_bytes((tmp_path / "any.params").read_bytes()[:-5])
    return tmp_path


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_the_work(training, options, rubble, case, monkeypatch):
    change, message = REFUSED[case]
    usual = {"style_image": "style.png", "output": "out.params", "curve": None}
    monkeypatch.setattr(run, "run", None)
    before = names(rubble)
    with pytest.raises(NStyleError, match=message) as refused:
        gather(replace(training, **{**usual, **change}), options)
    assert "\n" not in str(refused.value)
    assert names(rubble) == before


def test_options_that_cannot_be_are_refused(training, any_style, options):
    for name, value, message in (
        ("content_weight", 0.0, "above 0"),
        ("colors", "match", "--colors"),
        ("content_layers", "relu9_1", "relu9_1"),
        ("gpu", 7, "--gpu 7"),
    ):
        with pytest.raises(NStyleError, match=message):
            run.train(training, replace(options, **{name: value}))
    with pytest.raises(NStyleError, match="--style-scale"):
        gather(any_style, replace(options, style_scale=2.0))


def test_a_finished_network_is_not_written_over(training, options):
    run.train(training, options)
    made = Path(training.output).read_bytes()
    with pytest.raises(NStyleError, match="is there already; give another, or remove it"):
        run.train(training, options)
    with pytest.raises(NStyleError, match="params is finished"):
        run.train(replace(training, resume=True), options)
    assert Path(training.output).read_bytes() == made


def test_a_damaged_checkpoint_is_refused(training, options, monkeypatch):
    path, again = Path(training.saved), replace(training, resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "STRUCTURE", {ONE_STYLE: 1})
        run.train(training, options, listeners=[stop_at(2)])
    with pytest.raises(NStyleError, match="paint otherwise; remove it"):
        gather(again, options)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="remove it"):
        gather(again, options)
    network_file.write(str(path), network_file.NetworkFile(ONE_STYLE, {}, {"a": np.ones(2)}))
    with pytest.raises(WeightsError, match="remove it"):
        gather(again, options)


def test_a_checkpoint_of_another_training_is_refused(training, options, toys, tmp_path):
    run.train(training, options, listeners=[stop_at(2)])
    again = replace(training, resume=True)
    for change, message in (
        ({"seed": 3}, "seed 0, not 3"),
        ({"width": 6}, "width 4, not 6"),
        ({"batch": 1}, "batch"),
        ({"color_weight": 0.0}, "color_weight 0.1, not None"),
        ({"photos": (write_pictures(tmp_path / "others", range(3, 11)),)}, "photos 5"),
        ({"style_image": str(toys / "art" / "p22.png")}, "style"),
    ):
        with pytest.raises(NStyleError, match=message):
            gather(replace(again, **change), options)
    with pytest.raises(NStyleError, match="tv_weight"):
        gather(again, replace(options, tv_weight=0.5))


def test_photos_that_cannot_be_used_are_left_out(training, options, tmp_path, monkeypatch, caplog):
    folder = Path(write_pictures(tmp_path / "mixed", range(8)))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    Image.fromarray(tiny.picture(1, (30, 60))).save(folder / "narrow.png")
    Image.fromarray(tiny.picture(9, (60, 50))).save(folder / "large.png")
    mixed, small = replace(training, photos=(str(folder),)), replace(options, max_pixels=44 * 40)

    def count():
        found = gather(mixed, small)
        return len(found.photos) + len(found.examples)

    with caplog.at_level(logging.WARNING, "nstyle"):
        assert count() == 8
    for text in ("3 of 11 pictures left out", "bad.jpg", "narrow.png", "raise --max-pixels"):
        assert text in caplog.text
    monkeypatch.setattr(dataset, "ROOM", 5 * 3 * 44 * 40)
    assert count() == 5
