"""Training a painting network: learning, going on, what is left behind, what is refused."""

from __future__ import annotations

import json
import logging
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.errors import BackendError, NStyleError, WeightsError
from nstyle.feedforward import ANY_STYLE, ONE_STYLE, network_file
from nstyle.feedforward.apply import instant
from nstyle.feedforward.train import dataset, run
from nstyle.feedforward.train.dataset import gather
from nstyle.feedforward.train.run import TrainOptions
from nstyle.options.options import Options
from nstyle.system import files

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
def wanted(toys, tmp_path):
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
def any_style(wanted, toys):
    return replace(wanted, style_image=None, paintings=(str(toys / "art"),), batch=1)


def curve_of(wanted):
    lines = Path(wanted.curve).read_text().splitlines()
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stop_at(number):
    return lambda step: step.step == number


# ---- learning ----


def test_a_style_is_learned_and_written(wanted, options, tmp_path):
    steps = []
    made = run.train(replace(wanted, steps=16), options, listeners=[steps.append])
    assert made.finished and made.steps == 16 == len(steps)
    first, last = (np.mean([step.loss for step in part]) for part in (steps[:3], steps[-3:]))
    assert last < 0.95 * first
    assert set(steps[0].terms) == {"content", "style", "tv", "colours"}
    assert sum(steps[0].terms.values()) == pytest.approx(steps[0].loss, rel=1e-4)
    assert steps[-1].left == 0 < steps[-2].left
    file = network_file.read(wanted.output)
    assert file.network == ONE_STYLE
    assert (file.about["style"], file.about["steps"]) == ("p20", 16)
    assert file.about["options"]["crop"] == 32 and file.about["loss"] == made.loss
    assert names(tmp_path) == ["curve.jsonl", "wave.params"]
    assert instant(tiny.picture(3), network=wanted.output).picture.size == (40, 32)


def test_any_style_is_learned_by_the_same_door(any_style, tmp_path):
    options = Options(model="vgg19-slim", gpu=-1)
    steps = []
    made = run.train(replace(any_style, steps=12), options, listeners=[steps.append])
    assert made.finished and {"content", "style", "tv"} == set(steps[0].terms)
    assert network_file.read(any_style.output).network == ANY_STYLE
    again = replace(any_style, start=any_style.output, output=str(tmp_path / "more.params"))
    run.train(replace(again, steps=1), options)
    result = instant(tiny.picture(3), tiny.picture(4), network=again.output)
    assert result.picture.size == (40, 32)


def test_a_time_budget_ends_the_training(wanted, options):
    steps = []
    made = run.train(replace(wanted, steps=None, time_budget=0.2), options,
                       listeners=[steps.append])  # fmt: skip
    assert made.finished and made.seconds >= 0.2 > (steps[-2].seconds if len(steps) > 1 else 0)
    assert [step.left + step.seconds for step in steps[:-1]] == pytest.approx(
        [0.2] * (len(steps) - 1)
    )


def test_a_start_is_begun_with(wanted, options, tmp_path):
    run.train(wanted, options)
    more = replace(wanted, start=wanted.output, output=str(tmp_path / "more.params"), steps=1,
                   rate=1e-7)  # fmt: skip
    run.train(more, options)
    before, after = (network_file.read(path).arrays for path in (wanted.output, more.output))
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, atol=2e-3)


# ---- going on ----


def test_a_training_that_was_stopped_goes_on_as_if_never(wanted, options, tmp_path):
    whole = replace(wanted, output=str(tmp_path / "whole.params"), curve=str(tmp_path / "w.jsonl"))
    run.train(whole, options)
    made = run.train(wanted, options, listeners=[stop_at(3)])
    assert not made.finished and not Path(wanted.output).exists()
    assert [step for step, _ in curve_of(wanted)] == [1, 2, 3]
    made = run.train(replace(wanted, resume=True), options)
    assert made.finished and made.steps == STEPS
    assert curve_of(wanted) == curve_of(whole)
    expected, found = (network_file.read(path) for path in (whole.output, wanted.output))
    assert found.about["loss"] == expected.about["loss"]
    for name, values in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)
    assert names(tmp_path) == ["curve.jsonl", "w.jsonl", "wave.params", "whole.params"]


def test_after_a_kill_the_last_checkpoint_counts(wanted, options):
    class Killed(Exception):
        pass

    def kill(step):
        if step.step == 5:
            raise Killed

    whole = []
    run.train(wanted, options, listeners=[whole.append])
    os.unlink(wanted.output)
    with pytest.raises(Killed):
        run.train(wanted, options, listeners=[kill])
    again = []
    run.train(replace(wanted, resume=True), options, listeners=[again.append])
    assert [step.step for step in again] == [5, 6]  # save_steps is 4
    assert [step.loss for step in again] == [step.loss for step in whole[4:]]
    assert [step for step, _ in curve_of(wanted)] == [1, 2, 3, 4, 5, 6]


def test_a_finished_training_can_be_kept_and_made_longer(wanted, options):
    kept = replace(wanted, keep_checkpoint=True)
    run.train(kept, options)
    made = run.train(replace(kept, steps=STEPS + 2, resume=True), options)
    assert made.steps == STEPS + 2
    assert [step for step, _ in curve_of(wanted)] == list(range(1, STEPS + 3))


def test_the_seconds_of_a_budget_are_kept(wanted, options):
    budget = replace(wanted, steps=None, time_budget=1000.0)
    first = run.train(budget, options, listeners=[stop_at(2)])
    again = []
    run.train(replace(budget, resume=True), options, listeners=[again.append, stop_at(3)])
    assert again[0].seconds > first.seconds > 0


@pytest.mark.parametrize("preview_steps", [2, 0])
def test_a_preview_among_the_photos_is_no_photo(wanted, options, tmp_path, preview_steps):
    photos = write_pictures(tmp_path / "holiday", range(6))
    inside = replace(wanted, photos=(photos,), output=f"{photos}/my.params", preview_steps=2)
    run.train(inside, options, listeners=[stop_at(3)])
    assert Path(inside.preview).exists()
    again = replace(inside, resume=True, preview_steps=preview_steps)
    assert run.train(again, options).finished
    other = gather(replace(inside, output=str(tmp_path / "next.params")), options)
    assert len(other.photos) == 3, "another training learns from the sheet"


def test_ctrl_c_waits_for_the_end_of_the_step(wanted, options):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        made = run.train(
            wanted, options,
            listeners=[lambda step: signal.raise_signal(signal.SIGINT) if step.step == 2 else None],
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert (made.finished, made.steps) == (False, 2)
    assert run.train(replace(wanted, resume=True), options).steps == STEPS


# ---- what is left behind ----


@pytest.mark.parametrize("listed", [True, False])
def test_the_preview_shows_held_out_photos(wanted, options, toys, listed):
    heldout = str(toys / "heldout.txt") if listed else None
    shown = replace(wanted, preview_steps=3, heldout=heldout)
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


def test_the_preview_of_any_style_has_a_painting_for_each_photo(any_style, toys):
    options = Options(model="vgg19-slim", gpu=-1)
    shown = replace(any_style, preview_steps=1, steps=1, heldout=str(toys / "heldout.txt"))
    assert [bool(each.painting) for each in gather(shown, options).examples] == [True]
    run.train(shown, options)
    assert Path(shown.preview).exists()


def test_a_full_disk_ends_no_training_and_loses_nothing(wanted, options, monkeypatch, caplog):
    def full(path, write_to):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "nstyle"):
        patch.setattr("nstyle.system.checkpoint_file.atomic_write", full)
        with pytest.raises(WeightsError, match="No space left") as refused:
            run.train(replace(wanted, keep_checkpoint=True), options)
        assert "\n" not in str(refused.value)
    assert caplog.text.count("checkpoint cannot be written") == 1
    saved = []
    with monkeypatch.context() as patch:
        patch.setattr(network_file, "write", full)
        with pytest.raises(WeightsError, match="--resume"):
            run.train(wanted, options)
    made = run.train(replace(wanted, resume=True), options, listeners=[saved.append])
    assert made.finished and not saved  # no step had to be repeated


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
    "start is of any style": ({"start": "any.params"}, "any style, not one style"),
    "start is wider": ({"start": "wide.params"}, "width 8, not 4.*--width"),
}


@pytest.fixture
def rubble(tmp_path, monkeypatch, toys):
    """A folder of things that are no use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.params").mkdir()
    (tmp_path / "words.jpg").write_text("no picture")
    Image.fromarray(tiny.picture(1)).save("style.png")
    for path, kind, shape in (
        ("any.params", ANY_STYLE, {"widths": [4]}),
        ("one.params", ONE_STYLE, {"width": 4, "mean": [0.0, 0.0, 0.0]}),
        ("wide.params", ONE_STYLE, {"width": 8, "mean": [0.0, 0.0, 0.0]}),
    ):
        network_file.write(path, network_file.NetworkFile(kind, shape, {"a": np.ones(2)}))
    (tmp_path / "l.params").symlink_to("one.params")
    write_pictures(tmp_path / "mine", range(2))
    (tmp_path / "cut.params").write_bytes((tmp_path / "any.params").read_bytes()[:-5])
    return tmp_path


@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_input_is_refused_before_the_work(wanted, options, rubble, case, monkeypatch):
    change, words = REFUSED[case]
    given = {"style_image": "style.png", "output": "out.params", "curve": None, **change}
    monkeypatch.setattr(run, "run", None)
    before = names(rubble)
    with pytest.raises(NStyleError, match=words) as refused:
        gather(replace(wanted, **given), options)
    assert "\n" not in str(refused.value)
    assert names(rubble) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"content_weight": 0.0}, "above 0"),
        ({"colors": "match"}, "--colors"),
        ({"content_layers": "relu9_1"}, "relu9_1"),
        ({"gpu": 7}, "--gpu 7"),
    ],
)
def test_options_that_cannot_be_are_refused(wanted, options, change, words):
    with pytest.raises((NStyleError, BackendError), match=words):
        run.train(wanted, replace(options, **change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "vgg19"}, "vgg19-slim"),
        ({"style_scale": 2.0}, "--style-scale"),
        ({"style_layers": "relu1_1,relu5_1"}, "--style-layers"),
    ],
)
def test_any_style_needs_the_encoder_as_it_is(any_style, change, words):
    with pytest.raises(NStyleError, match=words):
        gather(any_style, Options(**{"model": "vgg19-slim", **change}))


def test_a_checkpoint_is_not_written_over(wanted, options):
    run.train(wanted, options, listeners=[stop_at(2)])
    with pytest.raises(NStyleError, match="--resume, or remove"):
        run.train(wanted, options)


def test_nor_is_a_finished_network(wanted, options):
    run.train(wanted, options)
    made = Path(wanted.output).read_bytes()
    with pytest.raises(NStyleError, match="is there already; give another, or remove it"):
        run.train(wanted, options)
    with pytest.raises(NStyleError, match="params is finished"):
        run.train(replace(wanted, resume=True), options)
    assert Path(wanted.output).read_bytes() == made


@pytest.mark.parametrize("damage", ["cut", "foreign", "other kind"])
def test_a_damaged_checkpoint_is_refused(wanted, options, damage):
    run.train(wanted, options, listeners=[stop_at(2)])
    path = Path(wanted.saved)
    if damage == "other kind":
        network_file.write(str(path), network_file.NetworkFile(ONE_STYLE, {}, {"a": np.ones(2)}))
    else:
        path.write_bytes({"cut": path.read_bytes()[:-9], "foreign": b"hello"}[damage])
    with pytest.raises(WeightsError, match="remove it") as refused:
        gather(replace(wanted, resume=True), options)
    assert "\n" not in str(refused.value)


def test_a_checkpoint_of_a_version_with_other_networks_is_refused(wanted, options, monkeypatch):
    monkeypatch.setattr(dataset, "STRUCTURE", 1)
    run.train(wanted, options, listeners=[stop_at(2)])
    monkeypatch.undo()
    with pytest.raises(NStyleError, match="paint otherwise; remove it"):
        gather(replace(wanted, resume=True), options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 3}, "seed 0, not 3"),
        ({"width": 6}, "width 4, not 6"),
        ({"batch": 1}, "batch"),
        ({"color_weight": 0.0}, "color_weight 0.1, not None"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(wanted, options, change, words):
    run.train(wanted, options, listeners=[stop_at(2)])
    with pytest.raises(NStyleError, match=words):
        gather(replace(wanted, resume=True, **change), options)


def test_a_checkpoint_of_other_pictures_or_another_loss_is_refused(wanted, options, toys, tmp_path):
    run.train(wanted, options, listeners=[stop_at(2)])
    again = replace(wanted, resume=True)
    others = write_pictures(tmp_path / "others", range(3, 11))
    with pytest.raises(NStyleError, match="photos 5"):
        gather(replace(again, photos=(others,)), options)
    with pytest.raises(NStyleError, match="style"):
        gather(replace(again, style_image=str(toys / "art" / "p22.png")), options)
    with pytest.raises(NStyleError, match="tv_weight"):
        gather(again, replace(options, tv_weight=0.5))


def test_unreadable_photos_are_left_out_and_named(wanted, options, toys, tmp_path, caplog):
    folder = Path(write_pictures(tmp_path / "mixed", range(4)))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    Image.fromarray(tiny.picture(1, (30, 60))).save(folder / "narrow.png")
    with caplog.at_level(logging.WARNING, "nstyle"):
        found = gather(replace(wanted, photos=(str(folder),)), options)
    assert (len(found.photos), len(found.examples)) == (2, 2)
    assert "2 of 6 pictures left out" in caplog.text
    assert "bad.jpg" in caplog.text and "narrow.png" in caplog.text


def test_large_photos_and_more_than_fit_are_left_out(
    wanted, options, tmp_path, monkeypatch, caplog
):
    folder = Path(write_pictures(tmp_path / "mixed", range(8)))
    Image.fromarray(tiny.picture(9, (60, 50))).save(folder / "large.png")
    mixed = replace(wanted, photos=(str(folder),))
    with caplog.at_level(logging.WARNING, "nstyle"):
        found = gather(mixed, replace(options, max_pixels=44 * 40))
    assert len(found.photos) + len(found.examples) == 8 and "raise --max-pixels" in caplog.text
    monkeypatch.setattr(dataset, "ROOM", 5 * 3 * 44 * 40)
    found = gather(wanted, options)
    assert len(found.photos) + len(found.examples) == 5


def test_nothing_temporary_is_left(wanted, options, tmp_path):
    run.train(wanted, options)
    files.sweep_beside(wanted.output)
    assert names(tmp_path) == ["curve.jsonl", "wave.params"]
