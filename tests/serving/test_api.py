"""What the addresses do: a picture comes back larger, the same bytes as from the command line, alone or as a job."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from starlette.responses import FileResponse

from nlsr_cli import Upscaler
from nlsr_cli.serving.reception import _told
from tests.serving.serving import FAST, Running, form, picture
from tests.test_cli import run


def test_command_line_python_and_server_give_the_same_bytes(server: Running, tmp_path: Path) -> None:
    """In the format of the source, with a network, and in another one, without; as they are, and through a form."""
    (tmp_path / "photo.jpg").write_bytes(picture(form="JPEG"))
    for options, words in (
        ({"scale": "2"}, ("--scale", 2)),
        ({**FAST, "format": "png", "strip": "true"}, ("--scale", 2, "--strength", 0, "--format", "png", "--strip")),
    ):
        out = tmp_path / f"out{len(options)}"
        assert run("upscale", tmp_path / "photo.jpg", "-o", f"{out}/", "--device", "cpu", *words).exit_code == 0
        (expected,) = [each.read_bytes() for each in out.iterdir() if not each.name.startswith(".")]
        answer = server.post("/v1/upscale", (tmp_path / "photo.jpg").read_bytes(), **options)
        assert answer.status == 200, answer.body
        assert answer.body == expected
        fields = [(name, None, value.encode()) for name, value in options.items()]
        body = form("x", *fields, ("picture", "photo.jpg", (tmp_path / "photo.jpg").read_bytes()))
        answer = server.ask("POST", "/v1/upscale", body, {"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.body == expected
        assert answer.headers["content-disposition"].endswith(f'"photo_x2.{options.get("format", "jpg")}"')
    with Upscaler(device="cpu") as upscaler:
        upscaler.upscale(tmp_path / "photo.jpg", tmp_path / "python.png", scale=2, strength=0.0, strip=True)
    assert (tmp_path / "python.png").read_bytes() == expected


def test_a_direct_picture_leaves_nothing_and_is_nobodys_job(server: Running) -> None:
    before = server.ask("GET", "/v1/jobs").json["jobs"]
    answer = server.post("/v1/upscale", picture(), **FAST)
    assert answer.headers["content-type"] == "image/png"
    assert json.loads(answer.headers["x-nlsr-notes"]) == []
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.size == (48, 40)
    assert server.ask("GET", "/v1/jobs").json["jobs"] == before


def test_what_is_left_out_of_a_result_is_told(server: Running) -> None:
    """Nothing is lost in silence: over HTTP a note is a header."""
    with Image.open(io.BytesIO(picture())) as image:
        image.putalpha(128)
        stream = io.BytesIO()
        image.save(stream, "PNG")
    answer = server.post("/v1/upscale", stream.getvalue(), format="jpeg", **FAST)
    assert any("white" in note for note in json.loads(answer.headers["x-nlsr-notes"]))


def test_a_job_from_upload_to_download(server: Running) -> None:
    data = picture()
    accepted = server.post("/v1/jobs", data, name="../../etc/holiday.png", **FAST)
    assert accepted.status == 202
    place = accepted.headers["location"]
    job = server.wait_for(accepted.json["id"])
    assert (job["name"], job["state"], job["ahead"]) == ("holiday.png", "done", None)
    assert job["source"]["size"] == {"height": 20, "width": 24}
    assert job["result"]["size"] == {"height": 40, "width": 48}
    assert job["tiles"]["done"] == job["tiles"]["total"] > 0
    assert server.ask("GET", f"{place}/source").body == data
    result = server.ask("GET", job["result"]["url"])
    assert len(result.body) == job["result"]["bytes"]
    assert result.headers["content-disposition"] == 'attachment; filename="holiday_x2.png"'
    assert result.headers["content-type"] == "image/png"
    assert job in server.ask("GET", "/v1/jobs").json["jobs"]
    assert server.ask("DELETE", place).status == 204
    assert server.ask("GET", place).code == "NotFound"


def test_a_failed_job_says_why_and_names_no_place_of_the_server(server: Running) -> None:
    broken = picture(width=200, height=100, form="JPEG")[:-2000]
    name = server.post("/v1/jobs", broken, name="torn.jpg", **FAST).json["id"]
    job = server.wait_for(name)
    assert job["state"] == "failed"
    assert job["error"]["code"] == "ImageReadError"
    assert job["error"]["message"].startswith("torn.jpg: ")
    assert "/" not in job["error"]["message"]
    answer = server.ask("GET", f"/v1/jobs/{name}/result")
    assert (answer.status, answer.code) == (409, "NotReady")
    direct = server.post("/v1/upscale", broken, name="torn.jpg", **FAST)
    assert (direct.status, direct.json["error"]) == (422, job["error"])


def test_events_tell_of_a_job_until_it_is_over(server: Running, gate) -> None:
    name = server.post("/v1/jobs", picture(), **FAST).json["id"]
    connection = server.connect()
    connection.request("GET", f"/v1/jobs/{name}/events")
    stream = connection.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.readline() == b"event: job\n"
    gate.set()
    told = [json.loads(line[6:]) for line in stream.read().splitlines() if line.startswith(b"data: ")]
    connection.close()
    assert told[-1]["state"] == "done"
    assert told[-1]["result"]["url"] == f"/v1/jobs/{name}/result"


def test_a_job_that_runs_can_be_cancelled(server: Running, gate) -> None:
    first, second = (server.post("/v1/jobs", picture(), **FAST).json["id"] for _ in range(2))
    server.wait(lambda: server.job(first)["state"] == "running")
    assert server.job(second)["ahead"] == 1
    for name in (second, first):
        assert server.ask("DELETE", f"/v1/jobs/{name}").status == 204
    gate.set()
    assert server.post("/v1/upscale", picture(), **FAST).status == 200, "the line goes on"
    assert not server.troubles


def test_all_results_in_one_archive(server: Running) -> None:
    for job in server.ask("GET", "/v1/jobs").json["jobs"]:
        server.ask("DELETE", f"/v1/jobs/{job['id']}")
    assert server.ask("GET", "/v1/results.zip").status == 404
    names = [server.post("/v1/jobs", picture(), name=name, **FAST).json["id"] for name in ("a.png", "a.png", "b.png")]
    for name in names:
        server.wait_for(name)
    archive = zipfile.ZipFile(io.BytesIO(server.ask("GET", "/v1/results.zip").body))
    assert archive.testzip() is None
    assert archive.namelist() == ["a_x2.png", "a_x2 (2).png", "b_x2.png"]
    assert archive.read("b_x2.png") == server.ask("GET", f"/v1/jobs/{names[2]}/result").body
    one = zipfile.ZipFile(io.BytesIO(server.ask("GET", "/v1/results.zip", id=names[2]).body))
    assert one.namelist() == ["b_x2.png"]


def test_a_download_that_has_begun_is_finished(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its job is removed meanwhile; its files go then, and whoever comes later is told."""
    name = server.post("/v1/jobs", picture(), **FAST).json["id"]
    size = server.wait_for(name)["result"]["bytes"]
    send = FileResponse.__call__

    async def slow(self: FileResponse, *rest: Any) -> None:
        await asyncio.to_thread(server.line.drop, name)
        await send(self, *rest)

    path = f"/v1/jobs/{name}/result"
    with monkeypatch.context() as patch:
        patch.setattr(FileResponse, "__call__", slow)
        assert len(server.ask("GET", path).body) == size
    server.wait(lambda: name not in server.folders())
    assert server.ask("GET", path).status == 404
    other = server.post("/v1/jobs", picture(), **FAST).json["id"]
    server.wait_for(other)
    server.line._store.upload(other).unlink()
    assert server.ask("GET", f"/v1/jobs/{other}/source").code == "NotFound"
    assert not server.troubles


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("../../etc/passwd", "passwd_x2.png"),
        ("..\\..\\win.ini", "win_x2.png"),
        ("C:evil.png", "C_evil_x2.png"),
        ('a"\r\nSet-Cookie: b=c.png', "a_Set-Cookie_ b=c_x2.png"),
        ("\u202egnp.exe", "gnp_x2.png"),
        ("a<b>|c?*.png", "a_b__c___x2.png"),
        ("..", "picture_x2.png"),
        ("\U0001f600" * 90, "\U0001f600" * 45 + "_x2.png"),
    ],
    ids=["folders", "backslashes", "drive", "header", "direction", "signs", "dots", "long"],
)
def test_what_a_download_is_called_is_harmless_everywhere(server: Running, name: str, called: str) -> None:
    """Neither a header nor a ZIP that somebody unpacks on any system can be told to write elsewhere."""
    job = server.wait_for(server.post("/v1/jobs", picture(), name=name, **FAST).json["id"])
    assert job["result"]["name"] == called
    assert server.ask("GET", job["result"]["url"]).headers["content-disposition"].isprintable()
    archive = zipfile.ZipFile(io.BytesIO(server.ask("GET", "/v1/results.zip", id=job["id"]).body))
    assert archive.namelist() == [called]


def test_what_may_be_chosen(server: Running) -> None:
    offer = server.ask("GET", "/v1/options").json
    assert offer["models"] == [{"name": "lite", "scales": [2, 3, 4]}]
    assert "png" in offer["formats"]
    assert offer["limits"]["pixels"] == 1 << 26


def test_the_description_is_of_what_is_there(server: Running) -> None:
    document = server.ask("GET", "/openapi.json").json
    job = document["components"]["schemas"]["Job"]
    name = server.post("/v1/jobs", picture(), **FAST).json["id"]
    for value in (server.wait_for(name), *server.ask("GET", "/v1/jobs").json["jobs"]):
        Draft202012Validator(job).validate(value)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "post" not in methods and path != "/v1/events":
                answer = server.ask(method.upper(), path.replace("{id}", "0" * 32))
                assert str(answer.status) in operation["responses"], (path, answer.body)


def test_it_is_healthy_and_counts(server: Running) -> None:
    assert server.ask("GET", "/health").json == {"status": "ok"}
    before = server.ask("GET", "/metrics").body.decode()
    server.post("/v1/upscale", picture(), **FAST)
    server.post("/v1/upscale", b"no picture", **FAST)
    server.ask("GET", "/no/such/place")
    after = server.ask("GET", "/metrics")
    assert after.headers["content-type"].startswith("text/plain; version=0.0.4")

    def value(text: str, name: str) -> float:
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0.0)

    for name, more in (
        ('nlsr_requests_total{method="POST",route="/v1/upscale",status="200"}', 1),
        ('nlsr_requests_total{method="POST",route="/v1/upscale",status="422"}', 1),
        ('nlsr_requests_total{method="GET",route="other",status="404"}', 1),
        ('nlsr_pictures_total{outcome="done"}', 1),
        ("nlsr_result_pixels_total", 48 * 40),
        ("nlsr_picture_seconds_count", 1),
    ):
        assert value(after.body.decode(), name) == value(before, name) + more, name


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"scale": "99"}, "OptionError", "--scale must be from 1 to 16"),
        ({"scale": "2", "width": "10"}, "OptionError", "cannot be combined"),
        ({"width": "ten"}, "Unusable", "width must be a whole number, not 'ten'"),
        ({"strength": "nan"}, "Unusable", "strength must be a number"),
        ({"strip": "maybe"}, "Unusable", "strip must be true or false"),
        ({"scael": "2"}, "UnknownChoice", "unknown option 'scael'"),
        ({"model": "/etc/passwd"}, "UnknownChoice", "unknown model"),
        ({"model": "owner/repo"}, "UnknownChoice", "unknown model"),
        ({"format": "dzi"}, "UnknownChoice", "unknown format"),
        ({"background": "no colour"}, "OptionError", "is not a colour"),
        ({"device": "cuda"}, "UnknownChoice", "unknown option 'device'"),
        ({"output": "/tmp/x"}, "UnknownChoice", "unknown option 'output'"),
        ({"name": "x" * 2000}, "Unusable", "more than 1024 characters"),
    ],
)
def test_wrong_options_are_refused_before_a_picture_is_taken(
    server: Running, query: dict[str, str], code: str, message: str
) -> None:
    answer = server.post("/v1/upscale", picture(), **query)
    assert (answer.status, answer.code) == (422, code)
    assert message in answer.json["error"]["message"]
    assert answer.json["error"]["hint"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (form("x", ("scale", None, b"2")), 422),
        (form("x", ("picture", "a.png", b"")), 422),
        (form("x", ("picture", "a.png", picture()), ("picture", "b.png", picture())), 422),
        (form("x", ("picture", "a.png", picture()), *[("scale", None, b"2")] * 2), 422),
        (form("x", ("picture", "a.png", picture()), ("background", None, b"x" * 5000)), 422),
        (form("x", *[("scale", None, b"2")] * 70), 422),
        (form("x", ("picture", "a.png", picture()))[:-30], 400),
        (form("y", ("picture", "a.png", picture())), 400),
        (b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n", 400),
        (b"", 400),
    ],
    ids=["none", "empty", "two", "twice", "long", "many", "cut", "other", "headers", "nothing"],
)
def test_a_form_that_is_none_is_refused(server: Running, body: bytes, status: int) -> None:
    answer = server.ask("POST", "/v1/jobs", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == status, answer.body
    assert answer.json["error"]["hint"]


def test_more_notes_than_a_header_holds_are_counted() -> None:
    assert json.loads(_told(())) == []
    assert json.loads(_told(("a", "ä"))) == ["a", "ä"]
    text = _told(tuple("x" * 300 for _ in range(50)))
    assert len(text) <= 4000
    told = json.loads(text)
    assert told[:-1] == ["x" * 300] * (len(told) - 1)
    assert told[-1] == f"{50 - len(told) + 1} more notes: make a job to see all."


def test_a_head_ends_even_where_a_get_would_not(server: Running) -> None:
    for path in ("/v1/events", "/v1/jobs", "/"):
        answer = server.ask("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
