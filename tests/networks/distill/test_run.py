"""Small networks from large ones: closed form, fine-tuning, resuming, measuring; all on toys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle.errors import DivergedError, NStyleError, OptionError, WeightsError
from nstyle.networks.distill import (
    compress,
    evaluate,
    linear_maps,
    loop,
    paintings,
    student,
    teacher,
)
from nstyle.networks.distill import run as room
from nstyle.networks.distill.run import DistillOptions, distill, measure
from nstyle.networks.layers import BLOCKS, convolutions
from nstyle.networks.weights import reader
from nstyle.system import checkpoint_file
from nstyle.system.backend import nd

WIDTHS = (6, 8, 10, 12, 12)  # of the toy's blocks
VGG16 = BLOCKS["vgg16"]
CONVOLUTIONS = convolutions(VGG16)


def arrays_of(widths, seed=7, model="vgg16"):
    """conv1_1_weight, conv1_1_bias, ..."""
    pairs = tiny.random_arrays(widths, model=model, seed=seed)
    return {
        f"{name}_{kind}": values
        for name, pair in pairs.items()
        for kind, values in zip(("weight", "bias"), pair)
    }


def write_network(path, arrays):
    return tiny.save_params(path, {f"arg:{name}": values for name, values in arrays.items()})


def write_picture(path, seed, size=(72, 64)):
    chance = np.random.default_rng(seed)
    blobs = chance.integers(0, 256, (9, 9, 3)).astype(np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC).save(path)


def batches(count=4, seed=0, edge=48):
    chance = np.random.default_rng(seed)
    return [chance.normal(0, 50, (2, 3, edge, edge)).astype(np.float32) for _ in range(count)]


@pytest.fixture(autouse=True)
def little_calibration(monkeypatch):
    monkeypatch.setattr(loop, "CALIBRATION_BATCHES", 4)
    monkeypatch.setattr(paintings, "POOL", 4)
    monkeypatch.setattr(paintings, "STEPS", 2)
    monkeypatch.setattr(loop, "VISIT_STEPS", 3)
    monkeypatch.setattr(room, "CLOSED_FORM_PIXELS", 16 * 32**2)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    for i in range(6):
        write_picture(folder / "photos" / f"p{i}.png", i)
    (folder / "heldout.txt").write_text("photos/p4.png\nphotos/p5.png\n\n")
    write_network(folder / "vgg16.params", arrays_of(WIDTHS))
    return folder


@pytest.fixture
def options(toys, tmp_path):
    return DistillOptions(
        teacher=str(toys / "vgg16.params"),
        pictures=(str(toys / "photos"),),
        heldout=str(toys / "heldout.txt"),
        output=str(tmp_path / "out.params"),
        width=0.5,
        steps=9,
        batch=4,
        crop=32,
        checkpoint=str(tmp_path / "training.npz"),
        curve=str(tmp_path / "curve.jsonl"),
        save_steps=4,
    )


# ---- the closed form ----


def toy_teacher(seed=7):
    return teacher.Teacher("vgg16", arrays_of(WIDTHS, seed))


def variance_left(known, arrays, tap="relu5_1"):
    """What of a tap's variance is left on batches the closed form has not seen."""
    both = known.network([tap]), teacher.build(known.blocks, arrays, [tap])
    seen = [[both[i](nd.array(x))[0] for x in batches(3, seed=9)] for i in (0, 1)]
    m = compress.solve(seen[1], seen[0])
    kinds = (linear_maps.columns, seen[0]), (linear_maps.with_ones, seen[1])
    y, f = (
        np.concatenate([make(some)[i].asnumpy() for some in of for i in range(2)], axis=1)
        for make, of in kinds
    )
    return np.square(m @ f - y).sum() / np.square(y - y.mean(axis=1, keepdims=True)).sum()


def test_the_closed_form_is_exact_when_nothing_is_removed():
    known = toy_teacher()
    arrays = compress.compress(known, known.widths, batches())
    x = nd.array(batches(1, seed=5)[0])
    wanted = ["relu1_1", "relu3_3", "relu5_3"]
    expected, found = known.network(wanted)(x), teacher.build(VGG16, arrays, wanted)(x)
    for one, other in zip(expected, found):
        scale = np.abs(one.asnumpy()).max()
        np.testing.assert_allclose(other.asnumpy(), one.asnumpy(), atol=2e-3 * scale)


def test_errors_fall_as_channels_are_added():
    known = toy_teacher()
    left = []
    for share in (0.4, 0.6, 0.8, 1.0):
        widths = [round(width * share) for width in known.widths]
        left.append(variance_left(known, compress.compress(known, widths, batches())))
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.02 and left[-1] < 1e-3


def test_the_kept_channels_are_the_teachers_own_at_the_bottom():
    known = toy_teacher()
    arrays = compress.compress(known, [3], batches())
    kernels = known.arrays["conv1_1_weight"]
    for kernel in arrays["conv1_1_weight"]:
        assert np.abs(kernels - kernel).max(axis=(1, 2, 3)).min() < 1e-6
    assert list(arrays) == ["conv1_1_weight", "conv1_1_bias"]


def test_the_choice_takes_the_channel_that_explains_most_of_all_of_them():
    # Two that move together and one alone that moves a little more than either.
    together = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1.5]])
    assert compress.choose(together, 1) in ([0], [1])
    assert 2 in compress.choose(together, 2)
    assert compress.choose(together, 3) == [0, 1, 2]


def test_what_maps_and_constants_hold_goes_into_the_next_kernel():
    chance = np.random.default_rng(3)
    kernel = chance.normal(0, 1, (5, 4, 3, 3)).astype(np.float32)
    bias, back = chance.normal(0, 1, 5).astype(np.float32), chance.normal(0, 1, (4, 3))
    small = chance.normal(0, 1, (1, 2, 6, 6)).astype(np.float32)
    whole = np.einsum("ic,ncyx->niyx", back[:, :2], small) + back[:, 2].reshape(1, 4, 1, 1)
    expected = next(compress.convolved([nd.array(whole)], kernel, bias)).asnumpy()
    changed, shift = compress.folded(kernel, bias, back)
    found = next(compress.convolved([nd.array(small)], changed, shift)).asnumpy()
    inside = np.s_[:, :, 1:-1, 1:-1]
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-4, atol=1e-4)


def test_zero_steps_write_the_closed_form(options, toys):
    arrays = distill(replace(options, steps=0))
    distill(replace(options, steps=2))
    again = distill(replace(options, steps=0))  # whatever the checkpoint holds
    np.testing.assert_array_equal(again["conv3_1_weight"], arrays["conv3_1_weight"])
    read = reader.load(options.output, CONVOLUTIONS)
    assert read.widths == [max(4, width // 2) for width in toy_teacher().widths]
    kernel = read.arrays["conv3_1"][0]
    np.testing.assert_allclose(kernel, arrays["conv3_1_weight"], rtol=1e-3, atol=1e-5)


# ---- the file ----


def test_eight_bits_differ_by_at_most_half_a_step_of_each_channel(tmp_path):
    arrays = arrays_of(WIDTHS)
    arrays["conv1_2_weight"][0] *= 100
    paths = {bits: tmp_path / f"{bits}.params" for bits in (8, 16)}
    for bits, path in paths.items():
        student.write(path, arrays, bits=bits)
    assert paths[8].stat().st_size < 0.7 * paths[16].stat().st_size
    for name, (kernel, bias) in reader.load(str(paths[8]), CONVOLUTIONS).arrays.items():
        expected = arrays[f"{name}_weight"]
        step = np.abs(expected).max(axis=(1, 2, 3), keepdims=True) / 127
        assert (np.abs(kernel - expected) <= 0.501 * step).all()
        np.testing.assert_allclose(bias, arrays[f"{name}_bias"], rtol=1e-3)


def test_a_value_too_large_for_half_precision_is_not_written(tmp_path):
    with pytest.raises(WeightsError, match="float16"):
        student.write(tmp_path / "big.params", {"conv1_1_weight": np.array([1e6], np.float32)})
    assert not list(tmp_path.iterdir())


# ---- fine-tuning ----


def curve_of(options):
    lines = map(json.loads, Path(options.curve).read_text().splitlines())
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_fine_tuning_lowers_the_errors_on_held_out_pictures(options, tmp_path):
    files = {"closed": str(tmp_path / "closed.params"), "tuned": options.output}
    distill(replace(options, steps=0, output=files["closed"]))
    losses = []
    distill(replace(options, steps=80, rate=0.05), listener=lambda step: losses.append(step.loss))
    assert [line["loss"] for line in curve_of(options)] == losses
    folders = list(options.pictures)
    found = measure(files, options.teacher, folders, options.heldout, fitted_on=4)
    seen_well = ("relu2_1", "relu3_1", "relu4_1")  # a 32 px crop has four positions at relu5_1
    closed, tuned = (sum(of[tap]["variance"] for tap in seen_well) for of in found.values())
    assert tuned < 0.98 * closed


def test_a_killed_training_goes_on_as_if_unbroken(options, tmp_path):
    def kill(step):
        if step.step == 7:
            raise KeyboardInterrupt

    whole = replace(
        options, checkpoint=None, curve=str(tmp_path / "whole.jsonl"), output=options.output + "2"
    )
    expected = distill(whole)
    with pytest.raises(KeyboardInterrupt):
        distill(options, listener=kill)
    found = distill(options)
    assert curve_of(options) == curve_of(whole)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_full_disk_ends_no_training_and_loses_no_network(options, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for path in (options.output, options.curve, options.checkpoint):
        Path(path).symlink_to("/dev/full")
    with pytest.raises(WeightsError, match=r"No space left on device\); it is kept as ") as told:
        distill(replace(options, steps=2, save_steps=1))
    assert teacher.read(str(told.value).rsplit(" ", 1)[1]).widths
    assert caplog.text.count("cannot be written") == 1


def test_minutes_end_a_training_whatever_its_steps(options):
    steps = []
    distill(replace(options, steps=10**6, minutes=1e-3), listener=lambda s: steps.append(s.step))
    assert 1 <= len(steps) < 10**4


def test_it_may_start_from_a_network_of_the_same_widths(options, tmp_path):
    begun = arrays_of([round(width / 2) for width in WIDTHS], seed=8)
    first = write_network(tmp_path / "first.params", begun)
    found = distill(replace(options, widths="3,3,4,4,5,5,5,6,6,6,6,6,6", start=first, steps=1,
                            rate=1e-7))  # fmt: skip
    np.testing.assert_allclose(found["conv4_1_weight"], begun["conv4_1_weight"], atol=1e-4)
    with pytest.raises(OptionError, match=r"--start: .* of the widths"):
        distill(replace(options, start=first, width=0.7, checkpoint=None))


@pytest.mark.parametrize(("model", "widths"), [("vgg16", "4"), ("vgg19", "4,5,6,7,8,8,8,9")])
def test_short_networks_are_fine_tuned_and_go_on_from_their_files(options, tmp_path, model, widths):
    whole = tiny.write_vgg(tmp_path / "whole.params", widths=WIDTHS, model=model)
    options = replace(options, teacher=whole, widths=widths, checkpoint=None)
    short = replace(options, steps=2, output=str(tmp_path / "short.params"))
    distill(short)
    channels = [int(width) for width in widths.split(",")]
    names = convolutions(BLOCKS[model])[: len(channels)]
    assert reader.load(short.output, names).widths == channels
    more = replace(options, steps=1, start=short.output)
    assert len(distill(more)) == 2 * len(channels)


def test_a_damaged_checkpoint_is_refused(options):
    distill(replace(options, steps=1))
    path = Path(options.checkpoint)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="remove it"):
        distill(options)


def test_a_checkpoint_of_another_training_is_refused(options):
    distill(replace(options, steps=1))
    for name, value in (("seed", 3), ("batch", 3), ("width", 0.9)):
        with pytest.raises(OptionError, match=name):
            distill(replace(options, **{name: value}))


def test_a_checkpoint_with_arrays_of_another_training_is_refused(options):
    distill(replace(options, steps=1))
    facts, groups = checkpoint_file.read(options.checkpoint, room.KIND, {})
    for group in sorted(groups):
        broken = {**groups, group: dict(list(groups[group].items())[1:])}
        checkpoint_file.write(options.checkpoint, room.KIND, facts, broken)
        with pytest.raises(WeightsError, match=rf"its arrays \({group}\) .* remove it"):
            distill(replace(options, steps=2))


def test_a_loss_that_is_not_finite_ends_the_training(options, monkeypatch):
    monkeypatch.setattr(room.Training, "advance", lambda self, done: (float("nan"), {}))
    with pytest.raises(DivergedError, match="learning rate"):
        distill(options)


def test_paintings_change_and_make_room_for_new_ones():
    def crops(number):
        return np.random.default_rng(number).normal(0, 40, (2, 3, 32, 32)).astype(np.float32)

    arrays, pool = arrays_of(WIDTHS), paintings.Paintings(crops, VGG16, 13, seed=1)
    before = pool.state["pictures"].copy()
    seen = []
    for number in range(paintings.VISITS * paintings.POOL // paintings.TOGETHER):
        pool.visit(number, arrays)
        seen.append(pool.state["pictures"][0].copy())
    assert (np.abs(pool.state["pictures"] - before).max(axis=(1, 2, 3)) > 1).all()
    assert pool.some(3, 2).shape == (2, 3, 32, 32)
    # Slot 0 belongs to its first photo all the time, slot 3 to the next generation's by now.
    photos = [crops(paintings.FIRST_NUMBER + paintings.POOL * age + 3)[0] for age in (0, 1)]
    alike = [np.corrcoef(pool.state["pictures"][3].ravel(), p.ravel())[0, 1] for p in photos]
    assert alike[1] > 0.5 > abs(alike[0])
    assert np.corrcoef(seen[-1].ravel(), crops(paintings.FIRST_NUMBER)[0].ravel())[0, 1] > 0.3


def test_painting_brings_a_picture_nearer_to_the_style(monkeypatch):
    monkeypatch.setattr(paintings, "STEPS", 5)
    monkeypatch.setattr(paintings, "CONTENT", (1e-4, 1e-3))
    style = tiny.to_input(tiny.picture(2, (32, 32)))
    photos = np.stack([0.1 * style, style]).astype(np.float32)
    pool = paintings.Paintings(lambda number: photos, VGG16, 13, seed=1)
    arrays = arrays_of(WIDTHS)
    for number in range(2 * (paintings.VISITS - 3)):  # before the first are replaced
        pool.visit(number, arrays)
    network = teacher.build(VGG16, arrays, ["relu2_1"])

    def gram_of(x):
        return paintings.gram(network(nd.array(x[np.newaxis]))[0])

    wanted = gram_of(photos[1])
    distances = [
        float(nd.square(gram_of(x) - wanted).sum().asscalar())
        for x in (photos[0], *pool.state["pictures"])
    ]
    assert np.median(distances[1:]) < 0.7 * distances[0]


def test_a_teacher_may_be_said_to_want_other_pictures(toys):
    path = str(toys / "vgg16.params")
    plain, asked = (teacher.read(path, convention=name) for name in ("auto", "caffe-bgr"))
    name = "conv1_1_weight"
    assert (asked.arrays[name] == plain.arrays[name][:, ::-1]).all()


# ---- refusing ----

REFUSED = {
    "no pictures": ({"pictures": ("empty",)}, "holds no picture"),
    "no folder": ({"pictures": ("nowhere",)}, "no such folder"),
    "nothing left": ({"heldout": "all.txt"}, "none is left"),
    "held out is gone": ({"heldout": "gone.txt"}, "not there"),
    "absent teacher": ({"teacher": "nowhere"}, "no such file"),
    "damaged teacher": ({"teacher": "junk.params"}, "not an MXNet"),
    "teacher with a gap": ({"teacher": "gap.params"}, "conv2_1 is missing"),
    "too wide": ({"widths": "6,7"}, "at most 6,6,8,8"),
    "too deep": ({"widths": ",".join(14 * "4")}, "at most 6,6,8,8"),
    "no numbers": ({"widths": "half"}, "no numbers of channels"),
    "bad width": ({"width": 0.0}, "--width: 0"),
    "bad rate": ({"rate": 2.0}, "--rate: 2"),
    "bad bits": ({"bits": 12}, "neither 8 nor 16"),
    "no teacher": ({"teacher": None}, "--teacher: was not given"),
    "output is a folder": ({"output": "empty"}, "--output: .* cannot be written"),
    "checkpoint is a folder": ({"checkpoint": "empty"}, "--checkpoint: .* cannot be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_one_line_before_the_work(
    options, toys, tmp_path, case, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.params").write_bytes(b"junk")
    arrays = arrays_of(WIDTHS)
    del arrays["conv2_1_weight"]
    write_network("gap.params", arrays)
    (tmp_path / "all.txt").write_text("".join(f"{toys}/photos/p{i}.png\n" for i in range(6)))
    (tmp_path / "gone.txt").write_text("gone.png\n")
    change, message = REFUSED[case]
    with pytest.raises(NStyleError, match=message) as refused:
        distill(replace(options, **change))
    assert "\n" not in str(refused.value)


# ---- maps ----


def problem(seed=0, pictures_=2, positions=30):
    chance = np.random.default_rng(seed)
    f = chance.normal(1, 1, (pictures_, 5, positions)).astype(np.float32)
    f[:, -1] = 1
    y = chance.normal(0.5, 1, (pictures_, 7, positions)).astype(np.float32)
    m = chance.normal(0, 0.5, (7, 5)).astype(np.float32)
    return f, y, m


def test_gradient_of_the_loss_is_the_finite_difference():
    f, y, m = problem()

    def total(f):
        arrays = nd.array(f), nd.array(y)
        error, gram, gradient = linear_maps.loss(*arrays, m, linear_maps.moments(*arrays), 2.5)
        return error + linear_maps.GRAM_WEIGHT * gram, gradient

    gradient = total(f)[1].asnumpy()
    for place in [(0, 0, 0), (1, 3, 17), (0, 2, 29)]:
        step = np.zeros_like(f)
        step[place] = 1e-2
        slope = (total(f + step)[0] - total(f - step)[0]) / 2e-2
        assert gradient[place] == pytest.approx(slope, rel=1e-2, abs=1e-5)


def test_errors_from_moments_are_those_of_the_definition():
    f, y, m = problem()
    arrays = nd.array(f), nd.array(y)
    error, gram, _ = linear_maps.loss(*arrays, m, linear_maps.moments(*arrays), 2.5)
    mapped = m @ f
    assert error == pytest.approx(np.square(mapped - y).sum() / (2 * 30 * 2.5), rel=1e-4)
    of = [np.stack([a @ a.T for a in some]) for some in (mapped, y)]
    parts = np.square(of[0] - of[1]).sum((1, 2)) / np.square(of[1]).sum((1, 2))
    assert gram == pytest.approx(parts.mean(), rel=1e-4)


def test_the_solved_map_is_least_squares():
    f, y, _ = problem(pictures_=1, positions=60)
    found = linear_maps.moments(nd.array(f), nd.array(y))
    expected = np.linalg.lstsq(f[0].T, y[0].T, rcond=None)[0].T
    solved = linear_maps.solve(found.student[0], found.cross[0])
    np.testing.assert_allclose(solved, expected, atol=2e-3)


# ---- measuring ----


def test_measure_finds_the_perfect_network_perfect_and_another_worse(toys, tmp_path):
    files = {"same": str(toys / "vgg16.params")}
    files["other"] = write_network(tmp_path / "other.params", arrays_of(WIDTHS, seed=8))
    folders, heldout = [str(toys / "photos")], str(toys / "heldout.txt")
    # Of another family, and not so deep: it is measured where it reaches.
    files["slim"] = tiny.write_vgg(tmp_path / "slim.params", widths=WIDTHS, model="vgg19-slim")
    found = measure(files, files["same"], folders, heldout, fitted_on=4)
    assert list(found) == ["same", "other", "slim"]
    assert list(found["slim"]) == [tap for tap in teacher.TAPS if tap != "relu5_2"]
    assert list(found["same"]) == [*teacher.TAPS, "relu5_3"]
    for errors in found["same"].values():
        assert errors["variance"] < 1e-3
        assert errors["gram"] < 1e-2
    assert all(errors["variance"] > 0.01 for errors in found["other"].values())


def test_scales_are_how_much_more_the_teachers_layers_hold(toys, tmp_path):
    arrays = arrays_of(WIDTHS)
    for name in arrays:
        arrays[name] = arrays[name] / 2 if name.endswith("bias") else arrays[name]
    arrays["conv1_1_weight"] = arrays["conv1_1_weight"] / 2
    # Biases of later layers would have to shrink with what comes in: halved once at the bottom.
    half = write_network(tmp_path / "half.params", arrays)
    folders, heldout = [str(toys / "photos")], str(toys / "heldout.txt")
    found = evaluate.layer_scales(half, str(toys / "vgg16.params"), folders, heldout)
    assert list(found) == [name.replace("conv", "relu") for name in CONVOLUTIONS]
    for facts in found.values():
        assert facts["content"] == pytest.approx(4, rel=1e-3)
        assert facts["style"] == pytest.approx(16, rel=1e-3)
    assert [facts["channels"] for facts in found.values()] == toy_teacher().widths


def test_a_network_that_ends_early_is_held_to_the_taps_it_has():
    assert teacher.reached(VGG16, 8) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    assert teacher.reached(VGG16, 12) == list(teacher.TAPS)
    assert teacher.reached(VGG16, 13) == [*teacher.TAPS, "relu5_3"]
