"""Where weights files are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nstyle.errors import WeightsError
from nstyle.networks import layers
from nstyle.networks.weights import reader
from nstyle.system import locations

BUILT_IN = locations.PRETRAINED / "vgg16-slim.params"


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """(model folder, cache folder), both empty; the working directory is a fresh one."""
    model, cache = tmp_path / "here" / "model", tmp_path / "cache"
    model.mkdir(parents=True)
    cache.mkdir()
    monkeypatch.chdir(model.parent)
    monkeypatch.setenv("NSTYLE_CACHE", str(cache))
    return model, cache


def located(model: str) -> tuple[str, Path]:
    name, path = locations.find(model)
    return name, Path(path).resolve()


@pytest.mark.parametrize("end", locations.EXTENSIONS)
def test_a_file_of_any_known_kind_is_located(empty, end):
    (empty[1] / f"vgg16{end}").touch()
    assert located("vgg16") == ("vgg16", empty[1] / f"vgg16{end}")


@pytest.mark.parametrize("model", ["vgg19", "auto"])
def test_the_model_folder_comes_before_the_cache_folder_and_a_folder_is_no_file(empty, model):
    (empty[0] / "vgg19.h5").mkdir()
    for folder in reversed(empty):
        (folder / "vgg19.params").touch()
        assert located(model) == ("vgg19", folder / "vgg19.params")


def test_the_built_in_network_is_what_auto_falls_back_to_and_is_never_looked_for_elsewhere(empty):
    for name in ("vgg16.params", "vgg16-slim.params"):
        (empty[0] / name).touch()
    assert located("auto") == located("vgg16-slim") == ("vgg16-slim", BUILT_IN)


@pytest.mark.parametrize("model", sorted(locations.BUILT_IN))
def test_the_widths_of_a_built_in_network_are_those_of_its_file(model):
    needed = layers.convolutions(layers.BLOCKS[model])
    assert list(locations.WIDTHS[model]) == reader.load(locations.find(model)[1], needed).widths
    assert model in locations.BUILT_IN_SHA256


@pytest.mark.parametrize("model", ["vgg19", "vgg16"])
def test_absent_weights_are_refused_naming_both_ways_out(empty, model):
    with pytest.raises(WeightsError) as caught:
        locations.find(model)
    message = str(caught.value)
    assert "nstyle download" in message and "vgg16-slim" in message and "\n" not in message
    assert str(empty[1]) in message and f"{model}.params" in message


@pytest.mark.parametrize(
    ("platform", "xdg", "cache", "data"),
    [
        ("linux", None, "home/.cache", "home/.local/share"),
        ("linux", "xdg", "xdg", "xdg"),
        ("darwin", "xdg", "home/Library/Caches", "home/Library/Application Support"),
    ],
)
def test_folders_follow_the_environment(tmp_path, monkeypatch, platform, xdg, cache, data):
    monkeypatch.setattr(locations.sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kinds = (("CACHE", locations.cache_folder, cache), ("DATA", locations.data_folder, data))
    for name, folder, usual in kinds:
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / xdg) if xdg else "")
        monkeypatch.setenv(f"NSTYLE_{name}", str(tmp_path / "mine"))
        assert folder() == tmp_path / "mine"
        monkeypatch.delenv(f"NSTYLE_{name}")
        assert folder() == tmp_path / usual / "nstyle"
