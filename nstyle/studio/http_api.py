"""The HTTP API, documented in docs/studio.md: pictures in, jobs, previews; JSON, and a token."""

from __future__ import annotations

import base64
import functools
import json
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from nstyle import __version__
from nstyle.errors import NStyleError
from nstyle.options.options import Options
from nstyle.studio import requests
from nstyle.studio.app import Studio
from nstyle.studio.jobs import Job
from nstyle.studio.library import Source
from nstyle.studio.requests import Refused, unknown
from nstyle.studio.storage import Session

log = logging.getLogger("nstyle")

LONGEST_JSON, LONGEST_FRAME = 100_000, 500_000  # bytes
PRIVATE = {"Cache-Control": "no-store"}
Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The endpoints of one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """(method, path, endpoint)."""
        return [
            ("GET", "/healthz", self.health),
            ("GET", "/api/shelf", self.shelf),
            ("GET", "/api/shelf/{id}", self.thumbnail),
            ("POST", "/api/pictures", self.receive),
            ("GET", "/api/pictures/{id}", self.uploaded),
            ("POST", "/api/preview", self.preview),
            ("POST", "/api/live", self.frame),
            ("GET", "/api/jobs", self.jobs),
            ("POST", "/api/jobs", self.paint),
            ("GET", "/api/jobs/{id}", self.job),
            ("GET", "/api/jobs/{id}/picture", self.picture),
            ("GET", "/api/jobs/{id}/photo", self.photo),
            ("POST", "/api/jobs/{id}/stop", self.stop),
            ("POST", "/api/jobs/{id}/resume", self.resume),
            ("DELETE", "/api/jobs/{id}", self.delete),
        ]

    async def health(self, request: Request) -> Response:
        """Alive; how much there is to do."""
        return JSONResponse({"ok": True, "version": __version__, **self._studio.painter.counts()})

    async def shelf(self, request: Request) -> Response:
        """Samples, networks and limits."""
        shelf = self._studio.shelf
        sources = {}
        for kind, find in (("photos", shelf.photos), ("styles", shelf.styles)):
            sources[kind] = [source.as_json() for source in await run_in_threadpool(find)]
        usual = {"content_weight": Options().content_weight}
        return JSONResponse({**sources, "limits": self._studio.settings.limits(), "usual": usual})

    async def thumbnail(self, request: Request) -> Response:
        """JPEG of something on the shelf; for everyone."""
        data = await run_in_threadpool(self._studio.shelf.thumbnail, request.path_params["id"])
        if data is None:
            raise unknown("picture")
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    async def receive(self, request: Request) -> Response:
        """A picture file as the body, its name as ?name=."""
        person, most = self._person(request), int(self._studio.settings.upload_megabytes * 1e6)
        folder = await run_in_threadpool(person.new_upload)
        try:
            await save_body(request, folder / "picture", most)
            name = request.query_params.get("name", "picture")
            look = functools.partial(self._studio.look, who=person.owner)
            source = await run_in_threadpool(person.keep, folder, name, look)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return JSONResponse(source.as_json(), 201)

    async def uploaded(self, request: Request) -> Response:
        """JPEG, the small copy of an upload."""
        return await sent(Path(self._person(request).upload(request.path_params["id"]).small))

    async def preview(self, request: Request) -> Response:
        """JPEG: the photo in the style in one pass, small."""
        person, body, photo, style = await self._order(request)
        order = requests.preview(body, photo, style)
        answer = await run_in_threadpool(self._studio.previews.ask, order, person.owner)
        return Response(base64.b64decode(answer["jpeg"]), media_type="image/jpeg", headers=PRIVATE)

    async def frame(self, request: Request) -> Response:
        """JPEG: a frame, JPEG as the body, painted in ?style= by ?strength=."""
        person, asked = self._person(request), request.query_params
        style = await run_in_threadpool(self._source, person, "style", asked.get("style"))
        frame = await read_body(request, LONGEST_FRAME)
        order = requests.frame(style, asked.get("strength", 1))
        order["busy"] = self._studio.painter.counts()["painting"] > 0
        order["frame"] = base64.b64encode(frame).decode("ascii")
        order["viewer"] = person.owner
        answer = await run_in_threadpool(self._studio.live.ask, order, person.owner)
        return Response(base64.b64decode(answer["jpeg"]), media_type="image/jpeg", headers=PRIVATE)

    async def jobs(self, request: Request) -> Response:
        """All of one's own, newest first."""
        person = self._person(request)
        jobs = await run_in_threadpool(person.jobs)
        return JSONResponse([self._studio.painter.describe(job) for job in jobs], headers=PRIVATE)

    async def paint(self, request: Request) -> Response:
        """A new job."""
        person, body, photo, style = await self._order(request)
        settings, painter = self._studio.settings, self._studio.painter
        order = await run_in_threadpool(requests.painting, body, photo, style, settings)
        painter.check_room(person.owner)
        job = await run_in_threadpool(person.new_job, order, photo, style)
        try:
            painter.add(job)
        except Refused:
            job.remove()
            raise
        return JSONResponse(painter.describe(job), 201)

    async def job(self, request: Request) -> Response:
        """State, place in the queue, progress."""
        return JSONResponse(self._studio.painter.describe(self._job(request)), headers=PRIVATE)

    async def picture(self, request: Request) -> Response:
        """The newest picture as JPEG, or with ?full=1 the finished PNG with the options inside."""
        job = self._job(request)
        full = request.query_params.get("full") == "1"
        return await sent(job.result if full else job.now)

    async def photo(self, request: Request) -> Response:
        """JPEG, the photo of a job, small."""
        return await sent(self._job(request).folder / "photo.jpg")

    async def stop(self, request: Request) -> Response:
        """End a job, keeping what is there."""
        job = self._job(request)
        await run_in_threadpool(self._studio.painter.stop, job)
        return JSONResponse(self._studio.painter.describe(job))

    async def resume(self, request: Request) -> Response:
        """Go on with a job that was stopped or interrupted."""
        job = self._job(request)
        if not job.as_json()["resumable"]:
            raise Refused(f"a painting that is {job.state} cannot be gone on with", 409)
        self._studio.painter.add(job)
        return JSONResponse(self._studio.painter.describe(job))

    async def delete(self, request: Request) -> Response:
        """Remove a job and all its files."""
        job = self._job(request)
        await run_in_threadpool(self._studio.painter.drop, job)
        await run_in_threadpool(job.remove)
        return Response(status_code=204)

    def _person(self, request: Request) -> Session:
        """Whose request it is. Raises Refused."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise Refused("a token is missing; send the header Authorization: Bearer TOKEN", 401)
        return self._studio.store.of(token.strip())

    def _job(self, request: Request) -> Job:
        """The job that is asked for, if it belongs to who asks. Raises Refused."""
        job = self._person(request).job(request.path_params["id"])
        return self._studio.painter.find(job.id) or job

    async def _order(self, request: Request) -> tuple[Session, dict[str, Any], Source, Source]:
        """(whose it is, the body, photo, style). Raises Refused."""
        person, body = self._person(request), await read_json(request)

        photo = await run_in_threadpool(self._source, person, "photo", body.get("photo"))
        style = await run_in_threadpool(self._source, person, "style", body.get("style"))
        if photo.network:
            raise Refused("the photo is a network; choose a picture")
        return person, body, photo, style

    def _source(self, person: Session, name: str, id: Any) -> Source:
        if not isinstance(id, str):
            raise Refused(f"the {name} is missing; give the id of an upload or of the shelf")
        return self._studio.shelf.find(id) or person.upload(id)


async def save_body(request: Request, path: Path, most: int) -> None:
    """The body as a file, never more than `most` bytes. Raises Refused."""
    sentence = f"the file is too large; a picture may have {most / 1e6:g} MB"
    if int(request.headers.get("content-length") or 0) > most:
        raise Refused(sentence, 413)
    size = 0
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise Refused(sentence, 413)
                file.write(chunk)
    except ClientDisconnect:
        raise Refused("the upload was broken off") from None


async def read_body(request: Request, most: int) -> bytes:
    """The body, never more than `most` bytes. Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("the request is too long", 413)
    return body


async def read_json(request: Request) -> dict[str, Any]:
    """The body, a JSON object. Raises Refused."""
    body = await read_body(request, LONGEST_JSON)
    try:
        facts = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(facts, dict):
        raise Refused("the body is not a JSON object")
    return facts


async def sent(path: Path) -> Response:
    """A picture file, read at once since it may be replaced. Raises Refused where there is none."""
    try:
        data = await run_in_threadpool(path.read_bytes)
    except FileNotFoundError:
        raise Refused("there is no picture yet", 404) from None
    kind = "image/png" if path.suffix == ".png" else "image/jpeg"
    return Response(data, media_type=kind, headers=PRIVATE)


def guarded(endpoint: Endpoint) -> Endpoint:
    """The endpoint; what is refused becomes {"error": sentence} and a status."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NStyleError as error:
            sentence, status = str(error), error.status if isinstance(error, Refused) else 400
        except OSError as error:  # a full disk, most of all; its path is nobody's business
            log.error("%s %s: %s", request.method, request.url.path, error)
            why = error.strerror or type(error).__name__
            sentence, status = f"the studio's disk does not work: {why}", 503
        return JSONResponse({"error": sentence}, status, headers=PRIVATE)

    return answer
