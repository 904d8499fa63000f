"""The command line: words in, a picture out; everything else is one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from asking import CHECKOUT, check_refusal, write_pictures
from made import a_result
from PIL import Image

from nstyle import __version__, api
from nstyle.cli import flags, main
from nstyle.cli.console import FAILED, INTERRUPTED
from nstyle.cli.main import guarded
from nstyle.images import image_file
from nstyle.options.options import Options, shaping

BUILT_IN = CHECKOUT / "nstyle" / "networks" / "pretrained" / "vgg16-slim.params"


# ---- bad input ----

# name -> (words, what the one line on stderr must contain)
REFUSED: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "no photo": (["--content-image", "phot.png"], ["phot.png", "no such file", "photo.png"]),
    "no style": (["--style-image", "styl.png"], ["styl.png", "no such file", "style.png"]),
    "empty photo": (["--content-image", ""], ["no such file"]),
    "truncated": (["--style-image", "truncated.jpg"], ["truncated.jpg", "truncated"]),
    "result under 16 px": (["--max-long-edge", "18"], ["--max-long-edge", "18", "at least 16"]),
    "content layer": (["--content-layers", "relu42"], ["'relu42'", "did you mean 'relu4_2'"]),
    "preset": (["--preset", "mxnt"], ["--preset", "'mxnt'", "did you mean 'mxnet'"]),
    "preset with an absent model": (
        ["--preset", "keras-prisma", "--model", "vgg16"],
        ["--model vgg16", "nstyle download"],
    ),
    "preset with an unknown model": (["--preset", "mxnet", "--model", "vgg"], ["--model vgg19"]),
    "extension": (["--output", "out.jpgg"], ["out.jpgg", ".tiff", "did you mean .jpg"]),
    "output under a file": (["--output", "words.jpg/out.png"], ["words.jpg/out.png", "written"]),
    "trace under a file": (["--trace", "words.jpg/t.jsonl"], ["--trace", "words.jpg/t.jsonl"]),
    "report under a file": (["--report", "words.jpg/r"], ["--report", "words.jpg/r", "written"]),
    "timelapse": (
        ["--timelapse", "a.avi", "--trace", "new.jsonl"],
        ["--timelapse a.avi", ".mp4 .gif .webp"],
    ),
    "flag": (["--stop-ep", "0.1"], ["--stop-ep", "did you mean --stop-eps?"]),
    "flag with value": (["--content-wieght=3"], ["--content-wieght", "--content-weight?"]),
    "shortened image": (["--content", "a.jpg"], ["--content;", "did you mean --content-image?"]),
    "shortened style": (["--style", "a.jpg"], ["--style;", "did you mean --style-image?"]),
    "photo without a flag": (["photo.jpg"], ["did you mean --content-image photo.jpg?"]),
    "abbreviated flag": (["--max-num", "3"], ["--max-num", "did you mean --max-num-epochs?"]),
    "flag near to nothing": (["--qqq"], ["--qqq", "--help"]),
    "stray word": (["photo.jpg"], ["photo.jpg"]),
    "empty stray word": ([""], ["error: "]),
    "flag without a value": (["--lr"], ["--lr"]),
    "absent vgg16": (["--model", "vgg16"], ["--model vgg16", "nstyle download", "vgg16-slim"]),
    "no weights file": (["--weights", "no.params"], ["--weights", "no.params", "no such file"]),
    "weights folder": (["--weights", "folder"], ["--weights", "folder", "is a folder"]),
    "set unknown": (["--set", "momentun=0.8"], ["'momentun'", "did you mean 'momentum'"]),
    "set no value": (["--set", "momentum"], ["--set momentum", "NAME=VALUE"]),
    "set content_image": (["--set", "content_image=x"], ["content_image"]),
    "two lines": (["--set", "a\nb"], ["NAME=VALUE"]),
    "refused with a trace": (
        ["--content-image", "none.png", "--trace", "old.jsonl"],
        ["none.png", "no such file"],
    ),
}
BESIDE = ["--content-image", "photo.png", "--style-image", "style.png", "--max-num-epochs", "2"]

OTHER_DOOR = {
    "no command": ([], ["COMMAND"]),
    "command": (["pant"], ["'pant'", "run", "download"]),
    "near command": (["rum"], ["'rum'", "did you mean 'run'"]),
    "empty command": ([""], ["''", "run"]),
    "flag before a wrong command": (["--x", "rum"], ["did you mean 'run'"]),
    "flag after run": (["run", "--stop-ep", "1"], ["--stop-ep", "did you mean --stop-eps?"]),
    "value after run": (["run", "--lr", "-1"], ["--lr", "-1", "from 1e-12 to 1e+30"]),
    "photo after run": (["run", "--content-image", "no.png"], ["no.png", "no such file"]),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, ask: Any) -> Any:
    """case -> [exit code or what was raised, stderr, files made or changed]."""
    folder = tmp_path_factory.mktemp("refused")
    write_pictures(folder)
    cases = [(name, "main_run", [*BESIDE, *words]) for name, (words, _) in REFUSED.items()]
    cases += [(name, "main", words) for name, (words, _) in OTHER_DOOR.items()]
    return ask(folder, cases)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_in_one_line_before_anything_happens(name, answers):
    check_refusal(answers[name], "run.py", REFUSED[name][1])


@pytest.mark.parametrize("name", OTHER_DOOR)
def test_bad_input_is_refused_by_nstyle_as_by_run_py(name, answers):
    program = "nstyle run" if name == "flag after run" else "nstyle"
    check_refusal(answers[name], program, OTHER_DOOR[name][1])


def test_the_real_command_line_refuses_with_exit_code_2(tmp_path, python):
    done = python(str(CHECKOUT / "run.py"), "--content-image", "none.jpg", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "run.py: error: none.jpg: no such file\n"


# ---- painting, in this process ----


@pytest.fixture
def paint(pictures, weights_file):
    """run.py with small pictures and a small network, in an own folder; gives the exit code."""
    return lambda *words: main.main_run([*BESIDE, "--weights", weights_file, *words])


def pixels(path: str | Path) -> np.ndarray:
    """A picture file's values."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def last_line(path: str | Path) -> Any:
    """The last record of a trace."""
    return json.loads(Path(path).read_text().splitlines()[-1])


def test_a_picture_of_the_photos_size_is_painted_and_it_is_told_where(paint, capsys):
    assert paint("--output", "new/out.png") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("new/out.png: 2 epochs in ")
    assert "--max-num-epochs" in err.splitlines()[-1]
    assert pixels("new/out.png").shape == (32, 40, 3)
    assert not np.array_equal(pixels("new/out.png"), pixels("photo.png"))


def test_quiet_prints_nothing(paint, capfd):
    assert paint("--output", "out.png", "--quiet") == 0
    assert capfd.readouterr() == ("", "")
    assert Path("out.png").is_file()


def test_verbose_says_more_and_one_line_names_the_network(paint, capsys, weights_file):
    paint("--output", "out.png")
    plain = capsys.readouterr().err
    logging.getLogger("nstyle").handlers.clear()
    paint("--output", "out.png", "--verbose")
    verbose = capsys.readouterr().err
    assert sum("painting 40x32 with vgg19" in line for line in plain.splitlines()) == 1
    assert f"{weights_file}: wants pictures in RGB" in plain
    assert f"weights: {weights_file}" not in plain
    assert f"weights: {weights_file}" in verbose


def test_output_dir_is_the_folder_and_snapshots_lie_beside_the_result(paint):
    assert paint("--output", "else/my.png", "--output-dir", "there", "--save-epochs", "1") == 0
    names = sorted(path.name for path in Path("there").iterdir())
    assert names == ["my.png", "my_e0001.png", "my_e0002.png"]
    assert not Path("else").exists()
    assert np.array_equal(pixels("there/my_e0002.png"), pixels("there/my.png"))
    assert not np.array_equal(pixels("there/my_e0001.png"), pixels("there/my.png"))
    options = [image_file.read_metadata(f"there/{name}")["options"] for name in names]
    assert options[1:] == [options[0]] * 2


def test_noise_removal_has_a_second_spelling_and_is_on_snapshots_too(paint):
    spellings = {"a": ["--remove-noise", "0.8"], "b": ["-remove-noise", "0.8"],
                 "c": ["-remove-noise=0.8"], "off": ["--remove-noise", "0"]}  # fmt: skip
    for name, words in spellings.items():
        assert paint("--output", f"{name}/out.png", "--save-epochs", "2", *words) == 0
    spelt = [Path(name, "out.png").read_bytes() for name in "abc"]
    assert spelt[0] == spelt[1] == spelt[2]
    smooth, rough = (np.abs(np.diff(pixels(f"{n}/out_e0002.png"), axis=1)) for n in ("a", "off"))
    assert smooth.mean() < 0.9 * rough.mean()


@pytest.mark.parametrize(("count", "seen"), [(0, "none"), (2, "0, 1")])
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(
    count, seen, paint, capsys, monkeypatch
):
    monkeypatch.setattr("nstyle.system.backend.gpu_count", lambda: count)
    assert paint("--gpu", "3", "--output", "out.png") == 2
    line = f"run.py: error: --gpu 3: MXNet sees these GPUs: {seen}; -1 means CPU\n"
    assert capsys.readouterr().err == line
    assert not Path("out.png").exists()


def test_weights_that_are_none_are_refused(paint, capsys):
    assert paint("--weights", "other.params", "--output", "out.png") == 2
    err = capsys.readouterr().err
    assert err.startswith("run.py: error: --weights other.params:")
    assert err.count("\n") == 1
    assert not Path("out.png").exists()


def test_set_reaches_fields_without_a_flag(paint):
    assert paint("--output", "a.png", "--set", "momentum=0.5") == 0
    assert image_file.read_metadata("a.png")["options"]["momentum"] == 0.5


def test_a_preset_is_written_into_the_picture_and_typed_values_win(paint):
    words = ["--preset", "mxnet", "--model", "auto", "--max-long-edge", "40", "--lr", "0.2"]
    assert paint("--output", "out.png", *words) == 0
    about = image_file.read_metadata("out.png")
    assert about["preset"] == "mxnet"
    assert (about["options"]["lr"], about["options"]["fit"]) == (0.2, "stretch")


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tiff"])
def test_the_options_are_inside_and_a_second_run_gives_the_same_bytes(
    name, paint, tmp_path, weights_file
):
    noise = ["--init", "noise:0.5", "--seed", "7"]
    assert paint("--output", f"first/{name}", *noise, "--save-epochs", "1") == 0
    assert paint("--output", f"second/{name}", *noise, "--trace", "t", "--quiet") == 0
    data = Path("first", name).read_bytes()
    assert data == Path("second", name).read_bytes()
    about = image_file.read_metadata(f"first/{name}")
    chosen = Options(weights=weights_file, max_num_epochs=2, init="noise:0.5", seed=7)
    assert about["options"] == shaping(chosen)
    assert about["version"] == __version__
    assert not [word for word in (str(tmp_path), "first") if word.encode() in data]


def test_a_tiff_has_16_bits(paint):
    assert paint("--output", "out.tiff") == 0
    values = tifffile.imread("out.tiff")
    assert values.dtype == np.uint16
    assert (values % 257 != 0).any()


def test_the_trace_has_every_epoch_and_a_last_line(paint):
    words = ["--trace", "new/t.jsonl", "--output", "out.png", "--max-num-epochs", "3"]
    assert paint(*words) == 0
    *steps, last = [json.loads(line) for line in Path("new/t.jsonl").read_text().splitlines()]
    assert [step["epoch"] for step in steps] == [1, 2, 3]
    styles = {f"style:relu{block}_1" for block in (1, 2, 3, 4, 5)}
    for step in steps:
        assert (step["scale"], step["width"], step["height"]) == (1, 40, 32)
        assert set(step["terms"]) == {"content:relu4_2", "tv", *styles}
        assert sum(step["terms"].values()) == pytest.approx(step["loss"], rel=1e-5)
        assert step["seconds"] > 0 and step["eps"] > 0
    assert (last["stopped"], last["epochs"], last["model"]) == ("max-epochs", 3, "vgg19-slim")
    assert (last["options"]["max_num_epochs"], last["version"]) == (3, __version__)
    assert last["seconds"] >= sum(step["seconds"] for step in steps) * 0.99
    assert last["peak_memory_bytes"] > 2**20


def test_a_report_is_left_in_its_folder(paint, capsys):
    assert paint("--output", "out.png", "--save-epochs", "0", "--report", "new/rep") == 0
    assert os.listdir("new/rep") == ["index.html"]
    page = Path("new/rep/index.html").read_text(encoding="utf-8")
    for words in ("photo.png in the style of style.png", "2 epochs in", "--max-num-epochs", "eps"):
        assert words in page
    assert capsys.readouterr().err.splitlines()[-1] == "new/rep/index.html: the report"
    assert paint("--output", "b.png", "--save-epochs", "0", "--report", "new", "--quiet") == 0
    assert Path("out.png").read_bytes() == Path("b.png").read_bytes()


# ---- when it does not go well ----

WILD = ["--set", "step_limit=0", "--set", "clamp=false"]
WILD += ["--lr", "1e9", "--remove-noise", "0", "--max-num-epochs", "50"]


def test_divergence_names_the_learning_rate_keeps_a_picture_and_exits_1(paint, capsys):
    words = ["--trace", "t.jsonl", "--report", "rep"]
    assert paint("--output", "out.png", *words, *WILD) == 1
    err = capsys.readouterr().err
    assert any("error" in line and "--lr 1e+09" in line for line in err.splitlines())
    assert "Traceback" not in err
    assert not err.rstrip("\n").endswith(", ")  # the last line says why it ended
    assert last_line("t.jsonl")["stopped"] not in ("", "eps", "max-epochs", "interrupted")
    assert "diverged; this is the last good picture" in Path("rep/index.html").read_text()
    # The very first step leaps too far, so what was last good is the photo itself.
    assert np.abs(pixels("out.png") - pixels("photo.png")).max() <= 1


def test_ctrl_c_before_the_first_epoch_exits_130_without_a_picture(paint, monkeypatch, capsys):
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run", interrupted)
    assert paint("--output", "out.png") == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not Path("out.png").exists()


def wait_for_line(path: Path, process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Until a file has its first line; fails where the process ends before."""
    end = time.monotonic() + seconds
    while not (path.is_file() and "\n" in path.read_text()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "no epoch ended in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_keeps_the_last_picture_and_exits_130(pictures, weights_file, number):
    words = ["--weights", weights_file, "--max-num-epochs", "1000000", "--stop-eps", "0"]
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "run.py"), *BESIDE, *words,
         "--trace", "t.jsonl", "--report", "rep", "--output", "out.png", "--save-epochs", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Who runs the tests in the background may have SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        wait_for_line(Path("t.jsonl"), process)
        process.send_signal(number)
        if number == signal.SIGHUP:  # a terminal that is closed sends it, and so does its shell
            process.send_signal(number)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == "" and "Traceback" not in err
    *_, line, page = err.splitlines()
    assert "interrupted" in line and page == "rep/index.html: the report"
    assert "interrupted" in Path("rep/index.html").read_text(encoding="utf-8")
    assert not np.array_equal(pixels("out.png"), pixels("photo.png"))
    last = last_line("t.jsonl")
    assert last["stopped"] == "interrupted"
    lines = len(Path("t.jsonl").read_text().splitlines()) - 1
    assert last["epochs"] in (lines, lines + 1)  # the interrupt may come before the listeners


# ---- the two doors ----


def test_without_arguments_the_samples_are_painted(tmp_path, monkeypatch, capsys):
    asked: list[Any] = []

    def painted(content: str, styles: list[str], options: Options, **_: Any) -> Any:
        asked.extend([content, *styles, options])
        return a_result()

    monkeypatch.setattr(api, "run", painted)
    monkeypatch.chdir(tmp_path)
    assert main.main_run([]) == 0
    content, style, options = asked
    assert Path(content) == CHECKOUT / "input" / flags.SAMPLE_PHOTO
    assert Path(style) == CHECKOUT / "input" / flags.SAMPLE_STYLE
    assert Path(content).is_file() and Path(style).is_file()
    assert options == Options()
    assert (tmp_path / "output" / "out.jpg").is_file()
    assert "output/out.jpg" in capsys.readouterr().err


def test_run_py_and_nstyle_run_paint_the_same_bytes_with_the_built_in_network(pictures, python):
    doors = {"a": [str(CHECKOUT / "run.py")], "b": ["-m", "nstyle", "run"]}
    for name, door in doors.items():
        words = [*door, *BESIDE, "--output-dir", name, "--output", "out.png"]
        done = python(*words, cwd=pictures)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert "vgg16-slim" in done.stderr
    assert Path("a/out.png").read_bytes() == Path("b/out.png").read_bytes()


def test_both_doors_have_the_same_flags(capsys):
    texts = []
    for door, words in ((main.main_run, ["--help"]), (main.main, ["run", "--help"])):
        with pytest.raises(SystemExit) as caught:
            door(words)
        assert caught.value.code == 0
        texts.append(capsys.readouterr().out)
    assert texts[0].replace("run.py", "nstyle run").split() == texts[1].split()


@pytest.mark.parametrize("door", [main.main_run, main.main])
def test_both_doors_tell_the_version(door, capsys):
    with pytest.raises(SystemExit) as caught:
        door(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"nstyle {__version__}\n"


@pytest.mark.parametrize("flag", ["--output", "--trace", "--timelapse"])
def test_an_input_is_never_overwritten(paint, capsys, flag):
    before = Path("photo.png").read_bytes()
    assert paint(flag, "photo.png") == 2
    assert "is one of the inputs" in capsys.readouterr().err
    assert Path("photo.png").read_bytes() == before


def test_nothing_is_written_twice_to_the_same_place(paint, capsys):
    for words in (["--trace", "out.png"], ["--trace", "r/index.html", "--report", "r"]):
        assert paint("--output", "out.png", *words) == 2
        assert ", too; give another file" in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_a_reader_that_stops_reading_is_no_error():
    words = [sys.executable, "-m", "nstyle", "presets", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def stopped(code: str, *args: str) -> tuple[int, list[str]]:
    """Exit code and lines on stderr of python -c code."""
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("import os, tempfile; f = tempfile.mkdtemp(); os.chdir(f); os.rmdir(f)", "folder is gone"),
        ("import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (16, 16))", "16 open files"),
    ],
)
def test_a_machine_where_nothing_can_be_done_is_refused(before, says):
    code, lines = stopped(f"from nstyle.cli.main import main; {before}; exit(main(['presets']))")
    assert code == 2 and len(lines) == 1 and says in lines[0]


@pytest.mark.parametrize(
    ("error", "says"),
    [(MemoryError(), "out of memory"), (OSError(errno.EMFILE, "x"), "too many open files")],
)
def test_limits_of_the_shell_are_no_bugs(error, says, capsys):
    def work() -> int:
        raise error

    assert guarded(work, "nstyle") == FAILED
    assert says in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0, "nstyle")


def test_ctrl_c_while_a_library_is_imported_is_one_line(capsys):
    def work() -> int:
        with contextlib.suppress(KeyboardInterrupt):  # as numpy's import takes it
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        raise ImportError("you should not try to import numpy from its source directory")

    assert guarded(work, "nstyle") == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_ctrl_c_while_a_command_is_loaded_is_one_line():
    code = (
        "import os, signal, nstyle.cli.main as m\n"
        "m.module_of = lambda name: os.kill(os.getpid(), signal.SIGINT)\n"
        "raise SystemExit(m.main(['batch']))"
    )
    assert stopped(code) == (INTERRUPTED, ["interrupted"])
