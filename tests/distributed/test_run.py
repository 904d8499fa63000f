"""Whole murals: the picture of one process, on Dask and off it, with workers lost on the way."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from team import Here

from nstyle import api, stylize
from nstyle.distributed import run
from nstyle.distributed.actors import Gone
from nstyle.distributed.dask_cluster import Connection
from nstyle.distributed.options import Settings
from nstyle.distributed.run import Mural
from nstyle.errors import BackendError, OptionError
from nstyle.images.regions import Masks
from nstyle.optimize import inputs
from nstyle.optimize.checkpoint import RunRequest, Saver, read
from nstyle.optimize.records import Result
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions

DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not DASK, reason="Dask is not installed: '.[dask]'")
SIZE = (160, 128)
PHOTO, PAINTING = tiny.picture(1, SIZE), tiny.picture(2, (140, 130))
CLOSE = 1e-4  # of black to white; other tiles, another number of threads round differently


def chosen(weights: str, **options: Any) -> dict[str, Any]:
    shallow = {"style_layers": "relu1_1,relu2_1,relu3_1", "content_layers": "relu3_1"}
    common = {"weights": weights, "max_num_epochs": 8, "stop_eps": 0.0, "scales": 2, "gpu": -1}
    return {**shallow, **common, "tile": 64, **options}


def painted(team: Here, options: Options, masks: Masks | None = None, **knobs: Any) -> Result:
    """As Mural.run, by a team of this process."""
    gathered = inputs.gather(PHOTO, PAINTING, options, masks=masks)
    build = Mural(Settings(), every=3).building(team, gathered)
    return api.paint(gathered, options, build=build, **knobs)


LEVEL = 1.6e-5  # of 16 bits: some CPUs round otherwise where threads share the work otherwise


def check_same(one: Result, other: Result, close: float = CLOSE) -> None:
    assert (one.stopped, one.epochs) == (other.stopped, other.epochs)
    first, second = one.picture.floats(), other.picture.floats()
    assert np.abs(first - second).max() <= close
    assert np.abs(first - PHOTO / 255).max() > 0.1
    losses = [[step.loss for step in result.history] for result in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


KEEP = np.zeros(SIZE[::-1], np.uint8)
KEEP[30:90, 50:100] = 255
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one size": {"scales": 1},
    "from noise, another strength of smoothness": {"init": "noise:0.5", "tv_weight": 0.3},
    "without bounds": {"clamp": False},
    "nag": {"optimizer": "nag", "weight_decay": 0.001},
    "adam": {"optimizer": "adam", "clip_gradient": 5.0},
    "a part is kept": {"keep": True},
    "only luminance": {"colors": "content"},
    "stopped by eps": {"stop_eps": 0.05, "max_num_epochs": 60, "scales": 1},
}


@pytest.mark.parametrize(("case", "parts"), [("plain", 1), ("plain", 2), *((c, 4) for c in CASES)])
def test_the_picture_of_one_process(case, parts, weights_file):
    options = chosen(weights_file, **CASES[case])
    keep = KEEP if options.pop("keep", False) else None
    masks = None if keep is None else Masks(keep=keep)
    check_same(
        stylize(PHOTO, PAINTING, keep_mask=keep, **options),
        painted(Here(parts, weights_file), Options(**options), masks),
        close=LEVEL,
    )


def test_several_sizes_in_parts_and_workers_lost(weights_file, monkeypatch):
    options = chosen(weights_file)
    alone = stylize(PHOTO, PAINTING, **options)
    monkeypatch.setattr(run, "WORTH", 0)
    team = Here(2, weights_file)
    heard: list[Any] = []
    check_same(alone, painted(team, Options(**options), listeners=[heard.append]))
    assert team.asked.count("begin") == 2 and all(step.sent for step in heard)
    for call in (1, team.calls // 3, team.calls // 2, team.calls - 1):
        lost = Here(2, weights_file, lost={call: 1})
        heard = []
        check_same(alone, painted(lost, Options(**options), listeners=[heard.append]))
        assert lost.replaced == 1
        assert [step.epoch for step in heard] == list(range(1, 9))


def test_what_travelled_is_told_with_every_epoch_in_parts_alone(weights_file):
    result = painted(Here(2, weights_file), Options(**chosen(weights_file)))
    sent = [step.as_json().get("sent") for step in result.history]
    assert sent[:4] == [None] * 4 and min(sent[4:]) > 1000
    assert max(sent[5:]) - min(sent[5:]) < 200  # only numbers differ in length


def test_a_killed_mural_is_gone_on_with_to_the_same_bytes(weights_file, tmp_path):
    options = Options(**chosen(weights_file))
    whole = painted(Here(2, weights_file), options)
    file = str(tmp_path / "out.ckpt.npz")
    order = RunRequest({"style_image": "style.png"}, options, OutputOptions())
    gathered = inputs.gather(PHOTO, PAINTING, options)

    def killed(step: Any) -> None:
        if step.epoch == 7:
            raise RuntimeError("killed")

    saver = Saver(file, 2, order)
    saver.begin(gathered)
    with contextlib.suppress(RuntimeError):
        painted(Here(2, weights_file), options, saver=saver, listeners=[killed])
    checkpoint = read(file)
    assert len(checkpoint.saved.history) == 6 and checkpoint.saved.scale == 2
    again = Saver(file, 2, order, checkpoint)
    result = painted(Here(2, weights_file), options, saver=again, begun=again.begin(gathered))
    assert np.array_equal(result.picture.pixels, whole.picture.pixels)
    assert [step.loss for step in result.history] == [step.loss for step in whole.history]


def test_ctrl_c_leaves_the_picture_of_that_moment(weights_file):
    def stop(step: Any) -> None:
        if step.epoch == 6:
            raise KeyboardInterrupt

    result = painted(Here(2, weights_file), Options(**chosen(weights_file)), listeners=[stop])
    assert (result.stopped, result.epochs) == ("interrupted", 6)
    assert np.abs(result.picture.floats() - PHOTO / 255).max() > 0.1


@needs_dask
def test_on_dask_with_a_worker_killed_on_the_way(weights_file):
    """Three parts: two share a worker."""
    options = chosen(weights_file, max_num_epochs=12, threads=None)
    mural = Mural(Settings(dask="local:2", parts=3), every=2)
    killed: list[int] = []

    def kill(step: Any) -> None:
        if step.epoch == 9:
            assert mural.connection is not None
            (_, pid), *_ = mural.connection.client.run(os.getpid).items()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    result = mural.run(PHOTO, PAINTING, Options(**options), listeners=[kill])
    assert killed
    check_same(stylize(PHOTO, PAINTING, **options), result)
    assert "MB travelled per epoch" in mural.summary() and mural.epochs == 6


@needs_dask
def test_workers_elsewhere_get_the_networks_file(weights_file):
    options = chosen(weights_file)
    with contextlib.closing(Connection("local:2", 2)) as cluster:
        address = cluster.client.scheduler.address
        result = Mural(Settings(dask=address)).run(PHOTO, PAINTING, Options(**options))
    check_same(stylize(PHOTO, PAINTING, **options), result)


@needs_dask
def test_a_cluster_that_goes_away_ends_it_in_order(weights_file):
    mural = Mural(Settings(dask="local:2"))

    def end(step: Any) -> None:
        if step.epoch == 6:
            assert mural.connection is not None
            mural.connection._cluster.close()

    options = Options(**chosen(weights_file))
    with pytest.raises(Gone, match="--dask: "):
        mural.run(PHOTO, PAINTING, options, listeners=[end])


@needs_dask
def test_bad_inputs_are_refused_before_the_cluster_begins(weights_file, monkeypatch):
    def never(*args: Any, **more: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(run, "Connection", never)
    mural = Mural(Settings())
    with pytest.raises(OptionError, match="--optimizer"):
        mural.run(PHOTO, PAINTING, Options(optimizer="lbfgs"))
    with pytest.raises(OSError, match=r"none\.png"):
        mural.run(Path("none.png"), PAINTING, Options(weights=weights_file))


@needs_dask
def test_a_bug_at_a_worker_keeps_its_error(weights_file):
    """Not taken for a loss, which would be repeated for ever."""
    mural = Mural(Settings(dask="local:1"))
    options = Options(**chosen(weights_file, precision="bfloat16", pooling_ceil=True))
    with pytest.raises((OptionError, BackendError), match="precision"):
        mural.run(PHOTO, PAINTING, options)
