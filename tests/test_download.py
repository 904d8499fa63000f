"""download.sh against a local server: what is wrong is never kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "download.sh"


class WrongFile(BaseHTTPRequestHandler):
    """Answers every address with a page and status 200, but /missing with 404."""

    def do_GET(self) -> None:
        page = b"<html>not a network</html>"
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), WrongFile)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def download(folder: Path, mirror: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(SCRIPT, folder / "download.sh")
    settings = {**os.environ, "MIRROR": mirror, "no_proxy": "127.0.0.1"}
    words = ["bash", str(folder / "download.sh")]
    return subprocess.run(words, env=settings, capture_output=True, text=True, timeout=60)


needs_a_client = pytest.mark.skipif(
    not (shutil.which("curl") or shutil.which("wget")), reason="neither curl nor wget is installed"
)


@needs_a_client
def test_a_page_instead_of_the_file_is_refused_and_not_kept(tmp_path, mirror):
    done = download(tmp_path, mirror)
    assert done.returncode == 1
    assert "not VGG-19's weights file" in done.stderr
    assert list((tmp_path / "model").iterdir()) == []


@needs_a_client
def test_an_address_without_the_file_names_the_ways_out(tmp_path, mirror):
    done = download(tmp_path, f"{mirror}/missing")
    assert done.returncode == 1
    assert "MIRROR=URL" in done.stderr and "by hand" in done.stderr
    assert not (tmp_path / "model" / "vgg19.params").exists()
