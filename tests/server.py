"""A small web server for tests that can behave badly."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = b"  <!DOCTYPE html><title>Please log in</title>"


@dataclass
class Site:
    """What is served, how (one manner per request, the last for all further), what was asked.

    Manners: "well", "cut" after half of what is left, "no range", "other part", "nothing",
    "empty", "no length", "page", "html", or a status.
    """

    content: bytes
    manners: list[Any] = field(default_factory=lambda: ["well"])
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers from the Site in the attribute `site`."""

    site: Site

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range")
        manner = site.manners.pop(0) if len(site.manners) > 1 else site.manners[0]
        site.asked.append((self.path, wanted))
        if isinstance(manner, int):
            self.send_error(manner)
        elif manner in ("page", "html"):
            kind = "text/html" if manner == "html" else "application/octet-stream"
            self.answer(200, PAGE if manner == "page" else site.content, {"Content-Type": kind})
        elif manner != "nothing":
            self.serve(manner, wanted)

    def serve(self, manner: str, wanted: str | None) -> None:
        """The content, or what is left of it."""
        content = b"" if manner == "empty" else self.site.content
        start = int(wanted[6:-1]) if wanted and manner not in ("no range", "empty") else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        body, headers, status = content[start:], {}, 200
        if start:
            status = 206
            told = start + 1 if manner == "other part" else start
            headers["Content-Range"] = f"bytes {told}-{len(content) - 1}/{len(content)}"
        length = None if manner == "no length" else len(body)
        self.answer(status, body[: len(body) // 2] if manner == "cut" else body, headers, length)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str], length: int | None = -1
    ) -> None:
        """One answer; length: what is claimed, None = nothing."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@contextlib.contextmanager
def serving(content: bytes) -> Iterator[Site]:
    """A Site at its address, on this machine only."""
    site = Site(content)
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
