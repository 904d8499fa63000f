"""What a run needs from outside: found, sized and checked before MXNet is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from nstyle.errors import ImageError, OptionError, WeightsError
from nstyle.images.picture import Picture
from nstyle.images.regions import Masks
from nstyle.images.sizes import Size
from nstyle.optimize import inputs
from nstyle.options.options import Options

CHECKOUT = Path(__file__).parents[2]
BUILT_IN = str(CHECKOUT / "nstyle" / "networks" / "pretrained" / "vgg16-slim.params")


def gathered(content: Any, style: Any, **values: Any) -> inputs.Inputs:
    """gather() for these options."""
    return inputs.gather(content, style, Options(**values))


def sizes(photo: Size, painting: Size, options: Options) -> tuple[Size, Size]:
    """Of the result and of the style picture."""
    size = inputs.result_size(photo, options)
    return size, inputs.style_size_for(size, painting, options)


def test_neither_gathering_nor_what_it_needs_loads_mxnet(tmp_path):
    photo, style = tiny.write_picture(tmp_path / "p.png"), tiny.write_picture(tmp_path / "s.png", 1)
    code = (
        "import json, sys\n"
        "from nstyle import api\n"
        "from nstyle.optimize import inputs\n"
        "from nstyle.options.options import Options\n"
        f"found = inputs.gather({photo!r}, {style!r}, Options())\n"
        "loaded = [name for name in ('mxnet', 'gluoncv') if name in sys.modules]\n"
        "print(json.dumps([found.photo.size, found.model, loaded]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[64, 48], "vgg16-slim", []]


def test_pictures_come_at_their_working_sizes_with_the_built_in_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = gathered(tiny.picture(0, (96, 48)), tiny.picture(1, (60, 90)), max_long_edge=48)
    assert found.photo.size == (48, 24)
    assert found.start is None
    assert (found.model, found.weights) == ("vgg16-slim", BUILT_IN)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_a_kept_style_has_its_own_aspect_and_scale_squared_times_the_pixels(scale):
    size, style = sizes((400, 300), (900, 600), Options(style_scale=scale))
    assert size == (400, 300)
    assert style[0] / style[1] == pytest.approx(1.5, rel=0.01)
    assert style[0] * style[1] == pytest.approx(scale**2 * 400 * 300, rel=0.01)


STRETCHED = {"fit": "stretch", "max_long_edge": 100, "enlarge": True}


@pytest.mark.parametrize(
    ("options", "photo", "painting", "size", "style"),
    [
        # No short side of the style is under 128 px, unless the file's is.
        ({"max_long_edge": 64}, (640, 480), (2500, 500), (64, 48), (640, 128)),
        ({"max_long_edge": 64}, (640, 480), (400, 100), (64, 48), (400, 100)),
        ({}, (512, 384), (5000, 200), (512, 384), (3200, 128)),
        # Stretched sizes are cut by int().
        (STRETCHED, (300, 199), (64, 500), (100, 66), (100, 66)),
        (STRETCHED, (30, 20), (64, 500), (100, 66), (100, 66)),
        ({"fit": "stretch"}, (320, 240), (100, 300), (320, 240), (320, 240)),
        ({"size": "9600x"}, (960, 640), (100, 100), (9600, 6400), (7838, 7838)),
    ],
)
def test_sizes_of_result_and_style(options, photo, painting, size, style):
    assert sizes(photo, painting, Options(**options)) == (size, style)


@pytest.mark.parametrize(
    ("options", "photo", "said"),
    [
        ({"style_scale": 100}, (320, 214), "--style-scale: asks for"),
        ({"style_scale": 100, "max_pixels": 10**6}, (320, 214), "style-scale"),
        ({"size": "60000x"}, (960, 640), "--size: asks for 60000x40000"),
        (
            {"size": "9600x", "tile": "off"},  # at once arrays hold less than in tiles
            (960, 640),
            "--size: asks for 9600x6400 pixels; at most 33554431",
        ),
        ({"size": "100x100"}, (3000, 300), "--size: 100 makes this 3000x300 picture 100x10;.*160"),
    ],
)
def test_sizes_that_cannot_be_are_refused_by_their_flag(options, photo, said):
    with pytest.raises(OptionError, match=said):
        sizes(photo, (800, 980), Options(**options))


@pytest.mark.parametrize("fit", ["keep", "stretch"])
@pytest.mark.parametrize("photo", [(640, 34), (34, 640), (6000, 16)])
def test_a_result_under_16_px_is_refused_with_an_edge_that_would_do(fit, photo):
    with pytest.raises(OptionError) as caught:
        sizes(photo, (64, 64), Options(fit=fit, max_long_edge=256))
    message = str(caught.value)
    assert message.startswith("--max-long-edge: 256")
    assert f"{photo[0]}x{photo[1]}" in message
    enough = int(message.split()[-1])
    assert min(sizes(photo, (64, 64), Options(fit=fit, max_long_edge=enough))[0]) >= 16


@pytest.mark.parametrize("option", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("name", "near"),
    [("relu4_9", "relu4_"), ("Relu4_2", "relu4_2"), ("conv4-2", "conv4_2"), ("relu5_3", "relu5_2")],
)
def test_an_unknown_layer_is_refused_with_the_nearest(option, name, near, tmp_path):
    weights = tmp_path / "any.params"
    weights.write_bytes((0x112).to_bytes(8, "little") + b"only looked at later")
    with pytest.raises(OptionError) as caught:
        gathered("nowhere.jpg", "nowhere.jpg", model="vgg16-slim", **{option: f"relu1_1,{name}"})
    message = str(caught.value)
    for words in (repr(name), "vgg16-slim", f"did you mean '{near}"):
        assert words in message
    assert "\n" not in message
    with pytest.raises(OptionError, match="'relu9_1' in vgg19"):
        gathered("p.jpg", "s.jpg", weights=str(weights), **{option: "relu9_1"})


@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_absent_weights_are_refused_with_where_they_were_sought_and_both_ways_out(
    model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsError) as caught:
        gathered(tiny.picture(), tiny.picture(), model=model)
    message, file = str(caught.value), f"{model}.params"
    assert message.startswith(f"--model {model}:") and "\n" not in message
    places = str(Path("model", file)), str(tmp_path / "cache" / file)
    for words in (*places, "nstyle download", "vgg16-slim"):
        assert words in message


@pytest.mark.parametrize("place", ["model", "cache"])
def test_auto_takes_vgg19_where_its_weights_are_installed(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path / "cache"))
    assert inputs.find_weights(Options()) == ("vgg16-slim", BUILT_IN)
    (tmp_path / place).mkdir()
    (tmp_path / place / "vgg19.params").write_bytes(b"only looked at later")
    model, path = inputs.find_weights(Options())
    assert model == "vgg19"
    assert Path(path).resolve() == tmp_path / place / "vgg19.params"


@pytest.mark.parametrize(("name", "what"), [("none.params", "no such file"), ("", "is a folder")])
def test_a_weights_file_that_is_none_is_refused_by_name(name, what, tmp_path):
    path = tmp_path / name
    with pytest.raises(WeightsError) as caught:
        gathered(tiny.picture(), tiny.picture(), weights=str(path))
    assert str(path) in str(caught.value)
    assert what in str(caught.value)


def test_a_convention_without_a_file_is_refused():
    with pytest.raises(OptionError, match=r"--weights-convention: .* give --weights FILE"):
        inputs.find_weights(Options(weights_convention="caffe"))


@pytest.mark.parametrize("fit", [{"max_long_edge": 48}, {"size": "40x50", "fit": "stretch"}])
def test_an_init_picture_is_brought_to_the_size_of_the_photo(fit, tmp_path):
    start = tiny.write_picture(tmp_path / "start.png", 5, (90, 30))
    found = gathered(tiny.picture(0, (96, 64)), tiny.picture(1), init=start, **fit)
    assert found.start is not None
    assert found.start.size == found.photo.size == ((40, 50) if "size" in fit else (48, 32))
    same = gathered(found.photo, tiny.picture(1), init=start, max_long_edge=64).start
    assert same is not None
    assert np.array_equal(same.pixels, found.start.pixels)


def test_an_init_that_is_neither_word_nor_file_says_what_is_allowed():
    for init in ("content", "noise", "noise:0.7"):
        assert gathered(tiny.picture(0), tiny.picture(1), init=init).start is None
    with pytest.raises(ImageError) as caught:
        gathered(tiny.picture(0), tiny.picture(1), init="nois")
    message = str(caught.value)
    assert message.startswith("--init")
    assert all(word in message for word in ("nois:", "no such file", "content", "noise:0.7"))


@pytest.mark.parametrize("which", ["content", "style", "init"])
def test_each_picture_counts_against_max_pixels(which, tmp_path):
    big = tiny.write_picture(tmp_path / "big.png", size=(80, 80))
    small: Mapping[str, Any] = {"content": tiny.picture(0), "style": tiny.picture(1)}
    values = {**small, which: big}
    with pytest.raises(ImageError, match=r"80x80.*--max-pixels"):
        gathered(values.pop("content"), values.pop("style"), max_pixels=6000, **values)


# ---- --size, --rescale ----


@pytest.mark.parametrize(
    ("fit", "asked", "expected"),
    [
        ("keep", "60x60", (60, 40)),
        ("keep", "x30", (45, 30)),
        ("keep", "200x", (200, 133)),  # 133.3; enlarged without --enlarge
        ("stretch", "60x60", (60, 60)),
        ("stretch", "x31", (46, 31)),  # 46.5, cut
        ("stretch", "200x", (200, 133)),
    ],
)
def test_size_says_what_is_painted_instead_of_max_long_edge(fit, asked, expected):
    photo, painting = tiny.picture(0, (96, 64)), tiny.picture(1, (60, 90))
    found = gathered(photo, painting, size=asked, fit=fit, max_long_edge=32)
    assert found.photo.size == found.final_size == expected
    if fit == "stretch":
        assert found.styles[0].size == expected
    else:
        assert found.styles[0].width / found.styles[0].height == pytest.approx(2 / 3, rel=0.03)


@pytest.mark.parametrize(
    ("rescale", "final"), [("no", (40, 40)), ("aspect", (40, 27)), ("size", (96, 64))]
)
def test_the_final_size_is_as_painted_the_photos_aspect_or_its_size(rescale, final):
    photo, painting = tiny.picture(0, (96, 64)), tiny.picture(1, (60, 90))
    found = gathered(photo, painting, size="40x40", fit="stretch", rescale=rescale)
    assert (found.photo.size, found.final_size) == ((40, 40), final)


def test_the_same_at_a_smaller_size(tmp_path):
    start = tiny.write_picture(tmp_path / "start.png", 5)
    whole = gathered(tiny.picture(1, (400, 300)), tiny.picture(2, (500, 450)), init=start)
    small = whole.at((200, 150))
    assert small.photo.size == (200, 150) and small.start is not None
    assert small.start.size == (200, 150)
    assert small.styles[0].width == pytest.approx(whole.styles[0].width / 2, abs=1)
    assert small.final_size == whole.final_size == (400, 300)
    assert whole.at((400, 300)) is whole


# ---- what nobody sees ----


def cut_out(hidden: int, seed: int = 3) -> Picture:
    """40x32 px, of which a margin of 8 px is transparent; of this grey level below that."""
    pixels = np.full((32, 40, 3), hidden, np.uint8)
    alpha = np.zeros((32, 40), np.uint8)
    pixels[8:24, 8:32], alpha[8:24, 8:32] = tiny.picture(seed, (24, 16)), 255
    return Picture(pixels, alpha)


def test_colours_that_nobody_sees_have_no_influence():
    black, white = (gathered(cut_out(grey), cut_out(grey, seed=5)) for grey in (0, 255))
    for one, other in ((black.photo, white.photo), (black.styles[0], white.styles[0])):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.alpha, other.alpha)
    edge = black.photo.pixels[8:24, 8]
    np.testing.assert_array_equal(black.photo.pixels[8:24, 0], edge)  # the nearest that is seen


def test_of_a_style_only_what_is_seen_counts():
    given = gathered(tiny.picture(1, (40, 32)), [cut_out(0), tiny.picture(2, (40, 32))])
    (seen,), (all_of_it,) = given.where(0), given.where(1)
    np.testing.assert_array_equal(seen > 0, given.styles[0].alpha > 0)
    assert all_of_it is None
    left = np.zeros((32, 40, 3), np.uint8)
    left[:, :20] = 255
    masked = inputs.gather(
        tiny.picture(1, (40, 32)), cut_out(0), Options(), masks=Masks(left, [left])
    )
    parts = dict(zip((region.colour for region in masked.regions), masked.where(0)))
    white, black = parts[255, 255, 255], parts[0, 0, 0]
    np.testing.assert_allclose(white + black, masked.styles[0].alpha / 255, atol=1e-6)
    assert white[8:24, 8:20].min() == black[8:24, 20:32].min() == 1 and white[:, 20:].max() == 0


def test_a_picture_of_which_nothing_is_seen_counts_as_it_is():
    pixels = tiny.picture(1, (40, 32))
    given = gathered(pixels, Picture(pixels, np.zeros(pixels.shape[:2], np.uint8)))
    assert given.where(0) == [None]
    np.testing.assert_array_equal(given.styles[0].pixels, pixels)
