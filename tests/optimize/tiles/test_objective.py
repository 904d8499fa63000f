"""Tile by tile gives what the whole picture gives: loss, terms, gradient, statistics."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle import evaluate
from nstyle.images.regions import Masks
from nstyle.losses import image
from nstyle.losses.image import ColorLoss, averaged
from nstyle.losses.statistics import FeatureStatistics
from nstyle.losses.style import StyleLoss
from nstyle.networks import layers, vgg
from nstyle.networks.features import CompiledVGG
from nstyle.optimize import evaluation, inputs, loss_terms, problem
from nstyle.optimize.extractor import FeatureExtractor, load_network
from nstyle.optimize.objective import Objective
from nstyle.optimize.tiles import geometry
from nstyle.optimize.tiles.features import TiledFeatures, TiledSource
from nstyle.optimize.tiles.objective import TiledObjective
from nstyle.optimize.tiles.sources import WholeImage
from nstyle.options.options import Options
from nstyle.system import runtime
from nstyle.system.backend import mx, nd

SIZE = (239, 271)  # odd, so that every pooling drops a column and a row
PHOTO, PAINTING = tiny.picture(1, SIZE), tiny.picture(2, (190, 210))
X = tiny.to_input(tiny.picture(3, SIZE))[np.newaxis].astype(np.float32)
CPU = mx.cpu()


def colour_mask(size: tuple[int, int], *, parts: int = 2) -> np.ndarray:
    """Slanted stripes of red, blue and green."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    number = np.clip((parts * (x + y / 3) / (size[0] + size[1] / 3)).astype(int), 0, parts - 1)
    return np.array([[255, 0, 0], [0, 0, 255], [0, 255, 0]], np.uint8)[number]


def keep_mask() -> np.ndarray:
    keep = np.zeros(SIZE[::-1], np.uint8)
    keep[40:160, 80:190] = 255
    return keep


def objective_of(
    tile: Any, styles: Any = None, masks: Masks | None = None, **options: Any
) -> Objective:
    chosen = Options(tile=tile, max_long_edge=max(SIZE), gpu=-1, **options)
    gathered = inputs.gather(PHOTO, styles or PAINTING, chosen, masks=masks)
    return problem.build(problem.set_up(gathered, chosen, CPU), gathered)


def divided_objective(styles: Any = None, masks: Masks | None = None, **options: Any) -> Objective:
    """As objective_of(...), the network divided: both kinds of tiles own 64 px at most."""
    chosen = Options(max_long_edge=max(SIZE), gpu=-1, **options)
    gathered = inputs.gather(PHOTO, styles or PAINTING, chosen, masks=masks)
    setup = problem.set_up(gathered, chosen, CPU)
    paintings = problem.look_at_paintings(setup, gathered)
    pieces = divided_network(setup.extractor, ceil=chosen.pooling_ceil)
    return problem.make_objective(setup, gathered, paintings, pieces)


def divided_network(
    extractor: FeatureExtractor, *, ceil: bool = False, edge: int = 64
) -> TiledFeatures:
    assert extractor.reaches is not None
    near, far = extractor.reaches
    behind = geometry.of_edge(geometry.at_boundary(SIZE, ceil=ceil), edge // 4, far)
    tiling = dataclasses.replace(geometry.of_edge(SIZE, edge, near), behind=behind)
    return extractor.pieces(tiling)


@functools.lru_cache(maxsize=1)
def at_x(whole: Objective) -> tuple[Any, np.ndarray]:
    """Loss and gradient there, worked out once however often tiles are compared with them."""
    loss, gradient = whole(nd.array(X))
    return loss, gradient.asnumpy()


def check_same(whole: Objective, parts: Objective, *, count: int = 4) -> None:
    """Loss, terms and gradient at X, where the parts are so many at least."""
    assert type(whole) is Objective and type(parts) is TiledObjective
    assert len(parts.tiling.tiles) >= count
    (loss, gradient), (other, slope) = at_x(whole), parts(nd.array(X))
    assert other == pytest.approx(loss, rel=1e-5)
    assert list(parts.terms) == list(whole.terms) == list(other.terms)
    assert parts.terms == pytest.approx(whole.terms, rel=1e-4, abs=1e-6 * loss)
    slope = slope.asnumpy()
    assert np.abs(gradient).max() > 0
    assert np.linalg.norm(slope - gradient) < 1e-4 * np.linalg.norm(gradient)
    assert np.abs(slope - gradient).max() < 1e-4 * np.abs(gradient).max()  # no seam, no corner


SHALLOW = {"style_layers": "relu1_1,relu2_1,relu3_1", "content_layers": "relu3_2"}
CASES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "mean and deviation": {"style_loss": "mean-std"},
    "Wasserstein": {"style_loss": "wasserstein"},
    "two distances": {"style_loss": "gram+wasserstein"},
    "the layer where a divided network is divided": {
        "content_layers": "relu4_2,pool2",
        "style_layers": "relu1_1,pool2,relu3_1",
    },
    "maximum pooling": {"pooling": "max"},
    "rescaled average pooling": {"pooling": "avg-rescaled"},
    "pooling that rounds up": {"pooling_ceil": True},
    "maximum pooling that rounds up": {"pooling_ceil": True, "pooling": "max"},
    "content and style at one layer": {
        "content_layers": "relu2_1,relu3_1",
        "style_layers": "relu2_1,relu3_1",
    },
    "taps before the ReLU and after pooling": {
        "content_layers": "conv3_1",
        "style_layers": "pool1,conv2_2,pool3",
    },
    "no content": {"content_weight": 0, "init": "noise"},
    "no style": {"style_weight": 0},
    "smoothness alone": {"style_weight": 0, "content_weight": 0},
    "no smoothness": {"tv_weight": 0},
    "a Laplacian": {"tv_form": "laplacian"},
    "a power": {"tv_form": "power"},
    "a limit of the norm": {"clip_norm": 1e-9},
    "unnormalised": {"normalization": "mxnet"},
    "shallow": SHALLOW,
}


# Of these, tiles are gone through twice, so that nothing may stay of the first time.
TWICE = ("the defaults", "Wasserstein", "no style", "content and style at one layer", "shallow")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    """The name; tests of one case follow each other, so that `whole` is built once for them."""
    return request.param


@pytest.fixture(scope="module")
def whole(case: str, weights_file: str) -> Objective:
    """The objective of a case, not in tiles."""
    return objective_of("off", weights=weights_file, **CASES[case])


def test_tiles_give_loss_terms_and_gradient_of_the_whole(case, whole, weights_file):
    check_same(whole, objective_of(64, weights=weights_file, **CASES[case]))


def test_so_do_tiles_of_a_divided_network(case, whole, weights_file):
    parts = divided_objective(weights=weights_file, **CASES[case])
    for _ in range(1 + (case in TWICE)):
        check_same(whole, parts, count=12)
    assert len(parts.tiling.behind.tiles) >= 4 or CASES[case] is SHALLOW


@pytest.mark.parametrize(
    ("form", "parts"), [("gram", 3), ("mean-std", 2), ("wasserstein", 3), ("gram+wasserstein", 2)]
)
def test_with_masks_several_styles_and_every_style_loss(form, parts, weights_file):
    styles = [PAINTING, tiny.picture(4, (120, 90))]
    masks = Masks(
        colour_mask((80, 60), parts=parts), [colour_mask((50, 50), parts=parts)] * 2, keep_mask()
    )
    options = {"weights": weights_file, "style_loss": form, "style_blend": "3,1"}
    whole = objective_of("off", styles, masks, **options)
    check_same(whole, objective_of(64, styles, masks, **options))
    check_same(whole, divided_objective(styles, masks, **options))


@pytest.mark.parametrize("clip_norm", [0, 1e-9])
def test_held_to_another_picture(clip_norm, weights_file):
    assert SIZE[1] > image.STRIP  # of which there are two then
    common: dict[str, Any] = {"max_long_edge": max(SIZE), "gpu": -1, "weights": weights_file}
    chosen = [Options(tile=tile, clip_norm=clip_norm, **common) for tile in ("off", 64)]
    trust = np.random.default_rng(1).uniform(0, 1, (1, 1, *X.shape[2:]))
    held = [
        loss_terms.temporal_term(chosen[0], 4.0, nd.array(X[..., ::-1]), nd.array(trust)),
        ColorLoss(1e-3, averaged(nd.array(X[..., ::-1]), (3, 2))),
    ]
    found = []
    for options in chosen:
        gathered = inputs.gather(PHOTO, PAINTING, options)
        setup = problem.set_up(gathered, options, CPU)
        paintings = problem.look_at_paintings(setup, gathered)
        networks = [problem.compiled(setup, gathered)]
        if options.tile != "off":
            networks.append(divided_network(setup.extractor))
        for network in networks:
            words = setup, gathered, paintings, network
            found.append(problem.make_objective(*words, lambda terms, view: held))
    check_same(*found[:2])
    check_same(*found[::2])
    assert found[1].terms["temporal"] > 0.01 * sum(found[1].terms.values())


def test_the_built_in_network():
    found = [objective_of(tile, model="vgg16-slim", threads=1) for tile in ("off", 64)]
    check_same(*found)


@pytest.mark.parametrize("edge", [64, 96, 128])
@pytest.mark.parametrize("padding", ["zero", "reflect"])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_at_the_pictures_border_padding_is_the_networks_own(edge, padding, pooling):
    """What the border does to a layer is large, and comes through at borders alone."""
    wanted = ["relu1_1", "relu3_1", "relu4_1"]
    needed = layers.needed_convolutions(wanted, tiny.BLOCKS["vgg19"])
    arrays = {name: tiny.random_arrays()[name] for name in needed}
    network = vgg.build(
        tiny.BLOCKS["vgg19"], arrays, wanted, pooling=pooling, padding=padding, device=CPU
    )
    features = CompiledVGG(network, X.shape, device=CPU)
    view = WholeImage(features.forward(nd.array(X)))
    tiling = geometry.of_edge(SIZE, edge, geometry.reach(wanted, tiny.BLOCKS["vgg19"]))
    width, height = tiling.edges
    pieces = TiledFeatures(CompiledVGG(network, (1, 3, height, width), device=CPU), tiling)
    assert pieces.shapes == view.shapes
    parts = TiledSource(pieces, X).features(wanted)
    for name, whole in view.features(wanted).items():
        difference = np.abs((parts[name] - whole).asnumpy())
        assert difference.max() < 1e-5 * np.abs(whole.asnumpy()).max()


@pytest.mark.parametrize("on_host", [False, True])
def test_statistics_of_parts_add_up(on_host, weights_file):
    chosen = Options(weights=weights_file, gpu=-1)
    extractor = load_network(inputs.gather(PHOTO, PAINTING, chosen), chosen, CPU)
    whole = extractor.view(X)
    pieces = extractor.pieces(geometry.of_edge(SIZE, 64, extractor.reach), gradient=False)
    parts = TiledSource(pieces, X if on_host else nd.array(X))
    chance = np.random.default_rng(1)
    asked = {}
    for name, shape in whole.shapes.items():
        asked[name, "all"] = name, None
        asked[name, "some"] = name, chance.uniform(0, 1, shape[2:]).astype(np.float32)
    one, other = (view.statistics(asked, mean=True) for view in (whole, parts))
    for key in asked:
        for a, b in zip(one[key], other[key]):
            assert np.allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-4)
    without = parts.statistics({"": ("relu1_1", None)}, mean=False)
    assert without[""].mean is None
    assert parts.statistics({}, mean=True) == {} and parts.features(()) == {}


def test_features_are_kept(weights_file):
    chosen = Options(weights=weights_file, gpu=-1)
    extractor = load_network(inputs.gather(PHOTO, PAINTING, chosen), chosen, CPU)
    pieces = extractor.pieces(geometry.of_edge(SIZE, 64, extractor.reach))
    first = TiledSource(pieces, X).features(["relu4_2"])["relu4_2"]
    before = first.asnumpy()
    TiledSource(pieces, X * 0).features(["relu4_2"])
    assert (first.asnumpy() == before).all()


def test_calls_in_any_order_give_the_same_bytes(weights_file):
    executor = objective_of(64, weights=weights_file)
    x = nd.array(X)
    loss, gradient = executor(x)
    before = gradient.asnumpy()
    executor(x * 0.5)
    assert (gradient.asnumpy() == before).all()  # not overwritten
    again, slope = executor(x)
    assert loss == again and (slope.asnumpy() == before).all()


def test_the_network_sees_every_tile_twice_but_the_last(weights_file, monkeypatch):
    executor = objective_of(64, weights=weights_file)
    seen = []
    forward = CompiledVGG.forward
    monkeypatch.setattr(CompiledVGG, "forward", lambda self, x: seen.append(1) or forward(self, x))
    executor(nd.array(X))
    assert len(seen) == 2 * len(executor.tiling.tiles) - 1
    content = objective_of(64, weights=weights_file, style_weight=0)
    seen.clear()
    content(nd.array(X))  # nothing to add up first
    assert len(seen) == len(content.tiling.tiles)


def test_one_tile_alone_is_the_whole_too(weights_file):
    whole = objective_of("off", weights=weights_file)
    pieces_of_one = geometry.tiling(SIZE, 1, 1, geometry.Reach(70, 16))
    chosen = Options(weights=weights_file, gpu=-1)
    extractor = load_network(inputs.gather(PHOTO, PAINTING, chosen), chosen, CPU)
    one = TiledObjective(extractor.pieces(pieces_of_one), whole._terms)
    check_same(whole, one, count=1)


def test_a_layer_without_terms_gets_no_gradient():
    """A region may be too small for a layer."""
    blocks, wanted = tiny.BLOCKS["vgg19"], ["relu1_1", "relu2_1"]
    arrays = {
        name: tiny.random_arrays()[name] for name in layers.needed_convolutions(wanted, blocks)
    }
    network = vgg.build(blocks, arrays, wanted, pooling="avg", padding="zero", device=CPU)
    tiling = geometry.of_edge(SIZE, 64, geometry.reach(wanted, blocks))
    width, height = tiling.edges
    whole = CompiledVGG(network, X.shape, device=CPU)
    pieces = TiledFeatures(CompiledVGG(network, (1, 3, height, width), device=CPU), tiling)
    moments = FeatureStatistics(whole.shapes["relu1_1"], device=CPU)
    target = (nd.zeros((4, 4)),)
    terms = [StyleLoss("relu1_1", 1.0, "gram", moments, target)]
    check_same(Objective(whole, terms), TiledObjective(pieces, terms))


@pytest.mark.skipif(not runtime.bfloat16_works(), reason="this CPU has no bfloat16")
def test_in_bfloat16_tiles_are_as_near_to_float32_as_the_whole(weights_file):
    options = {"weights": weights_file, "precision": "bfloat16"}
    exact = objective_of("off", weights=weights_file)(nd.array(X))[1].asnumpy()
    errors = []
    executors = [objective_of(tile, **options) for tile in ("off", 64)]
    for executor in (*executors, divided_objective(**options)):
        gradient = executor(nd.array(X))[1]
        assert gradient.dtype == np.float32
        errors.append(np.linalg.norm(gradient.asnumpy() - exact) / np.linalg.norm(exact))
    assert 0 < errors[1] < 1.2 * errors[0] and 0 < errors[2] < 1.2 * errors[0]


def test_evaluate_and_score_in_tiles(weights_file):
    options = {"weights": weights_file, "gpu": -1, "threads": 1}
    found = [evaluate(PHOTO[::-1], PHOTO, PAINTING, tile=t, **options) for t in ("off", 64)]
    assert found[1].terms == pytest.approx(found[0].terms, rel=1e-4)
    difference = np.linalg.norm(found[1].gradient - found[0].gradient)
    assert 0 < difference < 1e-4 * np.linalg.norm(found[0].gradient)
    scores = [
        list(evaluation.score([PHOTO[::-1]], PHOTO, PAINTING, Options(tile=tile, **options)))
        for tile in ("off", 64)
    ]
    assert scores[1][0].layers == pytest.approx(scores[0][0].layers, rel=1e-4)
