"""What paintings of one process share: the same bytes as without it, and less work."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle import api
from nstyle.feedforward import apply
from nstyle.images.regions import Masks
from nstyle.networks.weights import reader
from nstyle.optimize import inputs, loss_terms
from nstyle.optimize.context import LRUCache, PaintContext
from nstyle.optimize.planning import memory
from nstyle.optimize.planning.plan import Budget
from nstyle.options.options import Options

PHOTOS = [tiny.picture(seed, (48, 40)) for seed in (1, 2)]
STYLES = [tiny.picture(seed, (44, 36)) for seed in (3, 4)]


def test_the_one_not_used_for_longest_goes_first():
    cache, made = LRUCache(2), []

    def find(key: str) -> str:
        return cache.find(key, lambda: made.append(key) or key.upper())

    assert [find(key) for key in "abacab"] == ["A", "B", "A", "C", "A", "B"]
    assert made == ["a", "b", "c", "b"]
    with pytest.raises(ZeroDivisionError):
        cache.find("d", lambda: 1 / 0)
    assert find("d") == "D"


@pytest.fixture
def counted(monkeypatch) -> dict[str, int]:
    """How often weights were read and styles looked at."""
    counts = {"read": 0, "look_at": 0}

    def count(module: Any, name: str) -> None:
        work = getattr(module, name)

        def call(*words: Any, **more: Any) -> Any:
            counts[name] += 1
            return work(*words, **more)

        monkeypatch.setattr(module, name, call)

    count(reader, "read")
    count(loss_terms, "look_at")
    return counts


def painted(
    photo: Any, style: Any, options: Options, place: PaintContext | None, **more: Any
) -> Any:
    gathered = inputs.gather(photo, style, options, **more)
    return api.paint(gathered, options, context=place).picture.pixels


@pytest.mark.parametrize("values", [{}, {"style_loss": "wasserstein"}, {"tile": 64}])
def test_the_same_bytes_from_one_network_and_one_look_for_each_style(weights_file, counted, values):
    options = Options(weights=weights_file, max_num_epochs=3, gpu=-1, scales=2, **values)
    jobs = [(photo, style) for photo in PHOTOS for style in STYLES]
    apart = [painted(*job, options, None) for job in jobs]
    assert counted == {"read": 4, "look_at": 8}
    place = PaintContext()
    together = [painted(*job, options, place) for job in jobs]
    assert counted == {"read": 5, "look_at": 10}
    assert all(np.array_equal(*pair) for pair in zip(apart, together))


def test_what_changes_a_look_is_looked_at_again(weights_file, counted):
    place, usual = PaintContext(), {"weights": weights_file, "max_num_epochs": 1, "gpu": -1}
    halves = np.zeros((40, 48, 3), np.uint8)
    halves[:, 24:] = 255
    masks = [Masks(halves, [m]) for m in (halves, halves.transpose(1, 0, 2)[:36, :40])]
    changes: list[dict[str, Any]] = [
        {}, {"style_loss": "mean-std"}, {"style_layers": "relu1_1"}, {"style_scale": 0.5},
        {"masks": masks[0]}, {"masks": masks[1]}, {"content_weight": 3}, {"tile": 64},
    ]  # fmt: skip
    for change in changes:
        more = {"masks": change["masks"]} if "masks" in change else {}
        options = Options(**usual, scales=1, **({} if more else change))
        apart = painted(PHOTOS[0], STYLES[0], options, None, **more)
        assert np.array_equal(painted(PHOTOS[0], STYLES[0], options, place, **more), apart)
    assert counted["look_at"] == len(changes) + 6  # neither of the last two changes it


def test_a_weights_file_written_anew_is_read_anew(weights_file, tmp_path, counted):
    path = str(tmp_path / "vgg19.params")
    shutil.copy(weights_file, path)
    options = Options(weights=path, max_num_epochs=1, gpu=-1, scales=1)
    place = PaintContext()
    for _ in range(2):
        painted(PHOTOS[0], STYLES[0], options, place)
    os.utime(path, (1, 1))
    painted(PHOTOS[0], STYLES[0], options, place)
    assert counted["read"] == 2


@pytest.mark.parametrize(("share", "known"), [("auto", None), (4, 4), (None, None)])
def test_a_budget_counts_whatever_is_free_at_the_moment(weights_file, monkeypatch, share, known):
    from nstyle.optimize import problem
    from nstyle.system.backend import mx

    options = Options(weights=weights_file, gpu=-1)
    gathered, place = inputs.gather(PHOTOS[0], STYLES[0], options), PaintContext()
    for free in (10**9, 2 * 10**9):
        monkeypatch.setattr(memory, "available", lambda free=free: free)
        plan = problem.set_up(gathered, options, mx.cpu(), place, Budget(share)).plan
        assert plan.free == (free if share == "auto" else known)


def test_pictures_of_one_pass_to_begin_with_come_from_one_network(weights_file, monkeypatch):
    options = Options(weights=weights_file, max_num_epochs=1, gpu=-1, scales=1, init="instant")
    apart = [painted(PHOTOS[0], style, options, None) for style in STYLES]
    made, place, begin = [], PaintContext(), apply.Instant.__init__
    monkeypatch.setattr(
        apply.Instant, "__init__", lambda self, *a, **k: made.append(1) or begin(self, *a, **k)
    )
    together = [painted(PHOTOS[0], style, options, place) for style in STYLES]
    assert made == [1]
    assert all(np.array_equal(*pair) for pair in zip(apart, together))
