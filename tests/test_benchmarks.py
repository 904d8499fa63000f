"""The benchmarks run, compare the same thing and report it; nothing is timed here."""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
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
    scaling,
    scene,
    studio_load,
    tiles,
)
from benchmarks.workers import judging, painting
from nstyle.images.picture import Picture

TORCH = importlib.util.find_spec("torch") is not None
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


def test_all_contestants_iterate_to_the_same_losses_or_say_why_not(
    pictures, weights, tmp_path, monkeypatch
):
    path = tmp_path / "iteration.json"
    words = ["--models", "vgg19", "--sizes", "48", "--rounds", "1", "--iterations", "1"]
    words += ["--threads", "1", "--only", "ours,torch-float32,torch-bf,example-t"]
    files = ["--weights", weights, "--content", pictures[0], "--style", pictures[1]]
    monkeypatch.setattr(iteration, "PAUSE", 0)
    assert iteration.main([*words, *files, "--json", str(path)]) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["facts"]["threads"] and report["iterations"] == 1
    rows = {row["contestant"]: row for row in report["rows"]}
    ours, theirs = rows["ours-float32"], rows["torch-float32"]
    for row in (ours, rows["example-threads"], *([theirs] if TORCH else [])):
        assert row["missing"] == "" and row["peak_memory_bytes"] > 1e7
        assert row["seconds"] == min(row["rounds"]) > 0 and row["ratio"] > 0
        assert np.isfinite(row["loss"]) and row["loss"] > 0
    assert TORCH or "PyTorch is not installed" in theirs["missing"]
    if TORCH:
        assert theirs["losses_agree"] and ours["next_loss"] != ours["loss"]
        for key in ("loss", "next_loss"):
            assert theirs[key] == pytest.approx(ours[key], rel=1e-4)


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
    def disagreement(loss: float, later: float) -> float:
        losses = {"ours-float32": (1.0, 0.9), "torch-float32": (loss, later), "example": (7.0, 6.0)}
        rows = {
            name: {"missing": "", "loss": loss, "next_loss": later}
            for name, (loss, later) in losses.items()
        }
        return iteration.disagreement(rows)

    assert disagreement(1.0005, 0.9) < iteration.TOLERANCE
    assert min(disagreement(1.01, 0.9), disagreement(1.0, 0.91)) > iteration.TOLERANCE


def test_a_worker_that_fails_drops_out_and_says_why(job):
    broken = {"judging": iteration.Contestant("judging", "a worker that reads pictures first")}
    results = iteration.compare(broken, {**job, "content": "absent.png"}, rounds=1, iterations=1)
    assert results["judging"]["missing"].startswith("failed: ended with code 1: ")
    assert "absent.png" in results["judging"]["missing"]


# ---- picture ----


def test_recipes_are_judged_by_one_evaluator(pictures, weights, tmp_path, monkeypatch):
    """All but one picture are painted in this process."""
    path = tmp_path / "picture.json"
    words = ["--only", "default,mxnet", "--max-long-edge", "48", "--max-num-epochs", "12"]
    words += ["--sizes", "64", "--first", "0.001", "--weights", weights, "--threads", "1"]
    files = ["--content", pictures[0], "--style", pictures[1], "--json", str(path)]

    def ask(module: str, job: dict[str, Any]) -> dict[str, Any]:
        if module == "painting" and (job["preset"] or not job["spacing"]):
            answer = painting.paint({**job, "began": time.time()})
            return {**answer, "peak_memory_bytes": processes.peak_memory()}
        return processes.ask(module, job)

    monkeypatch.setattr(picture, "ask", ask)
    assert picture.main([*words, *files]) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["size"] == list(SIZE) and report["pictures"] == ["photo.png", "style.png"]
    assert [row["recipe"] for row in report["rows"]] == ["default", "mxnet"]
    for row in report["rows"]:
        times = [moment["seconds"] for moment in row["moments"]]
        assert 0 < row["startup"] < times[0] and times == sorted(times)
        assert row["total"] == times[-1] and row["totals"] == [row["total"]]
        assert row["epochs"] == sum(row["epochs_by_scale"]) <= 12
        assert row["seconds_per_epoch"] > 0 and row["peak_memory_bytes"] > 1e7
        assert row["loss"] == row["moments"][-1]["loss"]
    default, mxnet = report["rows"]
    assert default["loss"] < mxnet["loss"]
    assert default["until_example"] is not None and default["until_default"] is not None
    assert len(report["command_seconds"]) == 1 and report["command_seconds"][0] > 0
    (row,) = report["sizes"]
    assert row["recipe"] == "default" and row["size"] == "64x48"


def test_the_judge_says_what_evaluate_says(pictures, weights, tmp_path):
    seen = Picture(tiny.picture(3, SIZE).astype(np.uint16) * 257)
    np.save(tmp_path / "seen.npy", seen.pixels)
    options = scene.with_precision({"model": "vgg19", "weights": weights}, "float32")
    job = {"options": options, "content": pictures[0], "style": pictures[1], "size": SIZE}
    expected = nstyle.evaluate(seen, *pictures, **options).loss
    losses = judging.losses({**job, "files": [str(tmp_path / "seen.npy")]})
    assert list(losses) == pytest.approx([expected], rel=1e-4)


# ---- tiles ----


def test_a_large_picture_is_compared_with_a_smaller_one_at_once(weights, tmp_path, capsys):
    path = tmp_path / "tiles.json"
    words = ["--models", "vgg19", "--vgg19", weights, "--threads", "1", "--epochs", "2"]
    words += ["--long-edge", "384", "--reference", "192", "--tile", "64", "--json", str(path)]
    assert tiles.main([*words, "--most", "1000"]) == 0  # times are not tested
    small, large = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert (small["size"], small["tiles"], small["ratio"]) == ("192x128", "at once", 1)
    assert large["size"] == "384x256" and large["tiles"] == "8 tiles of 224x208"
    assert large["seen"] == pytest.approx(8 * 224 * 208 / (384 * 256))
    assert 0 < large["again"] < 1 and large["peak"] > 1e7
    assert len(capsys.readouterr().out.splitlines()) == 3


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
    answer = {"sizes": [small, large], "peak_memory_bytes": 5_500_000_000}
    monkeypatch.setattr(tiles, "ask", lambda module, job: answer)
    options = ["--vgg19", weights, "--models", "vgg19", "--reference", "256"]
    assert tiles.main([*options, *words]) == int(bool(says))
    assert capsys.readouterr().out.partition("5500\n")[2] == says


# ---- what both share ----


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
    assert studio_load.report(found, ["left.png"]) == 1
    slow = studio_load.Found(previews=[0.1] * 17 + [3.0] * 3, memory=memory)
    growing = studio_load.Found(previews=previews, memory=[(0.0, 2**20), (1.0, 2**21)])
    words = argparse.Namespace(painting=0, every=0.05, seconds=0.1, long_edge=64)
    user = studio_load.User(1, "http://127.0.0.1:9", words, found)  # nobody listens there
    user.run()
    assert user.stayed and sum(found.errors.values()) >= 1
    for bad in (found, studio_load.Found(), slow, growing):
        assert studio_load.report(bad, []) == 1


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
    words = ["--size", "64", "--frames", "3", "--epochs", "16", "--frame-epochs", "6"]
    words += ["--clips", "panning", "--threads", "1", "--json", str(path)]
    assert flicker.main([*words, "--most", "0.8"]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["method"], row["motion"]) for row in rows] == [
        (method, motion) for method in ("optimise", "instant") for motion in ("true", "flow")
    ]
    assert all(row["ratio"] == row["film"] / row["alone"] < 0.8 for row in rows)
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


def test_epoch_compares_networks_with_the_first(monkeypatch, capsys, weights_file):
    named = [f"one={weights_file}", f"other={weights_file}"]
    monkeypatch.setattr("sys.argv", ["epoch", *named, "--edge", "48", "--rounds", "1"])
    epoch.main()
    header, one, other = capsys.readouterr().out.splitlines()
    assert header.split() == ["network", "seconds", "ratio"]
    assert one.split()[0] == "one" and one.split()[2] == "1.000"
    assert other.split()[0] == "other" and float(other.split()[2]) > 0
