"""The addresses of a server, and what stands behind each."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from nlsr_cli.errors import NlsrError
from nlsr_cli.images.formats import native_formats, parse_format
from nlsr_cli.serving import asked, description, page
from nlsr_cli.serving.bundle import bundled
from nlsr_cli.serving.changes import Changes
from nlsr_cli.serving.guard import COOKIE, refuse, session_of
from nlsr_cli.serving.job import DONE, FAILED, Job
from nlsr_cli.serving.line import Line
from nlsr_cli.serving.making import Maker
from nlsr_cli.serving.metrics import MEDIA_TYPE, Metrics
from nlsr_cli.serving.reception import Once, Reception
from nlsr_cli.serving.refusals import BadRequest, Busy, NoMethod, NotFound, NotReady, of_system
from nlsr_cli.serving.settings import ServeOptions
from nlsr_cli.serving.store import Store

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Server:
    """What stands behind the addresses."""

    options: ServeOptions
    store: Store
    maker: Maker
    line: Line
    changes: Changes
    metrics: Metrics
    reception: Reception

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            _route("/", GET=page.index),
            _route("/page.css", GET=page.style),
            _route("/page.js", GET=page.script),
            _route("/icon.svg", GET=page.icon),
            _route("/health", GET=self.health),
            _route("/metrics", GET=self.count),
            _route("/openapi.json", GET=self.describe),
            _route("/v1/session", POST=self.open_session),
            _route("/v1/options", GET=self.offer),
            _route("/v1/upscale", POST=self.upscale),
            _route("/v1/jobs", GET=self.list_jobs, POST=self.accept),
            _route("/v1/jobs/{id}", GET=self.show, DELETE=self.forget),
            _route("/v1/jobs/{id}/source", GET=self.source),
            _route("/v1/jobs/{id}/result", GET=self.result),
            _route("/v1/jobs/{id}/events", GET=self.follow),
            _route("/v1/events", GET=self.follow_all),
            _route("/v1/results.zip", GET=self.bundle),
        ]

    # ---- what anybody may see

    async def health(self, request: Request) -> Response:
        """Say that the server answers, or is about to end."""
        if self.line.stopping:
            raise Busy("the server is about to end", "Try again when it has started anew.")
        return JSONResponse({"status": "ok"})

    async def describe(self, request: Request) -> Response:
        """Describe all addresses."""
        return JSONResponse(description.document(self.maker.models, token=self.options.token is not None))

    # ---- about the server

    async def count(self, request: Request) -> Response:
        """Return what was counted."""
        states = Counter(job.state for job in self.line.jobs)
        waiting = sum(job.state == "queued" for job in self.line.unfinished)
        return Response(self.metrics.page(states, waiting), media_type=MEDIA_TYPE)

    async def open_session(self, request: Request) -> Response:
        """Give a browser that has shown the token a cookie: it cannot show it with every picture."""
        answer = Response(status_code=204)
        if self.options.token is not None:
            answer.set_cookie(COOKIE, session_of(self.options.token), httponly=True, samesite="strict")
        return answer

    async def offer(self, request: Request) -> Response:
        """Return what may be chosen, and the limits."""
        options = self.options
        models = [{"name": name, "scales": list(scales)} for name, scales in self.maker.models.items()]
        limits = {"bytes": options.max_upload, "pixels": options.max_pixels, "seconds": options.max_seconds}
        return JSONResponse(
            {
                "models": models,
                "formats": [each for each in asked.FORMATS if parse_format(each) in native_formats().writable],
                "limits": {**limits, "queue": options.queue, "per_client": options.per_client},
                "keep_seconds": options.keep,
            }
        )

    # ---- pictures

    async def upscale(self, request: Request) -> Response:
        """Answer with the enlarged picture."""
        job = await self.reception.accept(request, direct=True)
        kept = False
        try:
            await self.reception.until_over(request, job)
            path = self.store.result(job)
            kept = path is not None
            return JSONResponse(job.error, job.status) if path is None else Once(path, job, self.line.drop)
        finally:
            if not kept:
                self.line.drop(job.id)

    async def accept(self, request: Request) -> Response:
        """Accept a picture, which is enlarged when its turn comes."""
        job = await self.reception.accept(request, direct=False)
        return JSONResponse(self._seen(job), 202, {"Location": f"/v1/jobs/{job.id}"})

    # ---- jobs

    async def list_jobs(self, request: Request) -> Response:
        """List all jobs, the oldest first."""
        return JSONResponse({"jobs": [self._seen(job) for job in self.line.jobs]})

    async def show(self, request: Request) -> Response:
        """Return one job."""
        return JSONResponse(self._seen(self._job(request)))

    async def forget(self, request: Request) -> Response:
        """Cancel a job that is not over, and forget it with its files."""
        await asyncio.to_thread(self.line.drop, self._job(request).id)
        return Response(status_code=204)

    async def source(self, request: Request) -> Response:
        """Return what was uploaded."""
        job = self._job(request)
        return _Lent(self.store, job.id, self.store.upload(job.id), job.media_type, job.name)

    async def result(self, request: Request) -> Response:
        """Return what was made."""
        job = self._job(request)
        path = self.store.result(job)
        if job.state == FAILED:
            said = job.error["error"]["message"] if job.error else "it failed"
            raise NotReady(f"the job has failed: {said}", "Send the picture again.")
        if path is None or job.result is None:
            raise NotReady(f"the job has no result yet: it is {job.state}", f"Wait for it: /v1/jobs/{job.id}/events")
        return _Lent(self.store, job.id, path, job.result.media_type, job.download_name)

    async def follow(self, request: Request) -> Response:
        """Tell of a job as it goes on, until it is over."""
        job = self._job(request)
        return _stream(request, self._events(job.id))

    async def follow_all(self, request: Request) -> Response:
        """Tell of all jobs for ever."""
        return _stream(request, self._events(None))

    async def bundle(self, request: Request) -> Response:
        """Return the results of all jobs, or of those that are named, in one archive."""
        wanted = request.query_params.getlist("id")
        if set(request.query_params.keys()) - {"id"}:
            raise BadRequest("only id can be given", "For example: /v1/results.zip?id=ID&id=ID")
        jobs = [job for job in self.line.jobs if job.state == DONE and (not wanted or job.id in wanted)]
        files = [(job.download_name, path) for job in jobs if (path := self.store.result(job)) is not None]
        if not files:
            raise NotFound("there are no results yet", "Send pictures to: /v1/jobs")
        headers = {"Content-Disposition": 'attachment; filename="nlsr.zip"'}
        return StreamingResponse(bundled(files), media_type="application/zip", headers=headers)

    async def _events(self, only: str | None) -> AsyncIterator[bytes]:
        """Yield events as browsers read them: each has a whole job; `gone` only its name."""
        with self.changes.listen(only) as ear:
            for job in self.line.jobs:
                if only in (None, job.id):
                    yield _event("job", self._seen(job))
            if only is not None and self._is_settled(only):
                return
            async for names in ear.news():
                if not names:
                    yield b": beat\n\n"
                for name in names:
                    job_now = self.line.get(name)
                    if job_now is None:
                        yield _event("gone", {"id": name})
                    elif not job_now.direct:
                        yield _event("job", self._seen(job_now))
                    if only is not None and self._is_settled(only):
                        return

    def _is_settled(self, name: str) -> bool:
        job = self.line.get(name)
        return job is None or job.is_over

    def _seen(self, job: Job) -> dict[str, Any]:
        return job.as_json(self.line.ahead(job))

    def _job(self, request: Request) -> Job:
        job = self.line.get(request.path_params["id"])
        if job is None or job.direct:
            raise NotFound("there is no such job", "It was forgotten or cancelled, or the server has started anew.")
        return job


def application(server: Server) -> Starlette:
    """Return the application without its guard."""

    async def ours(request: Request, error: Exception) -> Response:
        return refuse(request, error if isinstance(error, NlsrError) else of_library(error))

    async def full(request: Request, error: Exception) -> Response:
        return refuse(request, of_system(error, "to keep a picture")) if isinstance(error, OSError) else Response()

    return Starlette(routes=server.routes(), exception_handlers={NlsrError: ours, HTTPException: ours, OSError: full})


def of_library(error: Exception) -> NlsrError:
    """Return what the library refuses as an error of ours."""
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFound("there is nothing at this address", "See: /openapi.json")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return NoMethod("this address knows other methods", "See: /openapi.json", headers=error.headers)
    return BadRequest("the request makes no sense", "See: /openapi.json")


def _route(path: str, **handlers: Handler) -> Route:
    """Return an address with what answers each method."""

    async def answer(request: Request) -> Response:
        request.scope["nlsr.route"] = path
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answer, methods=list(handlers))


def _stream(request: Request, events: AsyncIterator[bytes]) -> Response:
    headers = {"X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers)
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _event(kind: str, value: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(value)}\n\n".encode()


class _Lent(FileResponse):
    """A file that stays until it is sent. A browser saves it, and never shows it as a page of this server."""

    def __init__(self, store: Store, job: str, path: Path, kind: str, name: str) -> None:
        super().__init__(path, media_type=kind, filename=name)
        self._store, self._job = store, job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            NotFound: it was forgotten a moment ago.
        """
        with self._store.lent(self._job):
            if not Path(self.path).is_file():
                raise NotFound("the file is gone", "Send the picture again.")
            await super().__call__(scope, receive, send)
