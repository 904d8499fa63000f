"""One file from one address: what is cut is gone on with, what is no file is not written."""

from __future__ import annotations

import errno
import io
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import server

from nstyle.errors import WeightsError
from nstyle.networks.weights import http

CONTENT = random.Random(1).randbytes(300_000)
HALF = len(CONTENT) // 2


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(http, "TIMEOUT", 5.0)


@pytest.fixture
def site() -> Iterator[server.Site]:
    with server.serving(CONTENT) as site:
        yield site


@pytest.fixture
def get(tmp_path, site):
    """get(address=..., begin=what is there already) -> (in one piece?, content, lines told)."""

    def run(address: str = "", begin: bytes = b"") -> tuple[bool, bytes, list[str]]:
        path, lines = tmp_path / "file", []
        path.write_bytes(begin)
        run.steps = []
        with open(path, "a+b", buffering=0) as file:
            file.seek(0, io.SEEK_END)
            whole = http.fetch(
                address or f"{site.address}/f",
                file,
                progress=lambda *step: run.steps.append(step),
                tell=lines.append,
            )
        return whole, path.read_bytes(), lines

    run.path = tmp_path / "file"
    return run


def test_a_file_comes_whole_and_in_one_piece(get, site):
    assert get() == (True, CONTENT, [])
    assert site.asked == [("/f", None)]
    assert get.steps[-1] == (len(CONTENT), len(CONTENT)) and get.steps == sorted(get.steps)


def test_a_cut_connection_is_gone_on_with(get, site):
    site.manners = ["cut", "cut", "well"]
    whole, content, lines = get()
    assert (whole, content) == (False, CONTENT)
    ranges = [requested for _, requested in site.asked]
    assert ranges == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]
    assert len(lines) == 2 and f"{HALF} of {len(CONTENT)}" in lines[0]


def test_what_is_there_already_is_not_asked_for_again(get, site):
    assert get(begin=CONTENT[:1000]) == (False, CONTENT, [])
    assert site.asked == [("/f", "bytes=1000-")]


def test_a_server_without_ranges_begins_anew(get, site):
    site.manners = ["no range"]
    assert get(begin=b"old" * 100) == (True, CONTENT, [])
    site.manners = ["cut", "no range"]
    assert get()[:2] == (True, CONTENT)
    site.manners = ["no length"]
    assert get() == (True, CONTENT, [])


def test_what_does_not_fit_begins_anew(get, site):
    assert get(begin=CONTENT + b"too much") == (True, CONTENT, [])
    site.manners = ["other part", "well"]
    assert get(begin=CONTENT[:1000])[:2] == (True, CONTENT)


@pytest.mark.parametrize("manner", ["nothing", "empty", 503])
def test_what_may_pass_is_tried_again(get, site, manner):
    site.manners = [manner, "well"]
    assert get(begin=CONTENT[:9])[1] == CONTENT
    site.manners = [manner]
    site.asked.clear()
    with pytest.raises(http.CutError):
        get(begin=CONTENT[:9])
    assert len(site.asked) == 3
    assert get.path.read_bytes() == CONTENT[:9]


def test_what_will_not_pass_is_not_tried_again(get, site):
    site.manners = [404]
    with pytest.raises(http.SourceError, match="answered 404"):
        get()
    assert len(site.asked) == 1


@pytest.mark.parametrize("manner", ["page", "html"])
def test_a_web_page_is_recognised_and_leaves_what_is_there(get, site, manner):
    site.manners = [manner]
    with pytest.raises(http.SourceError, match="web page"):
        get(begin=CONTENT[:1000])
    assert get.path.read_bytes() == CONTENT[:1000]


def test_attempts_that_bring_much_are_not_counted(get, site, monkeypatch):
    monkeypatch.setattr(http, "ENOUGH", 1000)
    site.manners = ["cut"] * 6 + ["well"]
    assert get()[1] == CONTENT


def test_nothing_listening_is_told_at_once(get):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/f"
    with pytest.raises(http.UnreachableError, match="refused"):
        get(address)


def test_a_server_that_falls_silent_is_given_up(get, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/f"
        with pytest.raises(http.CutError, match="timed out"):
            get(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:port/f", "http://127.0.0.1/a b", "x"])
def test_an_address_that_is_none_is_one_line(get, address):
    with pytest.raises(http.SourceError) as caught:
        get(address)
    assert "\n" not in str(caught.value)


def test_too_much_is_refused(get, site, monkeypatch):
    monkeypatch.setattr(http, "LARGEST", len(CONTENT) - 1)
    for manner in ("well", "no length"):
        site.manners = [manner]
        with pytest.raises(http.SourceError, match="more than any network"):
            get()


class FullDisk(io.BytesIO):
    """Takes two bytes, then there is no space left."""

    name = "vgg19.params.part"

    def write(self, data: Any) -> int:
        if self.tell() >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[:1])


def test_a_full_disk_is_one_line_and_no_other_address_is_tried(site):
    file = FullDisk()
    with pytest.raises(WeightsError) as caught:
        http.fetch(site.address, file, progress=lambda *_: None, tell=lambda line: None)
    assert not isinstance(caught.value, http.SourceError)
    message = str(caught.value)
    assert "vgg19.params.part: cannot be written (No space left" in message
    assert "\n" not in message and len(site.asked) == 1
    assert file.getvalue() == CONTENT[:2], "it went on where the system took less"
