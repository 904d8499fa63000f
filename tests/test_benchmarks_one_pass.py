"""The benchmarks of one pass run, tell other pictures apart and report; nothing is timed here."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import tiny
from PIL import Image

from benchmarks import one_pass, taught, unseen

TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of two photos and a painting."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, seed in (("photo", 1), ("other", 3), ("style", 2)):
        Image.fromarray(tiny.picture(seed, (64, 48))).save(folder / f"{name}.png")
    return [str(folder / f"{name}.png") for name in ("photo", "other", "style")]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The file of a network of one style."""
    return tiny.write_network(tmp_path_factory.mktemp("network") / "mine.params")


def test_contestants_paint_the_same(pictures, network, tmp_path):
    path = tmp_path / "rows.json"
    words = ["--networks", "any-style", network, "--size", "64", "--rounds", "1", "--pictures", "1"]
    words += ["--threads", "1", "--content", pictures[0], "--style", pictures[2]]
    assert one_pass.main([*words, "--json", str(path)]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert len(rows) == 2 * (len(one_pass.CONTESTANTS) if TORCH else 1)
    assert {row["network"] for row in rows} == {"any-style", "mine"}
    assert all(row["seconds"] > 0 and row["loss"] > 1 for row in rows)
    mine = [row["difference"] for row in rows if row["contestant"] == "nstyle"]
    assert mine == [0, 0] and max(row["difference"] for row in rows) < one_pass.TOLERANCE


def test_another_picture_of_the_same_energy_is_told_apart():
    picture = np.random.default_rng(1).normal(0, 50, (1, 3, 16, 24)).astype(np.float32)
    mirrored = picture[..., ::-1]
    assert np.square(picture).mean() == pytest.approx(np.square(mirrored).mean())
    for other, same in ((picture + 0.01, True), (mirrored, False), (picture[..., 1:], False)):
        found = one_pass.difference(other, picture)
        rows = [{"network": "a", "difference": 0.0}, {"network": "a", "difference": found}]
        assert one_pass.agree(rows) == same
    assert not one_pass.agree([{"network": "a", "difference": float("nan")}])


def test_a_trained_network_beside_the_optimisation(pictures, network, tmp_path, capsys):
    path = tmp_path / "sheet.png"
    words = ["--network", network, "--style", pictures[2], "--content", *pictures[:2]]
    taught.main([*words, "--edge", "48", "--epochs", "1", "--cell", "32", "--output", str(path)])
    *lines, last = capsys.readouterr().out.splitlines()
    ratios = [float(line.split()[-1]) for line in lines]
    assert [line.split(":")[0] for line in lines] == pictures[:2] and min(ratios) > 0
    median, worst = last.removeprefix("median of 2: ").split(", worst ")
    assert float(median) == pytest.approx(np.mean(ratios), abs=0.011)
    assert float(worst) == max(ratios)
    with Image.open(path) as sheet:
        assert sheet.size == (3 * 32 + 2 * 6, 3 * 24 + 2 * 6)


def test_photos_in_unseen_styles_are_judged_and_shown(pictures, tmp_path, capsys):
    path, judge = tmp_path / "sheet.png", tiny.write_vgg(tmp_path / "vgg16.params", model="vgg16")
    words = ["--content", *pictures[:2], "--style", pictures[2], "--edge", "64", "--cell", "32"]
    unseen.main([*words, "--judge", str(judge), "--output", str(path)])
    *lines, last = capsys.readouterr().out.splitlines()
    found = [[float(part) for part in line.split(": ")[1].split(" / ")] for line in lines]
    assert len(found) == 2 and min(map(min, found)) > 0
    style, content = (np.median(column) for column in zip(*found))
    assert last.startswith("nstyle: median of 2: style ")
    for word, value in (("style", style), ("content", content)):
        said = float(last.split(f"{word} ")[1].split(",")[0])
        assert said == pytest.approx(value, abs=0.002)
    with Image.open(path) as sheet:
        assert sheet.width == 2 * 32 + 6 and np.asarray(sheet).std() > 10
