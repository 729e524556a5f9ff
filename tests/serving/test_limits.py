"""Too much, too large, too slow, gone: each has its status, and the server lives on."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
import time
import zlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.serving import receiving
from nlsr_cli.serving import server as server_module
from nlsr_cli.serving import store as store_module
from nlsr_cli.serving.settings import ServeOptions
from tests.serving.serving import FAST, Running, form, picture, running


@pytest.fixture(scope="module")
def small() -> Iterator[Running]:
    """Return a server that takes very little."""
    with running(queue=4, max_upload=100_000, max_pixels=10_000, max_seconds=0.5) as found:
        yield found


@pytest.fixture(autouse=True)
def _lives_on(small: Running) -> Iterator[None]:
    """Whatever a test does to it, the next picture is enlarged, no place is taken, and nothing is left on the disk."""
    yield
    assert small.ask("GET", "/v1/jobs").json["jobs"] == []
    small.wait(lambda: small.folders() == [])
    assert small.post("/v1/upscale", picture(), **FAST).status == 200
    assert [error for error in small.troubles if not isinstance(error, OSError)] == []


def bomb(width: int, height: int) -> bytes:
    """Return a PNG that says that it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_too_many_bytes(small: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they are announced or not, and in a form."""
    announced = small.post("/v1/jobs", bytes(200_000))
    assert (announced.status, announced.code) == (413, "TooLarge")
    monkeypatch.setattr(receiving, "SILENCE", 0.1)
    beyond_any_disk = small.ask("POST", "/v1/jobs", b"", {"Content-Length": str(1 << 60)})
    assert (beyond_any_disk.status, beyond_any_disk.code) == (413, "TooLarge")
    connection = small.connect()
    connection.request(
        "POST", "/v1/jobs", iter([bytes(60_000)] * 4), {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n' + bytes(120_000) + b"\r\n--x--\r\n"
    assert small.ask("POST", "/v1/jobs", body, kind).status == 413


def test_whoever_is_refused_sees_the_answer(small: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs are large: a connection that is cut while one is sent would hide that there is no place for it."""
    with monkeypatch.context() as patch:
        patch.setattr(ServeOptions, "per_client", 0)
        answer = small.post("/v1/jobs", bytes(20 << 20))
    assert (answer.status, answer.code) == (429, "TooMany")


def test_who_asks_first_sends_nothing(small: Running) -> None:
    """A client that expects to be told to go on is told not to, before it has sent a byte of its body."""
    with socket.create_connection(small.netloc.split(":"), timeout=30) as line:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: {small.netloc}\r\nContent-Length: 500000\r\n"
        line.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_too_many_pixels_are_never_decoded(small: Running) -> None:
    answer = small.post("/v1/upscale", bomb(50_000, 50_000), **FAST)
    assert (answer.status, answer.code) == (413, "TooLarge")
    assert answer.json["error"]["hint"].endswith("--max-pixels")
    answer = small.post("/v1/upscale", picture(100, 90), scale="16", strength="0")
    assert (answer.status, answer.code) == (413, "TooLarge")
    assert "the result would have 2304000 pixels, more than 160000" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"GIF89a", b"<svg/>", b"PK\3\4" + bytes(50), picture()[:50], bytes(9999)], ids=len
)
def test_what_is_no_picture(small: Running, data: bytes) -> None:
    answer = small.post("/v1/upscale", data, **FAST)
    assert answer.status == 422
    assert answer.json["error"]["message"]


def test_a_picture_that_takes_too_long(small: Running, gate: threading.Event) -> None:
    started = time.monotonic()
    answer = small.post("/v1/upscale", picture(), name="slow.png", **FAST)
    assert time.monotonic() - started < 20
    assert (answer.status, answer.code) == (422, "TimeIsUp")
    assert answer.json["error"]["message"] == "slow.png: it takes more than 0.5 seconds"


def test_the_queue_is_bounded_and_a_client_has_its_share(gate: threading.Event) -> None:
    with running(queue=2) as server:

        def accepted(others: int) -> str:
            answer = server.post("/v1/jobs", picture(), **FAST)
            assert answer.status == 202
            server.wait(lambda: len(server.line.unfinished) == others + 1)
            return str(answer.json["id"])

        names = [accepted(0)]
        server.wait(lambda: server.job(names[0])["state"] == "running")
        answer = server.post("/v1/jobs", picture(), **FAST)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, "TooMany", "5")
        for others in (1, 2):
            server.line.unfinished[-1].client = "another"
            names.append(accepted(others))
        server.line.unfinished[-1].client = "another"
        answer = server.post("/v1/upscale", picture(), **FAST)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "Busy", "5")
        gate.set()
        for name in names:
            server.wait_for(name)
        assert server.post("/v1/upscale", picture(), **FAST).status == 200


def test_a_body_that_comes_too_slowly(small: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then keeps no place for ever."""
    monkeypatch.setattr(receiving, "GRACE", 0.3)
    with socket.create_connection(small.netloc.split(":"), timeout=30) as line:
        line.sendall(f"POST /v1/jobs HTTP/1.1\r\nHost: {small.netloc}\r\nContent-Length: 5000\r\n\r\n".encode())
        for _ in range(3):
            line.sendall(b"x")
            time.sleep(0.05)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"TooSlow" in answer


def test_a_request_that_never_comes(small: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither silence nor headers that trickle keep a connection, on a new one or on a used one."""
    monkeypatch.setattr(server_module, "FIRST_BYTES", 0.3)
    for before in (b"", f"GET /health HTTP/1.1\r\nHost: {small.netloc}\r\n\r\n".encode()):
        with socket.create_connection(small.netloc.split(":"), timeout=30) as line:
            if before:
                line.sendall(before)
                answer = b""
                while not answer.endswith(b'"ok"}'):  # it comes in pieces
                    answer += line.recv(4096)
            line.sendall(b"GET / HT")
            started = time.monotonic()
            with pytest.raises((ConnectionError, AssertionError)):
                assert line.recv(4096) != b""
            assert time.monotonic() - started < 10


@pytest.mark.parametrize("path", ["/v1/upscale", "/v1/jobs"])
def test_a_client_that_vanishes_while_it_sends(small: Running, path: str) -> None:
    with socket.create_connection(small.netloc.split(":"), timeout=30) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: {small.netloc}\r\nContent-Length: 5000\r\n\r\nabc".encode())
    small.wait(lambda: small.folders() == [])


def test_a_client_that_vanishes_while_it_waits(gate: threading.Event) -> None:
    """Its picture is not enlarged for nobody."""
    with running() as server:
        data = picture()
        with socket.create_connection(server.netloc.split(":"), timeout=30) as line:
            head = f"POST /v1/upscale?scale=2 HTTP/1.1\r\nHost: {server.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
            line.sendall(head.encode() + data)
            server.wait(lambda: server.line.unfinished)
        server.wait(lambda: not server.line.unfinished and server.folders() == [])
        assert server.over == []


def test_a_full_disk(small: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an upload, in the middle of one, when it is accepted, and when the result is written."""
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(store_module.shutil, "disk_usage", lambda _: usage(1, 1, 0))
        answer = small.post("/v1/jobs", picture(), **FAST)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (507, "DiskFull", "60")

    def full(*_: object, **__: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place, name in ((receiving._Picture, "write"), (os, "fsync")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            for path in ("/v1/jobs", "/v1/upscale"):
                answer = small.post(path, picture(), **FAST)
                assert answer.status == 507, answer.body
                assert answer.json["error"]["message"]
    assert small.folders() == []


def test_results_are_forgotten() -> None:
    with running(keep=0.4) as server:
        name = server.post("/v1/jobs", picture(), **FAST).json["id"]
        server.wait(lambda: server.ask("GET", f"/v1/jobs/{name}").status == 404)
        server.wait(lambda: server.folders() == [])


def test_what_cannot_be_served() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OptionError, match=r"cannot listen at 127\.0\.0\.1"),
        running(port=taken.getsockname()[1]),
    ):
        pass


@pytest.mark.parametrize(
    "settings",
    [{"port": 70000}, {"keep": 0}, {"queue": 0}, {"max_upload": -1}, {"max_pixels": 0}, {"max_seconds": float("nan")}],
    ids=lambda settings: next(iter(settings)),
)
def test_limits_that_are_none(settings: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="must be"):
        ServeOptions(**settings)


def test_what_clients_do_wrong_is_not_talked_about(small: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends rubbish cannot fill a log."""
    with socket.create_connection(small.netloc.split(":"), timeout=30) as line:
        line.sendall(b"no request at all\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 400 ")
    body = form("x", ("picture", "a.png", picture())) + b"rubbish"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert small.ask("POST", "/v1/upscale", body, kind, **FAST).status == 200
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "python_multipart"))] == []
