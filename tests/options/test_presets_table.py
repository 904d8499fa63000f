"""Each preset against a plain numpy transcription of its formulas, on a small network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tiny
import transcription
from PIL import Image
from scipy.optimize import fmin_l_bfgs_b
from skimage.transform import resize
from transcription import RECIPES, UPDATES

from nstyle.api import stylize
from nstyle.optimize import inputs, multiscale, problem
from nstyle.options import presets
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions
from nstyle.options.presets_table import PRESETS
from nstyle.system.backend import mx

PHOTO, PAINTING = tiny.picture(1, (100, 75)), tiny.picture(2, (70, 90))
# preset -> (the typed size, what comes of it: both pictures stretched, odd edges)
SIZES: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "mxnet": ({"max_long_edge": 45}, (45, 33)),
    "mxnet-nag": ({"max_long_edge": 45}, (45, 33)),
    "keras-prisma": ({"size": "39x39"}, (39, 39)),
    "tf-scroll": ({"size": "45x37"}, (45, 37)),
    "keras-book": ({"size": "x37"}, (49, 37)),
}
every_preset = pytest.mark.parametrize("name", RECIPES)


def stretched(name: str, pixels: np.ndarray) -> np.ndarray:
    """The picture at the preset's size, 3xHxW as the network gets it."""
    recipe, (width, height) = RECIPES[name], SIZES[name][1]
    if name.startswith("mxnet"):
        shape = (height, width)
        floats = resize(pixels / 255.0, shape, order=1, mode="reflect", anti_aliasing=False)
    else:
        planes = [Image.fromarray(plane) for plane in (pixels / np.float32(255)).transpose(2, 0, 1)]
        sized = [plane.resize((width, height), Image.Resampling.BICUBIC) for plane in planes]
        floats = np.round(np.clip(np.stack(sized, axis=2), 0, 1).astype(np.float64) * 255) / 255
    return (floats * recipe.white - recipe.mean).transpose(2, 0, 1)


@dataclasses.dataclass
class Both:
    """A preset's objective, ours and the transcription's, and a start that is neither picture."""

    setup: problem.PaintSetup
    photo: np.ndarray
    objective: Any
    reference: transcription.Objective
    start: np.ndarray

    def gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """Ours and the transcription's at the start; both then know their terms."""
        _, gradient = self.objective(self.objective.load(self.start[np.newaxis]))
        return gradient.asnumpy()[0], self.reference(self.start.astype(np.float64))[1]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """preset -> Both, with other options if wanted."""
    folder = tmp_path_factory.mktemp("recipes")
    files = {m: tiny.write_vgg(folder / f"{m}.params", model=m) for m in ("vgg19", "vgg16")}

    def build(name: str, **other: Any) -> Both:
        recipe, (typed, (width, height)) = RECIPES[name], SIZES[name]
        options = presets.resolve({"weights": files[recipe.model], **typed, **other}, name)
        gathered = inputs.gather(PHOTO, PAINTING, options)
        setup = problem.set_up(gathered, options, mx.cpu())
        objective = problem.build(setup, gathered)
        arrays = tiny.random_arrays(model=recipe.model)
        reference = transcription.Objective(
            recipe, arrays, stretched(name, PHOTO), stretched(name, PAINTING)
        )
        start = tiny.to_input(tiny.picture(3, (width, height)), recipe.mean).astype(np.float32)
        return Both(setup, setup.array(gathered.photo), objective, reference, start)

    return build


# ---- the transcription itself ----


@pytest.mark.parametrize(("pooling", "ceil"), [("avg", False), ("avg", True), ("max", True)])
def test_the_transcriptions_backward_pass_is_that_of_central_differences(pooling, ceil):
    arrays, chance = tiny.random_arrays(), np.random.default_rng(1)
    x = tiny.to_input(tiny.picture(1, (45, 37)))
    taps = tiny.taps_of(arrays, x, pooling=pooling, ceil=ceil)
    heads = {name: chance.normal(size=taps[name].shape) for name in ("relu2_1", "relu5_2")}
    gradient = transcription.backward(arrays, taps, heads, pooling=pooling, ceil=ceil)
    direction = chance.normal(size=x.shape)

    def value(x: np.ndarray) -> float:
        there = tiny.taps_of(arrays, x, pooling=pooling, ceil=ceil)
        return sum(float((there[name] * head).sum()) for name, head in heads.items())

    seen = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    assert seen == pytest.approx(float((gradient * direction).sum()), rel=1e-4)


@every_preset
def test_the_transcriptions_gradient_is_that_of_its_value(name, both):
    there = both(name)
    recipe = dataclasses.replace(there.reference.recipe, clip_norm=False)
    objective, x = there.reference, there.start.astype(np.float64)
    objective.recipe = recipe
    gradient = objective(x)[1]
    direction = gradient + np.random.default_rng(2).normal(size=x.shape) * np.abs(gradient).mean()
    step = 1e-5 / np.abs(direction).max()
    seen = (objective(x + step * direction)[0] - objective(x - step * direction)[0]) / (2 * step)
    assert seen == pytest.approx(float((gradient * direction).sum()), rel=1e-4)


# ---- the presets ----


@every_preset
def test_both_pictures_are_stretched_to_the_presets_size(name, both):
    there = both(name)
    width, height = SIZES[name][1]
    assert there.photo.shape == (1, 3, height, width)
    assert np.abs(there.photo[0] - stretched(name, PHOTO)).max() < 0.02


@every_preset
def test_every_term_is_that_of_the_transcription(name, both):
    there = both(name)
    there.gradients()
    assert list(there.objective.terms) == list(there.reference.terms)
    assert there.objective.terms == pytest.approx(there.reference.terms, rel=1e-3)
    assert min(there.reference.terms.values()) > 0


@every_preset
def test_the_gradient_is_that_of_the_transcription(name, both):
    ours, theirs = both(name).gradients()
    assert np.linalg.norm(ours - theirs) < 3e-4 * np.linalg.norm(theirs)


def points_of(there: Both, count: int) -> list[np.ndarray]:
    """The arrays after each of the first epochs, by the optimiser that a run would use."""
    points: list[np.ndarray] = []

    def observe(x: Any, loss: float, state: dict[str, Any]) -> bool:
        points.append(x.asnumpy()[0])
        return len(points) == count

    minimise = multiscale.minimiser(there.setup.options, there.photo.size)
    minimise(there.objective, there.objective.load(there.start[np.newaxis]), observe=observe)
    return points


# The limits of MXNet's two bind with their own weights, and do not with the small ones.
@pytest.mark.parametrize("weights", [{}, {"content_weight": 0.1, "style_weight": 1e-4}])
@pytest.mark.parametrize("name", UPDATES)
def test_the_first_three_updates_are_those_of_the_transcription(name, weights, both):
    there = both(name, **weights)
    there.reference.recipe = dataclasses.replace(RECIPES[name], **weights)
    ours = points_of(there, 3)
    theirs = UPDATES[name](there.reference, there.start.astype(np.float64), 3)
    for mine, other in zip(ours, theirs):
        moved = np.linalg.norm(other - there.start)
        assert np.linalg.norm(mine - other) < 1e-4 * moved


@pytest.mark.parametrize("name", ["mxnet", "mxnet-nag"])
def test_the_limit_of_the_gradient_binds_with_the_examples_own_weights(name, both):
    there = both(name)
    free = dataclasses.replace(there.reference.recipe, clip_norm=False, tv_weight=0)
    there.reference.recipe = free
    gradient = there.reference(there.start.astype(np.float64))[1]
    if name == "mxnet":
        assert (np.abs(gradient) > 10).mean() > 0.5
    else:
        assert np.linalg.norm(gradient) > 2 * gradient.size


@pytest.mark.parametrize("name", ["keras-prisma", "keras-book"])
def test_an_epoch_is_a_call_of_scipys_lbfgs_with_20_evaluations(name, both, monkeypatch):
    there = both(name)
    shape, calls = there.start.shape, []
    real = type(there.objective).__call__
    monkeypatch.setattr(
        type(there.objective), "__call__", lambda *args: calls.append(1) or real(*args)
    )
    found = points_of(there, 3)[-1].astype(np.float64)
    assert len(calls) <= 3 * 20

    def flat(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = there.reference(x.reshape(shape))
        return loss, gradient.ravel()

    x = there.start.astype(np.float64).ravel()
    for _ in range(3):
        x, expected, _ = fmin_l_bfgs_b(flat, x, maxfun=20)
    before, after = (there.reference(there.start)[0], there.reference(found)[0])
    assert expected < 0.5 * before
    assert after < 1.15 * expected


@pytest.mark.parametrize("name", ["keras-prisma", "keras-book"])
def test_kerass_two_start_from_the_photo(name, both):
    there = both(name)
    gathered = inputs.gather(PHOTO, PAINTING, there.setup.options)
    assert (multiscale.start_values(gathered, there.setup) == there.photo).all()


def test_the_ink_scroll_starts_from_seven_tenths_of_noise(both):
    there = both("tf-scroll")
    gathered = inputs.gather(PHOTO, PAINTING, there.setup.options)
    start = multiscale.start_values(gathered, there.setup)
    noise = (start - 0.3 * there.photo) / 0.7
    assert 19.5 < np.abs(noise).max() < 20.01
    assert abs(noise.mean()) < 1
    assert noise.std() == pytest.approx(20 / 3**0.5, rel=0.05)  # uniform


@pytest.mark.parametrize(
    ("name", "size"),
    [("keras-prisma", (39, 29)), ("tf-scroll", (45, 37)), ("keras-book", (49, 37))],
)
def test_the_finished_picture_has_the_presets_size(name, size, tmp_path):
    weights = tiny.write_vgg(tmp_path / "any.params", model=RECIPES[name].model)
    typed = {**SIZES[name][0], "weights": weights, "max_num_epochs": 1, "gpu": -1}
    assert stylize(PHOTO, PAINTING, preset=name, **typed).picture.size == size


# ---- the table ----


@pytest.mark.parametrize("name", PRESETS)
def test_every_value_is_a_difference_from_the_defaults_and_has_a_reason(name):
    preset = PRESETS[name]
    usual = {**dataclasses.asdict(Options()), **dataclasses.asdict(OutputOptions())}
    assert set(preset.values) <= set(usual)
    assert [field for field, (value, _) in preset.values.items() if value == usual[field]] == []
    for field, (_, reason) in preset.values.items():
        assert 4 <= len(reason) <= 100 and "\n" not in reason, field
    assert 20 <= len(preset.about) <= 100


def test_the_presets_are_those_of_the_transcription():
    assert set(PRESETS) == {*RECIPES, "fast", "best"}  # ours
