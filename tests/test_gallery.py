"""What each feature of docs/gallery promises, on a tiny network; and that the gallery is whole."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from nstyle import evaluate
from nstyle.api import stylize
from nstyle.errors import ImageError, OptionError
from nstyle.images import color
from nstyle.images.picture import Picture
from nstyle.optimize.records import Result

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
PHOTO, ONE, TWO = tiny.picture(1, (64, 48)), tiny.picture(2, (60, 50)), tiny.picture(3, (48, 64))
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def paint(weights_file):
    """stylize() with a tiny network and few epochs."""

    def call(style: Any = ONE, content: Any = PHOTO, **options: Any) -> Result:
        chosen = {"weights": weights_file, "max_num_epochs": 4, "stop_eps": 0, "gpu": -1}
        return stylize(content, style, **{**chosen, **options})

    return call


def pixels(result: Result) -> np.ndarray:
    return np.asarray(result.image.convert("RGB")).astype(int)


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> np.ndarray:
    """A mask of two regions, of another size than the photo."""
    mask = np.zeros((30, 40, 3), np.uint8)
    mask[:, :20], mask[:, 20:] = left, right
    return mask


HALVES = halves(RED, BLUE)


# ---- several styles ----


def test_a_share_of_nought_is_no_style_at_all_and_a_style_twice_is_that_style(paint):
    alone = pixels(paint(ONE))
    assert (pixels(paint([ONE, TWO], style_blend="1,0")) == alone).all()
    assert (pixels(paint([TWO, ONE], style_blend="0,2")) == alone).all()
    assert (pixels(paint([ONE, TWO])) != alone).any()
    assert np.abs(pixels(paint([ONE, ONE], style_blend="3,1")) - alone).max() <= 1
    assert (pixels(paint(style_size=30)) != pixels(paint(style_size=60))).any()


BOTH, COLOURS = [ONE, TWO], ["#ff0000", "#0000ff"]
TEXTURE = {"content": None, "content_weight": 0, "size": "56x40"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"style": BOTH, "style_blend": "1"}, "1 numbers, but there are 2"),
        ({"style": BOTH, "style_blend": "0,0"}, "must be above 0"),
        ({"style": BOTH, "style_blend": "1,x"}, "'x'"),
        ({"style_mask": "#ff0000"}, "--style-mask: needs --content-mask"),
        ({"content_mask": HALVES}, "--content-mask: needs a --style-mask"),
        (
            {"content_mask": HALVES, "style_mask": COLOURS},
            "--style-mask: 2 given, --style-image: 1",
        ),
        ({"content_mask": HALVES, "style_mask": "#00ff00"}, "in no style mask"),
        (
            {"style": BOTH, "style_blend": "1,0", "content_mask": HALVES, "style_mask": COLOURS},
            "region #0000ff has only styles with a share of 0",
        ),
        ({"keep_mask": "none.png"}, "--keep-mask: .*no such file"),
        ({**TEXTURE, "content_weight": 1}, "--content-image: none was given"),
        ({**TEXTURE, "size": None}, "--content-image: none was given"),
        ({**TEXTURE, "size": "56x"}, "--size WxH"),
        ({**TEXTURE, "colors": "match"}, "--colors: needs a photo"),
        ({**TEXTURE, "keep_mask": ONE}, "--keep-mask: needs a photo"),
        ({"style_size": 30, "style_scale": 2}, "--style-size: cannot be together with"),
        ({"style_size": 30, "fit": "stretch"}, "fit=stretch"),
        (
            {"style_loss": "wasserstein", "preset": "mxnet"},
            "--style-loss: wasserstein has no place",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(paint, options, said):
    with pytest.raises((ImageError, OptionError), match=said):
        paint(**options)


def test_the_larger_share_is_nearer(paint, weights_file):
    knobs = {"weights": weights_file, "content_weight": 0, "tv_weight": 0, "gpu": -1}
    first, second = (
        paint(BOTH, style_blend=blend, content_weight=0.01, max_num_epochs=30, lr=1)
        for blend in ("9,1", "1,9")
    )
    for style, near, far in ((ONE, first, second), (TWO, second, first)):
        one, other = (evaluate(result.image, PHOTO, style, **knobs) for result in (near, far))
        assert one.loss < other.loss


# ---- masks ----


def means(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Mean colours of the left and the right third."""
    seen = pixels(result)
    return seen[:, :20].mean(axis=(0, 1)), seen[:, -20:].mean(axis=(0, 1))


@pytest.mark.parametrize("loss", ["gram", "mean-std", "wasserstein", "gram+wasserstein"])
def test_swapping_the_masks_swaps_the_looks(paint, loss):
    warm = np.full((40, 40, 3), (220, 90, 30), np.uint8) + tiny.picture(4, (40, 40)) // 16
    cold = np.full((40, 40, 3), (30, 90, 220), np.uint8) + tiny.picture(5, (40, 40)) // 16
    usual = {"content_mask": HALVES, "style_loss": loss, "max_num_epochs": 40, "lr": 1}
    usual.update(content_weight=0.01, tv_weight=0)
    one = means(paint([warm, cold], style_mask=COLOURS, **usual))
    beside = np.concatenate([warm, cold], axis=1)  # or parts of one painting
    other = means(paint(beside, style_mask=halves(BLUE, RED), **usual))
    assert one[0][0] - one[0][2] > other[0][0] - other[0][2] + 10  # left: warmer before
    assert one[1][0] - one[1][2] < other[1][0] - other[1][2] - 10


def test_a_region_too_small_for_a_layer_is_left_out_there_with_a_note(paint, caplog):
    mask = np.full((48, 64, 3), BLUE, np.uint8)
    mask[:6, :8] = RED
    with caplog.at_level(logging.INFO, logger="nstyle"):
        result = paint(BOTH, content_mask=mask, style_mask=COLOURS)
    note = "region #ff0000: too small, or too much of it kept, for relu5_1; left out there"
    assert note in caplog.text and "kept, for relu1_1" not in caplog.text
    assert np.isfinite(result.history[-1].loss)
    names = result.history[-1].terms
    assert "style:relu1_1:#ff0000" in names and "style:relu5_1:#ff0000" not in names


@pytest.mark.parametrize("knobs", [{}, {"init": "noise", "scales": 2}, {"optimizer": "lbfgs"}])
def test_kept_pixels_are_the_photos_while_painting_too(paint, monkeypatch, knobs):
    from nstyle.optimize.solver import loop

    solve, starts = loop.solve, []

    def watched(minimise: Any, watch: loop.LoopState) -> loop.LoopState:
        starts.append(watch.objective.read(watch.x)[0])
        return solve(minimise, watch)

    monkeypatch.setattr(loop, "solve", watched)
    keep = np.zeros((48, 64), np.uint8)
    keep[10:30, 20:50] = 255
    seen = pixels(paint(keep_mask=keep, **knobs))
    assert (seen[10:30, 20:50] == PHOTO[10:30, 20:50]).all()
    assert (seen[keep == 0] != PHOTO[keep == 0]).mean() > 0.5
    difference = starts[-1] - tiny.to_input(PHOTO)
    assert np.abs(difference[:, 10:30, 20:50]).max() < 1e-3


# ---- colours ----


def chroma(values: np.ndarray) -> np.ndarray:
    """Differences of the channels from luma, of 0..255."""
    return values - (values @ color.LUMA)[..., np.newaxis]


def test_the_contents_colours_are_kept_within_a_level(paint):
    seen = pixels(paint(colors="content", max_num_epochs=20, lr=1))
    assert np.abs(chroma(seen) - chroma(PHOTO.astype(float))).max() <= 1
    assert (np.abs(seen - PHOTO).max(axis=2) > 0).mean() > 0.5


def test_a_matched_style_has_the_photos_colours(paint):
    warm = (ONE * np.array([1.0, 0.5, 0.2])).astype(np.uint8)
    knobs = {"max_num_epochs": 60, "lr": 1, "content_weight": 0.01, "tv_weight": 0}
    matched, plain = (
        np.abs(pixels(paint(warm, colors=c, **knobs)).mean(axis=(0, 1)) - PHOTO.mean(axis=(0, 1)))
        for c in ("match", "style")
    )
    assert matched.max() < plain.max()


@pytest.mark.parametrize("colors", ["content", "match"])
@pytest.mark.parametrize("kind", ["grey", "flat"])
def test_pictures_without_colours_give_no_nan(paint, colors, kind):
    plain = np.repeat(ONE[..., :1], 3, axis=2) if kind == "grey" else np.full_like(ONE, 90)
    for content, style in ((PHOTO, plain), (plain, ONE), (plain, plain)):
        result = paint(style, content, colors=colors)
        assert np.isfinite(result.history[-1].loss)


# ---- texture ----


def test_a_texture_needs_no_photo_and_has_the_styles_look(paint, weights_file):
    knobs = {"content_weight": 0, "size": "56x40", "max_num_epochs": 40, "tv_weight": 0, "lr": 1}
    result = paint(ONE, None, **knobs)
    assert result.picture.size == (56, 40)
    flat = Picture(np.full((40, 56, 3), 128, np.uint8)).to_pil()

    def distance(picture: Any) -> float:
        judged = evaluate(picture, PHOTO, ONE, weights=weights_file, content_weight=0, tv_weight=0)
        return judged.loss

    assert distance(result.image) < 0.1 * distance(flat)
    assert set(result.history[-1].terms) == {f"style:relu{b}_1" for b in range(1, 6)}


# ---- style losses ----


@pytest.mark.parametrize("loss", ["mean-std", "wasserstein", "gram+wasserstein"])
def test_style_losses_paint_and_fall(paint, loss):
    history = paint(style_loss=loss, max_num_epochs=20, lr=1, scales=1).history
    assert history[-1].loss < 0.8 * history[0].loss
    assert (pixels(paint(style_loss=loss)) != pixels(paint())).any()


def test_smoothness_alone_may_be_painted(paint):
    history = paint(content_weight=0, style_weight=0, lr=1).history
    assert set(history[-1].terms) == {"tv"} and history[-1].loss < history[0].loss


# ---- the gallery itself ----


def test_each_picture_of_the_gallery_has_its_command():
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(shown) >= 10
    for name in shown:
        path = os.path.relpath(GALLERY / name, GALLERY.parents[1])
        assert any(path in line for line in text.splitlines() if line.startswith("    "))
        assert (GALLERY / name).stat().st_size < 150_000
        Image.open(GALLERY / name).verify()


def test_a_mask_of_another_shape_is_stretched_with_a_warning(paint, caplog):
    paint(keep_mask=np.zeros((60, 20), np.uint8))
    assert "--keep-mask: is 20x60, the photo 64x48: stretched" in caplog.text


def test_the_keep_mask_leaves_something_to_paint(paint):
    white = np.full((48, 64), 255, np.uint8)
    assert (pixels(paint(keep_mask=white)) == PHOTO).all()
    with pytest.raises(OptionError, match="--keep-mask: leaves nothing to paint"):
        paint(keep_mask=white, content_weight=0, tv_weight=0)


def test_a_picture_in_the_photos_colours_is_judged_by_its_luminance(paint, weights_file):
    knobs = {"weights": weights_file, "gpu": -1, "content_weight": 10}
    result = paint(colors="content", max_num_epochs=40, scales=1, content_weight=10)
    grey = color.luminance(result.picture)
    judged = [
        evaluate(picture.floats(), PHOTO, ONE, colors="content", **knobs).loss
        for picture in (result.picture, grey)
    ]
    assert judged[0] == pytest.approx(judged[1], rel=1e-3)
    photo = evaluate(PHOTO / 255.0, PHOTO, ONE, colors="content", **knobs).loss
    assert judged[0] < 0.5 * photo
