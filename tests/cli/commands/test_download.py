"""`nstyle download` through `main()`, and with no package but Python's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest
import server

from nstyle.cli.commands.download import Meter
from nstyle.cli.main import main
from nstyle.networks.weights import download, http
from nstyle.networks.weights.download import Source
from nstyle.system import locations

CHECKOUT = Path(__file__).parents[3]
CONTENT = random.Random(3).randbytes(200_000)


@pytest.fixture
def site(monkeypatch, tmp_path) -> Iterator[server.Site]:
    """A site with both networks; the cache folder and the working directory are empty."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(http, "PAUSES", (0.0,))
    with server.serving(CONTENT) as site:
        digest = md5(CONTENT).hexdigest()
        sources = {
            "vgg19": (Source("vgg19.params", f"{site.address}/19", "md5", digest),),
            "vgg16": (Source("vgg16.h5", f"{site.address}/16", "md5", digest, "a reader"),),
        }
        monkeypatch.setattr(download, "SOURCES", sources)
        yield site


def test_vgg19_goes_into_the_cache_folder_and_is_found_there(site, tmp_path, capsys):
    assert main(["download"]) == 0
    path = tmp_path / "cache" / "vgg19.params"
    assert path.read_bytes() == CONTENT
    assert locations.find("vgg19") == ("vgg19", str(path))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == f"{site.address}/19"
    assert "0.2 MB of 0.2 MB, 100 %" in lines
    assert lines[-2:] == [f"{path}: ready, its checksum is right", "use it with --model vgg19"]


def test_a_second_call_says_that_it_is_there(site, tmp_path, capsys):
    main(["download"])
    capsys.readouterr()
    assert main(["download"]) == 0
    assert "is there already, its checksum is right" in capsys.readouterr().err
    assert len(site.asked) == 1


def test_another_model_folder_and_mirror(site, capsys):
    words = ["--model", "vgg16", "--folder", "there", "--mirror", f"{site.address}/m"]
    assert main(["download", *words]) == 0
    assert site.asked == [("/m/vgg16.h5", None)]
    assert Path("there", "vgg16.h5").read_bytes() == CONTENT
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--weights there/vgg16.h5" in last and "a reader" in last


def test_a_built_in_network_needs_no_download(site, capsys):
    assert main(["download", "--model", "vgg16-slim"]) == 0
    assert "needs no download" in capsys.readouterr().err
    assert site.asked == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--model", "vgg18"], ["--model: 'vgg18'", "vgg19, vgg16", "did you mean"]),
        (["--mirror", "here"], ["--mirror: 'here'", "https://"]),
        (["--folder", "file"], ["file: cannot be written", "--folder"]),
    ],
)
def test_bad_words_are_refused_in_one_line(site, tmp_path, capsys, words, named):
    (tmp_path / "file").touch()
    assert main(["download", *words]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("nstyle: error: ")
    assert [word for word in named if word not in line] == []
    assert site.asked == []


def test_what_was_not_fetched_is_exit_code_2(site, capsys):
    site.manners = ["page"]
    assert main(["download"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("nstyle: error: vgg19: ") and "web page" in line


def test_ctrl_c_exits_130_and_says_how_to_go_on(site, tmp_path, monkeypatch, capsys):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Meter, "__call__", stop)
    assert main(["download"]) == 130
    assert "goes on with it" in capsys.readouterr().err.splitlines()[-1]
    assert (tmp_path / "cache" / "vgg19.params.part").stat().st_size > 0


@pytest.mark.parametrize(
    ("total", "lines", "last"),
    [(100_000_000, 11, "100.0 MB of 100.0 MB, 100 %"), (None, 11, "100.0 MB")],
)
def test_without_a_terminal_there_is_a_line_for_each_tenth_or_10_mb(total, lines, last, capsys):
    meter = Meter(terminal=False)
    for done in range(0, 1001):
        meter(done * 100_000, total)
    meter.close()
    said = capsys.readouterr().err.splitlines()
    assert (len(said), said[-1]) == (lines, last)


def test_on_a_terminal_one_line_is_written_over_and_ended(capsys):
    meter = Meter(terminal=True)
    for done in range(0, 1001):
        meter(done, 1000)
    meter.tell("next")
    text = capsys.readouterr().err
    assert text.count("\n") == 2 and text.endswith("100 %\nnext\n")
    assert 2 <= text.count("\r") < 100


def test_the_standard_library_is_enough(site, tmp_path, python):
    """-S: without site-packages. The real checksums refuse what this server sends."""
    for words, code in (["--help"], 0), (["--folder", "f", "--mirror", site.address], 2):
        done = python("-S", "-m", "nstyle", "download", *words, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    assert list((tmp_path / "f").iterdir()) == []
