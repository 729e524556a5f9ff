"""A server for the tests of this folder, in a thread of this process, and what asks it."""

from __future__ import annotations

import http.client
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from PIL import Image

from nlsr_cli.options import ComputeOptions
from nlsr_cli.serving.job import Job
from nlsr_cli.serving.line import Line
from nlsr_cli.serving.server import Hearer, serve
from nlsr_cli.serving.settings import ServeOptions
from tests.conftest import ASSETS

PATIENCE = 60.0
TOKEN = "a token of the tests"[::-1].replace(" ", "-")
FAST = {"scale": "2", "strength": "0"}  # no network has a part in it


def picture(width: int = 24, height: int = 20, form: str = "PNG") -> bytes:
    """Return a picture file: a part of a photograph."""
    stream = io.BytesIO()
    with Image.open(ASSETS / "tower.jpg") as image:
        image.convert("RGB").resize((width, height)).save(stream, form)
    return stream.getvalue()


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


@dataclass
class Running:
    """A server that answers at `address`. What it told is in `over` and `troubles`."""

    address: str = ""
    over: list[Job] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    lost: int = 0
    line: Any = None
    end: Callable[[], None] = lambda: None

    def folders(self) -> list[str]:
        """Return the names of the folders of jobs."""
        return [entry.name for entry in os.scandir(self.line._store.folder) if entry.is_dir()]

    @property
    def netloc(self) -> str:
        return urlsplit(self.address).netloc

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.netloc, timeout=PATIENCE)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, f"{path}?{urlencode(query)}" if query else path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, body: bytes, **query: str) -> Answer:
        return self.ask("POST", path, body, {"Content-Type": "application/octet-stream"}, **query)

    def job(self, name: str) -> Any:
        return self.ask("GET", f"/v1/jobs/{name}").json

    def wait(self, until: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < end
            time.sleep(0.01)

    def wait_for(self, name: str) -> Any:
        """Return a job once it is over."""
        self.wait(lambda: self.job(name)["state"] in ("done", "failed"))
        return self.job(name)


@contextmanager
def running(**settings: Any) -> Iterator[Running]:
    """Run a server until the end of the block."""
    server, ready, stop = Running(), threading.Event(), threading.Event()
    server.end = stop.set
    failed: list[BaseException] = []

    def on_ready(address: str) -> None:
        server.address = address
        ready.set()

    def run() -> None:
        try:
            hearer = Hearer(on_ready, server.over.append, server.troubles.append)
            options = ServeOptions(**{"port": 0, "compute": ComputeOptions("cpu"), **settings})
            server.lost = serve(options, hearer, stop=stop)
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            failed.append(error)
            ready.set()

    begin = Line.start

    def start(line: Line) -> None:
        server.line = line
        begin(line)

    Line.start = start  # type: ignore[method-assign]  # tests look behind the addresses
    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(PATIENCE)
    Line.start = begin  # type: ignore[method-assign]
    try:
        if not failed:
            yield server
    finally:
        stop.set()
        thread.join(PATIENCE)
    if failed:
        raise failed[0]


def form(boundary: str, *parts: tuple[str, str | None, bytes]) -> bytes:
    """Return a form: name, name of the file or None, and content of each part."""
    found = b""
    for name, file, content in parts:
        more = "" if file is None else f'; filename="{file}"'
        found += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content
        found += b"\r\n"
    return found + f"--{boundary}--\r\n".encode()
