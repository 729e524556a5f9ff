"""How a picture comes in, and how whoever waits for it gets it, or is found to have gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from nlsr_cli.options import counted
from nlsr_cli.serving import asked
from nlsr_cli.serving.asked import Asked
from nlsr_cli.serving.changes import Changes
from nlsr_cli.serving.job import Job, now
from nlsr_cli.serving.line import Line
from nlsr_cli.serving.making import Maker, media_type
from nlsr_cli.serving.receiving import receive
from nlsr_cli.serving.refusals import BadRequest, Busy
from nlsr_cli.serving.settings import ServeOptions
from nlsr_cli.serving.store import Store

HEADER = 4000  # characters of a header that every client and proxy takes


class Reception:
    """Takes pictures, and puts them into the line.

    Args:
        options: limits.
        store: where uploads go.
        maker: looks at them.
        line: the line.
        changes: tells when a job is over.
    """

    def __init__(self, options: ServeOptions, store: Store, maker: Maker, line: Line, changes: Changes) -> None:
        self._options, self._store, self._maker, self._line, self._changes = options, store, maker, line, changes
        self._looking = asyncio.Semaphore(1)

    async def accept(self, request: Request, *, direct: bool) -> Job:
        """Receive a picture, look at it, and put it into the line; whatever is wrong, nothing of it stays.

        Raises:
            NlsrError: something is wrong.
        """
        asked.read(request.query_params.multi_items(), self._maker.models)  # what is wrong by now needs no picture
        client = request.client.host if request.client else ""
        length = request.headers.get("content-length", "")
        with self._line.place(client):
            announced = int(length) if length.isdigit() else 0
            name = self._store.begin(min(announced, self._options.max_upload))  # more is refused as too large
            try:
                wanted = await self._received(request, name)
                async with self._looking:  # one at a time, so that slow ones take no thread from who writes uploads
                    header = await asyncio.to_thread(self._maker.look, self._store.upload(name), wanted)
                job = Job(
                    id=name,
                    name=wanted.name,
                    settings=dict(wanted.settings),
                    model=wanted.model or self._maker.first,
                    client=client,
                    direct=direct,
                    height=header.height,
                    width=header.width,
                    format=header.format,
                    media_type=media_type(header.format),
                    created=now(),
                )
                await asyncio.to_thread(self._line.add, job)
            except BaseException:
                self._store.remove(name)
                raise
        return job

    async def _received(self, request: Request, name: str) -> Asked:
        """Write the upload to its place, and return what is asked of it, in the address or in the form."""
        try:
            got = await receive(request, self._store.upload(name), self._options.max_upload)
        except ClientDisconnect:
            raise BadRequest("the client has gone before all of the picture came") from None
        pairs = [*request.query_params.multi_items(), *got.fields]
        if got.name and "name" not in dict(pairs):
            pairs.append(("name", asked.clean(got.name)))
        return asked.read(pairs, self._maker.models)

    async def until_over(self, request: Request, job: Job) -> None:
        """Wait until a job is over.

        Raises:
            Busy: the server ends before.
            BadRequest: the client has gone; nobody will read this.
        """

        async def over() -> None:
            with self._changes.listen(job.id) as ear:
                news = ear.news()
                while not job.is_over and await anext(news, None) is not None:
                    pass  # until the server ends

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        tasks = {asyncio.ensure_future(over()), asyncio.ensure_future(gone())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if job.is_over:
            return
        if self._line.stopping:
            raise Busy("the server is about to end", "Try again when it has started anew.")
        raise BadRequest("the client has gone before its picture was done")


class Once(FileResponse):
    """A file that is forgotten once it is sent, or nobody takes it."""

    def __init__(self, path: Path, job: Job, forget: Callable[[str], None]) -> None:
        if job.result is None:
            raise TypeError("a job without a result")
        super().__init__(path, media_type=job.result.media_type, filename=job.download_name)
        self._forget, self._name = forget, job.id
        self.headers["X-Nlsr-Notes"] = _told(job.result.notes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._forget(self._name)


def _told(notes: tuple[str, ...]) -> str:
    """Return notes as JSON of ASCII, as short as a header has to be: what has no place is counted."""
    for kept in range(len(notes), -1, -1):
        left = len(notes) - kept
        text = json.dumps([*notes[:kept], *([f"{counted(left, 'more note')}: make a job to see all."] if left else [])])
        if len(text) <= HEADER:
            break
    return text
