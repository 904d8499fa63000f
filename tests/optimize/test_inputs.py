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
from PIL import Image

from nstyle.errors import ImageError, OptionError, WeightsError
from nstyle.images.sizes import Size
from nstyle.networks import layers
from nstyle.optimize import inputs
from nstyle.options.options import Options

CHECKOUT = Path(__file__).parents[2]
BUILT_IN = str(CHECKOUT / "nstyle" / "networks" / "pretrained" / "vgg16-slim.params")


def write_picture(path: Path, seed: int = 0, size: tuple[int, int] = (64, 48)) -> str:
    """A small picture file; its path. size: width, height."""
    Image.fromarray(tiny.picture(seed, size)).save(path)
    return str(path)


def gathered(content: Any, style: Any, **values: Any) -> inputs.Inputs:
    """gather() for these options."""
    return inputs.gather(content, style, Options(**values))


def sizes(photo: Size, painting: Size, options: Options) -> tuple[Size, Size]:
    """Of the result and of the style picture."""
    size = inputs.result_size(photo, options)
    return size, inputs.style_size_for(size, painting, options)


def test_neither_gathering_nor_what_it_needs_loads_mxnet(tmp_path):
    photo, style = write_picture(tmp_path / "p.png"), write_picture(tmp_path / "s.png", 1)
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


def test_a_small_photo_is_enlarged_only_when_asked():
    photo, style = tiny.picture(0, (64, 48)), tiny.picture(1, (64, 64))
    assert gathered(photo, style, max_long_edge=128).photo.size == (64, 48)
    assert gathered(photo, style, max_long_edge=128, enlarge=True).photo.size == (128, 96)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_a_kept_style_has_its_own_aspect_and_scale_squared_times_the_pixels(scale):
    size, style = sizes((400, 300), (900, 600), Options(style_scale=scale))
    assert size == (400, 300)
    assert style[0] / style[1] == pytest.approx(1.5, rel=0.01)
    assert style[0] * style[1] == pytest.approx(scale**2 * 400 * 300, rel=0.01)


def test_a_kept_style_has_no_short_side_under_128_px_unless_the_file_has():
    chosen = Options(max_long_edge=64)
    assert sizes((640, 480), (2500, 500), chosen)[1] == (640, 128)
    assert sizes((640, 480), (400, 100), chosen)[1] == (400, 100)


def test_a_scroll_of_1_to_25_can_be_a_style():
    style = sizes((512, 384), (5000, 200), Options())[1]
    assert style[1] >= 128
    assert style[0] / style[1] == pytest.approx(25, rel=0.02)


def test_a_stretched_style_takes_the_size_of_the_photo_and_sizes_are_cut_by_int():
    chosen = Options(fit="stretch", max_long_edge=100, enlarge=True)
    assert sizes((300, 199), (64, 500), chosen) == ((100, 66), (100, 66))
    assert sizes((30, 20), (64, 500), chosen) == ((100, 66), (100, 66))


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
    ("given", "near"),
    [("relu4_9", "relu4_"), ("Relu4_2", "relu4_2"), ("conv4-2", "conv4_2"), ("relu5_3", "relu5_2")],
)
def test_an_unknown_layer_is_refused_with_the_nearest(option, given, near):
    with pytest.raises(OptionError) as caught:
        gathered("nowhere.jpg", "nowhere.jpg", model="vgg16-slim", **{option: f"relu1_1,{given}"})
    message = str(caught.value)
    assert repr(given) in message
    assert "vgg16-slim" in message
    assert f"did you mean '{near}" in message
    assert "\n" not in message


def test_an_unknown_layer_of_a_file_still_to_be_looked_at_names_a_network(tmp_path):
    weights = tmp_path / "any.params"
    weights.write_bytes((0x112).to_bytes(8, "little") + b"only looked at later")
    with pytest.raises(OptionError, match="'relu9_1'") as caught:
        gathered("p.jpg", "s.jpg", weights=str(weights), content_layers="relu9_1")
    assert "in auto:" not in str(caught.value)


@pytest.mark.parametrize("model", sorted(layers.BLOCKS))
def test_every_layer_of_a_model_may_be_asked_for(model):
    inputs.check_layers(Options(style_layers=",".join(layers.taps(layers.BLOCKS[model]))), model)


@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_absent_weights_are_refused_with_where_they_were_sought_and_both_ways_out(
    model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsError) as caught:
        gathered(tiny.picture(), tiny.picture(), model=model)
    message = str(caught.value)
    assert message.startswith(f"--model {model}:")
    assert str(Path("model") / f"{model}.params") in message
    assert str(tmp_path / "cache" / f"{model}.params") in message
    assert "nstyle download" in message
    assert "vgg16-slim" in message
    assert "\n" not in message


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


def test_an_init_picture_is_brought_to_the_size_of_the_photo(tmp_path):
    start = write_picture(tmp_path / "start.png", 5, (90, 30))
    found = gathered(tiny.picture(0, (96, 64)), tiny.picture(1), init=start, max_long_edge=48)
    assert found.start is not None
    assert found.start.size == found.photo.size == (48, 32)
    same = gathered(found.photo, tiny.picture(1), init=start).start
    assert same is not None
    assert np.array_equal(same.pixels, found.start.pixels)


@pytest.mark.parametrize("init", ["content", "noise", "noise:0.7"])
def test_a_word_for_init_opens_no_file(init):
    assert gathered(tiny.picture(0), tiny.picture(1), init=init).start is None


def test_an_init_that_is_neither_word_nor_file_says_what_is_allowed():
    with pytest.raises(ImageError) as caught:
        gathered(tiny.picture(0), tiny.picture(1), init="nois")
    message = str(caught.value)
    assert message.startswith("--init")
    assert all(word in message for word in ("nois:", "no such file", "content", "noise:0.7"))


@pytest.mark.parametrize("which", ["content", "style", "init"])
def test_each_picture_counts_against_max_pixels(which, tmp_path):
    big = write_picture(tmp_path / "big.png", size=(80, 80))
    small: Mapping[str, Any] = {"content": tiny.picture(0), "style": tiny.picture(1)}
    values = {**small, which: big}
    with pytest.raises(ImageError, match=r"80x80.*--max-pixels"):
        gathered(values.pop("content"), values.pop("style"), max_pixels=6000, **values)


def test_a_style_enlarged_beyond_max_pixels_is_refused():
    with pytest.raises((ImageError, OptionError), match="style-scale"):
        gathered(tiny.picture(0), tiny.picture(1), style_scale=100, max_pixels=1_000_000)


def test_a_style_larger_than_arrays_can_be_is_refused():
    with pytest.raises(OptionError, match="--style-scale"):
        sizes((320, 214), (800, 980), Options(style_scale=100))


def test_stretching_does_not_enlarge_unless_asked():
    options = Options(fit="stretch", max_long_edge=512)
    assert sizes((320, 240), (100, 300), options) == ((320, 240), (320, 240))
    asked = Options(fit="stretch", max_long_edge=512, enlarge=True)
    assert sizes((320, 240), (100, 300), asked)[0] == (512, 384)


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


def test_an_init_picture_is_brought_to_size_too(tmp_path):
    start = write_picture(tmp_path / "start.png", 5, (90, 30))
    photo, painting = tiny.picture(0, (96, 64)), tiny.picture(1)
    found = gathered(photo, painting, init=start, size="40x50", fit="stretch")
    assert found.start is not None
    assert found.start.size == found.photo.size == (40, 50)


def test_a_size_larger_than_arrays_can_be_is_refused_by_its_flag():
    with pytest.raises(OptionError, match=r"--size: asks for 60000x40000"):
        sizes((960, 640), (100, 100), Options(size="60000x"))


def test_at_once_arrays_hold_less_than_in_tiles():
    assert sizes((960, 640), (100, 100), Options(size="9600x"))[0] == (9600, 6400)
    with pytest.raises(OptionError, match=r"--size: asks for 9600x6400 pixels; at most 33554431"):
        sizes((960, 640), (100, 100), Options(size="9600x", tile="off"))


def test_a_size_that_leaves_an_edge_under_16_px_is_refused():
    with pytest.raises(OptionError, match=r"--size: 100 makes this 3000x300 picture 100x10;.*160"):
        sizes((3000, 300), (100, 100), Options(size="100x100"))


def test_the_same_at_a_smaller_size(tmp_path):
    start = write_picture(tmp_path / "start.png", 5)
    whole = gathered(tiny.picture(1, (400, 300)), tiny.picture(2, (500, 450)), init=start)
    small = whole.at((200, 150))
    assert small.photo.size == (200, 150) and small.start is not None
    assert small.start.size == (200, 150)
    assert small.styles[0].width == pytest.approx(whole.styles[0].width / 2, abs=1)
    assert small.final_size == whole.final_size == (400, 300)
    assert whole.at((400, 300)) is whole
