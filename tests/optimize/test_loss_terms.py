"""What photo and paintings look like to the network: parts, blends. Whole runs: test_gallery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from nstyle.images.regions import Masks
from nstyle.losses.style import STYLE_DISTANCES
from nstyle.optimize import inputs, loss_terms, problem
from nstyle.optimize.tiles.sources import WholeImage
from nstyle.options.options import Options
from nstyle.system.backend import mx, nd

PHOTO, PAINTING = tiny.picture(1, (64, 48)), tiny.picture(2, (60, 50))


def gather(weights_file: str, masks: Masks, **options: object) -> inputs.Inputs:
    chosen = Options(weights=weights_file, **options)
    return inputs.gather(PHOTO, PAINTING, chosen, masks=masks)


def halves() -> np.ndarray:
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32, 0], mask[:, 32:, 2] = 255, 255
    return mask


def test_places_cover_the_photo_with_soft_edges_and_leave_out_what_is_kept(weights_file):
    assert loss_terms.places_of(gather(weights_file, Masks())) == [("", None)]
    keep = np.zeros((48, 64), np.uint8)
    keep[:10] = 255
    gathered = gather(weights_file, Masks(halves(), [halves()], keep))
    names, weights = zip(*loss_terms.places_of(gathered))
    assert sorted(names) == ["#0000ff", "#ff0000"]
    total, row = sum(weights), weights[0][20]
    assert np.allclose(total[10:], 1, atol=1e-5) and not total[:10].any()
    assert 0.05 < row[31] < 0.95 and {row[0], row[-1]} == {0.0, 1.0}
    ((name, alone),) = loss_terms.places_of(replace(gathered, regions=()))
    assert name == "" and (alone[10:] == 1).all() and not alone[:10].any()


def test_too_little_of_a_region_has_no_target():
    tap = nd.array(np.random.default_rng(1).normal(size=(1, 3, 6, 8)))
    within = np.zeros((12, 16), np.float32)
    within[:4, :4] = 1  # four of the layer's positions
    more = np.zeros((12, 16), np.float32)
    more[:8, :8] = 1
    targets = loss_terms.measured(
        WholeImage({"tap": tap}),
        STYLE_DISTANCES["gram"],
        {"few": ("tap", within), "more": ("tap", more)},
    )
    assert targets["few"] is None
    part = tap.asnumpy()[0, :, :4, :4].reshape(3, -1)
    assert np.allclose(targets["more"][0].asnumpy(), part @ part.T / 16, rtol=1e-4)


def test_a_blend_is_of_those_that_have_the_region():
    one, two = (nd.full((1, 1), 1.0),), (nd.full((1, 1), 5.0),)
    assert loss_terms.blended([None, None], [0.5, 0.5]) is None
    (alone,) = loss_terms.blended([None, two], [0.75, 0.25])
    assert alone.asscalar() == 5
    (both,) = loss_terms.blended([one, two], [0.75, 0.25])
    assert both.asscalar() == pytest.approx(2)


def test_each_region_counts_by_its_area(weights_file):
    """A region's gradient per pixel does not depend on how large it is."""
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :16, 0], mask[:, 16:, 2] = 255, 255
    options = Options(weights=weights_file, style_layers="relu1_1")
    masks = Masks(mask, ["#ff0000", "#0000ff"])
    gathered = inputs.gather(PHOTO, [PAINTING, PAINTING], options, masks=masks)
    objective = problem.build(problem.set_up(gathered, options, mx.cpu()), gathered)
    scales = {t.region: t.scale for t in objective._terms if t.kind == "style"}
    assert scales["#0000ff"] / scales["#ff0000"] == pytest.approx(3, rel=0.05)
