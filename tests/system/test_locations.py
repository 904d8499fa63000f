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


def found(model: str) -> tuple[str, Path]:
    name, path = locations.find(model)
    return name, Path(path).resolve()


@pytest.mark.parametrize("end", locations.EXTENSIONS)
def test_a_file_of_any_known_kind_is_found(empty, end):
    (empty[1] / f"vgg16{end}").touch()
    assert found("vgg16") == ("vgg16", empty[1] / f"vgg16{end}")


@pytest.mark.parametrize("asked", ["vgg19", "auto"])
def test_the_model_folder_comes_before_the_cache_folder(empty, asked):
    for folder in reversed(empty):
        (folder / "vgg19.params").touch()
        assert found(asked) == ("vgg19", folder / "vgg19.params")


def test_auto_falls_back_to_the_built_in_network(empty):
    (empty[0] / "vgg16.params").touch()
    assert found("auto") == ("vgg16-slim", BUILT_IN)


def test_the_built_in_network_is_never_looked_for_elsewhere(empty):
    (empty[0] / "vgg16-slim.params").touch()
    assert found("vgg16-slim") == ("vgg16-slim", BUILT_IN)


@pytest.mark.parametrize("model", sorted(locations.BUILT_IN))
def test_the_widths_of_a_built_in_network_are_those_of_its_file(model):
    needed = layers.convolutions(layers.BLOCKS[model])
    assert list(locations.WIDTHS[model]) == reader.load(locations.find(model)[1], needed).widths


def test_no_network_is_without_its_widths_and_sum():
    assert set(locations.BUILT_IN) == set(locations.WIDTHS) == set(locations.BUILT_IN_SHA256)


@pytest.mark.parametrize("model", ["vgg19", "vgg16"])
def test_absent_weights_are_refused_naming_both_ways_out(empty, model):
    with pytest.raises(WeightsError) as caught:
        locations.find(model)
    message = str(caught.value)
    assert "nstyle download" in message and "vgg16-slim" in message and "\n" not in message
    assert str(empty[1]) in message and f"{model}.params" in message


def test_a_folder_named_like_weights_is_not_found(empty):
    (empty[0] / "vgg19.params").mkdir()
    assert found("auto")[0] == "vgg16-slim"


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path / "mine"))
    assert locations.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("NSTYLE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(locations.sys, "platform", "linux")
    assert locations.cache_folder() == tmp_path / "xdg" / "nstyle"
