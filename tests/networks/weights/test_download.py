"""Weights files from the network: only what is right gets its name, nothing wrong is kept."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Iterator

import pytest
import server

from nstyle.errors import NStyleError, OptionError, WeightsError
from nstyle.networks.weights import download as downloads
from nstyle.networks.weights import http
from nstyle.networks.weights.download import Source, download
from nstyle.options.options import MODELS
from nstyle.system.locations import BUILT_IN, EXTENSIONS

CONTENT = random.Random(2).randbytes(50_000)
WRONG = CONTENT[:-1] + b"?"
BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http, "PAUSES", (0.0,))
    monkeypatch.setattr(http, "TIMEOUT", 5.0)


@pytest.fixture
def site(monkeypatch) -> Iterator[server.Site]:
    """A site with the file; SOURCES name it at two addresses and once more as another file."""
    with server.serving(CONTENT) as site:
        one = Source("vgg19.params", f"{site.address}/one", "git-blob", BLOB)
        two = Source("vgg19.params", f"{site.address}/two", "git-blob", BLOB)
        keras = Source("vgg19.h5", f"{site.address}/keras", "md5", MD5, "h5py")
        monkeypatch.setattr(downloads, "SOURCES", {"vgg19": (one, two, keras)})
        yield site


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def asked(site: server.Site) -> list[str]:
    return [path for path, _ in site.asked]


def test_the_first_address_is_enough(site, tmp_path):
    found = download("vgg19", tmp_path / "new" / "model")
    assert found.fresh
    assert found.path == tmp_path / "new" / "model" / "vgg19.params"
    assert found.path.read_bytes() == CONTENT
    assert names(found.path.parent) == ["vgg19.params"]
    again = download("vgg19", found.path.parent)
    assert (again.fresh, again.path) == (False, found.path)
    assert asked(site) == ["/one"]


def test_any_of_a_models_files_is_enough(site, tmp_path):
    (tmp_path / "vgg19.h5").write_bytes(CONTENT)
    assert download("vgg19", tmp_path).path == tmp_path / "vgg19.h5"
    assert site.asked == []


@pytest.mark.parametrize("manner", [404, "nothing"])
def test_the_next_address_is_tried(site, tmp_path, manner):
    tries = 2 if manner == "nothing" else 1
    site.manners = [manner] * tries + ["well"]
    assert download("vgg19", tmp_path).path.name == "vgg19.params"
    assert asked(site) == ["/one"] * tries + ["/two"]


def test_another_file_of_the_same_model_takes_the_place(site, tmp_path):
    site.manners = ["cut", 404, 404, "well"]
    found = download("vgg19", tmp_path)
    assert (found.path.name, found.source.needs) == ("vgg19.h5", "h5py")
    assert asked(site)[-1] == "/keras"
    assert names(tmp_path) == ["vgg19.h5"]  # the part of the other file is gone


def test_a_part_that_cannot_be_removed_ends_nothing(site, tmp_path, monkeypatch):
    def unlink(path, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(downloads.Path, "unlink", unlink)
    site.manners = [404, 404, "well"]
    assert download("vgg19", tmp_path).path.name == "vgg19.h5"
    assert asked(site) == ["/one", "/two", "/keras"]
    assert names(tmp_path) == ["vgg19.h5", "vgg19.params.part"]


def test_what_an_interruption_left_is_gone_on_with(site, tmp_path):
    (tmp_path / "vgg19.params.part").write_bytes(CONTENT[:1000])
    path = download("vgg19", tmp_path).path
    assert site.asked == [("/one", "bytes=1000-")]
    assert names(tmp_path) == ["vgg19.params"]
    path.rename(tmp_path / "vgg19.params.part")
    assert download("vgg19", tmp_path).path.read_bytes() == CONTENT
    assert len(site.asked) == 1, "a complete part needs no request"


@pytest.mark.parametrize("part", [b"x" * 1000, CONTENT + b"x"], ids=["changed", "too long"])
def test_a_part_of_something_else_begins_anew(site, tmp_path, part):
    (tmp_path / "vgg19.params.part").write_bytes(part)
    assert download("vgg19", tmp_path).path.read_bytes() == CONTENT
    assert set(asked(site)) == {"/one"}


def refusal(*words, **named) -> str:
    """The one line of a download that is refused."""
    with pytest.raises(NStyleError) as caught:
        download(*words, **named)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("begin", [b"", WRONG[:1000]], ids=["whole", "resumed"])
def test_a_wrong_file_is_refused_and_not_kept(site, tmp_path, begin):
    site.content = WRONG
    if begin:
        (tmp_path / "vgg19.params.part").write_bytes(begin)
    assert "is not vgg19.params; nothing was kept" in refusal("vgg19", tmp_path)
    assert names(tmp_path) == []


def test_after_the_last_address_one_line_says_what_to_do(site, tmp_path):
    site.manners = [404]
    message = refusal("vgg19", tmp_path)
    advice = (f"put {site.address}/one at {tmp_path}/vgg19.params", "--mirror", "vgg16-slim")
    assert [text for text in advice if text not in message] == []
    assert names(tmp_path) == []
    site.manners = ["cut", 404]  # a part stays where the connection does not come back
    assert "call again to go on" in refusal("vgg19", tmp_path)
    assert (tmp_path / "vgg19.params.part").read_bytes() == CONTENT[:25_000]


def test_without_a_network_one_line_says_what_to_do(site, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{free.getsockname()[1]}"
    message = refusal("vgg19", tmp_path, mirror=mirror)
    assert "no connection to 127.0.0.1" in message and "vgg19.params by hand" in message


def test_ctrl_c_keeps_what_came(site, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK", 1000)

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download("vgg19", tmp_path, progress=stop)
    part = (tmp_path / "vgg19.params.part").read_bytes()
    assert part and CONTENT.startswith(part)
    assert download("vgg19", tmp_path).path.read_bytes() == CONTENT
    assert site.asked[-1] == ("/one", f"bytes={len(part)}-")


def test_a_mirror_has_the_files_by_their_names_once_each(site, tmp_path):
    site.manners = [404]
    refusal("vgg19", tmp_path, mirror=f"{site.address}/my/")
    assert asked(site) == ["/my/vgg19.params", "/my/vgg19.h5"]
    site.manners = ["well"]
    assert download("vgg19", tmp_path, mirror=f"{site.address}/my").fresh


@pytest.mark.parametrize(
    "mirror", ["", "there", "ftp://there", "file:///x", "http://", "http://[x"]
)
def test_a_mirror_that_is_no_address_is_refused(site, tmp_path, mirror):
    with pytest.raises(OptionError, match=r"--mirror: .*https://"):
        download("vgg19", tmp_path / "model", mirror=mirror)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("make", ["write", "mkdir", "link"])
def test_what_lies_there_under_the_name_is_never_replaced(site, tmp_path, make):
    mine = tmp_path / "vgg19.params"
    if make == "write":
        mine.write_bytes(b"my own")
    elif make == "mkdir":
        mine.mkdir()
    else:
        mine.symlink_to("nowhere")
    assert "checksum differs" in refusal("vgg19", tmp_path)
    assert names(tmp_path) == ["vgg19.params"]
    assert site.asked == []


def test_a_folder_that_cannot_be_is_one_line(site, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "--folder" in refusal("vgg19", tmp_path / "file")
    assert "--folder" in refusal("vgg19", tmp_path / "file" / "model")
    (tmp_path / "vgg19.params.part").mkdir()
    assert "vgg19.params.part: cannot be written" in refusal("vgg19", tmp_path)


def test_two_downloads_do_not_write_one_file(site, tmp_path):
    pytest.importorskip("fcntl")
    part = tmp_path / "vgg19.params.part"
    part.write_bytes(b"abc")
    with downloads.opened(part):
        assert "another download" in refusal("vgg19", tmp_path)
    assert part.read_bytes() == b"abc"
    with open(part, "a+b") as file:  # and it gets its name just before it is locked
        part.rename(tmp_path / "vgg19.params")
        with pytest.raises(WeightsError, match="call again"):
            downloads.lock(file, part)


def test_the_checksum_of_git(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"hello\n")
    assert downloads.digest(path, "git-blob") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert downloads.digest(path, "md5") == hashlib.md5(b"hello\n").hexdigest()


def test_every_model_that_is_not_built_in_has_sources():
    assert set(downloads.SOURCES) == set(MODELS) - {"auto"} - set(BUILT_IN)
    lengths = {"git-blob": 40, "md5": 32}
    for model, sources in downloads.SOURCES.items():
        for source in sources:
            assert source.file in [model + end for end in EXTENSIONS]
            assert source.address.startswith("https://")
            assert len(source.checksum) == lengths[source.kind]
            assert bool(source.needs) == source.file.endswith(".h5")
