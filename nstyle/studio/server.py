"""The web server: the API, the page, and what keeps the page at home."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

from nstyle.errors import OptionError
from nstyle.studio.options import Settings, check_home, held, private_folder, this_machine
from nstyle.system import extras, interrupts

log = logging.getLogger("nstyle")

OURS = ("/api/", "/studio/", "/healthz")
# All that the page needs of Gradio, to look at. The rest takes in, hands out or fetches files, or
# runs something.
GRADIO = ("/assets/", "/static/", "/svelte/", "/theme.css", "/favicon.ico", "/manifest.json",
          "/config", "/robots.txt", "/pwa_icon")  # fmt: skip
HEADERS = {
    # Gradio's page has scripts inside it and makes functions of words, so that these are allowed;
    # what counts is that nothing can be asked of another host.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' "
    "'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
    "font-src 'self' data:; connect-src 'self' blob:; media-src 'self' blob:; "
    "frame-src 'none'; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(settings: Settings) -> Any:
    """The ASGI application; its studio begins and ends with it. Raises OptionError."""
    lock = held(check_home(settings))
    temporary = private_folder(settings.home / "gradio")
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_RUN_HISTORY="False",
        GRADIO_TEMP_DIR=str(temporary),
        HF_HUB_OFFLINE="1",
    )
    try:
        from fastapi import FastAPI

        from nstyle.studio import page
        from nstyle.studio.app import Studio
        from nstyle.studio.http_api import Api, guarded
    except ImportError as error:
        raise OptionError(
            f"the studio needs Gradio ({error.name or error} is missing), on Python 3.10 or later; "
            f"run: {extras.advice('studio')}"
        ) from error
    studio = Studio(settings)

    @contextlib.asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        studio.begin()
        threading.Thread(target=studio.warm, daemon=True).start()
        yield
        studio.close()
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(lock)

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    for method, path, endpoint in Api(studio).routes():
        app.add_api_route(path, guarded(endpoint), methods=[method], response_model=None)
    page.mount(app, settings)
    return Fence(app, settings)


class Fence:
    """Keeps out what the page does not need, and tells browsers to stay at home (ASGI)."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        if self._refuses(scope):
            body = b'{"error": "there is no such thing here"}'
            kind = (b"content-type", b"application/json")
            start = {"type": "http.response.start", "status": 404, "headers": [kind]}
            await send_with_headers(start)
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send_with_headers)

    def _refuses(self, scope: Any) -> bool:
        if this_machine(self._settings.host) and not from_here(scope):
            return True
        path = scope["path"]
        looked_at = path == "/" or path.startswith(GRADIO)
        return not (path.startswith(OURS) or (looked_at and (scope["method"] in ("GET", "HEAD"))))


def from_here(scope: Any) -> bool:
    """Whether the request names this machine: a page elsewhere can give a name of its own to it."""
    named = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    host = named.rsplit(":", 1)[0] if not named.endswith("]") else named
    return not host or this_machine(host.strip("[]"))


def bound(settings: Settings) -> socket.socket:
    """The socket to listen at. Raises OptionError where it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OptionError(
            f"--host {settings.host} --port {settings.port}: {error.strerror or error}; "
            "choose another port"
        ) from error
    return listening


def serve(app: Any, listening: socket.socket) -> None:
    """Until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    if signal.getsignal(signal.SIGHUP) is interrupts.end:  # uvicorn sees to the others itself
        signal.signal(signal.SIGHUP, server.handle_exit)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when all is closed
        server.run(sockets=[listening])


def address(settings: Settings, listening: socket.socket) -> str:
    """The address for a browser."""
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/"
