"""What is known of a run before it begins, and refused before any work."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.api import stylize
from nstyle.errors import OptionError
from nstyle.images.picture import Picture
from nstyle.optimize import inputs, problem
from nstyle.optimize.planning import memory, plan
from nstyle.optimize.planning.plan import Plan
from nstyle.optimize.tiles import geometry
from nstyle.options.options import Options
from nstyle.system.backend import mx

PHOTO, PAINTING = tiny.picture(1, (300, 200)), tiny.picture(2, (128, 128))


@pytest.fixture
def flat(monkeypatch) -> None:
    """Pictures are not enlarged but black: only their sizes count."""

    def resize(_picture: object, width: int, height: int, **_more: object) -> Picture:
        return Picture(np.zeros((height, width, 3), np.uint8))

    monkeypatch.setattr(inputs, "resize", resize)


@pytest.fixture
def nothing_is_built(monkeypatch, flat) -> None:
    """Fails a test that compiles the network."""

    def build(*_args: object, **_knobs: object) -> None:
        raise AssertionError("heavy work was begun")

    monkeypatch.setattr(problem, "build", build)


def refusal(monkeypatch, weights_file: str, free: int, **options: object) -> str:
    """The error where so many bytes are free."""
    monkeypatch.setattr(memory, "available", lambda: free)
    with pytest.raises(OptionError) as caught:
        stylize(PHOTO, PAINTING, weights=weights_file, gpu=-1, **{"enlarge": True, **options})
    return str(caught.value)


def test_what_will_not_fit_is_refused_with_the_long_edge_or_size_that_will(
    monkeypatch, weights_file, nothing_is_built
):
    said = refusal(monkeypatch, weights_file, 10**9, max_long_edge=5000)
    found = re.fullmatch(
        r"--max-long-edge: 5000x3333 needs about ([\d.]+) GB of memory, 1\.0 GB are free; "
        r"--max-long-edge (\d+0) would fit",
        said,
    )
    assert found, said
    assert float(found[1]) > 1
    assert 500 < int(found[2]) < 5000
    said = refusal(monkeypatch, weights_file, 10**9, size="5000x")
    assert said.startswith("--size: 5000x3333 needs")
    found = re.search(r"; --size (\d+)x(\d+) would fit$", said)
    assert found, said
    assert int(found[1]) / int(found[2]) == pytest.approx(1.5, rel=0.01)
    said = refusal(monkeypatch, weights_file, 1000)
    assert said.endswith("no size fits; free some memory")


def test_the_edge_that_would_fit_fits_and_lbfgs_needs_more(
    monkeypatch, weights_file, nothing_is_built
):
    edges = []
    for optimizer in ("sgd", "lbfgs"):
        options = {"enlarge": True, "optimizer": optimizer}
        said = refusal(monkeypatch, weights_file, 10**9, max_long_edge=5000, **options)
        edges.append(int(said.split()[-3]))
        with pytest.raises(AssertionError, match="heavy work"):
            stylize(
                PHOTO, PAINTING, weights=weights_file, gpu=-1, max_long_edge=edges[-1], **options
            )
    assert edges[1] < 0.9 * edges[0]


def test_one_line_says_what_a_run_will_take(monkeypatch, weights_file, caplog):
    monkeypatch.setattr(memory, "available", lambda: None)  # where nobody knows, all is painted
    with caplog.at_level("INFO", "nstyle"):
        stylize(PHOTO, PAINTING, weights=weights_file, gpu=-1, max_long_edge=32, max_num_epochs=1)
    lines = [line for line in caplog.messages if line.startswith("painting 32x21 with vgg19")]
    assert len(lines) == 1
    assert re.search(r" on cpu\(0\); needs about \d+\.\d+ GB$", lines[0])


# ---- tiles ----

LARGE = (3000, 2000)


@pytest.fixture
def planned(monkeypatch, weights_file, flat):
    """Of a picture of LARGE where so many bytes are free."""

    def call(free: int | None, *, device: object = None, **options: object) -> Plan:
        monkeypatch.setattr(memory, "available", lambda: free)
        chosen = Options(weights=weights_file, max_long_edge=LARGE[0], enlarge=True, **options)
        gathered = inputs.gather(PHOTO, PAINTING, chosen)
        return problem.set_up(gathered, chosen, device or mx.cpu()).plan

    return call


@pytest.mark.parametrize(
    ("free", "options"), [(None, {}), (100 * 10**9, {}), (10**8, {"tile": "off"})]
)
def test_what_fits_is_seen_at_once_and_all_where_tiles_are_off(planned, free, options):
    found = planned(free, **options)
    assert found.tiling(LARGE) is None and found.style_tiling((2000, 1500)) is None


@pytest.mark.parametrize("free", [900 * 10**6, 1200 * 10**6, 2000 * 10**6])
def test_what_does_not_is_seen_in_the_largest_tiles_that_fit(planned, free):
    found, off = planned(free), planned(free, tile="off")
    assert off.needed(LARGE) - memory.BASE > free
    tiling = found.tiling(LARGE)
    assert tiling.size == LARGE
    assert found.needed(LARGE) - memory.BASE <= plan.HEADROOM * free
    width, height = tiling.edges
    across, down = tiling.behind.edges if tiling.behind else (0, 0)
    inner = (int(1.3 * across), int(1.3 * down)) if tiling.behind else None
    larger = found._bytes(LARGE, inner=inner, tile=(int(1.3 * width), int(1.3 * height)))
    assert larger - memory.BASE > plan.HEADROOM * free


def test_tiles_follow_from_memory_size_and_optimiser(planned):
    overlaps = [planned(free * 10**6).tiling(LARGE).overlap for free in (900, 1200, 2000)]
    assert overlaps[0] > overlaps[1] > overlaps[2] >= 1
    for optimizer in ("adam", "lbfgs"):
        found = planned(1200 * 10**6, optimizer=optimizer)
        assert found.tiling(LARGE).overlap > overlaps[1]
    found = planned(10**9)
    assert found.tiling((375, 250)) is None
    middle, large = (found.tiling(size).edges for size in ((2000, 1333), LARGE))
    assert large[0] * large[1] < middle[0] * middle[1]
    assert found.style_tiling((500, 400)) is None
    assert found.style_tiling((4000, 3000)).size == (4000, 3000)
    least = planned(10**8)  # where even small tiles do not fit, what they need is said
    assert max(least.tiling(LARGE).edges) < 300 and least.needed(LARGE) > 10**8


def test_a_network_is_divided_where_it_then_sees_fewer_pixels(planned):
    found = planned(900 * 10**6)
    tiling = found.tiling(LARGE)
    undivided = found._tiling(LARGE, lambda edges: found.of_part(LARGE, edges))
    assert tiling.behind and tiling.overlap < 0.9 * undivided.overlap
    assert tiling.behind.size == geometry.at_boundary(LARGE, ceil=False)
    assert planned(900 * 10**6, tile=512).tiling(LARGE).behind is None
    shallow = {"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_2"}
    assert planned(900 * 10**6, **shallow).tiling(LARGE).behind is None
    assert planned(600 * 10**6).tiling((2048, 1536)).behind


def test_a_size_that_is_asked_for_is_taken_whatever_is_free(planned):
    for free in (None, 10**8, 10**12):
        found = planned(free, tile=512)
        assert found.tiling(LARGE).edges == (632, 624)
        assert found.style_tiling((1000, 600)).edges == (584, 600)
        assert found.tiling((640, 480)) is None  # a single tile


def test_what_no_array_can_hold_is_in_tiles_however_much_is_free(planned, monkeypatch):
    monkeypatch.setattr(plan, "MAX_PIXELS_AT_ONCE", 10**6)
    for free in (None, 10**12):
        width, height = planned(free).tiling(LARGE).edges
        assert 5 * 10**5 < width * height <= 10**6


def test_a_picture_painted_in_tiles_is_the_same_picture(monkeypatch, weights_file, caplog):
    """The smaller size on the way is seen at once. After more epochs rounding makes it another."""
    options = {"weights": weights_file, "gpu": -1, "max_long_edge": 400, "enlarge": True}
    options.update(scales=2, max_num_epochs=4, stop_eps=0, remove_noise=0)
    built, build = [], problem.build

    def watched(*words: object) -> Any:
        built.append(build(*words))
        return built[-1]

    monkeypatch.setattr(problem, "build", watched)
    with caplog.at_level("INFO", "nstyle"):
        whole, parts = (stylize(PHOTO, PAINTING, tile=tile, **options) for tile in ("off", 64))
    kinds = [type(objective).__name__ for objective in built]
    assert kinds == ["Objective", "Objective", "Objective", "TiledObjective"]
    lines = [line for line in caplog.messages if line.startswith("painting")]
    assert "tiles" not in lines[0]
    assert re.search(r" on cpu\(0\), in 8 tiles of 224x219; needs about [\d.]+ GB$", lines[1])
    losses = [[step.loss for step in result.history] for result in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert abs(parts.picture.floats() - whole.picture.floats()).max() < 0.2 / 255


@pytest.mark.parametrize("knobs", [{}, {"pooling_ceil": True}])
@pytest.mark.parametrize("size", [(240, 180), (238, 181), (239, 182)])
def test_so_is_one_of_a_divided_network(monkeypatch, weights_file, size, knobs):
    """Whatever is left of a size that is divided by 4. After more epochs rounding shows."""
    photo = tiny.picture(1, size)
    options = {"weights": weights_file, "gpu": -1, "max_long_edge": 240, "scales": 1}
    options.update(max_num_epochs=1, stop_eps=0, remove_noise=0, **knobs)
    whole = stylize(photo, PAINTING, **options)

    def divided(plan: Plan, size: tuple[int, int]) -> geometry.Tiling:
        near, far = plan._extractor.reaches
        inner = geometry.at_boundary(size, ceil=plan._options.pooling_ceil)
        behind = geometry.of_edge(inner, 24, far)
        return dataclasses.replace(geometry.of_edge(size, 100, near), behind=behind)

    monkeypatch.setattr(Plan, "tiling", divided)
    parts = stylize(photo, PAINTING, **options)
    losses = [[step.loss for step in result.history] for result in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert abs(parts.picture.floats() - whole.picture.floats()).max() < 0.1 / 255


def sizes(weights_file, size, *, start=None, **options):
    """The long edges a run paints at."""
    wanted = Options(weights=weights_file, max_long_edge=2048, **options)
    photo, painting = tiny.picture(1, size), tiny.picture(2)
    found = inputs.gather(photo, painting, wanted)
    found = dataclasses.replace(found, start=start and found.photo)
    return [max(size) for size, _ in plan.epoch_limits(wanted, found)]


@pytest.mark.parametrize("start", [False, True])  # what was stopped goes on without it
@pytest.mark.parametrize(
    ("edge", "expected"), [(80, [80]), (512, [512]), (1024, [512, 1024]), (1500, [375, 750, 1500])]
)
def test_a_picture_of_one_pass_spares_the_small_sizes(weights_file, edge, expected, start):
    assert sizes(weights_file, (edge, 64), start=start, init="instant") == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [256, 512, 1024]),
        ({"start": True}, [1024]),  # a picture of one's own is gone on with at its size
        ({"start": True, "scales": 2}, [512, 1024]),
        ({"init": "instant", "scales": 1}, [1024]),
    ],
)
def test_a_run_grows_from_small_to_large(weights_file, options, expected):
    assert sizes(weights_file, (1024, 64), **options) == expected
