"""`nstyle sheet`: small pictures of several settings on one sheet."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from made import a_result
from PIL import Image

from nstyle import api
from nstyle.cli.commands import sheet as command
from nstyle.cli.main import main
from nstyle.errors import DivergedError, OptionError
from nstyle.images import image_file
from nstyle.images.picture import Picture
from nstyle.options import presets
from nstyle.options.options import Options

GIVEN = ("--content-image", "photo.png", "--style-image", "style.png")


@pytest.fixture
def asked(monkeypatch) -> list[Any]:
    """(inputs, options, preset) of each picture that is asked for; each is a plain grey."""
    calls: list[Any] = []

    def paint(gathered: Any, options: Options, *, preset: Any = None) -> Any:
        calls.append((gathered, options, preset))
        grey = np.full((32, 40, 3), 20 * len(calls), np.uint8)
        return a_result(picture=Picture(grey))

    monkeypatch.setattr(api, "paint", paint)
    return calls


def sheet(*words: str) -> int:
    """The exit code of `nstyle sheet` with the small pictures; sheet.png is its output."""
    return main(["sheet", *GIVEN, "--output", "sheet.png", *words])


def greys(path: str = "sheet.png") -> set[int]:
    """The greys of the cells on a sheet, which fill 32x40 pixels at least."""
    pixels = image_file.read(path).pixels
    plain = pixels[(pixels == pixels[..., :1]).all(axis=2)][:, 0]
    values, counts = np.unique(plain, return_counts=True)
    return {int(value) for value, count in zip(values, counts) if count >= 32 * 40}


# ---- what is painted ----


def test_weights_of_content_by_sizes_of_strokes_are_painted_small_by_default(pictures, asked):
    assert sheet() == 0
    options = [each for _, each, _ in asked]
    pairs = [(each.content_weight, each.style_scale) for each in options]
    assert pairs == [(w, s) for w in (10, 30, 100) for s in (0.5, 1, 2)]
    small = Options(max_long_edge=256, stop_eps=0.01, max_num_epochs=100)
    assert options[4] == small
    assert greys() >= {20 * number for number in range(1, 10)}


def test_any_option_may_vary_and_every_other_flag_is_passed_on(pictures, asked):
    words = ["--rows", "tv-weight=0, 0.5", "--columns", "style-layers=relu1_1,relu2_1;relu3_1"]
    words += ["--lr", "0.2", "--set", "momentum=0.5", "--stop-eps", "0.1", "--preset", "fast"]
    assert sheet(*words) == 0
    options = [each for _, each, _ in asked]
    assert [(each.tv_weight, each.style_layers) for each in options] == [
        (weight, layers) for weight in (0, 0.5) for layers in ("relu1_1,relu2_1", "relu3_1")
    ]
    for each, (_, _, preset) in zip(options, asked):
        assert (each.lr, each.momentum, each.stop_eps, preset) == (0.2, 0.5, 0.1, "fast")
        assert each.max_long_edge == 256


def test_each_picture_has_inputs_for_its_own_options(pictures, asked):
    assert sheet("--rows", "max-long-edge=20,40", "--columns", "style-scale=1") == 0
    assert [gathered.photo.size for gathered, _, _ in asked] == [(20, 16), (40, 32)]


def test_the_sheet_of_a_small_network(pictures, weights_file, capsys):
    words = ["--weights", weights_file, "--gpu", "-1", "--max-num-epochs", "2"]
    code = sheet(*words, "--rows", "content-weight=0,1000", "--columns", "style-scale=1")
    assert code == 0
    out, err = capsys.readouterr()
    assert out == ""
    made = image_file.read("sheet.png")
    assert made.height > 2 * 32 and made.width > 40 + 30
    lines = err.splitlines()
    assert [line[:6] for line in lines[:2]] == ["1 of 2", "2 of 2"]
    assert "2 epochs" in lines[0] and "about 0 s left" in lines[1]


def test_photo_and_style_are_on_the_sheet(pictures, asked):
    for name, colour in (("photo", (255, 0, 0)), ("style", (0, 0, 255))):
        Image.new("RGB", (40, 32), colour).save(f"{name}.png")
    assert sheet() == 0
    pixels = image_file.read("sheet.png").pixels
    for colour in ((255, 0, 0), (0, 0, 255)):
        assert (pixels == colour).all(axis=2).sum() == 30 * 24


# ---- what is said ----


def test_the_last_lines_say_how_to_go_on(pictures, asked, capsys):
    Path("photo.png").rename("my photo.png")
    words = [
        "--content-image",
        "my photo.png",
        "--rows",
        "content-weight=3,30",
        "--columns",
        "momentum=0.5",
        "--tv-weight",
        "0.1",
    ]
    words += ["--max-long-edge", "100", "--stop-eps", "0.02", "--size", "x64", "--enlarge"]
    assert sheet(*words, "--preset", "fast") == 0
    *_, where, how = capsys.readouterr().err.splitlines()
    assert where.startswith("sheet.png: 2 of 2 pictures")
    begin = "nstyle run --content-image 'my photo.png' --style-image style.png --preset fast"
    own = "--tv-weight 0.1 --enlarge --content-weight 30 --set momentum=0.5"
    assert how.strip() == f"{begin} {own}"


def test_that_command_line_paints_with_the_same_options(pictures, asked, capsys, monkeypatch):
    assert sheet("--rows", "style-layers=relu1_1,relu2_1;relu3_1", "--columns", "clamp=no") == 0
    _, small, _ = asked[-1]
    how = shlex.split(capsys.readouterr().err.splitlines()[-1])
    painted: list[Options] = []

    def run(content: Any, style: Any, options: Options, **_: Any) -> Any:
        painted.append(options)
        return a_result()

    monkeypatch.setattr(api, "run", run)
    assert how[0] == "nstyle"
    assert main([*how[1:], "--output", "out.png"]) == 0
    assert painted == [presets.resolve({"style_layers": "relu3_1", "clamp": False})]
    assert (small.style_layers, small.clamp) == ("relu3_1", False)


def test_what_a_preset_runs_on_is_said_once(pictures, asked, capsys):
    assert sheet("--preset", "keras-book") == 0
    assert capsys.readouterr().err.count("preset keras-book runs on vgg16-slim") == 1


def test_the_samples_and_an_own_place_are_the_default(tmp_path, asked, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sheet"]) == 0
    assert Path("output/sheet.jpg").is_file()
    assert capsys.readouterr().err.splitlines()[-1].split() == [
        "nstyle", "run", "--content-weight", "100", "--style-scale", "2"
    ]  # fmt: skip


def test_help_tells_the_sheets_own_defaults(capsys):
    with pytest.raises(SystemExit):
        main(["sheet", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (command.ROWS, command.COLUMNS, "output/sheet.jpg", "256", "0.01"):
        assert f"(default: {words})" in text
    assert "--timelapse" not in text and "--trace" not in text


# ---- what is refused ----


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--rows", "x"], ["--rows 'x'", "NAME=VALUE,VALUE", "content-weight="]),
        (["--columns", "style-scale=1,,2"], ["--columns 'style-scale=1,,2'"]),
        (["--rows", "content-wieght=1"], ["'content_wieght'", "did you mean 'content_weight'"]),
        (["--columns", "style-scale=1,1000"], ["--style-scale", "1000", "from 0.01 to 100"]),
        (["--rows", "style-scale=1,2"], ["--rows, --columns", "both are --style-scale"]),
        (["--content-weight", "3"], ["--content-weight", "--rows content-weight=10,30,100"]),
        (["--set", "style_scale=3"], ["--style-scale", "--columns style-scale=0.5,1,2"]),
        (["--rows", "max-long-edge=40,18"], ["--max-long-edge", "18", "at least 16"]),
        (["--rows", "init=content,none.png"], ["--init", "none.png", "no such file"]),
        (["--rows", f"seed={','.join('1' * 51)}", "--columns", "lr=1,2"], ["102", "at most 100"]),
        (["--output", "sheet.gif"], ["sheet.gif", ".jpg", "allowed"]),
        (["--output", "photo.png"], ["--output", "photo.png is one of the inputs"]),
        (["--output", "start.png", "--rows", "init=start.png"], ["start.png is one of the inputs"]),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_painted(
    pictures, asked, capsys, words, named
):
    Image.fromarray(tiny.picture(3)).save("start.png")
    before = {path: path.read_bytes() for path in pictures.iterdir() if path.is_file()}
    assert sheet(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("nstyle: error: ") and err.count("\n") == 1
    assert [word for word in named if word not in err] == []
    assert asked == []
    assert {path: path.read_bytes() for path in pictures.iterdir() if path.is_file()} == before


# ---- when it does not go well ----


def painting(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
    """transfer.paint gives these, one after another: results, or errors to raise."""
    left = iter(answers)

    def paint(*_: Any, **__: Any) -> Any:
        answer = next(left)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(api, "paint", paint)


def plain(level: int, **changes: Any) -> Any:
    """A result of one grey."""
    return a_result(picture=Picture(np.full((32, 40, 3), level, np.uint8)), **changes)


@pytest.mark.parametrize("end", [KeyboardInterrupt(), plain(60, stopped="interrupted")])
def test_ctrl_c_writes_the_pictures_that_are_finished(pictures, monkeypatch, capsys, end):
    painting(monkeypatch, plain(20), plain(40), end)
    assert sheet() == 130
    assert {20, 40} <= greys() and 60 not in greys()
    *_, where, how = capsys.readouterr().err.splitlines()
    assert where.startswith("sheet.png: 2 of 9 pictures")
    assert how.endswith("--content-weight 10 --style-scale 1")


@pytest.mark.parametrize("end", [KeyboardInterrupt(), plain(60, stopped="interrupted")])
def test_ctrl_c_before_the_first_picture_leaves_nothing(pictures, monkeypatch, capsys, end):
    painting(monkeypatch, end)
    assert sheet() == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not Path("sheet.png").exists()


def test_a_setting_that_diverges_is_shown_as_far_as_it_went(pictures, monkeypatch, capsys):
    error = DivergedError("the loss became nan")
    error.result = plain(60, stopped="diverged")  # type: ignore[attr-defined]
    painting(monkeypatch, plain(20), error)
    assert sheet("--rows", "lr=0.1,1e9", "--columns", "seed=1") == 0
    assert {20, 60} <= greys()
    assert "2 of 2: --lr 1e9 --seed 1: diverged" in capsys.readouterr().err


def test_a_later_refusal_leaves_its_place_empty_and_the_rest_is_painted(
    pictures, monkeypatch, capsys
):
    painting(monkeypatch, plain(20), OptionError("--max-long-edge: too much"), plain(60))
    assert sheet("--rows", "seed=1,2,3", "--columns", "tv-weight=1") == 0
    assert {20, 60} <= greys()
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "error: --seed 2 --tv-weight 1: --max-long-edge: too much"
    assert lines[-2].startswith("sheet.png: 2 of 3 pictures")


def test_a_refusal_of_the_first_picture_is_one_of_all(pictures, monkeypatch, capsys):
    painting(monkeypatch, OptionError("--gpu 3: MXNet sees none"))
    assert sheet() == 2
    assert capsys.readouterr().err == "nstyle: error: --gpu 3: MXNet sees none\n"


def test_a_sheet_that_cannot_be_written_in_the_end_is_one_line_and_exit_code_1(
    pictures, monkeypatch, capsys
):
    def last(*_: Any, **__: Any) -> Any:
        Path("there").rmdir()
        Path("there").write_text("a file came into the way")
        return plain(20)

    monkeypatch.setattr(api, "paint", last)
    words = ["--rows", "seed=1", "--columns", "tv-weight=1", "--quiet"]
    assert sheet("--output", "there/sheet.png", *words) == 1
    err = capsys.readouterr().err  # for the rest it is quiet
    assert err.count("\n") == 1 and "there/sheet.png" in err
