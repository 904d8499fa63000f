"""`instant()`: sizes, colours, masks, refusals; and a run that starts from it."""

from __future__ import annotations

import copy
import dataclasses
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import tiny

import nstyle
from nstyle import api
from nstyle.errors import ImageError, OptionError, WeightsError
from nstyle.feedforward import apply
from nstyle.feedforward.apply import Instant, instant
from nstyle.images.regions import Masks
from nstyle.optimize import inputs
from nstyle.options.options import Options

PHOTO, STYLE = tiny.picture(1, (80, 60)), tiny.picture(2, (64, 64))


@pytest.fixture(scope="module")
def one_style(tmp_path_factory):
    """A network of one style."""
    return tiny.write_network(tmp_path_factory.mktemp("network") / "mine.params")


def test_the_photo_keeps_its_own_size():
    assert nstyle.instant is instant and nstyle.Instant is Instant
    result = instant(PHOTO, STYLE)
    assert result.picture.size == (80, 60) and result.stopped == "one-pass"
    assert result.metadata["network"] == "any-style" and result.metadata["strength"] == 1
    assert set(result.metadata["options"]) <= set(apply.FIELDS)
    blended = instant(PHOTO, [STYLE, tiny.picture(5, (64, 64))], style_blend="1,0")
    assert (result.picture.pixels == blended.picture.pixels).all()


def test_sizes_are_those_of_stylize():
    assert instant(PHOTO, STYLE, max_long_edge=40).picture.size == (40, 30)
    assert instant(PHOTO, STYLE, max_long_edge=40, rescale="size").picture.size == (80, 60)


def test_what_tiles_can_do_is_not_refused(monkeypatch):
    monkeypatch.setattr(inputs, "MAX_PIXELS_AT_ONCE", 30 * 40 - 1)
    painter = Instant(STYLE, max_long_edge=40)
    assert painter.gather(PHOTO).photo.size == (40, 30)
    monkeypatch.setattr(inputs, "MAX_PIXELS_IN_TILES", 30 * 40 - 1)
    with pytest.raises(OptionError, match="at most 1199"):
        painter.gather(PHOTO)


def test_many_photos_with_one_look_at_the_style():
    painter = Instant(STYLE)
    first = painter.paint(painter.gather(PHOTO)).picture
    painter.paint(painter.gather(tiny.picture(3, (80, 60))))
    assert len(painter._looks) == 1
    again = painter.paint(painter.gather(PHOTO)).picture
    assert (first.pixels == again.pixels).all()


def test_another_style_shares_the_loaded_network_and_paints_the_same():
    painter = Instant(PHOTO)
    painter.paint(painter.gather(PHOTO))
    other = painter.restyled(STYLE, max_long_edge=40)
    assert other._loading is painter._loading and other._looks is not painter._looks
    found = other.paint(other.gather(PHOTO)).picture
    assert (found.pixels == instant(PHOTO, STYLE, max_long_edge=40).picture.pixels).all()
    with pytest.raises(OptionError, match="--strength"):
        painter.restyled(STYLE, strength=2)


def test_colours_of_the_photo_stay_where_asked_for():
    result = instant(PHOTO, STYLE, colors="content").picture.pixels.astype(int)
    photo = 257 * PHOTO.astype(int)
    apart = (result[..., 0] - result[..., 2]) - (photo[..., 0] - photo[..., 2])
    assert np.abs(apart).max() <= 257


def test_colours_are_matched_for_each_photo():
    painter, other = Instant(STYLE, colors="match"), 255 - tiny.picture(3, (80, 60))
    painter.paint(painter.gather(PHOTO))
    found = painter.paint(painter.gather(other)).picture
    assert (found.pixels == instant(other, STYLE, colors="match").picture.pixels).all()


def test_regions_take_their_own_style_and_kept_parts_stay():
    mask = np.zeros((60, 80, 3), np.uint8)
    mask[:, 40:] = (255, 0, 0)
    style = np.concatenate([STYLE, 255 - STYLE], axis=1)
    style_mask = np.zeros_like(style)
    style_mask[:, 64:] = (255, 0, 0)
    keep = np.zeros((60, 80), np.uint8)
    keep[:10] = 255
    masks = Masks(mask, [style_mask], keep)
    turned = Masks(mask, [style_mask[:, ::-1].copy()], keep)
    gathered, other = (
        inputs.gather(PHOTO, style, apply.options_of({}), masks=each) for each in (masks, turned)
    )
    painter = Instant(style)
    values, swapped = painter.values(gathered), painter.values(other)
    assert values.shape == (60, 80, 3) and np.isfinite(values).all()
    assert np.abs(values - swapped).mean() > 0.02
    picture = painter.paint(gathered).picture
    assert np.abs(picture.floats()[:5] - PHOTO[:5] / 255).max() < 0.01


@pytest.mark.parametrize(
    ("style", "more", "error", "says"),
    [
        (None, {}, OptionError, "--style-image: none was given"),
        ([], {}, OptionError, "--style-image: none was given"),
        (STYLE, {"strength": "much"}, OptionError, "--strength: 'much' is not a number"),
        (STYLE, {"strength": 10**400}, OptionError, "out of range"),
        (STYLE, {"lr": 0.1}, OptionError, "lr: means nothing for one pass"),
        (STYLE, {"network": "nowhere.params"}, WeightsError, "nowhere.params: no such file"),
        ("nowhere.jpg", {}, ImageError, "nowhere.jpg: no such file"),
    ],
)
def test_bad_input_is_refused_before_any_work(style, more, error, says):
    with pytest.raises(error, match=says):
        Instant(style, **more)


@pytest.mark.parametrize(
    "more", [{"style_scale": 2}, {"style_size": 200}, {"style_blend": "1"}, {"style_scale": "0.5"}]
)
def test_a_network_of_one_style_refuses_what_asks_for_other_strokes(one_style, more):
    (name,) = more
    with pytest.raises(OptionError, match="--" + name.replace("_", "-")):
        Instant(network=one_style, **more)
    assert Instant(network=one_style, style_scale=1).options.style_scale == 1


@pytest.mark.parametrize("colors", ["style", "content"])
@pytest.mark.parametrize("kind", ["any style", "one style"])
def test_without_strength_the_photo_itself_is_left(kind, colors, one_style):
    given = {"style": STYLE} if kind == "any style" else {"network": one_style}
    painted = [
        instant(PHOTO, **given, strength=strength, colors=colors).picture.floats()
        for strength in (0, 0.02, 0.49, 0.51, 1)
    ]
    away = [np.abs(each - PHOTO / 255).mean() for each in painted]
    assert away[0] < 0.5 / 255 and away[:3] == sorted(away[:3])
    steps = [np.abs(a - b).mean() for a, b in zip(painted, painted[1:])]
    assert max(steps[0], steps[2]) < 0.08 * away[-1] < steps[3], "without a jump"


def test_threads_may_share_one_from_its_first_use_on():
    photos = [tiny.picture(number, (64 + 8 * number, 48)) for number in range(6)]
    alone = Instant(STYLE)
    expected = [alone.paint(alone.gather(photo)).picture.pixels for photo in photos]
    painter, together = Instant(STYLE), threading.Barrier(len(photos))

    def paint(photo):
        gathered = painter.restyled(STYLE).gather(photo)
        together.wait()
        return painter.paint(gathered).picture.pixels

    with ThreadPoolExecutor(len(photos)) as pool:
        for found, wanted in zip(pool.map(paint, photos), expected):
            np.testing.assert_array_equal(found, wanted)


def test_it_goes_to_other_processes_and_so_do_results():
    painter = Instant(STYLE)
    gathered = painter.gather(PHOTO)
    here = painter.paint(gathered)
    copied = copy.deepcopy(painter).paint(gathered)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(painter.paint, gathered).result()
    for found in (copied, there):
        np.testing.assert_array_equal(found.picture.pixels, here.picture.pixels)
        assert found.metadata == here.metadata


def test_a_run_can_begin_with_it(weights_file, monkeypatch):
    calls, original = [], api.first_guess
    monkeypatch.setattr(api, "first_guess", lambda *args: calls.append(1) or original(*args))
    result = nstyle.stylize(
        PHOTO, STYLE, init="instant", weights=weights_file, max_num_epochs=1, lr=1e-9, gpu=-1
    )
    assert len(calls) == 1 and result.picture.size == (80, 60)
    plain = nstyle.stylize(PHOTO, STYLE, weights=weights_file, max_num_epochs=1, lr=1e-9, gpu=-1)
    photo = np.abs(plain.picture.floats() - PHOTO / 255).mean()
    assert np.abs(result.picture.floats() - PHOTO / 255).mean() > 2 * photo


def test_it_begins_at_the_first_size_and_in_the_colours_that_are_painted():
    options = Options(init="instant", colors="content", scales=2, gpu=-1)
    gathered = inputs.gather(PHOTO, STYLE, options)
    guess = api.first_guess(gathered, options).floats()
    assert guess.shape == PHOTO.shape
    np.testing.assert_allclose(guess[..., 0], guess[..., 2], atol=1e-3)
    whole = api.first_guess(gathered, dataclasses.replace(options, scales=1)).floats()
    assert np.abs(np.diff(guess, axis=0)).mean() < 0.9 * np.abs(np.diff(whole, axis=0)).mean()


def test_a_texture_has_no_first_guess(weights_file, monkeypatch):
    monkeypatch.setattr(api, "first_guess", lambda *given: pytest.fail("asked"))
    result = nstyle.stylize(
        None, STYLE, init="instant", content_weight=0, size="48x48", weights=weights_file,
        max_num_epochs=1, gpu=-1,
    )  # fmt: skip
    assert result.picture.size == (48, 48)
