"""Training the small network: learning, resuming, holding out, scaling, refusing; all on toys."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nstyle import distill as room
from nstyle.backend import mx, nd
from nstyle.distill import DistillOptions, distill, measure, ratios
from nstyle.distillation import (
    maps,
    measuring,
    student,
    teachers,
    training,
)
from nstyle.errors import DivergedError, ImageError, NStyleError, OptionError, WeightsError
from nstyle.layers import convolutions
from nstyle.learning import checkpoint, pictures
from nstyle.networks import TappedVGG

TINY = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 12)


def write_network(path, widths, seed=7, **more):
    arrays = {**student.random_arrays(widths, seed), **more}
    mx.nd.save(str(path), {f"arg:{name}": nd.array(values) for name, values in arrays.items()})
    return str(path)


def write_picture(path, seed, size=(48, 44)):
    chance = np.random.default_rng(seed)
    blobs = chance.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC).save(path)


@pytest.fixture(autouse=True)
def little_calibration(monkeypatch):
    monkeypatch.setattr(training, "CALIBRATION_BATCHES", 8)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    for i in range(6):
        write_picture(folder / "photos" / f"p{i}.png", i)
    (folder / "heldout.txt").write_text("photos/p4.png\nphotos/p5.png\n\n")
    write_network(folder / "vgg19.params", (*TINY, 12, 12, 12))  # all of VGG-19
    return folder


@pytest.fixture
def options(toys, tmp_path):
    return DistillOptions(
        teachers=(str(toys / "vgg19.params"),),
        pictures=(str(toys / "photos"),),
        heldout=str(toys / "heldout.txt"),
        output=str(tmp_path / "out.params"),
        widths=TINY,
        steps=6,
        batch=2,
        crop=32,
        rate=3e-3,
        checkpoint=str(tmp_path / "training.npz"),
        curve=str(tmp_path / "curve.jsonl"),
        save_steps=4,
    )


def curve_of(options):
    with open(options.curve, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_fifty_steps_lower_the_loss(options):
    losses = []
    distill(replace(options, steps=50, rate=1e-2), listener=lambda step: losses.append(step.loss))
    assert len(losses) == 50
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])
    assert [line["loss"] for line in curve_of(options)] == losses


def test_the_written_file_is_half_precision_and_makes_a_network(options):
    arrays = distill(options)
    written = mx.nd.load(options.output)
    assert set(written) == {f"arg:{name}" for name in arrays}
    assert all(array.dtype == np.float16 for array in written.values())
    assert student.read(options.output)(nd.zeros((1, 3, 32, 32)))[-1].shape == (1, 12, 2, 2)


class Killed(Exception):
    pass


def kill_at(number):
    def listener(step):
        if step.step == number:
            raise Killed

    return listener


def test_a_killed_training_goes_on_as_if_unbroken(options, tmp_path):
    whole = replace(
        options, checkpoint=None, curve=str(tmp_path / "whole.jsonl"), output=options.output + "2"
    )
    expected = distill(whole)
    with pytest.raises(Killed):
        distill(options, listener=kill_at(5))
    found = distill(options)
    assert curve_of(options) == curve_of(whole)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_more_steps_may_be_asked_for_later(options):
    distill(replace(options, steps=2))
    distill(replace(options, steps=4))
    assert [line["step"] for line in curve_of(options)] == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", ["byte", "cut", "empty", "other"])
def test_a_damaged_checkpoint_is_refused(options, damage):
    distill(replace(options, steps=1))
    with open(options.checkpoint, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    kept = {"byte": data, "cut": data[: len(data) // 2], "empty": b"", "other": b"hello"}
    with open(options.checkpoint, "wb") as file:
        file.write(kept[damage])
    with pytest.raises(WeightsError, match="remove it"):
        distill(options)


@pytest.mark.parametrize(
    ("change", "named"), [({"seed": 3}, "seed"), ({"batch": 3}, "batch"), ({"width": 2}, "widths")]
)
def test_a_checkpoint_of_another_training_is_refused(options, change, named):
    distill(replace(options, steps=1))
    with pytest.raises(OptionError, match=named):
        distill(replace(options, **change))


def test_a_curve_that_is_none_is_not_overwritten(options):
    with open(options.curve, "w") as file:
        file.write("my diary\n")
    with pytest.raises(OptionError, match="no learning curve"):
        distill(options)
    with open(options.curve) as file:
        assert file.read() == "my diary\n"


def test_a_loss_that_is_not_finite_ends_the_training(options, monkeypatch):
    monkeypatch.setattr(room.Training, "advance", lambda self: (float("nan"), {}))
    with pytest.raises(DivergedError, match="learning rate"):
        distill(options)


def test_held_out_pictures_are_never_trained_on(toys, tmp_path, monkeypatch):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "link.png").symlink_to(toys / "photos" / "p5.png")
    (folder / "copy.png").write_bytes((toys / "photos" / "p4.png").read_bytes())
    monkeypatch.chdir(toys)
    folders = ["photos", str(toys / "photos"), str(folder)]
    trained, kept_out = pictures.split(folders, "heldout.txt")
    assert [path.name for path in trained] == ["p0.png", "p1.png", "p2.png", "p3.png"]
    assert [path.name for path in kept_out] == ["p4.png", "p5.png"]


def test_crops_depend_on_seed_and_number_only():
    some = [np.random.default_rng(i).integers(0, 256, (40, 50, 3)).astype(np.uint8) for i in (1, 2)]
    crops, again = (pictures.Crops(some, crop=32, batch=3, seed=5) for _ in range(2))
    crops(0)
    np.testing.assert_array_equal(crops(8), again(8))
    assert crops(8).shape == (3, 3, 32, 32)
    assert np.abs(crops(8) - crops(9)).max() > 1


def test_every_picture_comes_once_per_round():
    some = [np.full((32, 32, 3), 20 * i, np.uint8) for i in range(6)]
    crops = pictures.Crops(some, crop=32, batch=2, seed=0)
    seen = np.concatenate([crops(number)[:, 1, 0, 0] for number in range(3)])
    assert sorted(np.round(seen + 116.779)) == [0, 20, 40, 60, 80, 100]


def test_an_unreadable_picture_among_good_ones_is_left_out_and_counted(toys, tmp_path, caplog):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8 no picture")
    loaded = pictures.load([bad, toys / "photos" / "p0.png"], 24)
    assert [picture.shape for picture in loaded] == [(24, 26, 3)]
    assert "1 of 2 pictures left out" in caplog.text
    with pytest.raises(ImageError, match="none of the 1"):
        pictures.load([bad])


def refusals(toys, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    shallow = write_network(tmp_path / "shallow.params", TINY[:5])
    wide = write_network(tmp_path / "wide.params", [2 * width for width in TINY])
    junk = tmp_path / "junk.params"
    junk.write_bytes(b"junk")
    sixteen = tmp_path / "sixteen.params"
    arrays = mx.nd.load(str(toys / "vgg19.params")).items()
    mx.nd.save(str(sixteen), {name: array for name, array in arrays if "conv3_4" not in name})
    (tmp_path / "all.txt").write_text("".join(f"{toys}/photos/p{i}.png\n" for i in range(6)))
    (tmp_path / "gone.txt").write_text("gone.png\n")
    return {
        "no pictures": ({"pictures": (str(empty),)}, "holds no picture"),
        "no folder": ({"pictures": (str(tmp_path / "no"),)}, "no such folder"),
        "nothing left": ({"heldout": str(tmp_path / "all.txt")}, "none is left"),
        "held out is gone": ({"heldout": str(tmp_path / "gone.txt")}, "not there"),
        "shallow teacher": ({"teachers": (shallow,)}, "relu4_1, relu4_2, relu5_1"),
        "absent teacher": ({"teachers": (str(tmp_path / "no"),)}, "no such file"),
        "damaged teacher": ({"teachers": (str(junk),)}, "not an MXNet"),
        "VGG-16": ({"teachers": (str(sixteen),)}, "VGG-19"),
        "start too wide": ({"start": wide}, "do not fit"),
        "no steps": ({"steps": 0}, "at least 1"),
        "bad rate": ({"rate": 2.0}, "rate is"),
        "bad width": ({"width": 0.0}, "widths are"),
        "no teacher": ({"teachers": ()}, "none given"),
        "no output folder": ({"output": str(tmp_path / "no" / "x.params")}, "make it first"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "no pictures",
        "no folder",
        "nothing left",
        "held out is gone",
        "shallow teacher",
        "absent teacher",
        "damaged teacher",
        "VGG-16",
        "start too wide",
        "no steps",
        "bad rate",
        "bad width",
        "no teacher",
        "no output folder",
    ],
)
def test_bad_input_is_refused_in_one_line_before_the_work(options, toys, tmp_path, case):
    change, words = refusals(toys, tmp_path)[case]
    with pytest.raises(NStyleError, match=words) as refused:
        distill(replace(options, **change))
    assert "\n" not in str(refused.value)


def test_a_value_too_large_for_half_precision_is_not_written(tmp_path):
    with pytest.raises(WeightsError, match="float16"):
        student.write(tmp_path / "big.params", {"conv1_1_weight": np.array([1e6], np.float32)})
    assert not list(tmp_path.iterdir())


def test_scaling_to_mean_activation_one_keeps_the_function_up_to_scale():
    arrays = student.random_arrays(TINY, 1)
    arrays = {n: v * 3 if n.endswith("weight") else v + 0.1 for n, v in arrays.items()}
    x = np.random.default_rng(0).normal(0, 50, (2, 3, 32, 32)).astype(np.float32)
    scaled = student.scale_to_mean_one(arrays, [x])
    before, after = student.build(arrays)(nd.array(x)), student.build(scaled)(nd.array(x))
    for old, new in zip(before, after):
        assert new.mean().asscalar() == pytest.approx(1, rel=1e-3)
        expected = old.asnumpy() / old.mean().asscalar()
        np.testing.assert_allclose(new.asnumpy(), expected, rtol=1e-3, atol=1e-3)


def test_a_widened_start_computes_what_it_did(tmp_path):
    path = write_network(tmp_path / "small.params", TINY)
    wider = [width + 3 for width in TINY]
    x = nd.random.normal(0, 50, (1, 3, 32, 32))
    old = student.read(path)(x)
    new = student.build(student.widened_arrays(path, wider, 0))(x)
    for few, many in zip(old, new):
        assert many.shape[1] == few.shape[1] + 3
        np.testing.assert_allclose(many.asnumpy()[:, : few.shape[1]], few.asnumpy(), atol=1e-3)


def test_width_multiplies_all_layers():
    assert student.scaled_widths(TINY, 2) == [2 * width for width in TINY]
    assert student.scaled_widths(room.WIDTHS, 0.5)[0] == room.WIDTHS[0] // 2


def test_the_default_network_is_small_enough():
    arrays = student.random_arrays(room.WIDTHS, 0)
    assert 2 * sum(values.size for values in arrays.values()) < 2.4e6


def problem(seed=0, pictures_=2, positions=30):
    chance = np.random.default_rng(seed)
    f = chance.normal(1, 1, (pictures_, 5, positions)).astype(np.float32)
    f[:, -1] = 1
    y = chance.normal(0.5, 1, (pictures_, 7, positions)).astype(np.float32)
    m = chance.normal(0, 0.5, (7, 5)).astype(np.float32)
    return f, y, m


def test_gradient_of_the_loss_is_the_finite_difference():
    f, y, m = (a.astype(np.float64) for a in problem())

    def total(f):
        error, gram, gradient = maps.loss(f, y, m, maps.moments(f, y), 2.5)
        return error + maps.GRAM_WEIGHT * gram, gradient

    gradient = total(f)[1]
    for place in [(0, 0, 0), (1, 3, 17), (0, 2, 29)]:
        step = np.zeros_like(f)
        step[place] = 1e-2
        slope = (total(f + step)[0] - total(f - step)[0]) / 2e-2
        assert gradient[place] == pytest.approx(slope, rel=1e-2, abs=1e-5)


def test_errors_from_moments_are_those_of_the_definition():
    f, y, m = problem()
    error, gram, _ = maps.loss(f, y, m, maps.moments(f, y), 2.5)
    mapped = m @ f
    assert error == pytest.approx(np.square(mapped - y).sum() / (2 * 30 * 2.5), rel=1e-4)
    of = [np.stack([a @ a.T for a in some]) for some in (mapped, y)]
    parts = np.square(of[0] - of[1]).sum((1, 2)) / np.square(of[1]).sum((1, 2))
    assert gram == pytest.approx(parts.mean(), rel=1e-4)


def test_the_solved_map_is_least_squares():
    f, y, _ = problem(pictures_=1, positions=60)
    found = maps.moments(f, y)
    expected = np.linalg.lstsq(f[0].T, y[0].T, rcond=None)[0].T
    solved = maps.solve(found.student[0], found.cross[0])
    np.testing.assert_allclose(solved, expected, atol=2e-3)


def test_the_teacher_with_maps_reflects_and_goes_first_come(tmp_path, toys):
    kernel = np.random.default_rng(3).normal(0, 1, (16, 4, 1, 1)).astype(np.float32)
    more = {"conv1_1_to_vgg19_weight": kernel, "conv1_1_to_vgg19_bias": np.ones(16, np.float32)}
    mapped = write_network(tmp_path / "mapped.params", TINY, **more)
    x = nd.random.normal(0, 50, (1, 3, 32, 40))
    seen = teachers.Teachers([mapped])(x)
    assert seen["relu1_1"].shape == (1, 16, 32, 40)
    network = TappedVGG(teachers.VGG19, TINY, teachers.TAPS, pooling="max", padding="reflect")
    teachers.fill(network, teachers.read_arrays(mapped))
    for tap, expected in zip(teachers.TAPS[1:], network(x)[1:]):
        np.testing.assert_allclose(seen[tap].asnumpy(), expected.asnumpy(), atol=1e-3)
    exact = write_network(tmp_path / "exact.params", TINY[:2], seed=9)
    both = teachers.Teachers([exact, mapped])(x)
    assert both["relu1_1"].shape == (1, 4, 32, 40)
    np.testing.assert_array_equal(both["relu5_1"].asnumpy(), seen["relu5_1"].asnumpy())


def test_a_teacher_with_a_broken_layer_is_refused(tmp_path):
    path = write_network(tmp_path / "broken.params", TINY, conv3_2_weight=np.zeros((8, 5, 3, 3)))
    with pytest.raises(WeightsError, match="conv3_2"):
        teachers.Teachers([path])


class Pooled(teachers.Teacher):
    """A teacher that pools as the student does, so that it can be met."""

    def prepare(self, wanted):
        super().prepare(wanted)
        network = TappedVGG(teachers.VGG19, TINY, list(wanted), pooling="avg")
        teachers.fill(network, self._arrays)
        self._network = network


def test_measure_finds_the_perfect_network_perfect_and_another_worse(toys, tmp_path):
    files = {"same": str(toys / "vgg19.params")}
    files["other"] = write_network(tmp_path / "other.params", TINY, seed=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "Teacher", Pooled)
        found = measure(
            files, [files["same"]], [str(toys / "photos")], str(toys / "heldout.txt"), fitted_on=4
        )
    assert list(found) == ["same", "other"]
    assert list(found["same"]) == list(teachers.TAPS)
    for errors in found["same"].values():
        assert errors["variance"] < 1e-3
        assert errors["gram"] < 1e-2
    assert all(errors["variance"] > 0.01 for errors in found["other"].values())
    assert ratios(found["other"], found["other"])["gram"] == 1


def test_likeness_is_how_much_more_the_teachers_layers_hold(toys, tmp_path, monkeypatch):
    monkeypatch.setattr(teachers, "Teacher", Pooled)
    arrays = student.random_arrays(TINY, 7)
    arrays["conv1_1_weight"] = arrays["conv1_1_weight"] / 2  # all that follows is halved, too
    for name in arrays:
        assert not name.endswith("bias") or not arrays[name].any()
    half = write_network(tmp_path / "half.params", TINY, **arrays)
    knobs = [str(toys / "vgg19.params")], [str(toys / "photos")], str(toys / "heldout.txt")
    found = measuring.likeness(half, *knobs)
    assert list(found) == list(teachers.TAPS)
    for tap, facts in found.items():
        assert facts["channels"] == TINY[convolutions(teachers.VGG19).index(f"conv{tap[4:]}")]
        assert facts["content"] == pytest.approx(4, rel=1e-3)
        assert facts["style"] == pytest.approx(16, rel=1e-3)


def test_checkpoints_hold_no_pickles(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, about=np.array([{}], dtype=object))
    with pytest.raises(WeightsError):
        checkpoint.load(str(path), training.KIND, {})


def test_names_of_layers_follow_vgg():
    assert convolutions(teachers.VGG19)[: len(room.WIDTHS)][-1] == "conv5_1"
