"""The benchmarks run, compare the same thing and report it; nothing is timed here."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

import nstyle
from benchmarks import (
    batch,
    epoch,
    fidelity,
    flicker,
    iteration,
    mural,
    picture,
    processes,
    reporting,
    scaling,
    scene,
    studio_load,
    tiles,
)
from benchmarks.workers import judging, ours, painting
from nstyle.images.picture import Picture
from nstyle.optimize.planning import memory
from nstyle.optimize.records import Step

TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not TORCH, reason="PyTorch is not installed: '.[bench]'")
SIZE = (48, 36)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of a photo and a painting."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, seed in (("photo", 1), ("style", 2)):
        Image.fromarray(tiny.picture(seed, (64, 48))).save(folder / f"{name}.png")
    return [str(folder / "photo.png"), str(folder / "style.png")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow VGG-19 as the benchmark writes it."""
    folder = tmp_path_factory.mktemp("random")
    return scene.write_random_vgg19(folder / "vgg19.npz", widths=tiny.WIDTHS)


@pytest.fixture(scope="module")
def job(pictures: list[str], weights: str, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What every contestant is told."""
    options = scene.options_for("vgg19", weights, threads=1)
    return scene.make_job(tmp_path_factory.mktemp("job"), options, *pictures, SIZE)


# ---- iteration ----


@pytest.fixture(scope="module")
def iterations(
    pictures: list[str], weights: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Name of a contestant -> its row, from a run of the command line; "code": what it returned."""
    path = tmp_path_factory.mktemp("report") / "iteration.json"
    words = ["--models", "vgg19", "--sizes", "48", "--rounds", "2", "--iterations", "1"]
    words += ["--threads", "1", "--only", "ours,torch-float32,torch-bf,example-t"]
    files = ["--weights", weights, "--content", pictures[0], "--style", pictures[1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iteration, "PAUSE", 0)
        code = iteration.main([*words, *files, "--json", str(path)])
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["facts"]["threads"] and report["iterations"] == 1
    return {"code": code, **{row["contestant"]: row for row in report["rows"]}}


def check_row(row: dict[str, Any]) -> None:
    """A contestant that ran."""
    assert row["missing"] == ""
    assert len(row["rounds"]) == 2 and row["seconds"] == min(row["rounds"]) > 0
    assert row["ratio"] > 0 and row["peak_memory_bytes"] > 1e7
    assert np.isfinite(row["loss"]) and row["loss"] > 0


def test_all_contestants_of_mxnet_run_or_say_why_not(iterations):
    assert iterations["code"] == 0
    check_row(iterations["ours-float32"])
    check_row(iterations["example-threads"])
    bfloat16 = iterations["ours-bfloat16"]["missing"]
    assert not bfloat16 or bfloat16.startswith("not available: ")
    if not TORCH:
        assert "PyTorch is not installed" in iterations["torch-float32"]["missing"]


@needs_torch
def test_pytorch_computes_the_same_losses(iterations):
    check_row(iterations["torch-float32"])
    assert iterations["torch-float32"]["losses_agree"]
    for key in ("loss", "next_loss"):
        same = pytest.approx(iterations["ours-float32"][key], rel=1e-4)
        assert iterations["torch-float32"][key] == same
    assert iterations["ours-float32"]["next_loss"] != iterations["ours-float32"]["loss"]


@needs_torch
def test_pytorch_in_bfloat16_computes_about_the_same(iterations):
    check_row(iterations["torch-bfloat16"])
    for key in ("loss", "next_loss"):
        close = pytest.approx(iterations["torch-float32"][key], rel=0.05)
        assert iterations["torch-bfloat16"][key] == close


def test_iterating_goes_on_where_it_was(job):
    once, twice = ours.Ours(job), ours.Ours(job)
    once.run(4)
    twice.run(1)
    twice.run(3)
    assert once.loss() == pytest.approx(twice.loss(), rel=1e-4) and once.loss() > 0


def test_the_example_is_the_one_of_the_preset(job, pictures):
    start = np.load(job["start"])[0].transpose(1, 2, 0)
    floats = (start + tiny.MEAN.astype(np.float32)) / np.float32(255)
    options = {**job["options"], "normalization": "mxnet", "tv_weight": 0}
    seen = nstyle.evaluate(floats, *pictures, **options)
    from benchmarks.workers import example  # late: it imports MXNet, which nstyle has to do first

    plain = example.Example(job)
    assert plain.loss() == pytest.approx(seen.loss, rel=1e-4)
    gradient = plain.gradient()[0].transpose(1, 2, 0) * 255
    assert np.linalg.norm(gradient - seen.gradient) < 1e-3 * np.linalg.norm(seen.gradient)
    plain.run(2)
    assert np.isfinite(plain.loss())


def test_differing_losses_are_found():
    def results(*losses: float) -> dict[str, Any]:
        seen = {"ours-float32": (1.0, 0.9), "torch-float32": losses, "example": (77.0, 76.0)}
        return {
            name: {"missing": "", "loss": loss, "next_loss": later}
            for name, (loss, later) in seen.items()
        }

    assert iteration.disagreement(results(1.0005, 0.9)) < iteration.TOLERANCE
    assert iteration.disagreement(results(1.01, 0.9)) > iteration.TOLERANCE
    assert iteration.disagreement(results(1.0, 0.91)) > iteration.TOLERANCE
    assert iteration.disagreement({}) == 0


def test_a_worker_that_fails_drops_out_and_says_why(job):
    broken = {"judging": iteration.Contestant("judging", "a worker that reads pictures first")}
    job = {**job, "content": "absent.png"}
    results = iteration.compare(broken, job, rounds=1, iterations=1)
    assert results["judging"]["missing"].startswith("failed: ended with code 1: ")
    assert "absent.png" in results["judging"]["missing"]
    assert iteration.with_ratios(results, "judging") == ""


def test_contestants_that_cannot_run_say_why(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reason = iteration.reason_against(iteration.CONTESTANTS["torch-float32"])
    assert reason.startswith("not available: PyTorch is not installed")
    bfloat16 = iteration.CONTESTANTS["ours-bfloat16"]
    monkeypatch.setattr(scene, "has_precision", lambda: False)
    assert "`precision`" in iteration.reason_against(bfloat16)
    monkeypatch.setattr(scene, "has_precision", lambda: True)
    monkeypatch.setattr(reporting, "has_amx", lambda: False)
    assert "AMX" in iteration.reason_against(bfloat16)
    monkeypatch.setattr(reporting, "has_amx", lambda: True)
    assert iteration.reason_against(bfloat16) == ""


def test_bfloat16_that_is_float32_is_called_so():
    results = {"ours-float32": {"missing": "", "loss": 1.5}, "ours-bfloat16": {"missing": ""}}
    assert iteration.note("ours-bfloat16", results) == ""
    results["ours-bfloat16"]["loss"] = 1.5
    assert iteration.note("ours-bfloat16", results) == "computed in float32 at this size"
    results["ours-bfloat16"]["loss"] = 1.51
    assert [iteration.note(name, results) for name in results] == ["", ""]


def test_names_of_contestants_may_be_shortened():
    assert set(iteration.chosen(["ours", "example"])) == {
        "ours-float32", "ours-bfloat16", "example", "example-threads",
    }  # fmt: skip
    assert list(iteration.chosen([])) == list(iteration.CONTESTANTS)
    with pytest.raises(SystemExit, match="nobody"):
        iteration.chosen(["nobody"])


def test_workers_do_not_see_settings_of_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MXNET_CPU_WORKER_NTHREADS", "7")
    assert not {"OMP_NUM_THREADS", "MXNET_CPU_WORKER_NTHREADS"} & {*processes.clean_environment()}
    assert processes.clean_environment(OMP_NUM_THREADS="2")["OMP_NUM_THREADS"] == "2"


# ---- picture ----


@pytest.fixture(scope="module")
def report(
    pictures: list[str], weights: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Of a run of the command line; all but one picture are painted in this process."""
    path = tmp_path_factory.mktemp("report") / "picture.json"
    words = ["--only", "default,mxnet", "--max-long-edge", "48", "--max-num-epochs", "12"]
    words += ["--sizes", "64", "--first", "0.001", "--weights", weights]
    words += ["--threads", "1"]
    files = ["--content", pictures[0], "--style", pictures[1], "--json", str(path)]

    def ask(module: str, job: dict[str, Any]) -> dict[str, Any]:
        if module == "painting" and (job["preset"] or not job["spacing"]):
            answer = painting.paint({**job, "began": time.time()})
            return {**answer, "peak_memory_bytes": processes.peak_memory()}
        return processes.ask(module, job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "ask", ask)
        assert picture.main([*words, *files]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_recipes_are_judged_by_one_evaluator(report):
    assert report["size"] == list(SIZE) and report["pictures"] == ["photo.png", "style.png"]
    assert [row["recipe"] for row in report["rows"]] == ["default", "mxnet"]
    for row in report["rows"]:
        times = [moment["seconds"] for moment in row["moments"]]
        assert 0 < row["startup"] < times[0] and times == sorted(times)
        assert row["total"] == times[-1] and row["totals"] == [row["total"]]
        assert row["epochs"] == sum(row["epochs_by_scale"]) <= 12
        assert row["seconds_per_epoch"] > 0 and row["peak_memory_bytes"] > 1e7
        assert all(np.isfinite(moment["loss"]) for moment in row["moments"])
        assert row["loss"] == row["moments"][-1]["loss"]
    default, mxnet = report["rows"]
    assert default["loss"] < mxnet["loss"]
    assert default["until_example"] is not None and default["until_default"] is not None


def test_the_command_and_other_sizes_are_in_the_report(report):
    assert len(report["command_seconds"]) == 1 and report["command_seconds"][0] > 0
    (row,) = report["sizes"]
    assert row["recipe"] == "default" and row["size"] == "64x48"
    assert row["seconds_per_megapixel"] == pytest.approx(row["total"] / (64 * 48 / 1e6))


def test_the_judge_says_what_evaluate_says(pictures, weights, tmp_path):
    seen = Picture(tiny.picture(3, SIZE).astype(np.uint16) * 257)
    np.save(tmp_path / "seen.npy", seen.pixels)
    options = scene.with_precision({"model": "vgg19", "weights": weights}, "float32")
    told = {
        "options": options,
        "content": pictures[0],
        "style": pictures[1],
        "size": SIZE,
        "files": [str(tmp_path / "seen.npy")] * 2,
    }
    expected = nstyle.evaluate(seen, *pictures, **options).loss
    assert list(judging.losses(told)) == pytest.approx([expected, expected], rel=1e-4)


def test_moments_lie_ever_further_apart_and_keeping_costs_no_time(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(painting.time, "time", lambda: clock[0])
    album = painting.Album(tmp_path, began=90.0, first=1.0, spacing=2.0)

    def read() -> Picture:
        clock[0] += 50  # slow to read
        return Picture(tiny.picture(0))

    for count in range(1, 11):
        clock[0] += 1
        album(Step(count, 1 + count // 6, 40, 32, 1.0, {}, 0.1, 1.0, read))
    assert album.startup == pytest.approx(10)
    assert [moment["epoch"] for moment in album.moments] == [1, 2, 4, 8]
    assert [moment["seconds"] for moment in album.moments] == pytest.approx([11, 12, 14, 18])
    assert album.seconds() == pytest.approx(20)
    assert album.epoch_seconds() == {1: pytest.approx([1] * 5), 2: pytest.approx([1] * 5)}
    assert len(list(tmp_path.iterdir())) == 4


def test_a_goal_is_reached_at_the_first_picture_as_good_or_never():
    moments = [{"seconds": 1.0, "loss": 9.0}, {"seconds": 2.0, "loss": 5.0}]
    assert picture.seconds_until(moments, 5.0) == 2.0
    assert picture.seconds_until(moments, 4.9) is None
    rows = [{"recipe": "lbfgs", "loss": 5.0, "moments": moments}]
    picture.compare_times(rows)  # without the two it is compared with
    assert rows[0]["until_example"] is None and rows[0]["until_default"] is None


# ---- tiles ----


def test_a_large_picture_is_compared_with_a_smaller_one_at_once(weights, tmp_path, capsys):
    path = tmp_path / "tiles.json"
    words = ["--models", "vgg19", "--vgg19", weights, "--threads", "1", "--epochs", "2"]
    words += ["--long-edge", "384", "--reference", "192", "--tile", "64", "--json", str(path)]
    words += ["--most", "1000"]  # times are not tested
    assert tiles.main(words) == 0
    small, large = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert (small["size"], small["tiles"], small["seen"]) == ("192x128", "at once", 1)
    assert small["ratio"] == 1 and small["again"] is None
    assert large["size"] == "384x256" and large["tiles"] == "8 tiles of 224x208"
    assert large["seen"] == pytest.approx(8 * 224 * 208 / (384 * 256))
    assert large["ratio"] == pytest.approx(large["per_megapixel"] / small["per_megapixel"])
    assert 0 < large["again"] < 1 and large["peak"] > 1e7
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3 and shown[0].startswith("network")


def test_large_pictures_have_as_much_memory_as_is_said(weights, tmp_path, monkeypatch):
    told = []

    def ask(module: str, job: dict[str, Any]) -> dict[str, Any]:
        told.append(job)
        facts = {"tiles": "at once", "seen": 1.0, "first_look": None, "seconds": 1.0}
        return {"sizes": [{**facts, "width": 256, "height": 128}], "peak_memory_bytes": 7}

    monkeypatch.setattr(tiles, "ask", ask)
    tiles.main(["--vgg19", weights])
    tiles.main(["--vgg19", weights, "--memory", "2.5", "--models", "vgg19"])
    assert [job["free"] + memory.BASE for job in told] == [3 * 10**9, 6 * 10**9, 2.5e9]
    assert [job["options"]["max_num_epochs"] for job in told] == [15] * 3  # five sizes
    assert all(job["options"]["tile"] == "auto" for job in told)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], ""),
        (["--most", "1.4"], "vgg19 512x256: a pixel takes 1.50 times that at once, not 1.4\n"),
        (["--memory", "5"], "vgg19: takes 5.5 GB, not 5 GB\n"),
    ],
)
def test_what_is_beyond_the_limits_is_told_by_the_exit_code(
    weights, monkeypatch, capsys, words, says
):
    small = {"tiles": "at once", "seen": 1.0, "first_look": None, "seconds": 1.0}
    small.update(width=256, height=128)
    large = {**small, "tiles": "4 tiles of 8x8", "seconds": 6.0, "width": 512, "height": 256}
    told = {"sizes": [small, large], "peak_memory_bytes": 5_500_000_000}
    monkeypatch.setattr(tiles, "ask", lambda module, job: told)
    given = ["--vgg19", weights, "--models", "vgg19", "--reference", "256"]
    assert tiles.main([*given, *words]) == int(bool(says))
    assert capsys.readouterr().out.partition("5500\n")[2] == says


# ---- what both share ----


def test_tables_align_and_show_what_is_missing():
    columns = [("name", "name", str), ("time", "s", reporting.seconds)]
    shown = reporting.table([{"name": "long name", "time": 0.5}, {"name": "b"}], columns)
    assert shown.splitlines() == ["name            s", "long name  0.5000", "b               -"]


@pytest.mark.parametrize(("flags", "there"), [("fpu amx_bf16 amx_tile", True), ("fpu", False)])
def test_amx_is_seen_in_the_flags_of_the_cpu(tmp_path, flags, there):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\n", encoding="utf-8")
    assert reporting.has_amx(path) is there
    assert not reporting.has_amx(tmp_path / "absent")


def test_random_weights_are_a_whole_vgg19_and_always_the_same(weights, tmp_path):
    other = scene.write_random_vgg19(Path(tmp_path) / "again.npz", widths=tiny.WIDTHS)
    with np.load(weights) as first, np.load(other) as second:
        assert len(first.files) == 32
        assert all(np.array_equal(first[name], second[name]) for name in first.files)


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (iteration.main, ["--models", "vgg11"]),
        (iteration.main, ["--rounds", "0"]),
        (picture.main, ["--only", "nobody"]),
        (picture.main, ["--spacing", "1"]),
        (picture.main, ["--weights", "absent.params"]),
        (tiles.main, ["--models", "vgg11"]),
    ],
)
def test_bad_words_are_refused_before_any_work(main, words):
    with pytest.raises(SystemExit):
        main(words)


def test_a_load_without_errors_is_good_and_anything_else_is_not(capsys):
    previews, memory = [0.1] * 19 + [3.0], [(0.0, 2**21), (1.0, 2**21)]
    found = studio_load.Found(previews=previews, memory=memory)
    found.refused["429 wait"] += 1
    assert studio_load.report(found, []) == 0
    told = capsys.readouterr().out
    assert "20 previews: half within 0.10 s" in told and "limit told 1 times: 429 wait" in told
    assert "second half: at most 2 MB" in told and told.endswith("folder: nothing\n")
    assert studio_load.report(found, ["left.png"]) == 1
    assert studio_load.report(studio_load.Found(), []) == 1
    slow = [0.1] * 17 + [3.0] * 3
    assert studio_load.report(studio_load.Found(previews=slow, memory=memory), []) == 1
    growing = [(0.0, 2**20), (1.0, 2**21)]
    assert studio_load.report(studio_load.Found(previews=previews, memory=growing), []) == 1
    found.errors["500 bug"] += 1
    assert studio_load.report(found, []) == 1
    assert studio_load.memory(os.getpid()) > 2**20


def test_a_user_who_fails_is_counted(monkeypatch):
    words = argparse.Namespace(painting=0, every=0.05, seconds=0.1, long_edge=64)
    found = studio_load.Found()
    user = studio_load.User(1, "http://127.0.0.1:9", words, found)  # nobody listens there
    user.run()
    assert user.stayed and sum(found.errors.values()) >= 1
    lost = studio_load.User(1, "http://127.0.0.1:9", words, found)
    monkeypatch.setattr(lost, "ask", lambda *words: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lost.run()
    assert not lost.stayed


# ---- batch ----


def test_a_batch_in_both_arrangements(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch.runtime, "usable_cores", lambda: 2)
    path = tmp_path / "batch.json"
    words = ["--photos", "1", "--max-long-edge", "48", "--epochs", "1", "--json", str(path)]
    assert batch.main(words) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [row["arrangement"] for row in rows] == ["1 x 2 threads", "2 x 1 threads"]
    assert all(row["seconds"] == 2 * row["each"] > 0 for row in rows)
    assert "1 x 2 threads" in capsys.readouterr().out


# ---- flicker ----


@pytest.mark.parametrize("name", flicker.CLIPS)
def test_the_clips_move_as_they_say(name):
    """With their true motion their own frames hardly change."""
    clip = flicker.CLIPS[name](96, 4)
    frames = [Picture(frame).floats() for frame in clip.frames]
    assert frames[0].shape == (72, 96, 3) and all(where.mean() > 0.8 for where in clip.sure)
    still = [np.zeros_like(motion) for motion in clip.motions]
    moved = flicker.errors(frames, clip.motions, clip.sure)
    assert moved < 2 and moved < 0.5 * flicker.errors(frames, still, clip.sure)


def test_films_flicker_less_than_frames_alone(tmp_path, capsys):
    pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')
    path = tmp_path / "rows.json"
    words = ["--size", "64", "--frames", "4", "--epochs", "24", "--frame-epochs", "8"]
    words += ["--clips", "panning", "--threads", "1", "--json", str(path)]
    assert flicker.main([*words, "--most", "0.6"]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["method"], row["motion"]) for row in rows] == [
        (method, motion) for method in ("optimise", "instant") for motion in ("true", "flow")
    ]
    assert all(row["ratio"] == row["film"] / row["alone"] for row in rows)
    assert max(row["ratio"] for row in rows if row["method"] == "instant") < 0.6
    assert max(row["ratio"] for row in rows if row["method"] == "optimise") < 0.4
    assert capsys.readouterr().out.count("panning") == 8
    assert flicker.main([*words, "--methods", "instant", "--most", "0.1"]) == 1


# ---- mural ----


@pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="Dask is not installed")
def test_a_mural_is_compared_with_one_process(weights, tmp_path, capsys):
    path = tmp_path / "mural.json"
    words = ["--edge", "288", "--tile", "64", "--workers", "1", "2", "--epochs", "4", "--kill"]
    assert mural.main([*words, "--model", "vgg19", "--weights", weights, "--json", str(path)]) == 0
    alone, one, two = json.loads(path.read_text())["rows"]
    assert alone["what"] == "1 process" and "difference" not in alone
    assert (one["speed"], one["killed"], two["killed"]) == (1.0, None, "one")
    assert max(one["difference"], two["difference"]) < 1e-4
    assert 0 == one["strips"] < two["strips"] < two["bytes"]
    assert "largest difference" in capsys.readouterr().out
    assert scaling.main([str(path), "--edge", "2000", "--machines", "1", "4", "--tile", "256"]) == 0
    heading, _, *rows = capsys.readouterr().out.splitlines()
    assert heading.startswith("calculated, not measured: 2000x2000")
    assert [row.split()[0] for row in rows] == ["1", "4"]


def test_fidelity_paints_with_both_networks_and_judges_by_the_teacher(
    pictures, tmp_path, capsys, monkeypatch
):
    teacher = str(tiny.write_vgg(tmp_path / "vgg16.params", model="vgg16"))
    sheet, report = tmp_path / "sheet.jpg", tmp_path / "report.json"
    words = ["--teacher", teacher, "--pair", *pictures, "--edge", "48", "--output", str(sheet)]
    words += ["--json", str(report), "--set", "max_num_epochs=3"]
    monkeypatch.setattr("sys.argv", ["fidelity", *words])
    fidelity.main()
    (row,) = json.loads(report.read_text())["rows"]
    assert row["pair"] == "photo x style"
    assert "built-in / teacher: style" in capsys.readouterr().out
    with Image.open(sheet) as image:
        assert image.width > 4 * 40


@pytest.mark.parametrize("edge", [64, 48])
def test_the_judge_of_fidelity_puts_the_photo_at_1_0_and_the_stretched_painting_at_content_1(
    pictures, tmp_path, edge
):
    teacher = str(tiny.write_vgg(tmp_path / "vgg16.params", model="vgg16"))
    photo = fidelity.photo_at(pictures[0], edge)
    judge = fidelity.Judge(teacher, photo, pictures[1])
    own = judge(photo)
    assert (own.style, own.content) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    other = judge(fidelity.resize(fidelity.image_file.read(pictures[1]), *photo.size))
    assert other.content == pytest.approx(1)
    if edge == 64:  # the painting itself
        assert other.style == pytest.approx(0, abs=1e-9)
    else:  # made smaller, it has lost its finest stripes
        assert 0.1 < other.style < 0.7


def test_epoch_compares_networks_with_the_first(monkeypatch, capsys, weights_file):
    named = [f"one={weights_file}", f"other={weights_file}"]
    monkeypatch.setattr("sys.argv", ["epoch", *named, "--edge", "48", "--rounds", "1"])
    epoch.main()
    header, one, other = capsys.readouterr().out.splitlines()
    assert header.split() == ["network", "seconds", "ratio"]
    assert one.split()[0] == "one" and one.split()[2] == "1.000"
    assert other.split()[0] == "other" and float(other.split()[2]) > 0
