"""The sample pictures, and the program that paints the styles among them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE
from nstyle.images import image_file
from nstyle.images.picture import resize

CHECKOUT = Path(__file__).parents[1]
SAMPLES = CHECKOUT / "input"
sys.path.insert(0, str(SAMPLES))
import make_styles  # noqa: E402 - the folder is no package of the checkout

PICTURES = sorted(path.name for path in SAMPLES.glob("*.jpg"))
STYLES = {f"{name}.jpg" for name in make_styles.STYLES}
PHOTOS = set(PICTURES) - STYLES


def test_there_are_three_photos_and_four_styles_at_least():
    assert len(PHOTOS) >= 3 and len(STYLES) >= 4 and set(PICTURES) >= STYLES
    assert SAMPLE_PHOTO in PHOTOS and SAMPLE_STYLE in STYLES
    assert max(image_file.read(SAMPLES / SAMPLE_PHOTO).size) >= 600


@pytest.mark.parametrize("name", PICTURES)
def test_every_sample_can_be_read_and_is_a_picture_of_something(name):
    picture = image_file.read(SAMPLES / name)
    assert min(picture.size) >= 256
    assert picture.pixels.std() > 20
    if name in STYLES:
        entry = make_styles.STYLES[Path(name).stem]
        assert picture.size == (entry.width, entry.height) and max(picture.size) >= 800


def test_the_credits_name_every_sample_and_the_seed_of_every_style():
    text = (SAMPLES / "CREDITS.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    assert sorted(row[1].strip(" `") for row in rows) == PICTURES
    assert all(cell.strip() for row in rows for cell in row[1:-1])
    for name, style in make_styles.STYLES.items():
        assert f"| `{name}.jpg` | {style.seed} |" in text


@pytest.mark.parametrize("name", sorted(make_styles.STYLES))
def test_a_painter_paints_the_same_picture_from_the_same_seed_and_it_is_colourful(name):
    style = make_styles.STYLES[name]
    size = make_styles._scaled(style, 96)
    first, second, other = (
        make_styles.paint(name, *size, seed) for seed in (style.seed, style.seed, style.seed + 1)
    )
    assert first.shape == (size[1], size[0], 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert (first.std(axis=(0, 1)) > 20).all()
    colours = first.astype(int)
    assert np.abs(colours - colours.mean(axis=2, keepdims=True)).mean() > 10  # not grey
    with pytest.raises(ValueError, match="at least 16"):
        make_styles.paint(name, 8, 40, 1)


def test_painting_again_makes_the_shipped_file(tmp_path):
    code = make_styles.main(["--output", str(tmp_path), "--long-edge", "96", "stained_glass"])
    small = image_file.read(tmp_path / "stained_glass.jpg")
    shipped = resize(image_file.read(SAMPLES / "stained_glass.jpg"), *small.size)
    assert code == 0
    assert max(small.size) == 96
    both = [np.asarray(picture.to_pil().resize((12, 12))) for picture in (small, shipped)]
    assert np.corrcoef(both[0].ravel(), both[1].ravel())[0, 1] > 0.6


@pytest.mark.parametrize("words", [["monet"], ["--long-edge", "x"]])
def test_what_the_painter_does_not_know_is_refused(words, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        make_styles.main(["--output", str(tmp_path), *words])
    assert caught.value.code == 2
    assert words[-1] in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
